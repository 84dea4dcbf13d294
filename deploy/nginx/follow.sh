#!/bin/sh
# nginx in a container whose gateways are all the addresses of one name: looks them up every second, and reloads when
# they have changed. Wants this folder at /etc/ridecast, and /etc/nginx to be writable.
#
#   follow.sh NAME PORT
set -eu
name=$1
port=$2
list=/etc/nginx/site/gateways.conf

gateways()
{
    getent ahostsv4 "$name" | sed "s/ .*/:$port/" | sort -u
}

# True when the list has changed. No address at all is no news: the name server may be away.
look()
{
    found=$(gateways)
    # The addresses are words.
    # shellcheck disable=SC2086
    [ -n "$found" ] && /etc/ridecast/gateways.sh $found >"$list.new" && ! cmp -s "$list.new" "$list" &&
        mv "$list.new" "$list"
}

cp -r /etc/ridecast/nginx.conf /etc/ridecast/site /etc/nginx/
until look; do
    echo "waiting for an address of $name" >&2
    sleep 1
done
while sleep 1; do
    if look; then
        echo "gateways: $(gateways | tr '\n' ' ')" >&2
        nginx -s reload
    fi
done &
exec nginx -g "daemon off;"
