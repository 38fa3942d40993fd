// A command is encoded so that a server reads the same arguments, and its class,
// refusal and keys are those of its arguments.
//
// Input: the byte that stands between arguments, then the arguments.

#include <redoubt/tests/fuzz/target.hpp>

#include <redoubt/actors/request/transaction_body.hpp>
#include <redoubt/messages/command.hpp>

#include <hiredis/hiredis.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace redoubt;
using fuzz::check;

namespace {

using arguments = std::vector<std::string_view>;

arguments split(std::string_view text, char separator) {
  arguments result;
  while (true) {
    auto end = text.find(separator);
    result.push_back(text.substr(0, end));
    if (end == text.npos)
      return result;
    text.remove_prefix(end + 1);
  }
}

/// Reads what a server would.
class server {
public:
  explicit server(std::string_view wire)
    : reader_(redisReaderCreate(), redisReaderFree) {
    redisReaderFeed(reader_.get(), wire.data(), wire.size());
  }

  /// Ends the process unless the next command is this one.
  void expect(const arguments& args) {
    auto x = next();
    check(x != nullptr && x->type == REDIS_REPLY_ARRAY
            && x->elements == args.size(),
          "a server reads as many arguments");
    for (size_t i = 0; i < args.size(); ++i) {
      auto& each = *x->element[i];
      check(each.type == REDIS_REPLY_STRING
              && args[i] == std::string_view{each.str, each.len},
            "a server reads the same arguments");
    }
  }

  void expect_end() {
    check(next() == nullptr && reader_->pos == reader_->len,
          "nothing stands behind a command");
  }

private:
  struct free_reply {
    void operator()(redisReply* x) const { freeReplyObject(x); }
  };

  std::unique_ptr<redisReply, free_reply> next() {
    void* x = nullptr;
    check(redisReaderGetReply(reader_.get(), &x) == REDIS_OK,
          "a command is RESP");
    return std::unique_ptr<redisReply, free_reply>{static_cast<redisReply*>(x)};
  }

  std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader_;
};

std::string upper(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

void check_encoding(const command& x, const arguments& args) {
  server reader{x.wire()};
  reader.expect(args);
  reader.expect_end();
  check(*x.buffer() == x.wire(), "the buffer is the wire");
  check(x.arguments() == args, "the arguments are those that were given");
  check(x.argument_count() == args.size(), "they are counted");
  check(x.name() == upper(args[0]), "the name is the first one in upper case");
  auto longer = [](auto a, auto b) { return a.size() < b.size(); };
  check(x.largest_argument()
          == std::max_element(args.begin(), args.end(), longer)->size(),
        "the largest is known");
}

/// Names are read in any case, as in the server.
void check_any_case(const command& x, arguments args) {
  auto name = upper(args[0]);
  args[0] = name;
  command same{argument_list{args}};
  check(same.cls() == x.cls() && same.refusal() == x.refusal()
          && same.keys() == x.keys(),
        "class, refusal and keys do not depend on the name's case");
}

void check_keys(const command& x) {
  auto args = x.arguments();
  size_t last = 0;
  for (auto& key : x.keys()) {
    auto same = [&](auto& y) {
      return y.data() == key.data() && y.size() == key.size();
    };
    auto i = std::find_if(args.begin() + 1, args.end(), same) - args.begin();
    check(static_cast<size_t>(i) < args.size(), "a key is an argument");
    check(static_cast<size_t>(i) > last, "the keys stand in order");
    last = static_cast<size_t>(i);
  }
}

void check_script(const command& x, const arguments& args) {
  check(x.with_script_text().empty(), "a plain command calls no script");
  auto name = x.name();
  if (args.size() < 3 || (name != "EVALSHA" && name != "EVALSHA_RO"))
    return;
  auto text = std::make_shared<const std::string>("return '\r\n'");
  command call{argument_list{args}, command_class::convergent, text};
  auto whole = call.with_script_text();
  auto wanted = args;
  wanted[0] = args[0] == "EVALSHA_RO" ? "EVAL_RO" : "EVAL";
  wanted[1] = *text;
  check_encoding(whole, wanted);
  check(whole.cls() == call.cls() && whole.keys().size() == call.keys().size(),
        "a script's text changes neither class nor keys");
}

void check_transaction(const command& x, const arguments& args) {
  server reader{*encode_transaction({x, x})};
  reader.expect({"MULTI"});
  reader.expect(args);
  reader.expect(args);
  reader.expect({"EXEC"});
  reader.expect_end();
  check(class_of_transaction({x, command{"GET", "k"}}) == x.cls(),
        "a transaction is as strict as its strictest member");
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = fuzz::text_of(data, size);
  auto separator = static_cast<char>(fuzz::take_byte(text));
  auto args = split(text, separator);
  command x{argument_list{args}};
  check(x.empty() == args[0].empty(), "a command has a name");
  if (x.empty()) {
    check(!x.refusal().empty(), "a command without a name is refused");
    check(x.wire().empty() && x.keys().empty(), "an empty one has nothing");
    return 0;
  }
  check_encoding(x, args);
  check_any_case(x, args);
  check_keys(x);
  check_script(x, args);
  check_transaction(x, args);
  return 0;
}
