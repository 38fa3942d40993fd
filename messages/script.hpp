#pragma once

#include <redoubt/messages/command.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace redoubt {

/// A Lua script that the server runs. The first call over a connection brings its
/// text along (EVAL), later ones name its hash (EVALSHA); a server that has
/// forgotten it (NOSCRIPT) is sent the text again, once.
///
///     static const script take{"return redis.call('GETDEL', KEYS[1])"};
///     self->request(client, caf::infinite, take.call({key}, {}))
///
/// Made once, called from any thread.
class script {
public:
  /// `cls` is what running it twice would do; nobody but its author knows. A
  /// `read_only` script is sent as EVALSHA_RO (redis 7), so that the server holds
  /// it to that.
  explicit script(std::string_view text,
                  command_class cls = command_class::accumulating);

  /// The script's SHA-1 as 40 hexadecimal digits.
  const std::string& hash() const noexcept { return hash_; }

  /// The command that runs it with these keys and arguments.
  command call(std::initializer_list<detail::argument> keys,
               std::initializer_list<detail::argument> arguments) const;

private:
  std::shared_ptr<const std::string> text_;
  std::string hash_;
  command_class cls_;
};

} // namespace redoubt
