#include <redoubt/bench/contenders/hiredis_common.hpp>

#include <redoubt/bench/measure/contender.hpp>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <cstring>

namespace redoubt::bench {

namespace {

std::string encoded(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (auto& each : words) {
    texts.push_back(each.data());
    sizes.push_back(each.size());
  }
  char* text = nullptr;
  auto size = redisFormatCommandArgv(&text, static_cast<int>(words.size()),
                                     texts.data(), sizes.data());
  std::string result{text, static_cast<size_t>(size)};
  redisFreeCommand(text);
  return result;
}

} // namespace

wire_commands::wire_commands(const workload& load) : load_(load) {
  for (size_t i = 0; i < load.key_count; ++i) {
    if (load.what != operation::set)
      gets_.push_back(encoded({"GET", load.key(i)}));
    if (load.what != operation::get)
      sets_.push_back(encoded({"SET", load.key(i), load.value(i)}));
  }
}

bool wire_commands::is_answer(const redisReply* got, size_t i) const {
  if (got == nullptr)
    return false;
  if (load_.writes(i))
    return got->type == REDIS_REPLY_STATUS && std::strcmp(got->str, "OK") == 0;
  return got->type == REDIS_REPLY_STRING
         && load_.is_value({got->str, got->len}, i);
}

redisAsyncContext* connect_async(const endpoint& server) {
  auto x = server.kind == endpoint::transport::tcp
             ? redisAsyncConnect(server.host.c_str(), server.port)
             : redisAsyncConnectUnix(server.path.c_str());
  if (x == nullptr || x->err != 0)
    throw std::runtime_error("hiredis cannot connect");
  return x;
}

} // namespace redoubt::bench
