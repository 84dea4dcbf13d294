#!/usr/bin/env bash
# Runs a command in a Debian 13 of its own, in a copy of the sources, as root:
#
#   scripts/debian13.sh COMMAND [ARGUMENT…]
#
# DEBIAN13=FOLDER is where that system is (build/debian13). debootstrap makes it once from the mirror that apt uses here
# (MIRROR=URL: from another), and what is installed and built in it is kept. It has processes and mounts of its own, which
# end with this script, however that ends; it starts no services. Exits with 69 where there can be none here.
set -euo pipefail

sources=$(cd "$(dirname "$0")/.." && pwd)
root=$(realpath -m "${DEBIAN13:-$sources/build/debian13}")
suite=trixie
packages=make,ca-certificates
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
made=$root/.ridecast-debian13 # what it was made of; empty while it is being made

unavailable()
{
    echo "No Debian 13 here: $*" >&2
    exit 69
}

# --- how this machine reaches its packages ---

# The archive of Debian's among apt's sources whose release ends so; apt reads them, in whatever form they are.
archive()
{
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    apt-get indextargets --format '$(RELEASE) $(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
        awk -v names="^($codename|stable|testing|unstable|sid)$1\$" '$1 ~ names && !n++ { print $2 }'
}

# How apt fetches, with the authorities that this machine trusts.
apt_settings()
{
    apt-config dump Acquire | grep -vE '^Acquire(::(IndexTargets|Changelogs|GzipIndexes|Languages)\b| )|Auto-?Detect' || true
    echo "Acquire::https::CAInfo \"$authorities\";"
}

apt_sources()
{
    local release
    for release in "$mirror $suite" "$mirror $suite-updates" "$(archive -security) $suite-security"; do
        [[ $release != ' '* ]] && echo "deb [signed-by=$keyring] $release main"
    done
    return 0
}

