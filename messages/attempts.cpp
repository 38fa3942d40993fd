#include <redoubt/messages/attempts.hpp>

namespace redoubt {

std::string_view to_string(attempt_event::kind value) noexcept {
  switch (value) {
    case attempt_event::kind::begins: return "begins";
    case attempt_event::kind::ends: return "ends";
    case attempt_event::kind::waits: return "waits";
  }
  return "?";
}

} // namespace redoubt
