#!/usr/bin/env bash
# Prints the tables of docs/performance.md: every bench, one after the other.  The machine should have nothing else to do.
# Usage: bench/table.sh [--quick] [BENCH…]
set -euo pipefail
cd "$(dirname "$0")/.."

quick=()
if [ "${1-}" = --quick ]; then
    quick=(--quick)
    shift
fi
benches=("$@")
[ ${#benches[@]} -gt 0 ] || benches=(fanout latency throughput big idle herd match write peers)

cpu=$(awk -F': *' '/^model name/ {print $2; exit}' /proc/cpuinfo)
printf '%s cores of %s, Linux %s, %s, %s\n' "$(nproc)" "$cpu" "$(uname -r)" "$(date -u +%F)" "$(git rev-parse --short HEAD)"
for name in "${benches[@]}"; do
    printf '\n## %s: `build/bench/%s`\n\n' "$name" "$name"
    "build/bench/$name" "${quick[@]}"
    if [ "$name" = peers ] && [ ${#quick[@]} = 0 ]; then
        build/bench/peers --subscribers 10000 --cycles 3
    fi
done
