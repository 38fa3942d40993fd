#include <redoubt/actors/connection/handshake.hpp>

#include <redoubt/messages/command.hpp>

namespace redoubt {

handshake::handshake(const endpoint& server, std::string_view client_name)
  : wanted_name_(client_name) {
  if (!server.password.empty()) {
    auto password = server.password.reveal();
    if (server.user.empty())
      add(step::auth, command{"AUTH", password}.wire());
    else
      add(step::auth, command{"AUTH", server.user, password}.wire());
  }
  if (server.db != 0)
    add(step::select, command{"SELECT", server.db}.wire());
  add(step::set_name, command{"CLIENT", "SETNAME", client_name}.wire());
  add(step::client_id, command{"CLIENT", "ID"}.wire());
}

void handshake::add(step what, std::string_view command_wire) {
  steps_.push_back(what);
  wire_ += command_wire;
}

handshake::verdict handshake::fail(errc code, const reply& answer) {
  error_ = code;
  auto word = error_code(answer.text());
  // A server that does not know AUTH repeats its arguments in the error.
  auto quotes_nothing = steps_[next_] != step::auth || word == "WRONGPASS"
                        || word == "NOAUTH" || word == "NOPERM"
                        || code == errc::too_many_clients;
  error_text_ = quotes_nothing ? answer.text()
                               : std::string{word} + " in answer to AUTH";
  return verdict::failed;
}

handshake::verdict handshake::fail_as_no_server() {
  error_ = errc::handshake_failed;
  error_text_ = "the answers are not those of a Redis server";
  return verdict::failed;
}

handshake::verdict handshake::on_reply(const reply& answer) {
  auto what = steps_[next_];
  if (answer.is_error()) {
    auto word = error_code(answer.text());
    // The two greetings of a server that does not want us; it closes then.
    if (word == "DENIED" || answer.text().starts_with("ERR max number"))
      return fail(errc::too_many_clients, answer);
    if (what == step::auth || word == "NOAUTH" || word == "WRONGPASS")
      return fail(errc::auth_failed, answer);
    if (what == step::select)
      return fail(errc::handshake_failed, answer);
    // A user who may not run CLIENT can still be served.
  } else if (what == step::client_id) {
    if (answer.kind() != reply_kind::integer)
      return fail_as_no_server();
    client_id_ = answer.number();
  } else if (answer.kind() != reply_kind::status) {
    return fail_as_no_server();
  } else if (what == step::set_name) {
    client_name_ = wanted_name_;
  }
  ++next_;
  return next_ == steps_.size() ? verdict::done : verdict::more;
}

} // namespace redoubt
