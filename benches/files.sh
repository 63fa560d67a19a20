#!/usr/bin/env bash
# What a backup of a volume of files costs against restic and against `tar | zstd`, as complete processes on the same data:
# a large file and many small ones, in the volume of a stopped service.
#
#   benches/files.sh SAFE_COMPOSE [MEGABYTES] [FILES] [RUNS]
#
# Half of MEGABYTES (2000) is the large file, the other half is in FILES (100000). Prints
#   - a first backup against `restic backup` into a new repository and against `docker run … tar | zstd -3`;
#   - a second backup of the unchanged files against the second one of restic;
#   - the bytes that the second one adds to the disk;
#   - with a repository in restic's format: what the copy takes after the local backup, first and unchanged;
#   - the peak memory of each.
# Needs restic, zstd and the machine's static busybox (or the program in BUSYBOX). With FILES_LIMITS=1 it fails above 0.7
# (first), 1.0 (unchanged), 64 MiB, 1.2 and 1.0 (repository).
set -euo pipefail
if [ $# -lt 1 ]; then
    sed -n '2,16s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
ours=$(realpath "$1") megabytes=${2:-2000} files=${3:-100000} runs=${4:-3}
scratch=$(mktemp -d)
project=safe-compose-files-$$
image=$project:bench
cd "$scratch"
export RESTIC_PASSWORD=benchmark SAFE_COMPOSE_REPOSITORY_PASSWORD=benchmark

mkdir image
cp "${BUSYBOX:-$(command -v busybox)}" image/busybox
cat >image/Dockerfile <<'DOCKERFILE'
FROM scratch
COPY busybox /bin/busybox
ENTRYPOINT ["/bin/busybox"]
CMD ["sleep", "1000000"]
DOCKERFILE
write_project() {
    cat >compose.yaml <<YAML
name: $project
services:
  files: { image: "$image", init: true, volumes: ["data:/data"] }
volumes: { data: {} }
$1
YAML
}
clean_up() {
    SAFE_COMPOSE_DISPOSABLE=$project "$ours" down -v -t 0 >/dev/null 2>&1 || true
    docker image rm -f "$image" >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT
docker build -q -t "$image" image >/dev/null 2>&1
write_project ''
"$ours" create >/dev/null 2>&1
tree=$(docker volume inspect -f '{{.Mountpoint}}' "${project}_data")

echo "writing $megabytes MB: a large file and $files small ones" >&2
python3 - "$tree" "$megabytes" "$files" <<'PYTHON'
import os, random, sys
tree, megabytes, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
source = random.Random(1)
words = [bytes(source.choices(b"abcdefghijklmnopqrstuvwxyz", k=source.randint(2, 9))) for _ in range(5000)]
# Lines of words compress about as well as the text of a database; the random third does not.
def block(size):
    text = b" ".join(source.choices(words, k=size // 5))[: size * 2 // 3]
    return text + source.randbytes(size - len(text))
half = megabytes * 500_000
with open(os.path.join(tree, "large"), "wb") as out:
    for _ in range(max(1, half // 1_000_000)):
        out.write(block(1_000_000))
each = half // files
pool = block(4_000_000)
for at in range(files):
    folder = os.path.join(tree, f"{at // 1000:03}")
    os.makedirs(folder, exist_ok=True)
    begin = source.randrange(len(pool) - each)
    with open(os.path.join(folder, f"{at:06}"), "wb") as out:
        out.write(b"%d\n" % at + pool[begin : begin + each])
PYTHON
sync

# measured COMMAND…: seconds, and peak memory in KiB of its largest process.
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
largest() { sort -n | tail -1; }
# run NAME COMMAND…: appends what was measured to times of that name.
run() {
    local name=$1
    shift
    measured "$@" >>"$name.figures"
}
seconds() { cut -d' ' -f1 "$1.figures" | median; }
memory() { cut -d' ' -f2 "$1.figures" | largest; }

cat >tar.sh <<'SHELL'
set -e -o pipefail
docker run --rm -v "$1:/data:ro" --entrypoint /bin/busybox "$2" tar -c -C /data . | zstd -q -3 -o "$3"
sync "$3"
SHELL
for ((at = 0; at < runs; at++)); do
    rm -rf backups repository plain.tar.zst
    run ours "$ours" backup
    before=$(du -s backups | cut -f1)
    run ours-again "$ours" backup
    after=$(du -s backups | cut -f1)
    rm -rf backups
    restic init -q --no-cache --repo repository
    run restic restic --no-cache --repo repository backup -q "$tree"
    run restic-again restic --no-cache --repo repository backup -q "$tree"
    rm -rf repository
    run tar bash tar.sh "${project}_data" "$image" plain.tar.zst
done
write_project "x-safe-compose: { backup: { repository: { url: ./repository } } }"
SAFE_COMPOSE_TRUST=$("$ours" trust --show --format json | sed -n 's/.*"digest": *"\([^"]*\)".*/\1/p')
export SAFE_COMPOSE_TRUST
for ((at = 0; at < runs; at++)); do
    rm -rf backups repository
    "$ours" repository init >/dev/null 2>&1
    run copy "$ours" backup
    run copy-again "$ours" backup
done
rm -rf backups repository
awk -v ours="$(seconds ours)" -v ours_again="$(seconds ours-again)" -v restic="$(seconds restic)" \
    -v restic_again="$(seconds restic-again)" -v tar="$(seconds tar)" -v memory="$(memory ours)" \
    -v restic_memory="$(memory restic)" -v added=$((after - before)) -v copy="$(seconds copy)" \
    -v copy_again="$(seconds copy-again)" -v copy_memory="$(memory copy)" -v limits="${FILES_LIMITS:-}" 'BEGIN {
    printf "first backup       %8.2f s; restic %.2f s, ratio %.2f; tar | zstd %.2f s, ratio %.2f; peak memory %.0f MiB\n", ours, restic, ours / restic, tar, ours / tar, memory / 1024
    printf "unchanged          %8.2f s; restic %.2f s, ratio %.2f; %d KiB more on the disk\n", ours_again, restic_again, ours_again / restic_again, added
    printf "with a repository  %8.2f s; the copy alone %.2f s, ratio to restic %.2f; peak memory %.0f MiB, restic %.0f MiB\n", copy, copy - ours, (copy - ours) / restic, copy_memory / 1024, restic_memory / 1024
    printf "unchanged          %8.2f s; ratio to restic %.2f\n", copy_again, copy_again / restic_again
    if (limits == "1" && (ours / restic > 0.7 || ours / tar > 0.7 || ours_again / restic_again > 1 || memory > 65536 ||
        (copy - ours) / restic > 1.2 || copy_again / restic_again > 1 || copy_memory > restic_memory)) {
        print "outside the limits"; exit 1
    }
}'
