#include <redoubt/app/demo/client.hpp>

namespace redoubt::demo {

std::string_view to_string(client_kind value) noexcept {
  switch (value) {
    case client_kind::hiredis: return "hiredis";
    case client_kind::fail_fast: return "fail_fast";
    case client_kind::wait: return "wait";
  }
  return "?";
}

} // namespace redoubt::demo
