#!/usr/bin/env bash
# Measures `lint`: one file in a new process, 1,000 files in one run, and one file compared with another linter.
#
#   benches/lint.sh SAFE_COMPOSE [DIR]
#
# DIR has the Compose files to use, by default this project's own. The other linter is compose-lint from PyPI, or the
# program in COMPOSE_LINT. With LINT_LIMITS=1 the run fails above 10 ms or 1 s, or if it is less than 50 times faster.
set -euo pipefail
if [ $# -lt 1 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$(realpath "$1") given=${2:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -n "$given" ]; then
    mapfile -t sources < <(find "$(realpath "$given")" -type f \( -name '*compose*.yml' -o -name '*compose*.yaml' \) -size -64k | sort)
else
    sources=("$(cd "$(dirname "$0")/.." && pwd)/docker-compose.yml")
fi
[ ${#sources[@]} -gt 0 ] || { echo "no Compose file in $given" >&2; exit 64; }
files=()
for ((at = 0; at < 1000; at++)); do
    mkdir -p "$scratch/$at"
    cp "${sources[at % ${#sources[@]}]}" "$scratch/$at/compose.yaml"
    files+=("$at/compose.yaml")
done
cd "$scratch"

linter=${COMPOSE_LINT:-}
if [ -z "$linter" ]; then
    python3 -m venv "$scratch/python"
    "$scratch/python/bin/pip" install -q compose-lint
    linter=$scratch/python/bin/compose-lint
fi

# Prints the microseconds of one run.
once() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>&1 </dev/null || [ $? -lt 64 ] || { echo "failed: $*" >&2; exit 70; }
    local end=$EPOCHREALTIME
    echo $((${end//[.,]/} - ${start//[.,]/}))
}

median() {
    for ((run = 0; run < $1; run++)); do once "${@:2}"; done | sort -n | sed -n "$((($1 + 1) / 2))p"
}

one=$(median 41 "$ours" lint 0/compose.yaml)
thousand=$(median 5 "$ours" lint "${files[@]}")
theirs=$(median 7 "$linter" 0/compose.yaml)
# All files in one run, as a hook does it.
theirs_many=$(median 1 "$linter" "${files[@]:0:50}")
awk -v one="$one" -v thousand="$thousand" -v theirs="$theirs" -v many="$theirs_many" -v limits="${LINT_LIMITS:-}" 'BEGIN {
    cold = theirs / one
    each = (many / 50) / (thousand / 1000)
    printf "one file, cold    %8.2f ms   (median of 41)\n", one / 1000
    printf "1,000 files       %8.2f ms   (median of 5)\n", thousand / 1000
    printf "the other linter  %8.2f ms one file, cold; %.2f ms a file in one run of 50\n", theirs / 1000, many / 50000
    printf "ratio             %8.1f cold, %.1f a file in one run\n", cold, each
    if (limits == "1" && (one > 10000 || thousand > 1000000 || each < 50)) { print "outside the limits"; exit 1 }
}'
