#!/usr/bin/env bash
# Builds the fuzzers (tools/clang.sh) and runs each for SECONDS over its corpus, two at a time.
# What a run finds stays in build-clang/fuzz-runs/corpus/; a crash is kept there as crash-NAME-… and becomes a
# unit test.
# Usage: tools/fuzz.sh SECONDS [NAME…]
set -euo pipefail
seconds=${1:?Usage: tools/fuzz.sh SECONDS [NAME…]}
shift
cd "$(dirname "$0")/.."

folder=build-clang/fuzz-runs
mkdir -p "$folder"
targets=("${@/#/fuzz/}")
targets=("${targets[@]/%/_fuzz}")
[ $# -gt 0 ] || targets=(fuzzers)
tools/clang.sh "${targets[@]}" >"$folder/build.log" || { cat "$folder/build.log"; exit 1; }

run_one() {
    local name=$1 seconds=$2 log=$folder/$1.log status=0
    mkdir -p "$folder/corpus/$name" "fuzz/corpus/$name"
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        "build-clang/fuzz/${name}_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$folder/crash-$name-" \
        "$folder/corpus/$name" "fuzz/corpus/$name" >"$log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        echo "fuzz: $name: $(awk '/number_of_executed_units/ {print $2}' "$log") runs, ok"
    else
        echo "FAIL fuzz: $name"
        tail -n 40 "$log"
    fi
    return "$status"
}
export -f run_one
export folder

if [ $# -gt 0 ]; then
    names=("$@")
else
    mapfile -t names < <(find build-clang/fuzz -maxdepth 1 -name '*_fuzz' -printf '%f\n' | sed 's/_fuzz$//' | LC_ALL=C sort)
fi
printf '%s\0' "${names[@]}" | xargs -0 -P 2 -I '{}' bash -c 'run_one "$1" "$2" || exit 1' run_one '{}' "$seconds" |
    tee "$folder/summary" || true
failed=$(grep -c '^FAIL ' "$folder/summary" || true)
echo "$((${#names[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
