#define CAF_SUITE server_info

#include <redoubt/actors/supervisor/server_info.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string_view>

using namespace redoubt;

namespace {

health_report read_text(std::string_view info) {
  health_report result;
  read_info(info, result);
  return result;
}

} // namespace

CAF_TEST(the fields of a health report are read from an INFO reply) {
  auto x = read_text("# Server\r\n"
                     "redis_version:7.0.15\r\n"
                     "redis_mode:standalone\r\n"
                     "\r\n"
                     "# Clients\r\n"
                     "connected_clients:12\r\n"
                     "maxclients:10000\r\n"
                     "\r\n"
                     "# Memory\r\n"
                     "used_memory:1048576\r\n"
                     "used_memory_human:1.00M\r\n"
                     "used_memory_rss:7340032\r\n"
                     "used_memory_peak_human:9.00M\r\n");
  CAF_CHECK_EQUAL(x.redis_version, "7.0.15");
  CAF_CHECK_EQUAL(x.connected_clients, 12u);
  CAF_CHECK_EQUAL(x.used_memory, 1048576u);
  CAF_CHECK_EQUAL(x.used_memory_human, "1.00M");
}

CAF_TEST(what the server does not tell keeps its value) {
  health_report x;
  x.connected_clients = 3;
  x.used_memory = 4;
  x.used_memory_human = "4B";
  x.redis_version = "6.2.0";
  read_info("", x);
  read_info("# Memory\r\nused_memory:5\r\n", x);
  CAF_CHECK_EQUAL(x.connected_clients, 3u);
  CAF_CHECK_EQUAL(x.used_memory, 5u);
  CAF_CHECK_EQUAL(x.used_memory_human, "4B");
  CAF_CHECK_EQUAL(x.redis_version, "6.2.0");
}

CAF_TEST(nothing but these fields is touched) {
  auto x = read_text("status:healthy\r\nerror:none\r\nping_time_ms:7\r\n");
  CAF_CHECK_EQUAL(x.status, "unhealthy");
  CAF_CHECK_EQUAL(x.error, "");
  CAF_CHECK(x.ping_time_ms == 0);
}

CAF_TEST(lines may end without a carriage return) {
  auto x = read_text("redis_version:7.2.0\nconnected_clients:1\n");
  CAF_CHECK_EQUAL(x.redis_version, "7.2.0");
  CAF_CHECK_EQUAL(x.connected_clients, 1u);
}

CAF_TEST(the last line needs no end) {
  auto x = read_text("connected_clients:1\r\nused_memory:77");
  CAF_CHECK_EQUAL(x.used_memory, 77u);
}

CAF_TEST(a value may hold colons and may be empty) {
  auto x = read_text("redis_version:a:b:c\r\nused_memory_human:\r\n");
  CAF_CHECK_EQUAL(x.redis_version, "a:b:c");
  CAF_CHECK_EQUAL(x.used_memory_human, "");
}

CAF_TEST(a field counts by its whole name) {
  auto x = read_text("my_connected_clients:1\r\nconnected_clients_now:2\r\n"
                     " used_memory:3\r\n");
  CAF_CHECK_EQUAL(x.connected_clients, 0u);
  CAF_CHECK_EQUAL(x.used_memory, 0u);
}

CAF_TEST(a number that is none keeps the value) {
  health_report x;
  x.connected_clients = 9;
  x.used_memory = 9;
  read_info("connected_clients:many\r\nused_memory:\r\n", x);
  read_info("connected_clients:-1\r\n"
            "used_memory:99999999999999999999999\r\n",
            x);
  CAF_CHECK_EQUAL(x.connected_clients, 9u);
  CAF_CHECK_EQUAL(x.used_memory, 9u);
}

CAF_TEST(the largest number fits) {
  auto x = read_text("used_memory:18446744073709551615\r\n");
  CAF_CHECK_EQUAL(x.used_memory, UINT64_MAX);
}

CAF_TEST(text that is no INFO is read without harm) {
  for (auto text : {":", "\r\n", "\n", "\r", "redis_version", "::::", "#\n:\n",
                    "\n\n\n:\r\n\r"}) {
    auto x = read_text(text);
    CAF_CHECK_EQUAL(x.redis_version, "");
  }
}
