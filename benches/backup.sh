#!/usr/bin/env bash
# What a backup of a Qdrant costs, each time against the plain way on the same server, as whole processes.
#
#   benches/backup.sh SAFE_COMPOSE IMAGE [POINTS] [DIMENSIONS] [RUNS]
#
# Brings a stack of its own up and fills it. Prints
#   - a full backup against `curl` create + `curl` download + `sha256sum` in a row, and the peak memory;
#   - a backup after one changed payload, in bytes, against the server's own partial snapshot;
#   - what `stop` needs to find that nothing has changed in 50 collections, against their full backup.
# With BACKUP_LIMITS=1 it fails above 0.8, 64 MiB, 2 times, and 0.05.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$(realpath "$1") image=$2 points=${3:-200000} dimensions=${4:-384} runs=${5:-5}
scratch=$(mktemp -d)
project=safe-compose-bench-$$
cd "$scratch"
cat >compose.yaml <<YAML
name: $project
services:
  qdrant:
    image: "$image"
    command: ["./qdrant"]
    environment: { QDRANT__TELEMETRY_DISABLED: "true" }
    ports: ["127.0.0.1::6333", "127.0.0.1::6334"]
    volumes: ["data:/qdrant/storage"]
volumes: { data: {} }
YAML
clean_up() {
    SAFE_COMPOSE_DISPOSABLE=$project "$ours" down -v -t 1 >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT

start() {
    "$ours" up -d >/dev/null 2>&1
    url=http://$("$ours" port qdrant 6333)
    until curl -sf "$url/collections" >/dev/null; do sleep 0.2; done
}

# fill COLLECTION POINTS DIMENSIONS
fill() {
    python3 - "$url" "$@" <<'PYTHON'
import json, random, sys, urllib.request
url, name, points, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def call(method, path, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"}, method=method)
    urllib.request.urlopen(request).read()
call("PUT", f"/collections/{name}", {"vectors": {"size": size, "distance": "Dot"}, "optimizers_config": {"indexing_threshold": 0}})
random.seed(1)
numbers = [f"{random.uniform(-1, 1):.6f}" for _ in range(size + 4096)]
for first in range(1, points + 1, 500):
    rows = (
        '{"id":%d,"vector":[%s],"payload":{"n":%d,"text":"point %d"}}' % (at, ",".join(numbers[at % 4096:at % 4096 + size]), at, at)
        for at in range(first, min(first + 500, points + 1))
    )
    call("PUT", f"/collections/{name}/points?wait=true", ('{"points":[' + ",".join(rows) + "]}").encode())
PYTHON
}

# settle COLLECTION: waits until the server builds nothing in it any more.
settle() {
    until curl -sf "$url/collections/$1" | grep -q '"status":"green"'; do sleep 1; done
    # Until nothing is left to be flushed: the server does it every five seconds.
    sleep 6
}

# measured COMMAND…: seconds and peak memory in KiB of a command.
measured() {
    python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time
begun = time.monotonic()
status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
if status.returncode:
    sys.exit(status.stderr.decode())
print(f"{time.monotonic() - begun:.3f} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
PYTHON
}

median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

cat >plain.sh <<'SHELL'
set -e
name=$(curl -sf -X POST "$1/collections/points/snapshots?wait=true" | sed 's/.*"name":"\([^"]*\)".*/\1/')
curl -sf -o "$2" "$1/collections/points/snapshots/$name"
sha256sum "$2" >/dev/null
SHELL

start
echo "filling $points points of $dimensions" >&2
fill points "$points" "$dimensions"
settle points
through=() straight=() memory=0
for ((run = 0; run < runs; run++)); do
    rm -rf backups
    read -r seconds peak < <(measured "$ours" backup)
    through+=("$seconds")
    [ "$peak" -le "$memory" ] || memory=$peak
    read -r seconds _ < <(measured bash plain.sh "$url" plain.snapshot)
    straight+=("$seconds")
    rm -f plain.snapshot
    curl -sf "$url/collections/points/snapshots" | grep -o '"name":"[^"]*"' | cut -d'"' -f4 |
        while read -r left; do curl -sf -X DELETE "$url/collections/points/snapshots/$left?wait=true" >/dev/null; done
done
full=$(printf '%s\n' "${through[@]}" | median) plain=$(printf '%s\n' "${straight[@]}" | median)

# The second backup settles what the first snapshot wrote to the disk.
"$ours" backup >/dev/null 2>&1
curl -sf "$url/collections/points/shards/0/snapshot/partial/manifest" | python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["result"], sys.stdout)' >versions.json
curl -sf -X POST "$url/collections/points/points/payload?wait=true" -H 'content-type: application/json' \
    -d '{"payload":{"n":0},"points":[7]}' >/dev/null
sleep 1
"$ours" backup >/dev/null 2>&1
newest=$(find backups/qdrant -maxdepth 1 -name 'qdrant_backup_*' | sort | tail -1)
# What was moved: the changes, or the whole again where these would come to half of it.
changes=$(find "$newest" '(' -name '*.changes-*' -o -name '*.snapshot' ')' -links 1 -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
partial=$(curl -sf -X POST "$url/collections/points/shards/0/snapshot/partial/create" -H 'content-type: application/json' -d @versions.json | wc -c)

for ((at = 0; at < 50; at++)); do fill "c$at" 2000 128; done
rm -rf backups
read -r all _ < <(measured "$ours" backup)
checks=()
for ((run = 0; run < runs; run++)); do
    read -r with _ < <(measured "$ours" stop -t 1)
    start
    read -r without _ < <(measured "$ours" --safe-skip-backup stop -t 1)
    start
    checks+=("$(awk -v with="$with" -v without="$without" 'BEGIN { print with - without }')")
done
check=$(printf '%s\n' "${checks[@]}" | median)
awk -v full="$full" -v plain="$plain" -v memory="$memory" -v changes="$changes" -v partial="$partial" -v all="$all" \
    -v check="$check" -v limits="${BACKUP_LIMITS:-}" 'BEGIN {
    printf "full backup        %8.2f s, the plain way %.2f s, ratio %.2f; peak memory %.0f MiB\n", full, plain, full / plain, memory / 1024
    printf "one changed payload %d bytes, the partial snapshot of the server has %d, ratio %.2f\n", changes, partial, partial ? changes / partial : 0
    printf "nothing changed    %8.3f s more than a stop without a look, of %.2f s for all: %.3f\n", check, all, check / all
    if (limits == "1" && (full / plain > 0.8 || memory > 65536 || changes > 2 * partial || changes == 0 || check / all > 0.05)) {
        print "outside the limits"; exit 1
    }
}'
