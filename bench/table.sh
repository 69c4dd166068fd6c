#!/usr/bin/env bash
# Prints the tables of docs/performance.md: every bench, one after the other.  The machine should have nothing else to do.
# A bench that fails or does not end is said to, and the others have their turn; the exit status tells that there was one.
# Usage: bench/table.sh [--quick] [BENCH…]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly patience_s=180 total_s=720 # for one bench, and for all
quick=()
if [ "${1-}" = --quick ]; then
    quick=(--quick)
    shift
fi
benches=("$@")
[ ${#benches[@]} -gt 0 ] || benches=(fanout latency throughput big idle herd match write glass phone peers)

# Those of the pages are scripts, and want what ./test installs: node, Chromium and the packages of the tests.
command_of() {
    case $1 in
        glass | phone) echo "node bench/glass/$1.mjs" ;;
        *) echo "build/bench/$1" ;;
    esac
}

status=0
# What a bench has started ends with it.  The peers, which end each other's turns themselves, get all the time
# that is left; that it was too short for them is no failure.
run() {
    local rc=0 command left=$((total_s - SECONDS)) patience=$patience_s
    if [ "$1" = peers ] || [ "$patience" -gt "$left" ]; then patience=$left; fi
    read -ra command <<<"$(command_of "$1")"
    if [ "$patience" -gt 0 ]; then
        timeout "$patience" "${command[@]}" "${@:2}" || rc=$?
    else
        rc=124
    fi
    case $rc in
        0) return ;;
        124) printf '\n**%s had not ended when its time was over.**\n' "$1" ;;
        *) printf '\n**%s failed with status %d.**\n' "$1" "$rc" ;;
    esac
    if [ "$rc" != 124 ] || [ "$1" != peers ]; then status=1; fi
}

cpu=$(awk -F': *' '/^model name/ {print $2; exit}' /proc/cpuinfo)
printf '%s cores of %s, Linux %s, %s, %s\n' "$(nproc)" "$cpu" "$(uname -r)" "$(date -u +%F)" "$(git rev-parse --short HEAD)"
for name in "${benches[@]}"; do
    printf '\n## %s: `%s`\n\n' "$name" "$(command_of "$name")"
    run "$name" "${quick[@]}"
    if [ "$name" = peers ] && [ ${#quick[@]} = 0 ]; then
        run peers --subscribers 10000 --cycles 3
    fi
done
printf '\n%d s in all\n' "$SECONDS"
exit "$status"
