# The embedding example counts on a server, and says what became of its command
# when there is none.
set -eu
bin=$1
work=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() { echo "not ok - $*" >&2; exit 1; }

lines=$(grep -cv '^ *$' "$2/examples/embed_actor.cpp")
[ "$lines" -lt 60 ] || fail "the example has $lines lines, it should stay below 60"
echo "ok - the example has $lines lines"

redis-server --port 0 --unixsocket "$work/s" --save "" --appendonly no \
  --dir "$work" >"$work/log" 2>&1 &
server=$!
up=
for _ in $(seq 1 500); do
  if redis-cli -s "$work/s" ping 2>/dev/null | grep -q PONG; then
    up=yes
    break
  fi
  read -rt 0.02 _ <> <(:) || true
done
[ -n "$up" ] || fail "redis-server did not come up"

out=$(timeout 20 "$bin/example_embed_actor" "unix://$work/s" 2>/dev/null)
[ "$out" = "index.html: (integer) 1" ] || fail "printed: $out"
echo "ok - the example counts"
[ "$(redis-cli -s "$work/s" get visits:index.html)" = 1 ] || fail "not counted once"
echo "ok - it counted once"

kill "$server"
wait "$server" 2>/dev/null || true
server=
out=$(timeout 20 "$bin/example_embed_actor" "unix://$work/s" 2>/dev/null)
case $out in
  *not_sent*"nothing was counted"*) echo "ok - without a server it says that nothing was counted" ;;
  *) fail "printed: $out" ;;
esac
