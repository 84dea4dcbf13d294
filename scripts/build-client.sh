#!/usr/bin/env bash
# Builds the web client into client/dist, unless what is there is newer than its sources. Where Node.js is missing or
# too old it says so and is content: the gateway works without.
set -euo pipefail

if ! "$(dirname "$0")/has-client-node.sh"; then
    echo "The web client is left out: it needs Node.js 20.19 or later, with npm (here: $(node --version 2>/dev/null || echo none))."
    exit 0
fi
cd "$(dirname "$0")/../client"

if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
    npm ci --no-audit --no-fund
    touch node_modules/.package-lock.json
fi
sources=(src public index.html package.json package-lock.json vite.config.ts tsconfig.json)
if [[ ! -e dist/index.html || -n $(find "${sources[@]}" -newer dist/index.html -print -quit) ]]; then
    npm run --silent build -- --logLevel warn
fi
