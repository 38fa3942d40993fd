#include <redoubt/actors/log.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>

namespace redoubt {

std::shared_ptr<spdlog::logger> logger_for(std::string_view part) {
  // Two runtimes may start at once; the registry refuses a name twice.
  static std::mutex mutex;
  std::lock_guard guard{mutex};
  auto name = "redoubt." + std::string{part};
  if (auto existing = spdlog::get(name))
    return existing;
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto result = std::make_shared<spdlog::logger>(name, std::move(sink));
  // Takes over levels and sinks that the service set for all its loggers.
  spdlog::initialize_logger(result);
  return result;
}

} // namespace redoubt
