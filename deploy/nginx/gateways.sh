#!/bin/sh
# Prints site/gateways.conf for the gateways given as HOST:PORT, one address each. Their order does not matter: a
# session's place depends on the addresses alone, and moves only when its own gateway comes or goes.
#
#   gateways.sh 10.0.0.11:3000 10.0.0.12:3000 > /etc/nginx/site/gateways.conf && nginx -s reload
set -eu
[ $# -gt 0 ] || { echo "usage: $0 HOST:PORT…" >&2; exit 2; }

servers() # PARAMETERS HOST:PORT…
{
    parameters=$1
    shift
    printf "    server %s $parameters;\n" "$@"
}

cat <<END
# Engine.IO sessions. max_fails=0: were a gateway left out for a while, nginx would send new sessions with its keys to
# its neighbour, and lose them when it is back. @open in locations.conf does better: it tries another key.
upstream sessions {
    hash \$session consistent;
$(servers max_fails=0 "$@")
    keepalive 64;
    keepalive_timeout 3s; # less than the gateway's 5 s
}

# What needs no place of its own: plain WebSockets and pages.
upstream anywhere {
    least_conn;
$(servers "max_fails=1 fail_timeout=5s" "$@")
    keepalive 64;
    keepalive_timeout 3s;
}
END
