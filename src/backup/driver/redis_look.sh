# Prints the version of Redis, Valkey or KeyDB, and the number of its keys, once it has loaded its data.
for server in redis valkey keydb; do
  if command -v "$server-cli" >/dev/null 2>&1; then break; fi
done
fail() { echo "error: $*" >&2; exit 1; }
info() { "$server-cli" INFO "$1" 2>&1 | tr -d '\r'; }
[ "$("$server-cli" PING 2>&1)" = PONG ] || fail "the server does not answer: $("$server-cli" PING 2>&1 | head -n 1)"
[ "$(info persistence | sed -n 's/^loading://p')" = 0 ] || fail "the server is loading its data"
version=$(info server | sed -n 's/^valkey_version://p')
if [ -z "$version" ]; then version=$(info server | sed -n 's/^redis_version://p'); fi
echo "$version"
info keyspace | sed -n 's/^db[0-9]*:keys=\([0-9]*\).*/\1/p'
