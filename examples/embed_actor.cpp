// A service actor that embeds redoubt: it counts visits in Redis, and knows what
// became of every command.
//
//     example_embed_actor [redis://127.0.0.1:6379]

#include <redoubt/actors/runtime.hpp>

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <iostream>

using namespace redoubt;

caf::behavior counter(caf::event_based_actor* self, request_actor redis) {
  return {
    [=](const std::string& page) {
      self->request(redis, caf::infinite, command{"INCR", "visits:" + page})
        .then(
          [=](const reply& x) {
            std::cout << page << ": " << to_string(x) << '\n';
            self->quit();
          },
          [=](const caf::error& e) {
            std::cout << page << ": " << describe(e) << '\n';
            // An INCR that was not sent may be repeated; one whose fate is
            // unknown may have counted already.
            if (is_not_sent(e))
              std::cout << "nothing was counted\n";
            self->quit();
          });
    },
  };
}

int main(int argc, char** argv) {
  runtime_options options;
  std::string error;
  if (argc > 1) {
    auto server = parse_endpoint(argv[1], error);
    if (!server)
      return std::cerr << error << '\n', 2;
    options.server = *server;
  }
  caf::actor_system_config config;
  caf::actor_system system{config};
  runtime redis{system, options};
  auto visits = system.spawn(counter, redis.client());
  caf::anon_send(visits, std::string{"index.html"});
  caf::scoped_actor self{system};
  self->wait_for(visits);
}
