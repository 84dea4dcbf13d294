#!/usr/bin/env bash
# Installs the Debian packages that a step needs and this machine lacks; says nothing when nothing is missing.
#
#   scripts/install-deps.sh build|client|test|java|go|package|load|bench|pictures|lint|fuzz|debian13 …
#
# Elsewhere than on Debian and its kin it names what is needed and leaves the verdict to CMake.
set -euo pipefail

updated= # whether apt has been told what there is
has_client_node=$(dirname "$0")/has-client-node.sh

# Node.js is often there from another source, whose packages conflict with Debian's npm.
has_node()
{
    command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null
}

# apt_has PACKAGE VERSION: it, or a later one.
apt_has()
{
    local version
    version=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p')
    [[ $version == [0-9]* ]] && dpkg --compare-versions "$version" ge "$2"
}

is_installed()
{
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root()
{
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

need()
{
    if ! command -v apt-get >/dev/null; then
        echo "This is not a Debian system; needed here is what Debian calls: $*" >&2
        command -v cmake >/dev/null && command -v pkg-config >/dev/null || exit 1
        return
    fi
    local package missing=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
        return
    fi
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        echo "Neither root nor sudo; please have these packages installed: ${missing[*]}" >&2
        exit 1
    fi
    echo "Installing ${missing[*]}"
    [[ -n $updated ]] || as_root apt-get -qq update
    updated=yes
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}" >/dev/null
}

for group in "$@"; do
    case $group in
    build)
        need build-essential cmake ninja-build pkg-config libwebsockets-dev libwebsockets-evlib-uv libhiredis-dev \
            libevent-dev libjson-c-dev libssl-dev uthash-dev
        # What reads HTTP, and its predecessor where that is not to be had (Debian 12).
        if apt_has libllhttp-dev 9.2; then need libllhttp-dev; else need libhttp-parser-dev; fi
        ;;
    client)
        # Without one there is no client, and the gateway works all the same.
        if ! "$has_client_node" && apt_has nodejs 20.19; then
            (need nodejs npm) || echo "Node.js could not be installed" >&2
        fi
        ;;
    test)
        need libcmocka-dev
        # What Redis runs scripts with: tests/sim does so, too.
        need liblua5.1-0-dev lua-cjson-dev
        # What reads JSON, besides Perl, which all of Debian has.
        command -v jq >/dev/null || need jq
        command -v php >/dev/null || need php-cli
        # For the README's example in Python, for system call filters, and to read compose's file.
        need python3-websockets python3-seccomp python3-yaml
        # Apps with python-socketio; the others are what it wants for polling and for WebSocket.
        need python3-socketio python3-requests python3-websocket
        # The latter for what valgrind says of the C library.
        need valgrind libc6-dbg
        # It says what becomes of compose's files; no Docker is needed for that.
        command -v docker-compose >/dev/null || need docker-compose
        # What makes the package asks it for programs; the tests sign one.
        need file gpg gpg-agent
        has_node || need nodejs npm
        # Where systemd runs, Debian's package also starts a server on port 6379. The tests start their own.
        command -v redis-server >/dev/null || need redis-server
        # Some tests are also made with Valkey. Where systemd runs, its package and Redis' would want the same port.
        if [[ ! -d /run/systemd/system ]] && apt_has valkey-server 8; then need valkey-server; fi
        # The same holds for nginx, on port 80; it is often there from its own project's packages.
        [[ -x /usr/sbin/nginx ]] || command -v nginx >/dev/null || need nginx-light openssl
        # Likewise Prometheus; the tests want its promtool.
        command -v promtool >/dev/null || need prometheus
        # It judges the unit; systemd need not run.
        command -v systemd-analyze >/dev/null || need systemd
        # For the tests in a browser; the pages are in Korean, too.
        if "$has_client_node"; then
            command -v chromium >/dev/null || need chromium
            need fonts-nanum
        fi
        ;;
    java)
        command -v javac >/dev/null || need default-jdk-headless
        command -v mvn >/dev/null || need maven
        ;;
    package)
        need file python3 binutils
        command -v gpg >/dev/null || need gpg gpg-agent
        ;;
    go | load)
        command -v go >/dev/null || need golang-go
        ;;
    bench)
        has_node || need nodejs npm
        command -v redis-server >/dev/null || need redis-server
        command -v taskset >/dev/null || need util-linux
        command -v callgrind_control >/dev/null || need valgrind libc6-dbg
        command -v cargo >/dev/null || need cargo
        ;;
    pictures)
        need pngquant
        ;;
    lint)
        need clang-format clang-tidy cppcheck
        ;;
    fuzz)
        # The sanitizers' runtime is a package of its own, named after the compiler's version.
        need clang
        need "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
        ;;
    debian13)
        need debootstrap debian-archive-keyring
        ;;
    *)
        echo "$0: unknown group '$group'" >&2
        exit 2
        ;;
    esac
done
