#!/usr/bin/env bash
# Checks that every src/x/y.c has its tests/x/y_test.c, every bindings/x/y.c its tests/bindings/x/y_test.c, and every such
# test its source.  A part of a
# module, src/x/y_part.c beside src/x/y.c, is tested through the module; a long test may be parted in
# the same way.
# Usage: tools/mirror.sh [ROOT]
set -euo pipefail
cd "${1:-"$(dirname "$0")/.."}"
shopt -s nullglob

# Sources without a test of their own: the test that runs them, or the reason why there is none.
declare -A untested=(
    [bindings/wasm/exports.c]=tests/clients/wasm.mjs
    [bindings/wasm/libc.c]=tests/clients/wasm.mjs
    [bindings/wasm/trace.c]=tests/clients/wasm.mjs
    [src/server/main.c]='only hands argv on; the clients and the crash tests run the program'
)
# Tests without a source of their own, and why.
declare -A unsourced=(
    [tests/base/list_test.c]='base/list.h is all there is'
)

faults=0 sources=0 tests=0
complain() {
    echo "$1"
    faults=$((faults + 1))
}

# has_module NAME PREFIX SUFFIX: drops `_part` by `_part` from NAME until PREFIX NAME SUFFIX is a file.
has_module() {
    local name=$1
    while [[ ${name##*/} == *_* ]]; do
        name=${name%_*}
        [ ! -f "$2$name$3" ] || return 0
    done
    return 1
}

check_source() {
    local file=$1 name=${1#src/}
    name=${name%.c}
    local why=${untested[$file]-}
    if [ -f "tests/${name}_test.c" ]; then
        [ -z "$why" ] || complain "$file: has a test of its own now, take it off the list"
    elif [[ $why == tests/* ]]; then
        [ -f "$why" ] || complain "$file: $why is missing"
    elif [ -z "$why" ] && ! has_module "$name" tests/ _test.c; then
        complain "$file: tests/${name}_test.c is missing"
    fi
}

check_test() {
    local file=$1 name=${1#tests/}
    name=${name%_test.c}
    local root=src/
    [[ $name != bindings/* ]] || root=
    [ -f "$root$name.c" ] || [ -n "${unsourced[$file]-}" ] || has_module "$name" "$root" .c ||
        complain "$file: $root$name.c is missing"
}

for file in src/*/*.c bindings/*/*.c; do
    sources=$((sources + 1))
    check_source "$file"
done
for file in tests/*/*_test.c tests/bindings/*/*_test.c; do
    tests=$((tests + 1))
    check_test "$file"
done
for file in "${!untested[@]}"; do
    [ -f "$file" ] || complain "$file: is on the list, but is no more"
done

[ "$faults" = 0 ] || exit 1
echo "mirror: $sources sources, $tests tests, ok"
