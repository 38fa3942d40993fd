#include <redoubt/actors/request/fence.hpp>

#include <redoubt/messages/error.hpp>

#include <string_view>

namespace redoubt {

namespace {

/// The field `name` of a line of CLIENT LIST.
std::string_view name_in(std::string_view line) {
  constexpr std::string_view field = " name=";
  auto at = line.find(field);
  if (at == std::string_view::npos)
    return {};
  line.remove_prefix(at + field.size());
  return line.substr(0, line.find_first_of(" \n"));
}

} // namespace

command fence::next() const {
  if (kills_)
    return command{"CLIENT", "KILL", "ID", client_id_};
  return command{"CLIENT", "LIST", "ID", client_id_};
}

fence::verdict fence::on_reply(const reply& answer) {
  if (answer.is_error()) {
    auto x = judge(answer.text(), false);
    return x.outcome == fate::refused && x.code != errc::auth_failed
             ? verdict::again
             : verdict::denied;
  }
  if (kills_)
    return verdict::done;
  if (answer.kind() != reply_kind::string)
    return verdict::denied;
  if (name_in(answer.text()) != client_name_)
    return verdict::done;
  kills_ = true;
  return verdict::more;
}

} // namespace redoubt
