#pragma once

#include <redoubt/actors/connection/reply_skipper.hpp>
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
/// allocated for what exceeds them. A reply that is nested too deep is skipped and
/// costs nothing else; one that is too large ends the decoder.
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
    /// The bytes are no RESP, or there is no memory for them; nothing can be read
    /// any more.
    broken,
    /// The next reply was nested too deep and has been skipped; `out` holds an
    /// error that says so. What follows is read as ever.
    too_deep,
    /// The next reply is larger than a limit; nothing can be read any more.
    too_large,
  };

  result next(reply& out);

  /// What is wrong, after `broken` or `too_large`.
  const std::string& error() const noexcept { return error_; }

  /// True after `broken` if it is for want of memory.
  bool out_of_memory() const noexcept { return out_of_memory_; }

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

  result read(reply& out);
  result failed() const noexcept;
  void run_out_of_memory() noexcept;
  void exceed(std::string what);
  bool pending_is_too_large();
  void leave_reply(const redisReadTask* task, uint32_t size) noexcept;
  void reset_reader() noexcept;
  result skip(reply& out);

  uint64_t bulk_limit_;
  uint32_t element_limit_;
  uint32_t depth_limit_;
  reply root_;
  /// Elements of arrays in the reply that is being read.
  uint32_t elements_ = 0;
  bool exceeded_ = false;
  bool out_of_memory_ = false;
  std::string error_;
  reply_skipper skipper_;
  bool skipping_ = false;
  /// Bytes that the reader is not to see, as the skipper comes first.
  size_t hidden_ = 0;
  std::unique_ptr<redisReader, deleter> reader_;
};

} // namespace redoubt
