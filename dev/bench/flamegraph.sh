#!/usr/bin/env bash
# Where the program's CPU goes under load: perf records it during T, inferno folds and draws it.
#
# usage: dev/bench/flamegraph.sh <minuet> <folder for what it makes> [argument of minuet bench...]
#
# Needs perf (Debian: linux-perf). inferno is built once, by cargo, into <folder>/tools.
set -euo pipefail

minuet=$1 folder=$2
shift 2
version=0.12.8
tools=$folder/tools/bin

command -v perf >/dev/null || { echo "perf is missing: apt-get install linux-perf" >&2; exit 1; }
mkdir -p "$folder"
if [ ! -x "$tools/inferno-flamegraph" ]; then
    cargo install --quiet --locked --root "$folder/tools" --version "$version" inferno \
        --bin inferno-collapse-perf --bin inferno-flamegraph
fi

"$minuet" bench --only throughput --duration 20s --record "$folder/perf.data" "$@"
# Inlined frames take addr2line minutes to find, and change nothing about who is to blame.
perf script --input "$folder/perf.data" --no-inline 2>/dev/null |
    "$tools/inferno-collapse-perf" >"$folder/stacks.folded"
"$tools/inferno-flamegraph" --title "minuet under T" "$folder/stacks.folded" >"$folder/flamegraph.svg"
rm "$folder/perf.data"
echo "$folder/flamegraph.svg; the stacks, one per line: $folder/stacks.folded"
