#!/usr/bin/env bash
# Builds with clang in build-clang: what it warns of is an error; the address and undefined-behaviour sanitizers are in,
# and the coverage that the fuzzers need.
# Usage: tools/clang.sh [NINJA_TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build-clang/build.ninja ] ||
    CC=clang meson setup build-clang -Dfuzz=true -Dbuildtype=debugoptimized -Db_lundef=false \
        -Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link
ninja -C build-clang "$@"
