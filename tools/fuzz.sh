#!/usr/bin/env bash
# Builds the fuzzers with clang in build-fuzz and runs each for SECONDS over its corpus, two at a time.
# What a run finds stays in build-fuzz/corpus/; a crash is kept as build-fuzz/crash-NAME-… and becomes a
# unit test.
# Usage: tools/fuzz.sh SECONDS [NAME…]
set -euo pipefail
seconds=${1:?Usage: tools/fuzz.sh SECONDS [NAME…]}
shift
cd "$(dirname "$0")/.."

mkdir -p build-fuzz
log=build-fuzz/build.log
[ -f build-fuzz/build.ninja ] ||
    CC=clang meson setup build-fuzz -Dfuzz=true -Dbuildtype=debugoptimized -Db_lundef=false \
        -Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link >"$log" ||
    { cat "$log"; exit 1; }
targets=("${@/%/_fuzz}")
if [ ${#targets[@]} -gt 0 ]; then
    ninja -C build-fuzz "${targets[@]/#/fuzz/}" >"$log"
else
    ninja -C build-fuzz fuzzers >"$log"
fi || { cat "$log"; exit 1; }

run_one() {
    local name=$1 seconds=$2 log=build-fuzz/$1.log status=0
    mkdir -p "build-fuzz/corpus/$name" "fuzz/corpus/$name"
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        "build-fuzz/fuzz/${name}_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="build-fuzz/crash-$name-" \
        "build-fuzz/corpus/$name" "fuzz/corpus/$name" >"$log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        echo "fuzz: $name: $(awk '/number_of_executed_units/ {print $2}' "$log") runs, ok"
    else
        echo "FAIL fuzz: $name"
        tail -n 40 "$log"
    fi
    return "$status"
}
export -f run_one

if [ $# -gt 0 ]; then
    names=("$@")
else
    mapfile -t names < <(find build-fuzz/fuzz -maxdepth 1 -name '*_fuzz' -printf '%f\n' | sed 's/_fuzz$//' | LC_ALL=C sort)
fi
printf '%s\0' "${names[@]}" | xargs -0 -P 2 -I '{}' bash -c 'run_one "$1" "$2" || exit 1' run_one '{}' "$seconds" |
    tee build-fuzz/summary || true
failed=$(grep -c '^FAIL ' build-fuzz/summary || true)
echo "$((${#names[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
