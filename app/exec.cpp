#include <redoubt/app/commands.hpp>

#include <redoubt/actors/runtime.hpp>

#include <caf/scoped_actor.hpp>

#include <fmt/format.h>

#include <cstdio>

namespace redoubt::app {

namespace {

exit_code print_reply(const reply& x) {
  fmt::print("{}\n", to_string(x));
  return x.is_error() ? negative : success;
}

exit_code print_failure(const caf::error& why, caf::actor_system& sys) {
  auto x = failure_of(why);
  if (!x) {
    // Not one of ours, so nobody knows what became of the command.
    print_error(api::render(sys, why));
    return maybe_run;
  }
  print_error(fmt::format("{}; {}", describe(x->code), to_string(*x)));
  return exit_code_of(x->outcome);
}

} // namespace

exit_code exec(const exec_arguments& arguments) {
  auto options = effective_options(arguments.sources);
  if (!options)
    return usage;
  request_options request;
  request.operation = arguments.operation;
  // A breaker protects those who come later. Here nobody does, and an open one
  // would hide the reason of the failure.
  request.use_breaker = false;
  for (auto& x : validate(request)) {
    print_error(fmt::format("--{}: {}", x.key, x.what));
    return usage;
  }
  runtime rt{*options};
  auto result = internal;
  // A scoped actor must be gone before the runtime goes.
  caf::scoped_actor self{rt.system()};
  api::request(self.ptr(), rt.client(), caf::infinite,
               command{arguments.command}, std::move(request))
    .receive([&](const reply& x) { result = print_reply(x); },
             [&](const caf::error& x) {
               result = print_failure(x, rt.system());
             });
  return result;
}

} // namespace redoubt::app
