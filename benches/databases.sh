#!/usr/bin/env bash
# What a backup of a PostgreSQL costs against `pg_dump -Fc` alone, and `down` of one that is unchanged since its backup
# against plain Compose, as complete processes, alternating.
#
#   benches/databases.sh SAFE_COMPOSE REAL_COMPOSE IMAGE [SCALE] [RUNS]
#
# IMAGE is a PostgreSQL with pgbench, like the official one; a SCALE (20) is 15 MB. With DATABASES_LIMITS=1 it fails above
# 1.1 (backup) and 1.3 (`down`).
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$(realpath "$1") real=$(realpath "$2") image=$3 scale=${4:-20} runs=${5:-11}
# safe-compose must use the same Compose that it is compared with.
export SAFE_COMPOSE_COMPOSE=$real
scratch=$(mktemp -d)
project=safe-compose-databases-$$
cd "$scratch"
cat >compose.yaml <<YAML
name: $project
services:
  db:
    image: "$image"
    environment: { POSTGRES_PASSWORD: benchmark }
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: { test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "postgres"], interval: 1s, retries: 60 }
volumes: { data: {} }
YAML
clean_up() {
    "$real" down -v -t 1 >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT
start() { "$real" up -d --wait >/dev/null 2>&1; }

# Prints the microseconds of one run.
once() {
    local start=$EPOCHREALTIME
    "$@" >"$scratch/output" 2>&1 </dev/null || { echo "failed: $*" >&2; cat "$scratch/output" >&2; exit 70; }
    local end=$EPOCHREALTIME
    echo $((${end//[.,]/} - ${start//[.,]/}))
}
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
plain_dump() {
    "$real" exec -T db pg_dump -U postgres -Fc postgres >dump
    sync dump
}

start
echo "filling a database of scale $scale" >&2
"$real" exec -T -e PGPASSWORD=benchmark db pgbench -U postgres -h 127.0.0.1 -i -q -s "$scale" postgres >/dev/null 2>&1
for ((run = 0; run < runs; run++)); do
    rm -rf backups
    once "$ours" backup >>backups.figures
    once plain_dump >>dumps.figures
done
"$ours" backup >/dev/null 2>&1
for ((run = 0; run < runs; run++)); do
    once "$ours" down >>guarded.figures
    start
    once "$real" down >>plain.figures
    start
done
awk -v backup="$(median <backups.figures)" -v dump="$(median <dumps.figures)" -v guarded="$(median <guarded.figures)" -v plain="$(median <plain.figures)" \
    -v limits="${DATABASES_LIMITS:-}" 'BEGIN {
    printf "backup           %7.2f s; pg_dump -Fc %.2f s, ratio %.2f\n", backup / 1e6, dump / 1e6, backup / dump
    printf "unchanged, down  %7.2f s; plain %.2f s, ratio %.2f\n", guarded / 1e6, plain / 1e6, guarded / plain
    if (limits == "1" && (backup / dump > 1.1 || guarded / plain > 1.3)) { print "outside the limits"; exit 1 }
}'
