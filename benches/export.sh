#!/usr/bin/env bash
# What an export costs: our own, against what people write by hand, on the same server.
#
#   benches/export.sh SAFE_COMPOSE URL|PROGRAM [POINTS] [DIM]
#
# URL is that of a running Qdrant, where the collection `bench_export` is made, and deleted again. PROGRAM is a Qdrant
# program, which is started for this on a directory of its own. An engine is not needed: a small stand-in for it tells
# safe-compose where the server is.
#
# Prints the seconds of both, their ratio and our peak memory. With EXPORT_LIMITS=1 a ratio below 5 or a peak of 128 MiB
# or more fails.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$(realpath "$1") server=$2 points=${3:-200000} dim=${4:-384}
work=$(mktemp -d)
pids=()
finish() {
    for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

if [ -x "$server" ]; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    program=$(realpath "$server")
    (
        cd "$work"
        QDRANT__TELEMETRY_DISABLED=true QDRANT__SERVICE__HOST=127.0.0.1 QDRANT__SERVICE__HTTP_PORT=$port \
            QDRANT__SERVICE__GRPC_PORT=$((port + 1)) exec "$program" >"$work/server.log" 2>&1
    ) &
    pids+=($!)
    server=http://127.0.0.1:$port
fi
here=$(cd "$(dirname "$0")" && pwd)
python3 "$here/export.py" fill "$server" "$points" "$dim"
python3 "$here/export.py" engine "$server" "$work/engine.sock" &
pids+=($!)
until [ -S "$work/engine.sock" ]; do sleep 0.05; done

mkdir "$work/project"
printf 'name: bench\nservices:\n  qdrant:\n    image: qdrant/qdrant:v1.19.0\n' >"$work/project/docker-compose.yml"
cat >"$work/docker-compose" <<'COMPOSE'
#!/bin/sh
case " $* " in
*" version "*) echo 2.40.0 ;;
*) echo '{"name":"bench","services":{"qdrant":{"image":"qdrant/qdrant:v1.19.0"}}}' ;;
esac
COMPOSE
chmod +x "$work/docker-compose"

python3 "$here/export.py" run "$server" "$work" "$ours" "${EXPORT_LIMITS:-}"
