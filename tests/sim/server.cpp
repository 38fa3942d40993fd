#include <redoubt/tests/sim/server.hpp>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace redoubt::sim {

namespace {

std::string bulk(const std::string& x) {
  return "$" + std::to_string(x.size()) + "\r\n" + x + "\r\n";
}

std::string integer(int64_t x) {
  return ":" + std::to_string(x) + "\r\n";
}

/// Takes one whole command off the front of `input`.
std::optional<words> take_command(std::string& input) {
  size_t at = 0;
  auto number = [&](char type) -> std::optional<size_t> {
    auto end = input.find("\r\n", at);
    if (end == std::string::npos || input[at] != type)
      return std::nullopt;
    auto x = std::strtoull(input.c_str() + at + 1, nullptr, 10);
    at = end + 2;
    return static_cast<size_t>(x);
  };
  auto count = number('*');
  if (!count)
    return std::nullopt;
  words result;
  for (size_t i = 0; i < *count; ++i) {
    auto size = at < input.size() ? number('$') : std::nullopt;
    if (!size || input.size() < at + *size + 2)
      return std::nullopt;
    result.push_back(input.substr(at, *size));
    at += *size + 2;
  }
  input.erase(0, at);
  return result;
}

} // namespace

server::server(network& net, observer ran) : net_(net), ran_(std::move(ran)) {
}

// -- connections ------------------------------------------------------------------

void server::accepted(int link) {
  if (!alive_) {
    net_.end(link, true);
    return;
  }
  if (!greeting_.empty()) {
    ++refused_;
    net_.reply(link, "-" + greeting_ + "\r\n");
    net_.end(link, false);
    return;
  }
  auto& x = sessions_[link];
  x.link = link;
  x.id = ++last_id_;
}

void server::received(int link, std::string_view bytes) {
  auto i = sessions_.find(link);
  if (i == sessions_.end())
    return;
  i->second.input += bytes;
  process(link);
}

void server::ended(int link) {
  auto i = sessions_.find(link);
  if (i == sessions_.end())
    return;
  if (stopped_)
    i->second.gone = true;
  else
    sessions_.erase(i);
}

void server::process(int link) {
  for (;;) {
    auto i = sessions_.find(link);
    if (i == sessions_.end() || stopped_)
      return;
    auto x = take_command(i->second.input);
    if (!x)
      return;
    auto killed = false;
    auto bytes = answer(i->second, *x, killed);
    net_.reply(link, std::move(bytes));
    if (!killed)
      continue;
    net_.end(link, false);
    sessions_.erase(link);
  }
}

size_t server::ready_sessions() const {
  return static_cast<size_t>(
    std::count_if(sessions_.begin(), sessions_.end(), [](auto& each) {
      return each.second.ready && !each.second.gone;
    }));
}

// -- faults -----------------------------------------------------------------------

void server::end_all(bool reset) {
  for (auto& [link, x] : sessions_)
    net_.end(link, reset);
  sessions_.clear();
}

void server::kill() {
  end_all(true);
  alive_ = false;
  stopped_ = false;
}

void server::start() {
  alive_ = true;
  last_id_ = 0;
}

void server::go_on() {
  if (!std::exchange(stopped_, false))
    return;
  std::vector<int> all;
  for (auto& [link, x] : sessions_)
    all.push_back(link);
  for (auto link : all)
    process(link);
  std::erase_if(sessions_, [](auto& each) { return each.second.gone; });
}

// -- commands ---------------------------------------------------------------------

std::string server::answer(session& from, const words& x, bool& killed) {
  auto& name = x[0];
  if (name == "CLIENT")
    return client_command(from, x, killed);
  auto is_write = name != "GET" && name != "PING";
  auto& refusal = !refusal_.empty() ? refusal_ : write_refusal_;
  auto control = name == "MULTI" || name == "EXEC";
  if (!refusal.empty() && !control && (is_write || !refusal_.empty())) {
    ++refused_;
    from.aborted = from.in_multi;
    return "-" + refusal + "\r\n";
  }
  if (name == "PING")
    return "+PONG\r\n";
  if (name == "MULTI") {
    from.in_multi = true;
    from.aborted = false;
    from.queued.clear();
    return "+OK\r\n";
  }
  if (name == "EXEC")
    return run_transaction(from);
  if (from.in_multi) {
    from.queued.push_back(x);
    return "+QUEUED\r\n";
  }
  return run(from, x);
}

std::string server::client_command(session& from, const words& x,
                                   bool& killed) {
  if (x[1] == "SETNAME") {
    from.name = x[2];
    return "+OK\r\n";
  }
  if (x[1] == "ID") {
    from.ready = true;
    return integer(from.id);
  }
  if (denies_)
    return "-NOPERM this user has no permissions to run the 'client' "
           "command\r\n";
  // LIST ID n, KILL ID n
  auto id = std::atoll(x[3].c_str());
  auto i = std::find_if(sessions_.begin(), sessions_.end(),
                        [&](auto& each) { return each.second.id == id; });
  if (x[1] == "LIST")
    return i == sessions_.end() ? bulk("")
                                : bulk("id=" + x[3] + " addr=127.0.0.1:1 name="
                                       + i->second.name + " db=0\n");
  if (i == sessions_.end())
    return integer(0);
  if (&i->second == &from) {
    killed = true;
  } else {
    net_.end(i->first, false);
    sessions_.erase(i);
  }
  return integer(1);
}

std::string server::run_transaction(session& from) {
  from.in_multi = false;
  if (std::exchange(from.aborted, false))
    return "-EXECABORT Transaction discarded because of previous errors.\r\n";
  std::string result = "*" + std::to_string(from.queued.size()) + "\r\n";
  for (auto& each : std::exchange(from.queued, {}))
    result += run(from, each);
  return result;
}

std::string server::run(const session& from, const words& x) {
  ran_(x, from.link);
  auto& name = x[0];
  if (name == "GET") {
    auto i = strings_.find(x[1]);
    return i == strings_.end() ? "$-1\r\n" : bulk(i->second);
  }
  if (name == "SET") {
    strings_[x[1]] = x[2];
    return "+OK\r\n";
  }
  if (name == "INCR") {
    auto& value = strings_[x[1]];
    auto number = std::atoll(value.c_str()) + 1;
    value = std::to_string(number);
    return integer(number);
  }
  if (name == "RPUSH") {
    auto& list = lists_[x[1]];
    list.push_back(x[2]);
    return integer(static_cast<int64_t>(list.size()));
  }
  return "-ERR unknown command '" + name + "'\r\n";
}

} // namespace redoubt::sim
