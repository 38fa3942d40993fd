#include <redoubt/bench/contenders/hiredis.hpp>

#include <redoubt/bench/contenders/hiredis_common.hpp>

#include <hiredis/hiredis.h>

#include <memory>

namespace redoubt::bench {

namespace {

std::shared_ptr<redisContext> connect(const endpoint& server) {
  std::shared_ptr<redisContext> x{server.kind == endpoint::transport::tcp
                                    ? redisConnect(server.host.c_str(),
                                                   server.port)
                                    : redisConnectUnix(server.path.c_str()),
                                  redisFree};
  if (!x || x->err != 0)
    throw std::runtime_error("hiredis cannot connect");
  return x;
}

void read_one(redisContext* context, const wire_commands& commands, size_t i) {
  void* raw = nullptr;
  redisGetReply(context, &raw);
  std::unique_ptr<redisReply,
                  decltype([](redisReply* x) { freeReplyObject(x); })>
    reply{static_cast<redisReply*>(raw)};
  if (!commands.is_answer(reply.get(), i))
    wrong_reply();
}

} // namespace

runner hiredis_sync(const endpoint& server, const workload& load, size_t n) {
  return [context = connect(server), commands = wire_commands{load},
          n](double seconds, sample& out) {
    auto until = after(seconds);
    for (size_t i = 0; clock::now() < until; i += n) {
      auto start = clock::now();
      for (size_t k = 0; k < n; ++k) {
        auto& text = commands[i + k];
        redisAppendFormattedCommand(context.get(), text.data(), text.size());
      }
      for (size_t k = 0; k < n; ++k)
        read_one(context.get(), commands, i + k);
      out.latencies.add(nanoseconds(clock::now() - start));
      out.operations += n;
    }
  };
}

} // namespace redoubt::bench
