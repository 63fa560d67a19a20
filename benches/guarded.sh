#!/usr/bin/env bash
# Measures guarded commands: the same command through safe-compose and directly through the real Compose, as complete
# processes, alternating, on a project of three services.
#
#   benches/guarded.sh SAFE_COMPOSE REAL_COMPOSE [RUNS]
#
# Builds an image from the machine's static busybox (or the program in BUSYBOX), so nothing is pulled. Prints both
# medians, their ratio and the limit of
#   - `up -d` of services that run already and are unchanged;
#   - `down` without a backup: no service holds a known database;
#   - `up -d` from nothing.
# With GUARDED_LIMITS=1 it fails above a limit.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$(realpath "$1") real=$(realpath "$2") runs=${3:-11}
# safe-compose must use the same Compose that it is compared with.
export SAFE_COMPOSE_COMPOSE=$real
scratch=$(mktemp -d)
project=safe-compose-guarded-$$
image=$project:bench
cd "$scratch"

mkdir image
cp "${BUSYBOX:-$(command -v busybox)}" image/busybox
cat >image/Dockerfile <<'DOCKERFILE'
FROM scratch
COPY busybox /bin/busybox
ENTRYPOINT ["/bin/busybox"]
CMD ["sleep", "1000000"]
DOCKERFILE
cat >compose.yaml <<YAML
name: $project
services:
  cache: { image: "$image", init: true, volumes: ["cache:/data"] }
  web: { image: "$image", init: true, volumes: ["files:/data"], depends_on: [cache] }
  worker: { image: "$image", init: true, volumes: ["./work:/data"] }
volumes: { cache: {}, files: {} }
YAML
mkdir work

clean_up() {
    "$real" down -v -t 0 >/dev/null 2>&1 || true
    docker image rm -f "$image" >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT
docker build -q -t "$image" image >/dev/null 2>&1

# Prints the microseconds of one run.
once() {
    local start=$EPOCHREALTIME
    "$@" >"$scratch/output" 2>&1 </dev/null || { echo "failed: $*" >&2; cat "$scratch/output" >&2; exit 70; }
    local end=$EPOCHREALTIME
    echo $((${end//[.,]/} - ${start//[.,]/}))
}

median() {
    sort -n "$1" | awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

# Alternates which one comes first, so that other load on the machine affects both equally.
for ((run = 0; run < runs; run++)); do
    if ((run % 2)); then order=("$ours" "$real"); else order=("$real" "$ours"); fi
    for program in "${order[@]}"; do
        name=$([ "$program" = "$ours" ] && echo guarded || echo plain)
        once "$program" up -d >>"new.$name"
        once "$program" up -d >>"unchanged.$name"
        once "$program" down -t 0 >>"down.$name"
    done
done

failed=0
# result TITLE FILES LIMIT
result() {
    awk -v title="$1" -v with="$(median "$2.guarded")" -v without="$(median "$2.plain")" -v limit="$3" 'BEGIN {
        ratio = without > 0 ? with / without : 0
        above = ratio > limit
        printf "%-18s plain %7.1f ms   guarded %7.1f ms   ratio %5.2f   limit %.1f%s\n",
            title, without / 1000, with / 1000, ratio, limit, above ? "   above the limit" : ""
        exit above
    }' || failed=1
}
result "up -d, unchanged" unchanged 1.5
result "down" down 1.2
result "up -d, new" new 1.1
echo "(medians of $runs runs)"
[ "${GUARDED_LIMITS:-}" != 1 ] || exit "$failed"
