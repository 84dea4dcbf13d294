#!/usr/bin/env bash
# Renews the images that docker-compose.yml, docker-compose.cluster.yml and deploy/Dockerfile name: the version that each
# of the tags below stands for today, with its digest. Where no registry answers, what Docker has here is taken, without
# digests. Look at what has changed (git diff), and try it, before it goes anywhere.
set -euo pipefail
cd "$(dirname "$0")/.."

# Each image, the tag that is followed, the tag of one version, and what says the version.
images=(
    "debian           trixie-slim  %s-slim  cat /etc/debian_version"
    "redis            8            %s       redis-server --version"
    "nginx            stable       %s       nginx -v"
    "prom/prometheus  latest       v%s      prometheus --version"
    "grafana/grafana  latest       %s       grafana --version"
    "grafana/k6       latest       %s       k6 version"
)

edits=()
for line in "${images[@]}"; do
    read -r name followed form command arguments <<<"$line"
    docker pull -q "$name:$followed" >/dev/null || echo "$name:$followed could not be pulled; what is here is taken" >&2
    # shellcheck disable=SC2086
    said=$(docker run --rm --network none --entrypoint "$command" "$name:$followed" $arguments 2>&1) ||
        { echo "$said" >&2; exit 1; }
    version=$(grep -oE '[0-9]+(\.[0-9]+)+' <<<"$said" | head -n 1)
    # shellcheck disable=SC2059
    tag=$(printf "$form" "$version")
    digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$name:$followed" |
        grep -oE '@sha256:[0-9a-f]{64}$' | head -n 1) || digest=
    edits+=(-e "s#(image: |DEBIAN=)$name:[^ ]+#\\1$name:$tag$digest#")
    echo "$name:$tag$digest"
done
sed -E -i "${edits[@]}" docker-compose.yml docker-compose.cluster.yml deploy/Dockerfile
