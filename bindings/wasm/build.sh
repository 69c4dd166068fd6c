#!/usr/bin/env bash
# bindings/wasm/build.sh [FILE]: the client as WebAssembly, without imports.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-web/src/live/client.wasm}
sources=(bindings/wasm/exports.c bindings/wasm/libc.c src/client/*.c src/proto/phx.c
    src/base/{buf,bytes,json,map,mem,rng,utf8}.c)
# Little of each: it is a page's download.
clang --target=wasm32-wasi -mexec-model=reactor -nostartfiles -std=gnu17 -Oz -flto -fno-strict-aliasing \
    -Wall -Wextra -Werror -D_GNU_SOURCE -Isrc -Iinclude "${sources[@]}" \
    -Wl,--no-entry,--gc-sections,--strip-all,-z,stack-size=65536,--max-memory=268435456 -o "$out"
