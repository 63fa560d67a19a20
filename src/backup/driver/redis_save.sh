# Makes Redis, Valkey or KeyDB write everything to disk, and prints how: `rdb` or `aof`.
# The password, if there is one, stays in the container.
# `first` is in first.sh.
fail() { echo "error: $*" >&2; exit 1; }
for server in redis valkey keydb; do
  if command -v "$server-cli" >/dev/null 2>&1; then break; fi
done
command -v "$server-cli" >/dev/null 2>&1 || fail "redis-cli was not found"
REDISCLI_AUTH=${REDISCLI_AUTH:-$(first REDIS_PASSWORD VALKEY_PASSWORD KEYDB_PASSWORD)}
if [ -n "$REDISCLI_AUTH" ]; then export REDISCLI_AUTH; else unset REDISCLI_AUTH; fi
ask() { "$server-cli" --no-auth-warning "$@" 2>&1; }
setting() { ask CONFIG GET "$1" | sed -n 2p; }
info() { ask INFO persistence | tr -d '\r' | sed -n "s/^$1://p"; }
[ "$(ask PING)" = PONG ] || fail "the server does not answer: $(ask PING | head -n 1)"
[ "$(info loading)" = 0 ] || fail "the server is loading its data"
case $(setting appendonly) in
  # What was answered is in the file.
  yes) echo aof; exit 0 ;;
  no) ;;
  *) fail "the server does not show its settings" ;;
esac
# A file would be loaded at the next start.
[ -n "$(setting save)" ] || fail "saving is switched off"
while :; do
  reply=$(ask BGSAVE)
  case $reply in
    *started*) break ;;
    *progress* | *AOF* | *child*) sleep 0.1 ;;
    *) fail "BGSAVE was refused: $(echo "$reply" | head -n 1)" ;;
  esac
done
while [ "$(info rdb_bgsave_in_progress)" = 1 ]; do sleep 0.1; done
[ "$(info rdb_last_bgsave_status)" = ok ] || fail "BGSAVE failed"
file=$(setting dir)/$(setting dbfilename)
if command -v "$server-check-rdb" >/dev/null 2>&1; then
  "$server-check-rdb" "$file" >/dev/null 2>&1 || fail "$server-check-rdb finds errors in $file"
fi
echo rdb