authorities=/etc/ssl/ridecast-authorities.pem # in there
write_authorities()
{
    local file
    for file in {"$root",}/etc/ssl/certs/ca-certificates.crt "${SSL_CERT_FILE:-}" "${NODE_EXTRA_CA_CERTS:-}" \
        "${npm_config_cafile:-}" /usr/local/share/ca-certificates/*.crt; do
        [[ ! -f $file ]] || realpath "$file"
    done | sort -u | xargs -r -d '\n' sed -e '$a\' >"$root$authorities"
}

# --- making it ---

reason_to_make()
{
    if [[ ! -e $made ]]; then
        return
    elif [[ ! -s $made ]]; then
        echo "it was only half made"
    elif [[ $(<"$made") != "$recipe" ]]; then
        echo "it was made otherwise"
    elif [[ -n $(find "$made" -mtime +30) ]]; then
        echo "it is older than 30 days"
    elif [[ -n $(chroot "$root" dpkg --audit 2>&1) || -n $(ls -A "$root/var/lib/dpkg/updates") ]]; then
        echo "packages in it were only half installed"
    fi
    return 0
}

make_root()
{
    local proxy log=$root.log begun=$SECONDS
    [[ -n $mirror ]] || unavailable "apt's sources name no archive of Debian's; MIRROR=URL does."
    if [[ -z ${http_proxy:-} ]]; then
        eval "$(apt-config shell proxy Acquire::http::Proxy)"
        [[ -z ${proxy:-} || $proxy == DIRECT ]] || export http_proxy=$proxy https_proxy=${https_proxy:-$proxy}
    fi
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    : >"$made"
    echo "Making a Debian 13 in $root"
    if ! debootstrap --variant=minbase --include="$packages" --keyring="$keyring" "$suite" "$root" "$mirror" >"$log" 2>&1; then
        grep -q '^E: Failed getting release file' "$log" &&
            unavailable "$mirror is not reached, or has no $suite; MIRROR=URL is another, and $log says more."
        tail "$log" >&2
        exit 1
    fi
    rm -f "$log" "$root"/var/cache/apt/archives/*.deb "$root/etc/apt/sources.list"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no package starts its service
    chmod +x "$root/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/ridecast"
    echo "$recipe" >"$made"
    echo "It took $((SECONDS - begun)) s"
}

# --- what changes from run to run ---

copy_sources()
{
    local kept new=$root/srv/ridecast.new old=$root/srv/ridecast
    rm -rf "$new"
    mkdir -p "$new" "$old"
    tar -C "$sources" -c --exclude=./.git --exclude=./build --exclude=./client/dist --exclude=node_modules \
        --exclude="./${root#"$sources/"}" . | tar -C "$new" -x --no-same-owner
    for kept in build client/dist client/node_modules tests/node_modules; do
        [[ ! -e $old/$kept ]] || mv "$old/$kept" "$new/$kept"
    done
    rm -rf "$old"
    mv "$new" "$old"
}

write_settings()
{
    write_authorities
    apt_sources >"$root/etc/apt/sources.list.d/ridecast.list"
    {
        apt_settings
        echo 'Acquire::Languages "none"; APT::Keep-Downloaded-Packages "false";'
    } >"$root/etc/apt/apt.conf.d/90ridecast"
    cp -L /etc/hosts /etc/resolv.conf "$root/etc/"
}

mount_all()
{
    local node
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for node in null zero full random urandom tty; do
        touch "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"
    ln -s fd/1 "$root/dev/stdout"
    ln -s fd/2 "$root/dev/stderr"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    if [[ -f ${HOME:-}/.npmrc ]]; then # it may hold secrets, so it is lent and not copied
        touch "$root/root/.npmrc"
        mount --bind "$HOME/.npmrc" "$root/root/.npmrc"
        mount -o remount,bind,ro "$root/root/.npmrc"
    fi
}

# What of the environment counts in there.
environment()
{
    local name
    for name in $(compgen -e); do
        case ${name,,} in
        ci | term | slack | http_proxy | https_proxy | no_proxy | npm_config_* | cmake_build_parallel_level | ctest_parallel_level)
            printf '%s\0' "$name=${!name}"
            ;;
        esac
    done
    printf '%s\0' HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "NODE_EXTRA_CA_CERTS=$authorities" "npm_config_cafile=$authorities"
}

# The rest is the first of the processes in there; with it all others end.
if [[ ${1:-} == --inside ]]; then
    shift
    trap 'exit 143' TERM
    trap 'exit 130' INT
    [[ -n $(apt-get indextargets) ]] || apt-get -qq update # it knows none before
    mirror=${MIRROR:-$(archive '')}
    recipe="$suite $(dpkg --print-architecture) $packages"
    if [[ ! -e $made && -n $(ls -A "$root" 2>/dev/null) ]]; then
        unavailable "$root holds something else; DEBIAN13=FOLDER is another place."
    fi
    reason=$(reason_to_make)
    [[ -z $reason ]] || echo "Made anew, because $reason: $root"
    if [[ -n $reason || ! -e $made ]]; then
        make_root
    else
        echo "The Debian 13 in $root is used again"
    fi
    copy_sources
    write_settings
    mount_all
    mapfile -d '' variables < <(environment)
    chroot "$root" /usr/bin/env -i -C /srv/ridecast "${variables[@]}" "$@"
    exit
fi

if (($# == 0)); then
    echo "usage: $0 COMMAND [ARGUMENT…]" >&2
    exit 2
fi
((EUID == 0)) || unavailable "only root can make one; sudo make test-debian13 does."
command -v apt-get >/dev/null || unavailable "this is not a Debian system."
"$sources/scripts/install-deps.sh" debian13 || unavailable "debootstrap cannot be installed."
alone=(unshare --mount --pid --fork --kill-child)
"${alone[@]}" mount -t tmpfs tmpfs /mnt 2>/dev/null || unavailable "no mounts of its own are allowed here (a container needs --privileged)."

mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock --nonblock 9 || { echo "Waiting for another run in $root" && flock 9; }
setpriv --pdeathsig KILL "${alone[@]}" "$0" --inside "$@" <&0 &
running=$!
trap 'kill -KILL "$running"' EXIT
trap 'exit 143' TERM HUP
trap 'exit 130' INT
status=0
wait "$running" || status=$?
trap - EXIT
exit "$status"
