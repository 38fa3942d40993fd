#include <redoubt/app/settings.hpp>

#include <redoubt/actors/runtime.hpp>
#include <redoubt/messages/options_toml.hpp>
#include <redoubt/messages/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace redoubt::app {

namespace {

constexpr auto url_variable = "REDOUBT_URL";

bool read_config(const std::string& path, runtime_options& options) {
  std::vector<config_error> errors;
  auto loaded = load_options(path, errors);
  for (auto& x : errors)
    print_error(to_string(x));
  if (!loaded)
    return false;
  options = std::move(*loaded);
  return true;
}

bool read_url(std::string_view source, std::string_view url,
              runtime_options& options) {
  std::string what;
  auto server = parse_endpoint(url, what);
  if (!server) {
    print_error(fmt::format("{}: {}", source, what));
    return false;
  }
  // All of it, lest credentials from the file go to another server.
  options.server = std::move(*server);
  return true;
}

bool read_timeout(std::string_view text, runtime_options& options) {
  using std::chrono::milliseconds;
  auto value = parse_duration(text);
  if (!value) {
    print_error(fmt::format("--timeout: must be {}", duration_syntax));
    return false;
  }
  auto& timeouts = options.client.timeouts;
  timeouts.request = std::chrono::floor<milliseconds>(*value);
  timeouts.attempt = std::min(timeouts.attempt, timeouts.request);
  for (auto& x : validate(options.client))
    if (x.key == "client.request_timeout") {
      print_error(fmt::format("--timeout: {}", x.what));
      return false;
    }
  return true;
}

} // namespace

std::optional<runtime_options>
effective_options(const option_sources& sources) {
  runtime_options result;
  auto ok = !sources.config || read_config(*sources.config, result);
  if (sources.url)
    ok = read_url("--url", *sources.url, result) && ok;
  else if (auto url = std::getenv(url_variable); url && *url)
    ok = read_url(url_variable, url, result) && ok;
  if (sources.timeout)
    ok = read_timeout(*sources.timeout, result) && ok;
  if (!ok)
    return std::nullopt;
  return result;
}

void print_error(const std::string& text) {
  fmt::print(stderr, "redoubt: {}\n", text);
}

} // namespace redoubt::app
