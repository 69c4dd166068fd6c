#!/usr/bin/env bash
# bindings/wasm/build.sh [FILE]: the client as WebAssembly, without imports.
# bindings/wasm/build.sh --trace FOLDER: trace.wasm, trace-gcc and trace-clang, which play what the simulation wrote down.
set -euo pipefail
cd "$(dirname "$0")/../.."
core=(src/client/*.c src/proto/phx.c src/base/{buf,bytes,json,map,mem,rng,utf8}.c)
c=(-std=gnu17 -fno-strict-aliasing -Wall -Wextra -Werror -D_GNU_SOURCE -Isrc -Iinclude)

# Little of each: it is a page's download.
wasm() {
    local out=$1
    shift
    clang --target=wasm32-wasi -mexec-model=reactor -nostartfiles -Oz -flto "${c[@]}" "$@" bindings/wasm/libc.c "${core[@]}" \
        -Wl,--no-entry,--gc-sections,--strip-all,-z,stack-size=65536,--max-memory=268435456 -o "$out"
}

if [ "${1:-}" = --trace ]; then
    wasm "$2/trace.wasm" -Isim bindings/wasm/trace.c bindings/wasm/exports.c sim/tape.c
    for compiler in gcc clang; do
        "$compiler" -O2 "${c[@]}" -Isim bindings/wasm/trace.c sim/tape.c "${core[@]}" -o "$2/trace-$compiler"
    done
else
    wasm "${1:-web/src/live/client.wasm}" bindings/wasm/exports.c
fi
