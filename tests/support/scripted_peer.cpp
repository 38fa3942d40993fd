#include <redoubt/tests/support/scripted_peer.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace redoubt::test {

namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string{text}
         + "\r\n";
}

std::string hello(size_t connection) {
  return "*14\r\n" + bulk("server") + bulk("redis") + bulk("version")
         + bulk("7.0.15") + bulk("proto") + ":2\r\n" + bulk("id") + ":"
         + std::to_string(connection + 1) + "\r\n" + bulk("mode")
         + bulk("standalone") + bulk("role") + bulk("master") + bulk("modules")
         + "*0\r\n";
}

std::string client_answer(const argv& command, size_t connection) {
  auto sub = command.size() > 1 ? upper(command[1]) : "";
  if (sub == "ID")
    return ":" + std::to_string(connection + 1) + "\r\n";
  if (sub == "SETNAME" || sub == "SETINFO")
    return "+OK\r\n";
  if (sub == "LIST" || sub == "GETNAME")
    return "$0\r\n\r\n";
  if (sub == "KILL")
    return ":0\r\n";
  return "-ERR unknown subcommand\r\n";
}

} // namespace

void cue::give() {
  {
    std::lock_guard guard{mutex_};
    happened_ = true;
  }
  changed_.notify_all();
}

bool cue::wait(std::chrono::milliseconds limit) const {
  std::unique_lock guard{mutex_};
  return changed_.wait_for(guard, limit, [this] { return happened_; });
}

std::string default_answer(const argv& command, size_t connection) {
  auto name = command.empty() ? std::string{} : upper(command[0]);
  if (name == "PING")
    return command.size() > 1 ? bulk(command[1]) : "+PONG\r\n";
  if (name == "AUTH" || name == "SELECT")
    return "+OK\r\n";
  if (name == "HELLO")
    return command.size() > 1 && command[1] != "2"
             ? "-NOPROTO unsupported protocol version\r\n"
             : hello(connection);
  if (name == "CLIENT")
    return client_answer(command, connection);
  return "-ERR unknown command '" + name + "'\r\n";
}

scripted_peer::scripted_peer(handler answers, peer_options options)
  : scripted_peer(std::move(answers), script{}, options) {
}

scripted_peer::scripted_peer(script steps, peer_options options)
  : scripted_peer(handler{}, std::move(steps), options) {
}

scripted_peer::scripted_peer(handler answers, script steps,
                             peer_options options)
  : answers_(std::move(answers)), steps_(std::move(steps)), options_(options) {
  if (options_.unix_socket) {
    folder_ = lab::make_private_folder();
    where_ = lab::address::unix_socket(folder_ + "/peer.sock");
  } else {
    reservation_ = lab::reserve_port(where_.port);
  }
  listener_ = lab::listen_on(where_);
  wake_ = lab::unique_fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!wake_)
    lab::throw_errno("eventfd");
  thread_ = std::thread{[this] {
    if (steps_)
      follow();
    else
      serve();
  }};
}

