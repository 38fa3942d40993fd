#define CAF_SUITE connection_refusals

#include <redoubt/tests/support/server_errors.hpp>
#include <redoubt/tests/wire/connection_fixture.hpp>

#include <string>

using namespace redoubt;
using namespace redoubt::test;

CAF_TEST(each error of the server keeps the link or ends it as the contract says) {
  for (auto& row : server_errors) {
    CAF_MESSAGE("the server says: " << row.text);
    connection_fixture x;
    scripted_peer peer{[&](const argv& words) -> std::optional<peer_answer> {
      if (words[0] == "INCR")
        return "-" + std::string{row.text} + "\r\n";
      return echo(words);
    }};
    x.open(peer);
    x.submit(x.first(), {x.unit(1, command{"INCR", "n"})});
    if (row.link != errc::none) {
      auto end = x.end_of_first(row.link);
      CAF_CHECK(end.was_ready);
      CAF_CHECK_EQUAL(end.written_up_to, 1u);
      CAF_CHECK_EQUAL(end.text, std::string{row.text});
      CAF_CHECK_EQUAL(x.first().heard(), "1=(error) " + std::string{row.text});
      continue;
    }
    x.get(x.first(), 2);
    CAF_CHECK(x.first().has_replies(2));
    CAF_CHECK_EQUAL(x.first().heard(),
                    "1=(error) " + std::string{row.text} + " 2=\"k2\"");
    CAF_CHECK(!x.first().so_far().closed.has_value());
  }
}
