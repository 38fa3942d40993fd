// The scripted peer, byte by byte.
#define CAF_SUITE lab_peer

#include <redoubt/tests/support/check.hpp>

#include <redoubt/tests/support/raw_client.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>

using namespace redoubt::test;
using namespace std::literals;

namespace {

using how = raw_client::state;

const auto get = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"s;

} // namespace

CAF_TEST(a script runs step by step over several connections) {
  cue go;
  cue more;
  scripted_peer scripted{script{[&](auto& client) {
    client.expect_command({"GET", "*"});
    client.reply_in_pieces("$1\r\nv\r\n", 1);
    client.stall_until(go);
    client.reset();
    client.accept_next();
    client.expect_command({"GET", "k"});
    client.stall_until(more);
    client.close();
  }}};
  raw_client first{scripted.port()};
  first.send(get);
  CAF_CHECK_EQUAL(first.read_all(7), "$1\r\nv\r\n");
  CAF_CHECK_EQUAL(first.read(20ms), "");
  go.give();
  CAF_CHECK(first.end() == how::reset);
  raw_client second{scripted.port()};
  second.send(get);
  CAF_CHECK(scripted.wait_for(2));
  second.send(get);
  more.give();
  CAF_CHECK(second.end() == how::fin);
  CAF_CHECK(scripted.wait_done());
  CAF_CHECK_EQUAL(scripted.connections(), 2u);
  CAF_CHECK_EQUAL(scripted.commands(1).size(), 1u);
}

CAF_TEST(a script tells what was not as expected) {
  scripted_peer wrong{script{[](auto& client) {
    client.expect_command({"GET", "v"});
  }}};
  raw_client client{wrong.port()};
  client.send(get);
  CAF_CHECK(!wrong.wait_done());
  CAF_CHECK_EQUAL(wrong.failures(), "expected <GET v>, got <GET k>\n");
  scripted_peer late{script{[](auto& c) { c.next_command(); }},
                     {.unix_socket = false, .step_limit = 10ms}};
  raw_client silent{late.port()};
  CAF_CHECK(!late.wait_done());
  CAF_CHECK_EQUAL(late.failures(), "waited in vain for a command\n");
}

CAF_TEST(a peer greets as redis does and pushes on demand) {
  scripted_peer peer;
  raw_client client{peer.port()};
  client.send("*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n*1\r\n$4\r\nPING\r\n");
  CAF_CHECK_EQUAL(client.read_all(11), ":1\r\n+PONG\r\n");
  peer.push("+oops\r\n");
  CAF_CHECK_EQUAL(client.read(), "+oops\r\n");
  client.send("HTTP/1.1 400\r\n");
  CAF_CHECK(client.end() == how::fin);
  CAF_CHECK(peer.failures().starts_with("no RESP"));
}
