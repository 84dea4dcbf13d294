#!/usr/bin/env bash
# Builds k6 with Go, unless it is there, and prints where: build/tools/k6-VERSION/k6. Go fetches its source as a module.
set -euo pipefail
cd "$(dirname "$0")/.."

# v0.48.0 is the last one that Go 1.19 builds, which is what Debian 12 has; newer ones need Go 1.23.
version=v0.48.0
if printf '1.23\n%s\n' "$(go env GOVERSION | tr -d go)" | sort -VC; then
    version=v1.3.0
fi
folder=$PWD/build/tools/k6-$version
if [[ ! -x $folder/k6 ]]; then
    echo "Building k6 $version" >&2
    GOBIN=$folder go install "go.k6.io/k6@$version" >&2
fi
echo "$folder/k6"
