#include <redoubt/app/commands.hpp>

#include <redoubt/actors/runtime.hpp>

#include <caf/scoped_actor.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace redoubt::app {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

health_report unhealthy(const caf::error& why, caf::actor_system& sys) {
  health_report result;
  if (auto x = failure_of(why)) {
    result.error = x->last_message.empty() ? std::string{describe(x->code)}
                                           : x->last_message;
    result.error_type = to_string(x->code);
  } else {
    result.error = api::render(sys, why);
    result.error_type = "caf_error";
  }
  return result;
}

health_report ask(runtime& rt, milliseconds timeout) {
  auto deadline = steady_clock::now() + timeout;
  if (auto why = rt.wait_ready(timeout))
    return unhealthy(why, rt.system());
  auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  health_report result;
  caf::scoped_actor self{rt.system()};
  api::request(self.ptr(), rt.supervisor(), caf::infinite,
               health_query{std::max(left, milliseconds{1})})
    .receive([&](const health_report& x) { result = x; },
             [&](const caf::error& x) { result = unhealthy(x, rt.system()); });
  return result;
}

/// The fields of the article's health check, in its order.
nlohmann::ordered_json to_json(const health_report& x) {
  if (!x.healthy())
    return {
      {"status", x.status}, {"error", x.error}, {"error_type", x.error_type}};
  return {{"status", x.status},
          {"ping_time_ms", std::round(x.ping_time_ms * 100) / 100},
          {"connected_clients", x.connected_clients},
          {"used_memory", x.used_memory},
          {"used_memory_human", x.used_memory_human},
          {"redis_version", x.redis_version}};
}

} // namespace

exit_code health(const option_sources& sources) {
  auto options = effective_options(sources);
  if (!options)
    return usage;
  runtime rt{*options};
  auto report = ask(rt, options->client.timeouts.request);
  // Texts from the server need not be UTF-8, JSON must be.
  using json = nlohmann::ordered_json;
  fmt::print("{}\n", to_json(report).dump(2, ' ', false,
                                          json::error_handler_t::replace));
  return report.healthy() ? success : negative;
}

} // namespace redoubt::app
