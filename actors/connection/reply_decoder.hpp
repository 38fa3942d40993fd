#pragma once

#include <redoubt/messages/options.hpp>
#include <redoubt/messages/reply.hpp>

#include <cstddef>
#include <memory>
#include <string>

struct redisReader;
struct redisReadTask;
struct redisReplyObjectFunctions;

namespace redoubt {

/// Turns bytes into replies: hiredis' reader with object functions of our own
/// that build `reply` values in place and keep the limits, before anything is
/// allocated for what exceeds them.
class reply_decoder {
public:
  explicit reply_decoder(const limit_options& limits);

  /// Takes bytes from the socket.
  void feed(const char* data, size_t size);

  enum class result : uint8_t {
    /// `out` holds the next reply.
    got,
    /// The next reply is not complete.
    need_more,
    /// The bytes are no RESP; nothing can be read any more.
    broken,
    /// The next reply exceeds a limit; nothing can be read any more.
    too_deep,
  };

  result next(reply& out);

  /// What is wrong, after `broken` or `too_deep`.
  const std::string& error() const noexcept { return error_; }

private:
  struct deleter {
    void operator()(redisReader* reader) const noexcept;
  };

  static reply_decoder& self(const redisReadTask* task) noexcept;
  static reply* place(const redisReadTask* task) noexcept;
  static void* on_string(const redisReadTask* task, char* data, size_t size);
  static void* on_array(const redisReadTask* task, int size);
  static void* on_integer(const redisReadTask* task, long long value);
  static void* on_nil(const redisReadTask* task);
  static void on_free(void* object);
  static redisReplyObjectFunctions object_functions;

  void exceed(std::string what);
  bool pending_is_too_large();

  uint64_t bulk_limit_;
  uint32_t element_limit_;
  uint32_t depth_limit_;
  reply root_;
  /// Elements of arrays in the reply that is being read.
  uint32_t elements_ = 0;
  bool exceeded_ = false;
  std::string error_;
  std::unique_ptr<redisReader, deleter> reader_;
};

} // namespace redoubt
