#!/bin/sh
# Makes the secrets of docker-compose.yml, each in the folder of the one service that has it, readable by its user alone:
#
#   gateway/redis-password    what gateways show Redis
#   redis/admin-password      of Redis' user admin, for whoever looks after it, and for its replicas
#   redis/redis.conf          how Redis knows both, by hashes, and what it lets gateways do
#   grafana/password          of Grafana's user admin
#
#   secrets.sh FOLDER         passwords that are there stay
set -eu
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
umask 077
cd "$1"

random()
{
    od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# put FILE USER: the standard input, all of it or nothing. 10001 is the gateway's, 999 Redis' and 472 Grafana's.
put()
{
    cat >"$1.new"
    chmod 400 "$1.new"
    [ "$(id -u)" -ne 0 ] || chown "$2" "$1.new"
    mv -f "$1.new" "$1"
}

mkdir -p gateway redis grafana
chmod 755 gateway redis grafana
[ -s gateway/redis-password ] || random | put gateway/redis-password 10001
[ -s redis/admin-password ] || random | put redis/admin-password 999
[ -s grafana/password ] || random | put grafana/password 472
hash()
{
    sha256sum "$1" | cut -d ' ' -f 1
}
put redis/redis.conf 999 <<END
# Gateways may use their own keys and channels, and nothing that concerns the server; anybody may ask whether it lives.
user default on nopass resetkeys resetchannels -@all +ping
user ridecast on #$(hash gateway/redis-password) ~ridecast:* &ridecast:* +@all -@admin -@dangerous +role
user admin on #$(hash redis/admin-password) ~* &* +@all
# What a replica says to its primary.
masteruser admin
masterauth $(cat redis/admin-password)
END
