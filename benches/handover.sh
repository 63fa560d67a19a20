#!/usr/bin/env bash
# Measures the hand-over: the same harmless command through safe-compose and directly through the real Compose, as
# complete processes, alternating.
#
#   benches/handover.sh SAFE_COMPOSE REAL_COMPOSE [RUNS] [WORD...]
#
# Prints both medians and their ratio. Fails if HANDOVER_LIMIT is set (for example 1.05) and the ratio is higher.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$1 real=$2
shift 2
runs=${1:-41}
[ $# -eq 0 ] || shift
words=("$@")
[ ${#words[@]} -gt 0 ] || words=(version)

# safe-compose must hand over to the same Compose that it is compared with.
export SAFE_COMPOSE_COMPOSE=$real

# Prints the microseconds of one run.
once() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>&1 </dev/null || true
    local end=$EPOCHREALTIME
    echo $((${end//[.,]/} - ${start//[.,]/}))
}

median() {
    sort -n | awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

"$ours" "${words[@]}" >/dev/null
"$real" "${words[@]}" >/dev/null
through=() straight=()
for ((run = 0; run < runs; run++)); do
    # Alternate which one comes first, so that other load on the machine affects both equally.
    if ((run % 2)); then
        through+=("$(once "$ours" "${words[@]}")")
        straight+=("$(once "$real" "${words[@]}")")
    else
        straight+=("$(once "$real" "${words[@]}")")
        through+=("$(once "$ours" "${words[@]}")")
    fi
done
with=$(printf '%s\n' "${through[@]}" | median)
without=$(printf '%s\n' "${straight[@]}" | median)
awk -v with="$with" -v without="$without" -v runs="$runs" -v limit="${HANDOVER_LIMIT:-}" 'BEGIN {
    ratio = without > 0 ? with / without : 0
    printf "real Compose  %6.1f ms\nsafe-compose  %6.1f ms\nratio         %6.3f   (medians of %d runs)\n",
        without / 1000, with / 1000, ratio, runs
    if (limit != "" && ratio > limit) { printf "above the limit of %s\n", limit; exit 1 }
}'
