#!/usr/bin/env bash
# clang-tidy and cppcheck over src/, bindings/posix/ and bench/, two at a time; prints problems only, and what was read.
# Usage: tools/static.sh BUILD_DIR [LAYER…]      (BUILD_DIR: any build folder set up with clang or gcc)
set -euo pipefail
build=${1:?Usage: tools/static.sh BUILD_DIR [LAYER…]}
shift
build=$(realpath "$build")
cd "$(dirname "$0")/.."
[ -f "$build/compile_commands.json" ] || { echo "static: $build has no compile_commands.json"; exit 1; }

folders=("${@/#/src/}")
[ ${#folders[@]} -gt 0 ] || folders=(src bindings/posix bench)
# Files that no target builds have no flags to be read with.
mapfile -t files < <(find "${folders[@]}" -name '*.c' | LC_ALL=C sort)
built=()
for file in "${files[@]}"; do
    if grep -qF "/$file\"" "$build/compile_commands.json"; then
        built+=("$file")
    else
        echo "static: $file is not built in $build"
    fi
done

status=0
[ ${#built[@]} = "${#files[@]}" ] || status=1

# The number of warnings suppressed is of no interest.
tidy() {
    printf '%s\0' "${built[@]}" |
        xargs -0 -r -n 4 -P 2 clang-tidy --quiet -p "$build" 2>&1 |
        { grep -vE '^([0-9]+ warnings? (generated|treated)|Suppressed|Use -header-filter|$)' || true; }
    return "${PIPESTATUS[1]}"
}
tidy || status=1

cppcheck --quiet --std=c17 -j 2 --enable=warning,performance,portability --inline-suppr \
    --error-exitcode=1 --suppress=missingIncludeSystem -D_GNU_SOURCE -D__x86_64__ \
    -D__BYTE_ORDER__=1234 -D__ORDER_LITTLE_ENDIAN__=1234 -Isrc -Ibindings -Iinclude "${files[@]}" || status=1

[ "$status" = 0 ] && echo "static: ${#files[@]} files, ok"
exit "$status"
