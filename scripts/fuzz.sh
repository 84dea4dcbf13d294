#!/usr/bin/env bash
# Runs every fuzz target of the fuzz build for so many seconds. Each starts from its seeds in tests/fuzz/corpus; what it
# finds stays in build/fuzz, so the source tree never changes.
#
#   scripts/fuzz.sh SECONDS
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
ran=0
for target in build/fuzz/tests/fuzz/fuzz_*; do
    [[ -f $target && -x $target ]] || continue
    name=${target##*/fuzz_}
    found=build/fuzz/corpus/$name
    mkdir -p "$found"
    corpora=("$found")
    if [[ -d tests/fuzz/corpus/$name ]]; then
        corpora+=("tests/fuzz/corpus/$name")
    fi
    words=()
    if [[ -f tests/fuzz/dictionary/$name ]]; then
        words+=("-dict=tests/fuzz/dictionary/$name")
    fi
    echo "fuzz_$name, $seconds s"
    "$target" -max_total_time="$seconds" -timeout=10 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name-" "${words[@]}" "${corpora[@]}"
    ran=$((ran + 1))
done
if ((ran == 0)); then
    echo "no fuzz target in build/fuzz/tests/fuzz" >&2
    exit 1
fi
