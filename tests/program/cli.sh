#!/usr/bin/env bash
# The program as a user runs it: cli.sh BIN_DIR SOURCE_DIR
set -euo pipefail

redoubt=$1/redoubt
source_dir=$2
work=$(mktemp -d)
socket=$work/redis.sock
secret=canary4711
server_pid=

finish() {
  if [[ -n $server_pid ]]; then
    kill -KILL "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT
unset REDOUBT_URL

fail() {
  echo "not ok - $1"
  echo "  command: ${last_command:-}"
  echo "  status:  ${status:-}"
  sed 's/^/  stdout:  /' "$work/out"
  sed 's/^/  stderr:  /' "$work/err"
  exit 1
}

# run STATUS ARG...: runs the program and checks its exit status. All that it
# ever prints is searched for the secret at the end.
run() {
  local expected=$1
  shift
  last_command="redoubt $*"
  status=0
  timeout 30 "$redoubt" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
  cat "$work/out" "$work/err" >>"$work/all"
  [[ $status == "$expected" ]] || fail "exit status is $expected"
}

prints() { [[ $(<"$work/out") == "$1" ]] || fail "prints $1"; }
shows() { grep -qF -- "$1" "$work/out" || fail "shows $1"; }
complains() { grep -qF -- "$1" "$work/err" || fail "complains: $1"; }
one_line_of_error() {
  [[ $(wc -l <"$work/err") == 1 ]] || fail "prints one line of error"
}
silent() { [[ ! -s $work/err ]] || fail "prints no error"; }
ok() { echo "ok - $1"; }

cli() { redis-cli -s "$socket" "$@"; }

start_server() {
  redis-server --port 0 --unixsocket "$socket" --save '' --dir "$work" \
    --enable-debug-command yes >"$work/redis.log" 2>&1 &
  server_pid=$!
  local tries
  for ((tries = 0; tries < 200; ++tries)); do
    [[ $(cli ping 2>/dev/null) == PONG ]] && return
    # Waits 50 ms for a line that never comes.
    read -r -t 0.05 <> <(:) || true
  done
  echo "not ok - redis-server starts"
  exit 1
}

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

: >"$work/all"

# -- help and version ----------------------------------------------------------

run 0 --version
[[ $(<"$work/out") =~ ^redoubt\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "version"
ok "--version prints the version"

run 0 --help
for command in exec health config demo; do shows "$command"; done
for command in exec health config demo; do
  run 0 "$command" --help
  shows "Usage: redoubt $command"
done
run 0 exec --help
shows 'COMMAND [ARG...]'
shows 'Exit status'
ok "--help explains every command"

run 2
complains 'a command is needed: exec, health, config or demo'
run 2 frobnicate
complains 'a command is needed'
run 2 exec
complains 'COMMAND is missing'
run 2 exec ''
complains 'COMMAND is missing'
run 2 exec --frob=1 GET key
complains '--frob: unknown option'
run 2 health --frob
complains '--frob: unknown option'
run 2 health surplus
complains 'takes no arguments'
run 2 exec --url
complains '--url'
ok "bad arguments are named"

# -- exec ----------------------------------------------------------------------

start_server
url=unix://$socket
export REDOUBT_URL=$url

run 0 exec SET greeting 'hello  world'
prints OK
silent
run 0 exec GET greeting
prints '"hello  world"'
[[ $(cli get greeting) == 'hello  world' ]] || fail "the server has the value"
run 0 exec GET nothing
prints '(nil)'
run 0 exec SET empty ''
run 0 exec GET empty
prints '""'
run 0 exec INCR counter
prints '(integer) 1'
run 0 exec INCR counter
prints '(integer) 2'
run 0 exec RPUSH list a b
run 0 exec LRANGE list 0 -1
prints $'1) "a"\n2) "b"'
ok "exec runs a command and prints its reply"

run 0 exec set option --url
run 0 exec get option
prints '"--url"'
run 0 exec set dashes --
run 0 exec get dashes
prints '"--"'
run 0 exec PING --help
prints '"--help"'
run 0 exec --timeout 2s ECHO -v
prints '"-v"'
run 0 exec config get maxmemory
shows '"maxmemory"'
ok "exec passes everything behind the command on"

run 1 exec INCR greeting
prints '(error) ERR value is not an integer or out of range'
run 1 exec FROB
shows '(error) ERR unknown command'
ok "exec tells an error reply by its exit status"

run 3 exec --operation fetch_job BLPOP list 0
complains 'invalid_command (not_sent)'
complains 'fetch_job'
one_line_of_error
run 2 exec --operation $'two\nlines' GET greeting
complains '--operation: '
ok "exec refuses what a shared connection cannot do"

run 4 exec --timeout 300ms DEBUG SLEEP 0.6
complains '(unknown)'
one_line_of_error
ok "exec tells when a command may have run"

REDOUBT_URL=redis://127.0.0.1:1 run 0 exec --url "$url" GET counter
prints '"2"'
cat >"$work/good.toml" <<END
[server]
url = "$url"
db = 3
END
REDOUBT_URL='' run 0 exec --config "$work/good.toml" SET where three
[[ $(cli -n 3 get where) == three ]] || fail "the file's database is used"
run 0 exec --config "$work/good.toml" GET where
prints '(nil)'
ok "--url goes before REDOUBT_URL before the file"

# -- health --------------------------------------------------------------------

run 0 health
silent
for field in '"status": "healthy"' '"ping_time_ms": ' '"connected_clients": ' \
  '"used_memory": ' '"used_memory_human": "' '"redis_version": "'; do
  shows "$field"
done
ok "health of a server that is well"

# -- a server that is down -----------------------------------------------------

started=$(milliseconds)
run 3 exec --url "unix://$work/nobody.sock" --timeout 1s SET a b
took=$(($(milliseconds) - started))
((took < 10000)) || fail "hangs, took $took ms"
complains '(not_sent)'
complains 'connect_failed: No such file or directory'
one_line_of_error
ok "exec with the server down tells why and does not hang"

started=$(milliseconds)
run 1 health --url "unix://$work/nobody.sock" --timeout 300ms
took=$(($(milliseconds) - started))
((took < 10000)) || fail "hangs, took $took ms"
shows '"status": "unhealthy"'
shows '"error": "No such file or directory"'
shows '"error_type": "connect_failed"'
silent
ok "health of a server that is down"

# -- passwords -----------------------------------------------------------------

cli config set requirepass "$secret" >/dev/null
REDOUBT_URL=unix://:$secret@$socket run 0 exec GET counter
prints '"2"'
REDOUBT_URL=unix://:wrong-$secret@$socket run 3 exec --timeout 1s GET counter
complains 'auth_failed'
REDOUBT_URL=unix://:wrong-$secret@$socket run 1 health --timeout 1s
shows '"error_type": "auth_failed"'
REDOUBT_URL=unix://:wrong-$secret@$socket run 3 exec -v --timeout 1s GET counter
ok "a wrong password fails and is not shown"

# -- configuration -------------------------------------------------------------

unset REDOUBT_URL
run 0 config
diff "$work/out" "$source_dir/config/redoubt.toml" \
  || fail "config prints redoubt.toml"
run 0 config --config "$source_dir/config/production.toml"
shows 'client_name = "orders-api"'
run 0 config --url "redis://user:$secret@example:7000/2"
shows 'url = "redis://example:7000"'
shows 'db = 2'
ok "config prints the options in force"

# bad_file LINE KEY WHAT: no command takes the file whose text is on stdin.
bad_file() {
  local file=$work/bad.toml
  cat >"$file"
  refused() {
    run 2 "$@"
    complains "$file:$expectation"
    one_line_of_error
    [[ ! -s $work/out ]] || fail "prints nothing else"
  }
  local expectation="$1: $2: $3"
  refused config --config "$file"
  refused health --config "$file"
  refused exec --config "$file" GET key
}

bad_file 3 client.retri 'is no known key; did you mean client.retry?' <<END
# a comment
[client]
retri = "article"
END
bad_file 4 server.passwort 'is no known key; did you mean server.pass' <<END
[server]
url = "redis://user:$secret@example"

passwort = "$secret"
END
bad_file 2 pool.connections 'must be a whole number' <<END
[pool]
connections = "2"
END
bad_file 2 pool.connections 'must be a number from 1 to 1024' <<END
[pool]
connections = -1
END
bad_file 1 server.url 'the port must be a number from 1 to 65535' <<END
server.url = "redis://user:$secret@example:70000"
END
bad_file 3 server.password 'must be a text in quotes' <<END
[server]
# a number
password = 4711
END
ok "a bad file is refused with its name and line and key"

cat >"$work/many.toml" <<END
[client]
retry = "hasty"
use_breaker = "yes"
[threads]
reactors = 0
END
run 2 config --config "$work/many.toml"
[[ $(wc -l <"$work/err") == 3 ]] || fail "tells all faults"
for line in 2 3 5; do complains "many.toml:$line: "; done
printf 'password = %s\n' "true-$secret" >"$work/syntax.toml"
run 2 config --config "$work/syntax.toml"
complains 'syntax.toml:1: is not valid TOML'
run 2 config --config "$work/missing.toml"
complains 'missing.toml: cannot be read'
run 2 config --config "$work"
complains 'is a directory'
ok "all faults of a file are told"

for command in health config 'exec GET'; do
  read -r name argument <<<"$command"
  run 2 "$name" --url "redis://user:$secret@example:70000" ${argument:+GET}
  complains '--url: the port must be a number from 1 to 65535'
  REDOUBT_URL=rediss://user:$secret@example run 2 "$name" ${argument:+GET}
  complains 'REDOUBT_URL: TLS is not supported yet'
done
run 2 health "redis://user:$secret@example"
run 2 health --ulr "redis://user:$secret@example"
run 2 exec "--ulr=redis://user:$secret@example" GET key
run 2 "redis://user:$secret@example"
run 2 exec --timeout "$secret" GET key
complains '--timeout: must be a duration'
run 2 health --timeout 25h
complains '--timeout: must be a duration from 1ms to 24h'
ok "bad values of arguments are named and not repeated"

if grep -q "$secret" "$work/all"; then
  grep -n "$secret" "$work/all"
  echo "not ok - no secret is ever printed"
  exit 1
fi
ok "no secret is ever printed"
