#!/usr/bin/env bash
# Checks that every src/x/y.c has its tests/x/y_test.c, and every such test its source.  A part of a
# module, src/x/y_part.c beside src/x/y.c, is tested through the module.
# Usage: tools/mirror.sh [ROOT]
set -euo pipefail
cd "${1:-"$(dirname "$0")/.."}"
shopt -s nullglob

# Sources without a test of their own, and why.
declare -A untested=(
    [src/server/main.c]='only hands argv on; the clients and the crash tests run the program'
)
# Tests without a source of their own, and why.
declare -A unsourced=(
    [tests/base/list_test.c]='base/list.h is all there is'
    [tests/base/json_peer_test.c]='compares base/json.c with another reader'
)

faults=0 sources=0 tests=0
complain() {
    echo "$1"
    faults=$((faults + 1))
}

# Drops `_part` by `_part` from the name until a tested module is left.
is_part() {
    local module=${1%.c}
    while [[ ${module##*/} == *_* ]]; do
        module=${module%_*}
        if [ -f "$module.c" ] && [ -f "tests/${module#src/}_test.c" ]; then
            return 0
        fi
    done
    return 1
}

for file in src/*/*.c; do
    sources=$((sources + 1))
    test=tests/${file#src/}
    test=${test%.c}_test.c
    if [ -f "$test" ]; then
        [ -z "${untested[$file]-}" ] || complain "$file: has a test now, take it off the list"
    elif [ -z "${untested[$file]-}" ] && ! is_part "$file"; then
        complain "$file: $test is missing"
    fi
done

for test in tests/*/*_test.c; do
    tests=$((tests + 1))
    file=src/${test#tests/}
    file=${file%_test.c}.c
    [ -f "$file" ] || [ -n "${unsourced[$test]-}" ] || complain "$test: $file is missing"
done

[ "$faults" = 0 ] || exit 1
echo "mirror: $sources sources, $tests tests, ok"
