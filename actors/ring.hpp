#pragma once

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

namespace redoubt {

/// A queue in one block of memory that grows by doubling: push at the back, pop
/// at the front, index from the front.
template <class T>
class ring {
public:
  bool empty() const noexcept { return size_ == 0; }
  size_t size() const noexcept { return size_; }

  T& operator[](size_t i) noexcept {
    assert(i < size_);
    return slots_[(head_ + i) & (slots_.size() - 1)];
  }

  const T& operator[](size_t i) const noexcept {
    assert(i < size_);
    return slots_[(head_ + i) & (slots_.size() - 1)];
  }

  T& front() noexcept { return (*this)[0]; }
  T& back() noexcept { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == slots_.size())
      grow();
    ++size_;
    back() = std::move(value);
  }

  void push_front(T value) {
    if (size_ == slots_.size())
      grow();
    head_ = (head_ + slots_.size() - 1) & (slots_.size() - 1);
    ++size_;
    front() = std::move(value);
  }

  void pop_front() {
    assert(size_ > 0);
    front() = T{};
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
  }

  void clear() {
    while (!empty())
      pop_front();
  }

private:
  void grow() {
    std::vector<T> bigger(slots_.empty() ? 16 : slots_.size() * 2);
    for (size_t i = 0; i < size_; ++i)
      bigger[i] = std::move((*this)[i]);
    slots_ = std::move(bigger);
    head_ = 0;
  }

  std::vector<T> slots_;
  size_t head_ = 0;
  size_t size_ = 0;
};

} // namespace redoubt
