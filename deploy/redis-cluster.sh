#!/bin/sh
# Makes one cluster of Redis servers that run with cluster-enabled: half of them become primaries with as many slots each,
# the others a replica of one of them each.
#
#   redis-cluster.sh HOST[:PORT]…        an even number, at least six
#
# What has joined already stays as it is, so that this may be done at any time, as docker-compose.cluster.yml does at each
# start. The first server may have the data of its time as the only one: it serves on while slots move to the others.
# REDIS_USER and what is in REDIS_PASSWORD_FILE are who may do so.
set -eu
[ $# -ge 6 ] && [ $(($# % 2)) -eq 0 ] || { echo "usage: $0 HOST[:PORT]…, an even number of at least six" >&2; exit 2; }
primaries=$(($# / 2))
[ -z "${REDIS_PASSWORD_FILE:-}" ] || REDISCLI_AUTH=$(cat "$REDIS_PASSWORD_FILE")
export REDISCLI_AUTH

as_admin()
{
    redis-cli ${REDIS_USER:+--user "$REDIS_USER"} "$@"
}

# ask NODE COMMAND…
ask()
{
    at=$1
    shift
    as_admin -e -h "${at%:*}" -p "${at##*:}" "$@"
}

# info NODE FIELD: of CLUSTER INFO.
info()
{
    ask "$1" cluster info | sed -n "s/^$2:\([0-9]*\).*/\1/p"
}

# The primaries that the cluster has, but those that are dead.
count_primaries()
{
    ask "$seed" cluster nodes | grep -w master | grep -vc fail
}

# A server that finds itself in a cluster has the slots of its keys already, no others.
take_all_slots()
{
    next=0
    gaps=
    for range in $(ask "$seed" cluster nodes | cut -s -d ' ' -f 9-) 16384; do
        [ "$next" -ge "${range%-*}" ] || gaps="$gaps $next $((${range%-*} - 1))"
        next=$((${range#*-} + 1))
    done
    # shellcheck disable=SC2086
    [ -z "$gaps" ] || ask "$seed" cluster addslotsrange $gaps
}

# A line of what a node that has joined says of all that live: who there is, and who is whose replica.
view()
{
    [ "$(info "$1" cluster_known_nodes)" -gt 1 ] || return 0
    ask "$1" cluster nodes | grep -v fail | sed 's/myself,//' | cut -d ' ' -f 1,3,4 | sort | tr '\n' ' '
    echo
}

agrees()
{
    views=$(for node in "$@"; do view "$node"; done | sort -u)
    [ "$(echo "$views" | wc -l)" -eq 1 ] && found=$(as_admin --cluster check "$seed")
}

# agree NODE…: returns when all say the same, and no slot is left halfway.
agree()
{
    found=
    tries=120
    until agrees "$@"; do
        case $found in
        *"in migrating state"* | *"in importing state"*) as_admin --cluster fix "$seed" ;; # a move that was broken off
        esac
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { printf 'the nodes do not agree: %s\n%s\n' "$views" "$found" >&2; exit 1; }
        sleep 0.5
    done
}

# Nodes want addresses.
nodes=
for place in "$@"; do
    host=${place%:*}
    port=${place##*:}
    [ "$port" != "$place" ] || port=6379
    address=$(getent ahostsv4 "$host" | sed -n '1s/ .*//p')
    nodes="$nodes ${address:?$host has no address}:$port"
done
# shellcheck disable=SC2086
set -- $nodes

seed=
used=0
for node in "$@"; do
    ask "$node" ping >/dev/null
    used=$((used + $(ask "$node" dbsize)))
    if [ -z "$seed" ] && [ "$(info "$node" cluster_known_nodes)" -gt 1 ]; then seed=$node; fi
done
if [ -z "$seed" ] && [ $used -eq 0 ]; then
    seed=$1
    as_admin --cluster create "$@" --cluster-replicas 1 --cluster-yes
fi
if [ -z "$seed" ]; then
    seed=$1
    take_all_slots
fi

agree "$@"
for node in "$@"; do
    if [ "$node" = "$seed" ] || [ "$(info "$node" cluster_known_nodes)" -gt 1 ]; then continue; fi
    if [ "$(count_primaries)" -lt $primaries ]; then
        as_admin --cluster add-node "$node" "$seed"
    else
        as_admin --cluster add-node "$node" "$seed" --cluster-slave
    fi
    agree "$@"
done
exec redis-cli ${REDIS_USER:+--user "$REDIS_USER"} --cluster rebalance "$seed" --cluster-use-empty-masters
