#include <redoubt/actors/connection/reply_decoder.hpp>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <new>
#include <string_view>
#include <utility>

namespace redoubt {

namespace {

/// Bytes within which a number, such as the length of a string, has to end.
constexpr size_t longest_number = 32;

/// The deepest limit at which the reader shows us the array that exceeds it; it
/// fails at the one after.
constexpr uint32_t deepest_reply = 7;

} // namespace

redisReplyObjectFunctions reply_decoder::object_functions{
  on_string, on_array, on_integer, on_nil, on_free};

void reply_decoder::deleter::operator()(redisReader* reader) const noexcept {
  redisReaderFree(reader);
}

reply_decoder::reply_decoder(const limit_options& limits)
  : bulk_limit_(limits.reply_bytes),
    element_limit_(limits.reply_elements),
    depth_limit_(std::min(limits.reply_depth, deepest_reply)),
    skipper_(limits),
    reader_(redisReaderCreateWithFunctions(&object_functions)) {
  if (!reader_)
    throw std::bad_alloc{};
  reader_->privdata = this;
}

void reply_decoder::feed(const char* data, size_t size) {
  // A failure shows in the next call of redisReaderGetReply.
  redisReaderFeed(reader_.get(), data, size);
}

reply_decoder::result reply_decoder::next(reply& out) {
  try {
    return read(out);
  } catch (const std::bad_alloc&) {
    run_out_of_memory();
    return failed();
  }
}

reply_decoder::result reply_decoder::read(reply& out) {
  if (!error_.empty())
    return failed();
  if (skipping_)
    return skip(out);
  void* object = nullptr;
  if (redisReaderGetReply(reader_.get(), &object) != REDIS_OK) {
    if (error_.empty() && reader_->err == REDIS_ERR_OOM)
      run_out_of_memory();
    else if (error_.empty())
      error_ = reader_->errstr;
    return failed();
  }
  if (skipping_) {
    reset_reader();
    return skip(out);
  }
  if (object == nullptr) {
    if (!pending_is_too_large())
      return result::need_more;
    return failed();
  }
  out = std::move(root_);
  root_ = reply{};
  elements_ = 0;
  return result::got;
}

reply_decoder::result reply_decoder::failed() const noexcept {
  return exceeded_ ? result::too_large : result::broken;
}

void reply_decoder::run_out_of_memory() noexcept {
  exceeded_ = false;
  out_of_memory_ = true;
  // Short enough to need none.
  error_ = "out of memory";
}

void reply_decoder::exceed(std::string what) {
  exceeded_ = true;
  error_ = std::move(what);
}

bool reply_decoder::pending_is_too_large() {
  // hiredis waits for all bytes of a bulk string before it creates an object;
  // its announced length is judged before those bytes pile up.
  auto& r = *reader_;
  if (r.pos >= r.len || r.ridx < 0)
    return false;
  // The reader has taken the type, its position is behind it.
  auto type = r.rstack[r.ridx].type;
  std::string_view rest{r.buf + r.pos, r.len - r.pos};
  if (type == REDIS_REPLY_STATUS || type == REDIS_REPLY_ERROR) {
    // A line that has no end yet.
    // Its carriage return may be here already.
    if (rest.size() <= bulk_limit_ + 1)
      return false;
    exceed(fmt::format("a line exceeds the limit of {} bytes", bulk_limit_));
    return true;
  }
  auto end = rest.substr(0, longest_number).find("\r\n");
  if (end == std::string_view::npos) {
    if (rest.size() < longest_number)
      return false;
    error_ = "a number that does not end";
    return true;
  }
  // The reader has judged the header of a string and waits for the rest.
  uint64_t size = 0;
  std::from_chars(rest.data(), rest.data() + end, size);
  if (size <= bulk_limit_)
    return false;
  exceed(fmt::format("a string of {} bytes exceeds the limit of {}", size,
                     bulk_limit_));
  return true;
}

// -- skipping -------------------------------------------------------------------

void reply_decoder::leave_reply(const redisReadTask* task,
                                uint32_t size) noexcept {
  // What the reader knows of the reply is where the skipper starts: nothing is
  // read twice, and nothing has to be kept for it.
  auto to_come = size;
  for (auto x = task; x->parent != nullptr; x = x->parent)
    to_come += static_cast<uint32_t>(x->parent->elements - 1 - x->idx);
  skipper_.start(to_come, elements_ + size);
  skipping_ = true;
  // A reader that fails throws its buffer away. One that has nothing to read
  // returns and keeps it.
  hidden_ = reader_->len - reader_->pos;
  reader_->len = reader_->pos;
}

void reply_decoder::reset_reader() noexcept {
  auto& r = *reader_;
  r.len = r.pos + std::exchange(hidden_, 0);
  r.ridx = -1;
  r.reply = nullptr;
  root_ = reply{};
  elements_ = 0;
}

reply_decoder::result reply_decoder::skip(reply& out) {
  auto& r = *reader_;
  std::string_view bytes{r.buf + r.pos, r.len - r.pos};
  auto state = skipper_.skip(bytes);
  r.pos = r.len - bytes.size();
  if (state == reply_skipper::result::done) {
    skipping_ = false;
    out = reply::error(fmt::format(
      "arrays are nested deeper than the limit of {}", depth_limit_));
    return result::too_deep;
  }
  if (state == reply_skipper::result::need_more) {
    // The reader finds nothing to read, but lets go of what was skipped.
    void* none = nullptr;
    if (redisReaderGetReply(&r, &none) == REDIS_OK)
      return result::need_more;
    error_ = r.errstr;
    return failed();
  }
  exceeded_ = state == reply_skipper::result::too_large;
  error_ = skipper_.error();
  return failed();
}

// -- object functions -----------------------------------------------------------

reply_decoder& reply_decoder::self(const redisReadTask* task) noexcept {
  return *static_cast<reply_decoder*>(task->privdata);
}

reply* reply_decoder::place(const redisReadTask* task) noexcept {
  if (task->parent == nullptr)
    return &self(task).root_;
  auto& parent = *static_cast<reply*>(task->parent->obj);
  return &parent.elements_[static_cast<size_t>(task->idx)];
}

void* reply_decoder::on_string(const redisReadTask* task, char* data,
                               size_t size) {
  auto& decoder = self(task);
  try {
    if (size > decoder.bulk_limit_) {
      decoder.exceed(fmt::format("a string of {} bytes exceeds the limit of {}",
                                 size, decoder.bulk_limit_));
      return nullptr;
    }
    if (task->type == REDIS_REPLY_STRING) {
      // The reader takes the two bytes behind a bulk string unseen.
      if (data[size] != '\r' || data[size + 1] != '\n') {
        decoder.error_ = "a string does not end where its length says";
        return nullptr;
      }
    }
    if (task->type == REDIS_REPLY_ERROR && size == 0) {
      decoder.error_ = "an error without a text";
      return nullptr;
    }
    auto x = place(task);
    x->kind_ = task->type == REDIS_REPLY_STRING   ? reply_kind::string
               : task->type == REDIS_REPLY_STATUS ? reply_kind::status
                                                  : reply_kind::error;
    x->text_.assign(data, size);
    return x;
  } catch (const std::bad_alloc&) {
    decoder.run_out_of_memory();
    return nullptr;
  }
}

void* reply_decoder::on_array(const redisReadTask* task, int size) {
  auto& decoder = self(task);
  uint32_t depth = 1;
  for (auto x = task->parent; x != nullptr; x = x->parent)
    ++depth;
  try {
    // Counted over the whole reply: small arrays inside large ones are many too.
    if (size < 0
        || static_cast<uint32_t>(size)
             > decoder.element_limit_ - decoder.elements_) {
      decoder.exceed(fmt::format("a reply of more than {} elements exceeds the "
                                 "limit",
                                 decoder.element_limit_));
      return nullptr;
    }
    if (depth > decoder.depth_limit_) {
      decoder.leave_reply(task, static_cast<uint32_t>(size));
      return &decoder.root_;
    }
    auto x = place(task);
    x->kind_ = reply_kind::array;
    x->elements_.resize(static_cast<size_t>(size));
    decoder.elements_ += static_cast<uint32_t>(size);
    return x;
  } catch (const std::bad_alloc&) {
    decoder.run_out_of_memory();
    return nullptr;
  }
}

void* reply_decoder::on_integer(const redisReadTask* task, long long value) {
  auto x = place(task);
  x->kind_ = reply_kind::integer;
  x->number_ = value;
  return x;
}

void* reply_decoder::on_nil(const redisReadTask* task) {
  auto x = place(task);
  x->kind_ = reply_kind::nil;
  return x;
}

void reply_decoder::on_free(void*) {
  // Objects live inside the decoder.
}

} // namespace redoubt
