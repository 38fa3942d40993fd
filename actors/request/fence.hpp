#pragma once

#include <redoubt/messages/command.hpp>
#include <redoubt/messages/reply.hpp>

#include <cstdint>
#include <string>

namespace redoubt {

/// Makes sure that nothing more arrives from a connection that was lost, before
/// its writes are sent again over another one: a copy that is still on its way
/// would undo what came after it. The connection is looked up at the server by
/// its id (CLIENT LIST ID), known by its name, and killed (CLIENT KILL ID).
///
/// Ids start again when a server is restarted; the name, which no two
/// connections share, tells that the id belongs to somebody else. Then the old
/// connection cannot live on.
class fence {
public:
  /// Id and name that the server knows the lost connection by.
  fence(int64_t client_id, std::string client_name)
    : client_id_(client_id), client_name_(std::move(client_name)) {}

  /// What to ask the server next.
  command next() const;

  enum class verdict : uint8_t {
    /// Ask what `next` says.
    more,
    /// The server cannot answer now; ask again later.
    again,
    /// Nothing more arrives from the lost connection.
    done,
    /// We may not ask, or the server does not know how to answer.
    denied,
  };

  /// Takes the answer to `next`.
  verdict on_reply(const reply& answer);

  /// Begins anew: the connection that was asked is lost as well.
  void restart() noexcept { kills_ = false; }

private:
  int64_t client_id_;
  std::string client_name_;
  bool kills_ = false;
};

} // namespace redoubt
