#!/usr/bin/env bash
# What CAF 0.17 and CAF 1.x spell differently is spelled in messages/caf_api.hpp and
# messages/caf_api/ alone: caf_spelling.sh BIN_DIR SOURCE_DIR
#
# Comments are not looked at: they may show what a user writes with his CAF.
set -euo pipefail
cd "$2"

# Where a call of a member function may begin, be it of this actor or another.
member='(^|[;{}(!=]|->|return)[[:space:]]*'
spellings=(
  # Messages and interfaces.
  'caf::(reacts_to|replies_to|typed_actor)\>'
  'caf(::|/)meta\>'
  '\<inspect\('
  'CAF_(ALLOW_UNSAFE|BEGIN_TYPE|ADD_TYPE|ERROR_CODE)_'
  # Sending, asking, answering, watching, and the clock.
  "$member(send|scheduled_send|delayed_send|send_exit)\\("
  "$member(request|delegate|mail)\\("
  "$member(de)?monitor\\("
  '(^|[^:]|caf::)\<(scheduled_|delayed_)?anon_(send|mail|send_exit)\('
  'caf/(anon_mail|send)\.hpp'
  '\<make_(mailbox_element|message_id)\('
  'caf::response_promise\>'
  '\<getf\('
  '\<clock\(\)'
  # Errors and handlers.
  '\<atom(_value|_constant)?\>'
  'caf::(sec|exit_reason|make_error|message_view|skippable_result)\>'
  '\.(category|render)\('
  '\<(exit|down)_msg\>'
  '\<set_[a-z]+_handler\('
  # Running.
  '\<execution_unit\>'
  '(caf::|caf/)(resumable|scheduler)\>'
  '\<scheduler\(\)'
  '\<(exec_later|resume_result|subtype_t)\>'
  '\<(mailbox_element_ptr|spawn_class)\>'
  '\<cleanup\(caf::'
  'cfg\.(host|sched)\>'
  '\<(thread_started|thread_terminates)\('
  'CAF_SET_LOGGER_SYS'
  '"(caf\.)?scheduler\.'
)
all=$(IFS='|' && echo "${spellings[*]}")

# found FILE: prints LINE:SPELLING of each in it.
found() { sed -E 's|//.*||' "$1" | grep -noE "$all" || true; }

fail() {
  echo "not ok - $1"
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each finds what it is for, ...
cat >"$work/caf" <<'END'
using pinger = caf::typed_actor<caf::reacts_to<ping>, caf::replies_to<ping>::with<pong>>;
bool inspect(Inspector& f, ping& x) { return f(caf::meta::type_name("ping")); }
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ping)
  send(to, ping{});
  if (ready) { request(to, caf::infinite, ping{}).then(on_pong); }
self->monitor(to);
anon_send(to, ping{});
caf::anon_send_exit(to, caf::exit_reason::kill);
#include <caf/send.hpp>
self->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, ping{}), on);
caf::response_promise& raw = promise;
return who->getf(caf::abstract_actor::is_terminated_flag);
auto now = system().clock().now();
constexpr auto category = caf::atom("redoubt");
return x == caf::sec::request_receiver_down || x.category() == category;
set_down_handler([](caf::down_msg&) {});
void enqueue(caf::mailbox_element_ptr ptr, caf::execution_unit*) override;
caf::resumable::resume_result resume(caf::scheduler* on, size_t max) override;
system().scheduler().enqueue(who);
bool cleanup(caf::error&& reason, caf::scheduler*) override;
host_(cfg.host)
system().thread_started();
CAF_SET_LOGGER_SYS(&system());
config.set("scheduler.max-threads", size_t{1});
END
for each in "${spellings[@]}"; do
  grep -qE "$each" "$work/caf" || fail "finds nothing by $each"
done
for line in $(seq "$(wc -l <"$work/caf")"); do
  found "$work/caf" | grep -q "^$line:" || fail "finds nothing in $(sed -n "${line}p" "$work/caf")"
done
# ... and not what is ours, or the same in both.
cat >"$work/ours" <<'END'
  api::send(this, x.sink, resolved{x.id, {}, error});
  api::request(this, client_, caf::infinite, command{"PING"})
virtual ssize_t send(int fd, const iovec* parts, size_t count) noexcept = 0;
auto n = sockets.send(fd, parts.data(), count);
auto n = ::send(fd, data, size, MSG_NOSIGNAL);
api::anon_send(to_, submit{sink_address(), std::move(commands)});
///     self->request(client, caf::infinite, take.call({key}, {}))
caf::error wait_ready(std::chrono::milliseconds timeout);
END
[[ -z $(found "$work/ours") ]] || fail "finds $(found "$work/ours") in what is ours"

# The header has what is looked for; nobody else does.
[[ -n $(found messages/caf_api/running.hpp) ]] || fail "finds nothing in the header"
files=0
offences=0
while IFS= read -r file; do
  files=$((files + 1))
  while IFS=: read -r line text; do
    offences=$((offences + 1))
    echo "$file:$line: '${text##*[[:space:]]}' is for messages/caf_api/"
  done < <(found "$file")
done < <(find actors messages app -name '*.[ch]pp' ! -path 'messages/caf_api*' | sort)
((files > 100)) || fail "looked into $files files only"
((offences == 0)) || fail "$offences spellings of one CAF stand outside of messages/caf_api/"
echo "ok - what CAF 0.17 and 1.x spell differently is spelled in one place"
