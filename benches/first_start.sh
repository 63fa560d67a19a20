#!/usr/bin/env bash
# Measures how much longer the slowest guarded `up -d` from nothing takes than the slowest one of plain Compose: a stack with
# a Qdrant behind a published port, which is verified while its server is still starting.
#
#   benches/first_start.sh SAFE_COMPOSE REAL_COMPOSE QDRANT_IMAGE [RUNS]
#
# Each run creates the stack and removes it with its volumes, alternating, as complete processes. QDRANT_IMAGE may be the
# stand-in (tests/doubles/qdrant). Prints the median, the 95th percentile and the slowest run of both, in seconds, and each
# guarded run that took a second more than the slowest plain one. With FIRST_START_LIMITS=1 it fails if the slowest guarded
# run is more than 2 seconds above the slowest plain one.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$(realpath "$1") real=$(realpath "$2") image=$3 runs=${4:-100}
# safe-compose must use the same Compose that it is compared with.
export SAFE_COMPOSE_COMPOSE=$real
scratch=$(mktemp -d)
project=safe-compose-first-start-$$
export SAFE_COMPOSE_DISPOSABLE=$project
cd "$scratch"

cat >compose.yaml <<YAML
name: $project
services:
  vectors: { image: "$image", ports: ["127.0.0.1::6333"], volumes: ["vectors:/qdrant/storage"] }
  other: { image: "$image", volumes: ["other:/qdrant/storage"], depends_on: [vectors] }
volumes: { vectors: {}, other: {} }
YAML

clean_up() {
    "$real" down -v -t 0 >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT

# Prints the microseconds of one run.
once() {
    local start=$EPOCHREALTIME
    "$@" >"$scratch/output" 2>&1 </dev/null || { echo "failed: $*" >&2; cat "$scratch/output" >&2; exit 70; }
    local end=$EPOCHREALTIME
    echo $((${end//[.,]/} - ${start//[.,]/}))
}

for ((run = 0; run < runs; run++)); do
    if ((run % 2)); then order=("$ours" "$real"); else order=("$real" "$ours"); fi
    for program in "${order[@]}"; do
        name=$([ "$program" = "$ours" ] && echo guarded || echo plain)
        once "$program" up -d >>"$name"
        # What a project leaves behind must not be compared with the next one.
        "$real" down -v -t 0 >/dev/null 2>&1
        rm -rf backups
    done
done

# statistics NAME
statistics() {
    sort -n "$1" | awk -v name="$1" '{ value[NR] = $1 / 1e6 } END {
        printf "%-8s median %6.2f s   95%% %6.2f s   slowest %6.2f s\n",
            name, value[int((NR + 1) / 2)], value[int(NR * 0.95 + 0.5)], value[NR]
    }'
}
statistics plain
statistics guarded
slowest() { sort -n "$1" | tail -n 1; }
plain=$(slowest plain) guarded=$(slowest guarded)
awk -v above="$((plain + 1000000))" '$1 > above { printf "guarded run %d took %.2f s\n", NR, $1 / 1e6 }' guarded
awk -v plain="$plain" -v guarded="$guarded" -v runs="$runs" 'BEGIN {
    more = (guarded - plain) / 1e6
    printf "difference of the slowest %.2f s, limit 2.00 s (%d runs)\n", more, runs
    exit more > 2
}' || [ "${FIRST_START_LIMITS:-}" != 1 ]
