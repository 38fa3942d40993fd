// The slow server of the overload bench.
#define CAF_SUITE lab_slow_server

#include <redoubt/app/lab/slow_server.hpp>

#include <redoubt/tests/support/check.hpp>

#include <redoubt/tests/support/raw_client.hpp>

#include <chrono>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::literals;

namespace {

const auto get = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"s;

} // namespace

CAF_TEST(a slow server does one command after the other) {
  lab::slow_server server{10ms};
  raw_client one{server.port()};
  raw_client other{server.port()};
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    one.send(get);
    other.send(get);
  }
  CAF_CHECK_EQUAL(one.read_all(15), "+OK\r\n+OK\r\n+OK\r\n");
  CAF_CHECK_EQUAL(other.read_all(15), "+OK\r\n+OK\r\n+OK\r\n");
  CAF_CHECK(std::chrono::steady_clock::now() - start >= 60ms);
  CAF_CHECK_EQUAL(server.served(), 6u);
}

CAF_TEST(a slow server greets at once) {
  lab::slow_server server{1h};
  raw_client client{server.port()};
  client.send("*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\nn\r\n"
              "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n*1\r\n$4\r\nPING\r\n");
  CAF_CHECK_EQUAL(client.read_all(16), "+OK\r\n:1\r\n+PONG\r\n");
  CAF_CHECK_EQUAL(server.served(), 0u);
}

CAF_TEST(a slow server works for those who left and ends in the middle) {
  lab::slow_server server{20ms};
  raw_client client{server.port()};
  {
    raw_client gone{server.port()};
    gone.send(get + get);
    CAF_CHECK_EQUAL(gone.read_all(5), "+OK\r\n");
  }
  client.send(get);
  CAF_CHECK_EQUAL(client.read_all(5), "+OK\r\n");
  CAF_CHECK_EQUAL(server.served(), 3u);
  client.send(get);
}

CAF_TEST(a reply that is held back holds those behind it and no other connection) {
  lab::slow_server server{0us, {1.0, 200ms, 1}};
  raw_client one{server.port()};
  raw_client other{server.port()};
  auto start = std::chrono::steady_clock::now();
  one.send(get);
  other.send("*1\r\n$4\r\nPING\r\n");
  CAF_CHECK_EQUAL(other.read_all(7), "+PONG\r\n");
  CAF_CHECK_EQUAL(server.served(), 1u);
  one.send("*1\r\n$4\r\nPING\r\n");
  CAF_CHECK_EQUAL(one.read_all(12), "+OK\r\n+PONG\r\n");
  CAF_CHECK(std::chrono::steady_clock::now() - start >= 200ms);
}
