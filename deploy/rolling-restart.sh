#!/usr/bin/env bash
# Builds the gateway's image and replaces the running gateways of docker-compose.yml one after the other: each drains, its
# successor is healthy before the next one's turn. `docker-compose up -d --no-deps --build gateway` replaces them all at
# once: no event and no rider is lost by that either, but clients wait for the new ones to start.
set -euo pipefail
cd "$(dirname "$0")/.."
compose=${COMPOSE:-docker-compose} # or: COMPOSE="docker compose"

containers()
{
    $compose ps -q gateway
}

healthy()
{
    ! containers | xargs docker inspect -f '{{.State.Health.Status}}' | grep -qv '^healthy$'
}

$compose build gateway
old=$(containers)
count=$(wc -l <<<"$old")
for id in $old; do
    docker stop -t 30 "$id" >/dev/null # more than --drain-timeout
    docker rm "$id" >/dev/null
    $compose up -d --no-deps --no-recreate --scale "gateway=$count" gateway
    for _ in {1..60}; do
        healthy && break
        sleep 1
    done
    healthy || { echo "a new gateway does not become healthy; the others have been left alone" >&2; exit 1; }
done
