#define CAF_SUITE script

#include <redoubt/messages/script.hpp>

#include <redoubt/actors/request/transaction_body.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;

namespace {

constexpr auto text = "return redis.call('GET', KEYS[1])";
// As `printf %s "$text" | sha1sum` has it.
constexpr auto hash = "d3c21d0c2b9ca22f82737626a27bcaf5d288f99f";

using list = std::vector<std::string_view>;

} // namespace

CAF_TEST(a script is named by the hash of its text) {
  CAF_CHECK_EQUAL(script{text}.hash(), hash);
}

CAF_TEST(a call names the hash then the keys then the arguments) {
  script x{text};
  auto call = x.call({"k1", 2}, {"a", 3});
  CAF_CHECK(call.arguments()
            == list({"EVALSHA", hash, "2", "k1", "2", "a", "3"}));
  CAF_CHECK(call.keys() == list({"k1", "2"}));
  auto bare = x.call({}, {});
  CAF_CHECK(bare.arguments() == list({"EVALSHA", hash, "0"}));
}

CAF_TEST(a call with its text is the same but for the text) {
  auto whole = script{text}.call({"k"}, {"a"}).with_script_text();
  CAF_CHECK(whole.arguments() == list({"EVAL", text, "1", "k", "a"}));
  CAF_CHECK(whole.keys() == list({"k"}));
  CAF_CHECK(whole.with_script_text().empty());
}

CAF_TEST(other commands have no script text) {
  CAF_CHECK(command{}.with_script_text().empty());
  CAF_CHECK(command({"EVALSHA", hash, 0}).with_script_text().empty());
}

CAF_TEST(the author says what running a script twice would do) {
  CAF_CHECK(script{text}.call({"k"}, {}).cls() == command_class::accumulating);
  auto same = script{text, command_class::idempotent}.call({"k"}, {});
  CAF_CHECK(same.cls() == command_class::idempotent);
  CAF_CHECK(same.with_script_text().cls() == command_class::idempotent);
}

CAF_TEST(a script that only reads is held to that by the server) {
  auto call = script{text, command_class::read_only}.call({"k"}, {});
  CAF_CHECK_EQUAL(call.name(), "EVALSHA_RO");
  CAF_CHECK(call.cls() == command_class::read_only);
  auto whole = call.with_script_text();
  CAF_CHECK_EQUAL(whole.name(), "EVAL_RO");
}

CAF_TEST(a transaction brings the text of its scripts along) {
  command set{"SET", "k", 1};
  auto call = script{text}.call({"k"}, {});
  auto named = encode_transaction({set, call});
  auto written_out = encode_transaction({set, command{"EVAL", text, 1, "k"}});
  CAF_CHECK_EQUAL(*named, *written_out);
}
