#include <redoubt/tests/support/peer_connection.hpp>

#include <hiredis/hiredis.h>

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace redoubt::test {

namespace {

using clock = std::chrono::steady_clock;

struct reply_deleter {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};

bool would_block() noexcept {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

} // namespace

void peer_connection::reader_deleter::operator()(
  redisReader* reader) const noexcept {
  redisReaderFree(reader);
}

peer_connection::peer_connection(lab::unique_fd socket, size_t number)
  : socket_(std::move(socket)), number_(number), reader_(redisReaderCreate()) {
}

void peer_connection::read() {
  std::array<char, 64 << 10> buffer;
  while (open()) {
    auto got = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (got > 0)
      redisReaderFeed(reader_.get(), buffer.data(), static_cast<size_t>(got));
    else if (got < 0 && would_block())
      return;
    else
      socket_.close();
  }
}

std::optional<argv> peer_connection::next(std::string& fault) {
  void* raw = nullptr;
  if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) {
    fault = std::string{"no RESP: "} + reader_->errstr;
    return {};
  }
  std::unique_ptr<redisReply, reply_deleter> reply{
    static_cast<redisReply*>(raw)};
  if (!reply)
    return {};
  if (reply->type != REDIS_REPLY_ARRAY) {
    fault = "a command must be an array";
    return {};
  }
  argv result;
  for (size_t i = 0; i < reply->elements; ++i) {
    auto& each = *reply->element[i];
    if (each.type != REDIS_REPLY_STRING) {
      fault = "a command must be an array of bulk strings";
      return {};
    }
    result.emplace_back(each.str, each.len);
  }
  return result;
}

bool peer_connection::write(std::string_view bytes,
                            std::chrono::milliseconds limit) {
  auto until = clock::now() + limit;
  while (!bytes.empty() && open()) {
    auto put = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
      continue;
    }
    if (!would_block() || clock::now() >= until)
      return false;
    pollfd item{fd(), POLLOUT, 0};
    ::poll(&item, 1, 10);
  }
  return bytes.empty();
}

void peer_connection::close() {
  read();
  socket_.close();
}

} // namespace redoubt::test
