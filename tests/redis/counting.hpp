#pragma once

#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace redoubt::test {

/// INCRs of one caller, one after the other.
struct tally {
  int64_t acknowledged = 0;
  int64_t unknown = 0;
  int64_t not_sent = 0;
  /// What the acknowledged ones returned.
  std::vector<int64_t> values;
  std::chrono::steady_clock::duration longest{};
};

/// Callers that count up while a test makes trouble; what they say of their INCRs
/// must fit what the server has.
class counting {
public:
  counting(runtime& rt, request_actor client, lab::private_redis& server)
    : rt_(rt), client_(std::move(client)), server_(server) {}

  /// Four callers count while `disturb` is at work.
  tally during(const std::function<void()>& disturb) {
    std::atomic<bool> enough = false;
    std::vector<tally> all(4);
    std::vector<std::thread> threads;
    for (auto& each : all)
      threads.emplace_back(
        [&] { guarded("a caller", [&] { each = count(enough); }); });
    guarded("what disturbs the callers", disturb);
    enough = true;
    for (auto& each : threads)
      each.join();
    for (auto& each : faults_)
      CAF_ERROR(each);
    faults_.clear();
    auto sum = sum_of(all);
    CAF_CHECK(sum.acknowledged > 0);
    if (auto final_value = value_of("n")) {
      CAF_CHECK(*final_value >= sum.acknowledged);
      CAF_CHECK(*final_value <= sum.acknowledged + sum.unknown);
    }
    std::sort(sum.values.begin(), sum.values.end());
    auto twice = std::adjacent_find(sum.values.begin(), sum.values.end());
    CAF_CHECK(twice == sum.values.end());
    return sum;
  }

  /// INCRs that were acknowledged so far. Any thread.
  int64_t acknowledged() const { return acknowledged_; }

  /// Waits until some more requests went well.
  bool goes_on() {
    caller me{rt_};
    return eventually(
      [&] { return me.ask(rt_.current(client_), command{"PING"}).ok(); });
  }

private:
  /// Runs `action`; an exception of it fails the test in words, once the threads
  /// are joined.
  void guarded(const std::string& who, const std::function<void()>& action) {
    try {
      action();
    } catch (const std::exception& e) {
      std::lock_guard guard{mutex_};
      faults_.push_back(who + " ended by an exception: " + e.what());
    }
  }

  /// The number that the server has under a key. If there is none, the test fails
  /// and says what there was.
  std::optional<int64_t> value_of(const std::string& key) {
    std::string text;
    try {
      text = server_.command({"GET", key});
      size_t end = 0;
      auto value = std::stoll(text, &end);
      if (end == text.size())
        return value;
    } catch (const std::exception& e) {
      text += std::string{" ("} + e.what() + ")";
    }
    CAF_ERROR("no number under " << key << ": " << text);
    return std::nullopt;
  }

  /// Counts up until told to stop, always over the living request actor.
  tally count(std::atomic<bool>& enough) {
    tally result;
    caller me{rt_};
    while (!enough) {
      auto since = std::chrono::steady_clock::now();
      auto x = me.ask(rt_.current(client_), command{"INCR", "n"});
      result.longest = std::max(result.longest,
                                std::chrono::steady_clock::now() - since);
      if (x.ok()) {
        ++result.acknowledged;
        ++acknowledged_;
        result.values.push_back(x.value.number());
      } else if (x.why->outcome == fate::unknown) {
        ++result.unknown;
      } else {
        ++result.not_sent;
      }
    }
    return result;
  }

  static tally sum_of(const std::vector<tally>& all) {
    tally sum;
    for (auto& each : all) {
      sum.acknowledged += each.acknowledged;
      sum.unknown += each.unknown;
      sum.not_sent += each.not_sent;
      sum.values.insert(sum.values.end(), each.values.begin(),
                        each.values.end());
      sum.longest = std::max(sum.longest, each.longest);
    }
    return sum;
  }

  runtime& rt_;
  request_actor client_;
  lab::private_redis& server_;
  std::atomic<int64_t> acknowledged_ = 0;
  std::mutex mutex_;
  std::vector<std::string> faults_;
};

} // namespace redoubt::test
