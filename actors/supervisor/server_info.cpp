#include <redoubt/actors/supervisor/server_info.hpp>

#include <charconv>

namespace redoubt {

namespace {

void read_number(std::string_view text, uint64_t& out) {
  std::from_chars(text.data(), text.data() + text.size(), out);
}

} // namespace

void read_info(std::string_view info, health_report& out) {
  while (!info.empty()) {
    auto line = info.substr(0, info.find('\n'));
    info.remove_prefix(std::min(info.size(), line.size() + 1));
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    auto colon = line.find(':');
    if (colon == std::string_view::npos)
      continue;
    auto key = line.substr(0, colon);
    auto value = line.substr(colon + 1);
    if (key == "connected_clients")
      read_number(value, out.connected_clients);
    else if (key == "used_memory")
      read_number(value, out.used_memory);
    else if (key == "used_memory_human")
      out.used_memory_human = value;
    else if (key == "redis_version")
      out.redis_version = value;
  }
}

} // namespace redoubt
