#include <redoubt/app/lab/corruption.hpp>

#include <algorithm>

namespace redoubt::lab {

bool corruption::apply(std::string& bytes) {
  if (!what_)
    return false;
  auto came = bytes.size();
  auto done = false;
  switch (what_->where) {
    case damage::place::at: done = replace_at(bytes); break;
    case damage::place::every: done = replace_every(bytes); break;
    case damage::place::first: done = replace_first(bytes); break;
  }
  passed_ += came;
  return done;
}

bool corruption::replace_at(std::string& bytes) const {
  auto begin = std::max(what_->number, passed_);
  auto end = std::min(what_->number + what_->instead.size(),
                      passed_ + bytes.size());
  for (auto i = begin; i < end; ++i)
    bytes[i - passed_] = what_->instead[i - what_->number];
  return begin < end;
}

bool corruption::replace_every(std::string& bytes) const {
  auto n = what_->number;
  auto done = false;
  for (auto i = n - 1 - passed_ % n; i < bytes.size(); i += n) {
    bytes[i] = what_->instead.front();
    done = true;
  }
  return done;
}

bool corruption::replace_first(std::string& bytes) {
  auto at = bytes.find(what_->pattern);
  if (at == std::string::npos)
    return false;
  bytes.replace(at, what_->pattern.size(), what_->instead);
  what_.reset();
  return true;
}

} // namespace redoubt::lab
