#!/usr/bin/env bash
# How cost grows: the reference workload against what may grow, one line each. Takes about 20 minutes, and the disk that 10
# million orders and 50 million inbox rows need; GROWTH_ONLY=partitions (or another first word) runs a part.
#   dev/bench/growth.sh target/release/minuet [options of minuet bench, such as --services apart]
set -euo pipefail
program=${1:?the program}
shift
failed=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT

run() { # <what> <how much> <options...>
    local what=$1 much=$2 json
    shift 2
    [[ ${GROWTH_ONLY:-$what} == "$what" ]] || return 0
    json=$("$program" bench --only throughput --warm-up 8s --duration 15s --json "$@" 2>"$said") || {
        printf '%-12s %12s  no figures: %s\n' "$what" "$much" "$(tail -1 "$said")"
        failed=1
        return 0
    }
    field() { sed -n "s/^ *\"$1\": \([0-9.]*\).*/\1/p" <<<"$json" | head -1; }
    printf '%-12s %12s %8.0f %8.2f %8.2f %8.2f %8.0f\n' "$what" "$much" "$(field throughput_per_s)" \
        "$(field program)" "$(field postgres)" "$(field broker)" "$(field peak_rss_mib)"
}

printf '%-12s %12s %8s %8s %8s %8s %8s\n' 'what' 'how much' orders/s program postgres broker MiB
more=("$@")
for n in 1 2 4 8 16; do run partitions $n --partitions $n "${more[@]}"; done
for n in 1000 10000 100000 1000000; do run products $n --products $n "${more[@]}"; done
for n in 0 10000000; do run orders $n --orders-before $n "${more[@]}"; done
for n in 0 50000000; do run inbox $n --inbox-before $n "${more[@]}"; done
for n in 1 2 4; do run instances $n --instances $n "${more[@]}"; done
for n in 64 512 2048 8192; do run in-flight $n --variant provider --in-flight $n "${more[@]}"; done
exit $failed