scripted_peer::~scripted_peer() {
  stopping_ = true;
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
  if (!folder_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
}

// -- what tests ask -----------------------------------------------------------

std::vector<argv> scripted_peer::commands() const {
  std::lock_guard guard{mutex_};
  std::vector<argv> result;
  for (auto& each : records_)
    result.push_back(each.words);
  return result;
}

std::vector<argv> scripted_peer::commands(size_t n) const {
  std::lock_guard guard{mutex_};
  std::vector<argv> result;
  for (auto& each : records_)
    if (each.connection == n)
      result.push_back(each.words);
  return result;
}

size_t scripted_peer::connections() const {
  std::lock_guard guard{mutex_};
  return connections_;
}

size_t scripted_peer::ended() const {
  std::lock_guard guard{mutex_};
  return ended_;
}

bool scripted_peer::wait_for(size_t n, std::chrono::milliseconds limit) const {
  return wait_until(limit, [&] { return records_.size() >= n; });
}

bool scripted_peer::wait_for_connections(
  size_t n, std::chrono::milliseconds limit) const {
  return wait_until(limit, [&] { return connections_ >= n; });
}

bool scripted_peer::wait_for_ended(size_t n,
                                   std::chrono::milliseconds limit) const {
  return wait_until(limit, [&] { return ended_ >= n; });
}

bool scripted_peer::wait_done(std::chrono::milliseconds limit) const {
  return wait_until(limit, [&] { return done_; }) && failures().empty();
}

std::string scripted_peer::failures() const {
  std::lock_guard guard{mutex_};
  return failures_;
}

bool scripted_peer::wait_until(std::chrono::milliseconds limit,
                               const std::function<bool()>& holds) const {
  std::unique_lock guard{mutex_};
  return changed_.wait_for(guard, limit, holds);
}

// -- a handler's work ---------------------------------------------------------

void scripted_peer::push(std::string bytes) {
  for_each_client([this, text = std::move(bytes)](peer_connection& client) {
    if (!client.write(text, options_.step_limit))
      fail("a push could not be written");
  });
}

void scripted_peer::close_all() {
  for_each_client([](peer_connection& client) { client.close(); });
}

void scripted_peer::reset_all() {
  for_each_client([](peer_connection& client) { client.reset(); });
}

void scripted_peer::for_each_client(
  std::function<void(peer_connection&)> action) {
  if (steps_) {
    fail("a scripted peer takes its actions from the script alone");
    return;
  }
  std::unique_lock guard{mutex_};
  actions_.push_back(std::move(action));
  ::eventfd_write(wake_.get(), 1);
  changed_.wait(guard, [this] { return actions_.empty(); });
}

void scripted_peer::serve() {
  while (!stopping_)
    serve_once();
}

void scripted_peer::serve_once() {
  std::vector<pollfd> items{{wake_.get(), POLLIN, 0},
                            {listener_.get(), POLLIN, 0}};
  for (auto& each : clients_)
    items.push_back({each->fd(), POLLIN, 0});
  ::poll(items.data(), items.size(), -1);
  for (size_t i = 2; i < items.size(); ++i)
    if (items[i].revents != 0)
      answer_all(*clients_[i - 2]);
  if (items[1].revents != 0)
    if (auto client = accept())
      clients_.push_back(std::move(client));
  if (items[0].revents != 0) {
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
    std::unique_lock guard{mutex_};
    auto actions = actions_;
    guard.unlock();
    for (auto& action : actions)
      for (auto& each : clients_)
        if (each->open())
          action(*each);
    guard.lock();
    actions_.erase(actions_.begin(),
                   actions_.begin() + static_cast<long>(actions.size()));
    changed_.notify_all();
  }
  std::erase_if(clients_, [](auto& each) { return !each->open(); });
}

void scripted_peer::answer_all(peer_connection& client) {
  take_in(client);
  while (auto words = next(client)) {
    if (!client.open())
      continue;
    auto what = answers_ ? answers_(*words) : std::nullopt;
    apply(client, what ? *what : default_answer(*words, client.number()));
  }
}

void scripted_peer::apply(peer_connection& client, const peer_answer& what) {
  client.write(what.bytes, options_.step_limit);
  if (what.afterwards == peer_answer::then::close)
    client.close();
  else if (what.afterwards == peer_answer::then::reset)
    client.reset();
}

std::unique_ptr<peer_connection> scripted_peer::accept() {
  auto socket = lab::accept_from(listener_);
  if (!socket)
    return nullptr;
  std::lock_guard guard{mutex_};
  auto number = connections_++;
  changed_.notify_all();
  return std::make_unique<peer_connection>(std::move(socket), number);
}

void scripted_peer::take_in(peer_connection& client) {
  if (!client.open())
    return;
  client.read();
  if (client.open())
    return;
  std::lock_guard guard{mutex_};
  ++ended_;
  changed_.notify_all();
}

std::optional<argv> scripted_peer::next(peer_connection& client) {
  std::string fault;
  auto words = client.next(fault);
  if (!fault.empty()) {
    fail(fault);
    client.close();
  }
  if (words) {
    std::lock_guard guard{mutex_};
    records_.push_back({client.number(), *words});
    changed_.notify_all();
  }
  return words;
}

void scripted_peer::fail(const std::string& what) {
  std::lock_guard guard{mutex_};
  failures_ += what + "\n";
}

} // namespace redoubt::test
