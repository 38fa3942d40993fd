# The demo keeps its promises when its faults are short, prints plain lines where
# there is no terminal, and leaves neither process nor folder behind, also when it
# is interrupted.
set -eu
bin=$1
work=$(mktemp -d)
export TMPDIR=$work
demo=
cleanup() {
  [ -z "$demo" ] || kill "$demo" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() { echo "not ok - $*" >&2; [ ! -s "$work/out" ] || cat "$work/out" >&2; exit 1; }

# The redis-server among the children of process $1, from /proc alone.
server_of() {
  local status
  for status in /proc/[0-9]*/status; do
    awk -v parent="$1" '/^Name:/ { name = $2 } /^Pid:/ { pid = $2 }
      /^PPid:/ { if ($2 == parent && name ~ /^redis/) print pid }' \
      "$status" 2>/dev/null || true
  done | head -n 1
}

timeout 120 "$bin/redoubt" demo --quick >"$work/out" 2>&1 \
  || fail "the demo ended with $?"
for promise in "every request was answered" "no reply went to another" \
  "no INCR was lost and none ran twice" "issued after the first success"; do
  grep -q "^kept .*$promise" "$work/out" || fail "no promise: $promise"
done
echo "ok - the demo keeps its promises"
if grep -q "$(printf '\033')" "$work/out"; then
  fail "escape sequences although there is no terminal"
fi
echo "ok - plain lines without a terminal"
rm -f "$work/out"
[ -z "$(ls -A "$work")" ] || fail "left behind: $(ls -A "$work")"
echo "ok - nothing is left behind"

# Interrupted as soon as its server is up.
"$bin/redoubt" demo --quick >"$work/out" 2>&1 &
demo=$!
pid=
for _ in $(seq 1 1000); do
  pid=$(server_of "$demo")
  [ -z "$pid" ] || break
  read -rt 0.01 _ <> <(:) || true
done
[ -n "$pid" ] || fail "the demo started no redis-server"
kill -INT "$demo"
status=0
wait "$demo" || status=$?
demo=
[ "$status" -ne 0 ] || fail "an interrupted demo ended with 0"
if kill -0 "$pid" 2>/dev/null; then
  fail "its redis-server is still running"
fi
rm -f "$work/out"
[ -z "$(ls -A "$work")" ] || fail "left behind: $(ls -A "$work")"
echo "ok - an interrupted demo ends its server and removes its folder"
