#pragma once

#include <redoubt/app/lab/socket.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace redoubt::test {

/// A command as it came over the wire, its name first.
using argv = std::vector<std::string>;

/// The server's side of one connection: reads commands with hiredis' reader,
/// writes bytes. Belongs to its peer's thread.
class peer_connection {
public:
  peer_connection(lab::unique_fd socket, size_t number);

  size_t number() const noexcept { return number_; }

  int fd() const noexcept { return socket_.get(); }

  /// True until the client or we ended it.
  bool open() const noexcept { return static_cast<bool>(socket_); }

  /// Takes in what there is without waiting. At the client's FIN or RST the
  /// connection is closed.
  void read();

  /// The next command that is complete. Sets `fault` if the bytes are none.
  std::optional<argv> next(std::string& fault);

  /// Writes all, waiting for room until `limit`; false if that fails.
  bool write(std::string_view bytes, std::chrono::milliseconds limit);

  /// Ends it by FIN; what the client sent until now is thrown away, since
  /// unread bytes would make an RST of it.
  void close();

  /// Ends it by RST.
  void reset() noexcept { socket_.close_with_reset(); }

private:
  struct reader_deleter {
    void operator()(redisReader* reader) const noexcept;
  };

  lab::unique_fd socket_;
  size_t number_;
  std::unique_ptr<redisReader, reader_deleter> reader_;
};

} // namespace redoubt::test
