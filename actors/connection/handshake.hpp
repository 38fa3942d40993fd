#pragma once

#include <redoubt/messages/endpoint.hpp>
#include <redoubt/messages/error.hpp>
#include <redoubt/messages/reply.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt {

/// What a new connection says first, and what the answers mean: AUTH (if there
/// are credentials), SELECT (if the database is not 0), CLIENT SETNAME, CLIENT
/// ID. All of it is sent at once; the answers come in order.
class handshake {
public:
  handshake(const endpoint& server, std::string_view client_name);

  /// The commands as they go over the wire. Holds credentials.
  const std::string& wire() const noexcept { return wire_; }

  enum class verdict : uint8_t { more, done, failed };

  /// Takes the next answer.
  verdict on_reply(const reply& answer);

  /// After `failed`: what happened, in the server's words, and whether the
  /// server turned us away (so that dialling again soon is of no use).
  errc error() const noexcept { return error_; }
  const std::string& error_text() const noexcept { return error_text_; }

  /// After `done`: the server's id for this connection, 0 if it did not tell.
  int64_t client_id() const noexcept { return client_id_; }

  /// After `done`: the name that the server knows this connection by, empty if
  /// it took none.
  const std::string& client_name() const noexcept { return client_name_; }

private:
  enum class step : uint8_t { auth, select, set_name, client_id };

  void add(step what, std::string_view command_wire);
  verdict fail(errc code, const reply& answer);
  verdict fail_as_no_server();

  std::string wire_;
  std::vector<step> steps_;
  size_t next_ = 0;
  errc error_ = errc::none;
  std::string error_text_;
  int64_t client_id_ = 0;
  std::string wanted_name_;
  std::string client_name_;
};

} // namespace redoubt
