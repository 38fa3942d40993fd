// The fault gate, against sockets on both sides.
#define CAF_SUITE lab_gate

#include <redoubt/tests/support/check.hpp>

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/tests/support/raw_client.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <cerrno>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::literals;

using lab::direction;
using lab::verb;

namespace {

const auto get = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"s;

using how = raw_client::state;

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

size_t open_files() {
  auto all = std::filesystem::directory_iterator{"/proc/self/fd"};
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

/// A peer that answers GET with `value`, and a gate before it.
struct fixture {
  std::string value = "v";
  scripted_peer peer{[this](const argv& words) -> std::optional<peer_answer> {
    if (words[0] == "GET")
      return bulk(value);
    return {};
  }};
  lab::fault_gate gate{lab::address::tcp(peer.port())};

  std::string ask(raw_client& client) {
    client.send(get);
    return client.read_all(bulk(value).size());
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lab_gate_tests, fixture)

CAF_TEST(a gate that passes changes nothing) {
  raw_client client{gate.port()};
  CAF_CHECK_EQUAL(ask(client), "$1\r\nv\r\n");
  CAF_CHECK_EQUAL(gate.accepted(), 1u);
  CAF_CHECK_EQUAL(gate.living(), 1u);
  CAF_CHECK_EQUAL(peer.commands(), (std::vector<argv>{{"GET", "k"}}));
}

CAF_TEST(a gate reaches a unix socket) {
  scripted_peer other{handler{}, {.unix_socket = true}};
  lab::fault_gate to_other{lab::address::unix_socket(other.path())};
  raw_client client{to_other.port()};
  client.send("*1\r\n$4\r\nPING\r\n");
  CAF_CHECK_EQUAL(client.read(), "+PONG\r\n");
}

CAF_TEST(a value larger than all buffers comes through whole) {
  value.assign(8 << 20, 'x');
  value += "end";
  raw_client client{gate.port()};
  CAF_CHECK(ask(client) == bulk(value));
}

CAF_TEST(a gate that refuses keeps what lives and its port) {
  raw_client before{gate.port()};
  CAF_CHECK_EQUAL(ask(before), bulk(value));
  gate.refuse();
  raw_client during{gate.port()};
  CAF_CHECK(during.how() == how::refused);
  CAF_CHECK_EQUAL(ask(before), bulk(value));
  gate.pass();
  raw_client after{gate.port()};
  CAF_CHECK_EQUAL(ask(after), bulk(value));
  CAF_CHECK_EQUAL(gate.hits(verb::refuse), 1u);
}

CAF_TEST(nobody else gets the port of a gate that refuses) {
  gate.refuse();
  lab::unique_fd thief{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(gate.port());
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<const sockaddr*>(&where);
  auto error = ::bind(thief.get(), raw, sizeof(where)) == 0 ? 0 : errno;
  CAF_CHECK_EQUAL(error, EADDRINUSE);
}

CAF_TEST(reset_all ends both sides by RST) {
  raw_client client{gate.port()};
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  gate.reset_all();
  CAF_CHECK(client.end() == how::reset);
  CAF_CHECK(peer.wait_for_ended(1));
  CAF_CHECK(eventually([&] { return gate.living() == 0; }));
  CAF_CHECK_EQUAL(gate.resets(), 1u);
}

CAF_TEST(close_all ends both sides by FIN even with bytes unread) {
  raw_client client{gate.port()};
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  gate.hold();
  client.flood();
  gate.close_all();
  CAF_CHECK(client.end() == how::fin);
  CAF_CHECK(peer.wait_for_ended(1));
  CAF_CHECK_EQUAL(peer.commands().size(), 1u);
  CAF_CHECK(eventually([&] { return gate.living() == 0; }));
}

CAF_TEST(a gate that holds accepts and passes nothing on until it passes) {
  raw_client before{gate.port()};
  CAF_CHECK_EQUAL(ask(before), bulk(value));
  gate.hold();
  raw_client during{gate.port()};
  CAF_CHECK(during.how() == how::open);
  before.send(get);
  during.send(get);
  CAF_CHECK_EQUAL(before.read(50ms), "");
  CAF_CHECK_EQUAL(during.read(1ms), "");
  CAF_CHECK_EQUAL(peer.commands().size(), 1u);
  gate.pass();
  CAF_CHECK_EQUAL(before.read_all(7), bulk(value));
  CAF_CHECK_EQUAL(during.read_all(7), bulk(value));
}

CAF_TEST(living connections alone can be held) {
  raw_client before{gate.port()};
  CAF_CHECK_EQUAL(ask(before), bulk(value));
  gate.hold_living(direction::requests);
  before.send(get);
  raw_client later{gate.port()};
  CAF_CHECK_EQUAL(ask(later), bulk(value));
  CAF_CHECK_EQUAL(before.read(50ms), "");
  CAF_CHECK_EQUAL(peer.commands().size(), 2u);
  gate.pass();
  CAF_CHECK_EQUAL(before.read_all(7), bulk(value));
}

CAF_TEST(held replies leave the requests alone) {
  raw_client client{gate.port()};
  gate.hold(direction::replies);
  client.send(get);
  CAF_CHECK(peer.wait_for(1));
  CAF_CHECK_EQUAL(client.read(50ms), "");
  CAF_CHECK_EQUAL(gate.hits(verb::hold), 1u);
}

CAF_TEST(a held command arrives although its client has reset) {
  raw_client client{gate.port()};
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  gate.hold();
  client.send(get);
  CAF_REQUIRE(eventually([&] { return gate.hits(verb::hold) > 0; }));
  client.reset();
  gate.pass();
  CAF_CHECK(peer.wait_for(2));
  CAF_CHECK(eventually([&] { return gate.living() == 0; }));
}

CAF_TEST(held bytes are bounded) {
  gate.hold();
  raw_client client{gate.port()};
  auto taken = client.flood();
  CAF_CHECK_GREATER(taken, 1u << 20);
  CAF_CHECK_LESS(taken, 32u << 20);
}

CAF_TEST(a gate that stops accepting lets dials hang until it passes) {
  gate.stop_accepting();
  raw_client during{gate.port()};
  CAF_CHECK(during.how() == how::connecting);
  gate.pass();
  // The kernel sends the SYN again after one second.
  CAF_CHECK(during.connects(3s));
  raw_client after{gate.port()};
  CAF_CHECK_EQUAL(ask(after), bulk(value));
  CAF_CHECK(eventually([&] { return gate.accepted() == 2; }));
}

CAF_TEST(refusing after not accepting ends the dials that hang) {
  gate.stop_accepting();
  gate.refuse();
  raw_client client{gate.port()};
  CAF_CHECK(client.how() == how::refused);
}

CAF_TEST(slices arrive one by one) {
  gate.slice(1, direction::replies, 30ms);
  raw_client client{gate.port()};
  client.send(get);
  CAF_CHECK_EQUAL(client.read(), "$");
  CAF_CHECK_EQUAL(client.read(), "1");
  CAF_CHECK_EQUAL(client.read_all(5), "\r\nv\r\n");
  CAF_CHECK(eventually([&] { return gate.hits(verb::slice) == 7; }));
}

CAF_TEST(slices without a pause keep all bytes in order) {
  for (int i = 0; i < 20000; ++i)
    value += std::to_string(i);
  gate.slice(7);
  raw_client client{gate.port()};
  CAF_CHECK(ask(client) == bulk(value));
}

CAF_TEST(a delay acts on each direction alone) {
  gate.delay(200ms, direction::replies);
  raw_client client{gate.port()};
  auto start = lab::clock::now();
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  auto took = lab::clock::now() - start;
  CAF_CHECK(took >= 200ms);
  CAF_CHECK(took < 400ms);
  gate.delay(200ms);
  start = lab::clock::now();
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  CAF_CHECK(lab::clock::now() - start >= 400ms);
}

CAF_TEST(replies are cut at every offset) {
  auto whole = bulk(value);
  for (size_t n = 0; n <= whole.size(); ++n) {
    gate.pass();
    raw_client client{gate.port()};
    CAF_CHECK_EQUAL(ask(client), whole);
    gate.cut_replies_after(n);
    client.send(get + get);
    CAF_CHECK_EQUAL(client.read_all(100), whole.substr(0, n));
    CAF_CHECK(client.how() == how::fin);
  }
  CAF_CHECK_EQUAL(gate.hits(verb::cut), whole.size() + 1);
}

CAF_TEST(a cut request never reaches the server) {
  gate.cut_requests_after(get.size() - 1);
  raw_client client{gate.port()};
  client.send(get);
  CAF_CHECK(client.end() == how::fin);
  CAF_CHECK(peer.wait_for_ended(1));
  CAF_CHECK(peer.commands().empty());
}

CAF_TEST(jitter alone delays) {
  gate.delay(0ms, direction::replies, 20ms);
  raw_client client{gate.port()};
  auto start = lab::clock::now();
  for (int i = 0; i < 20; ++i)
    CAF_CHECK_EQUAL(ask(client), bulk(value));
  CAF_CHECK(lab::clock::now() - start >= 60ms);
  CAF_CHECK_EQUAL(gate.hits(verb::delay), 20u);
}

CAF_TEST(a rate bounds the bytes per second of each direction alone) {
  value.assign(10000, 'x');
  gate.rate(40000, direction::replies);
  raw_client client{gate.port()};
  auto start = lab::clock::now();
  CAF_CHECK(ask(client) == bulk(value));
  auto took = lab::clock::now() - start;
  // The last part needs no time behind it.
  CAF_CHECK(took >= 220ms);
  CAF_CHECK(took < 2s);
  CAF_CHECK(gate.hits(verb::rate) >= 12);
}

CAF_TEST(a rate below one byte per part passes byte by byte) {
  gate.rate(20, direction::replies);
  raw_client client{gate.port()};
  client.send(get);
  CAF_CHECK_EQUAL(client.read(), "$");
  CAF_CHECK_EQUAL(client.read(), "1");
  gate.pass();
  CAF_CHECK_EQUAL(client.read_all(5), "\r\nv\r\n");
}

CAF_TEST(bytes are gathered until there are enough and then come at once) {
  value = "longer than what a string holds in itself";
  auto whole = bulk(value);
  std::string all;
  gate.concat(8 * whole.size(), direction::replies, 10s);
  raw_client client{gate.port()};
  for (size_t n = 1; n <= 8; ++n) {
    CAF_CHECK_EQUAL(client.read(20ms), "");
    client.send(get);
    CAF_CHECK(peer.wait_for(n));
    all += whole;
  }
  CAF_CHECK_EQUAL(client.read(), all);
  CAF_CHECK_EQUAL(gate.hits(verb::concat), 1u);
}

CAF_TEST(bytes are gathered until none came for a while) {
  gate.concat(1000, direction::replies, 50ms);
  raw_client client{gate.port()};
  auto start = lab::clock::now();
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  CAF_CHECK(lab::clock::now() - start >= 50ms);
  CAF_CHECK_EQUAL(gate.hits(verb::concat), 1u);
}

CAF_TEST(what was gathered goes before the end of the stream) {
  gate.concat(1000, direction::replies, 10s);
  raw_client client{gate.port()};
  client.send(get);
  CAF_CHECK(peer.wait_for(1));
  peer.close_all();
  CAF_CHECK_EQUAL(client.read_all(100), bulk(value));
  CAF_CHECK(client.how() == how::fin);
}

CAF_TEST(a gate that passes lets go of what it gathered) {
  gate.concat(1000, direction::replies, 10s);
  raw_client client{gate.port()};
  client.send(get);
  CAF_CHECK_EQUAL(client.read(20ms), "");
  gate.pass();
  CAF_CHECK_EQUAL(client.read_all(7), bulk(value));
}

CAF_TEST(bytes at an offset are overwritten however they come) {
  for (size_t piece : {1, 2, 100}) {
    raw_client client{gate.port()};
    CAF_CHECK_EQUAL(ask(client), "$1\r\nv\r\n");
    gate.corrupt_at(4, "XY", direction::requests);
    gate.corrupt_at(5, "XY", direction::replies);
    for (size_t i = 0; i < get.size(); i += piece)
      client.send(get.substr(i, piece));
    // The request is none any more.
    CAF_CHECK(client.end() == how::fin);
    gate.pass();
  }
  CAF_CHECK(peer.commands().size() == 3);
  gate.corrupt_at(5, "XY", direction::replies);
  raw_client client{gate.port()};
  client.send(get + get);
  CAF_CHECK_EQUAL(client.read_all(14), "$1\r\nvXY$1\r\nv\r\n");
  CAF_CHECK(gate.hits(verb::corrupt) >= 4);
}

CAF_TEST(every nth byte is overwritten across all reads) {
  gate.corrupt_every(5, '?', direction::replies);
  raw_client client{gate.port()};
  auto whole = bulk(value) + bulk(value) + bulk(value);
  std::string got;
  for (int i = 0; i < 3; ++i)
    got += ask(client);
  for (size_t i = 4; i < whole.size(); i += 5)
    whole[i] = '?';
  CAF_CHECK_EQUAL(got, whole);
  CAF_CHECK_EQUAL(gate.hits(verb::corrupt), 3u);
}

CAF_TEST(the first match of each connection is replaced and no other) {
  gate.corrupt_first("v\r\n", "a longer one", direction::replies);
  for (int i = 0; i < 2; ++i) {
    raw_client client{gate.port()};
    client.send(get);
    CAF_CHECK_EQUAL(client.read_all(16), "$1\r\na longer one");
    CAF_CHECK_EQUAL(ask(client), "$1\r\nv\r\n");
  }
  CAF_CHECK_EQUAL(gate.hits(verb::corrupt), 2u);
}

CAF_TEST(replies may be cut by RST) {
  raw_client client{gate.port()};
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  gate.cut_replies_after(3, lab::ending::reset);
  client.send(get);
  CAF_CHECK(client.end() == how::reset);
  CAF_CHECK(peer.wait_for_ended(1));
  CAF_CHECK_EQUAL(gate.hits(verb::cut), 1u);
}

CAF_TEST(a connection is closed by its next byte and not before) {
  for (auto by : {lab::ending::fin, lab::ending::reset}) {
    gate.pass();
    raw_client client{gate.port()};
    CAF_CHECK_EQUAL(ask(client), bulk(value));
    auto before = peer.commands().size();
    gate.close_on_data(direction::requests, by);
    CAF_CHECK_EQUAL(client.read(20ms), "");
    CAF_CHECK(client.how() == how::open);
    client.send(get);
    CAF_CHECK(client.end() == (by == lab::ending::fin ? how::fin : how::reset));
    CAF_CHECK_EQUAL(peer.commands().size(), before);
  }
  CAF_CHECK(eventually([&] { return gate.living() == 0; }));
  CAF_CHECK_EQUAL(gate.hits(verb::close_on_data), 2u);
}

CAF_TEST(a reply may close its connection) {
  gate.close_on_data(direction::replies);
  raw_client client{gate.port()};
  client.send(get);
  CAF_CHECK_EQUAL(client.read_all(1), "");
  CAF_CHECK(client.how() == how::fin);
  CAF_CHECK_EQUAL(peer.commands().size(), 1u);
}

CAF_TEST(a slow close keeps back the end alone) {
  gate.slow_close(150ms, direction::replies);
  raw_client client{gate.port()};
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  auto start = lab::clock::now();
  client.send(get);
  CAF_CHECK(peer.wait_for(2));
  peer.close_all();
  CAF_CHECK_EQUAL(client.read_all(7), bulk(value));
  CAF_CHECK(lab::clock::now() - start < 150ms);
  CAF_CHECK(client.end() == how::fin);
  CAF_CHECK(lab::clock::now() - start >= 150ms);
  CAF_CHECK_EQUAL(gate.hits(verb::slow_close), 1u);
}

CAF_TEST(a server that is gone resets the client) {
  uint16_t port = 0;
  auto nobody = lab::reserve_port(port);
  lab::fault_gate dead{lab::address::tcp(port)};
  raw_client client{dead.port()};
  CAF_CHECK(client.end() == how::reset);
}

CAF_TEST(the end of a server is passed on as it came) {
  raw_client first{gate.port()};
  CAF_CHECK_EQUAL(ask(first), bulk(value));
  peer.close_all();
  CAF_CHECK(first.end() == how::fin);
  raw_client second{gate.port()};
  CAF_CHECK_EQUAL(ask(second), bulk(value));
  peer.reset_all();
  CAF_CHECK(second.end() == how::reset);
}

CAF_TEST(a gate leaves no file open and no connection alive) {
  auto before = open_files();
  {
    lab::fault_gate other{lab::address::tcp(peer.port())};
    std::vector<std::unique_ptr<raw_client>> clients;
    for (int i = 0; i < 50; ++i)
      clients.push_back(std::make_unique<raw_client>(other.port()));
    other.stop_accepting();
    other.hold();
  }
  CAF_CHECK(peer.wait_for_ended(50));
  CAF_CHECK(eventually([&] { return open_files() == before; }));
}

CAF_TEST(verbs may come from many threads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this] {
      for (int n = 0; n < 100; ++n) {
        gate.refuse();
        gate.reset_all();
        gate.pass();
      }
    });
  for (auto& each : threads)
    each.join();
  raw_client client{gate.port()};
  CAF_CHECK_EQUAL(ask(client), bulk(value));
  CAF_CHECK_EQUAL(gate.hits(verb::pass), 400u);
}

CAF_TEST_FIXTURE_SCOPE_END()
