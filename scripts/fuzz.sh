#!/usr/bin/env bash
# Runs every fuzz target of the fuzz build for so many seconds, as many at once as there are cores. Each starts from its
# seeds in tests/fuzz/corpus; what it finds stays in build/fuzz, so the source tree never changes.
#
#   scripts/fuzz.sh SECONDS
set -euo pipefail
cd "$(dirname "$0")/.."

# What it says is printed when it has ended.
fuzz()
{
    local target=$1 seconds=$2
    local name=${target##*/fuzz_} words=() corpora said status=0
    local found=build/fuzz/corpus/$name
    mkdir -p "$found"
    corpora=("$found")
    if [[ -d tests/fuzz/corpus/$name ]]; then
        corpora+=("tests/fuzz/corpus/$name")
    fi
    if [[ -f tests/fuzz/dictionary/$name ]]; then
        words+=("-dict=tests/fuzz/dictionary/$name")
    fi
    said=$("$target" -max_total_time="$seconds" -timeout=10 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name-" "${words[@]}" "${corpora[@]}" 2>&1) || status=$?
    printf 'fuzz_%s, %s s\n%s\n' "$name" "$seconds" "$said"
    return "$status"
}

targets=()
for target in build/fuzz/tests/fuzz/fuzz_*; do
    [[ ! -f $target || ! -x $target ]] || targets+=("$target")
done
if ((${#targets[@]} == 0)); then
    echo "no fuzz target in build/fuzz/tests/fuzz" >&2
    exit 1
fi
export -f fuzz
printf '%s\0' "${targets[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c 'fuzz "$@"' fuzz {} "$1"
