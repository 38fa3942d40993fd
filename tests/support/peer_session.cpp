#include <redoubt/tests/support/scripted_peer.hpp>

#include <poll.h>

#include <exception>

namespace redoubt::test {

namespace {

using clock = std::chrono::steady_clock;

/// Ends a script early; caught by the peer.
struct script_over {};

std::string to_text(const argv& words) {
  std::string result;
  for (auto& each : words)
    result += (result.empty() ? "" : " ") + each;
  return result;
}

bool matches(const argv& expected, const argv& words) {
  if (expected.size() != words.size())
    return false;
  for (size_t i = 0; i < words.size(); ++i)
    if (expected[i] != "*" && expected[i] != words[i])
      return false;
  return true;
}

} // namespace

void scripted_peer::follow() {
  try {
    peer_session session{*this};
    steps_(session);
  } catch (const script_over&) {
    // What was wrong is noted already.
  } catch (const std::exception& error) {
    fail(std::string{"the script threw: "} + error.what());
  }
  std::lock_guard guard{mutex_};
  done_ = true;
  changed_.notify_all();
}

peer_session::peer_session(scripted_peer& peer) : peer_(peer) {
  accept_next();
}

argv peer_session::next_command() {
  std::optional<argv> words;
  wait_for(
    [&] {
      words = peer_.next(*client_);
      if (words)
        return true;
      if (!client_->open())
        throw std::runtime_error{"the client ended the connection"};
      peer_.take_in(*client_);
      words = peer_.next(*client_);
      return words.has_value();
    },
    client_->fd(), "a command");
  return *words;
}

void peer_session::expect_command(const argv& expected) {
  auto words = next_command();
  if (matches(expected, words))
    return;
  peer_.fail("expected <" + to_text(expected) + ">, got <" + to_text(words)
             + ">");
  throw script_over{};
}

void peer_session::expect_end() {
  wait_for(
    [&] {
      peer_.take_in(*client_);
      return !client_->open();
    },
    client_->fd(), "the end of the connection");
}

void peer_session::reply(std::string_view bytes) {
  if (!client_->write(bytes, peer_.options_.step_limit))
    throw std::runtime_error{"a reply could not be written"};
}

void peer_session::reply_in_pieces(std::string_view bytes, size_t piece_size,
                                   std::chrono::milliseconds pause) {
  while (!bytes.empty()) {
    auto piece = bytes.substr(0, piece_size);
    reply(piece);
    bytes.remove_prefix(piece.size());
    if (pause.count() > 0)
      ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
}

void peer_session::stall_until(const cue& what) {
  wait_for([&] { return what.wait(std::chrono::milliseconds{0}); }, -1,
           "the cue that ends a stall");
}

void peer_session::close() {
  client_->close();
}

void peer_session::reset() {
  client_->reset();
}

void peer_session::accept_next() {
  client_.reset();
  wait_for([&] { return (client_ = peer_.accept()) != nullptr; },
           peer_.listener_.get(), "a connection");
}

template <class Predicate>
void peer_session::wait_for(Predicate holds, int fd, const std::string& what) {
  auto until = clock::now() + peer_.options_.step_limit;
  while (!holds()) {
    if (peer_.stopping_)
      throw script_over{};
    if (clock::now() >= until) {
      peer_.fail("waited in vain for " + what);
      throw script_over{};
    }
    pollfd items[] = {{peer_.wake_.get(), POLLIN, 0}, {fd, POLLIN, 0}};
    // Without a socket there is only the clock to go by.
    ::poll(items, 2, fd < 0 ? 1 : 50);
  }
}

} // namespace redoubt::test
