#!/usr/bin/env bash
# Packs a folder of built pages into a C file and a blob beside it: every file as it is and, where that is smaller, by gzip
# and brotli.  The C file takes the blob in with .incbin.
# Usage: tools/pack-assets.sh FOLDER OUT.c OUT.bin NAME [DEPFILE]
# A FOLDER that does not exist gives an empty set.
set -euo pipefail
folder=$1 source=$2 blob=$3 name=$4 depfile=${5-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

type_of() {
    case $1 in
        *.html) echo 'text/html; charset=utf-8' ;;
        *.js | *.mjs) echo 'text/javascript; charset=utf-8' ;;
        *.css) echo 'text/css; charset=utf-8' ;;
        *.json | *.map) echo 'application/json' ;;
        *.webmanifest) echo 'application/manifest+json' ;;
        *.svg) echo 'image/svg+xml' ;;
        *.png) echo 'image/png' ;;
        *.jpg | *.jpeg) echo 'image/jpeg' ;;
        *.webp) echo 'image/webp' ;;
        *.ico) echo 'image/x-icon' ;;
        *.woff2) echo 'font/woff2' ;;
        *.wasm) echo 'application/wasm' ;;
        *.txt) echo 'text/plain; charset=utf-8' ;;
        *) echo 'application/octet-stream' ;;
    esac
}

compresses() {
    case $1 in
        *.html | *.js | *.mjs | *.css | *.json | *.map | *.webmanifest | *.svg | *.ico | *.wasm | *.txt) true ;;
        *) false ;;
    esac
}

# append FILE: puts it into the blob and sets `part` to its C initialiser.
append() {
    local size
    size=$(stat -c %s "$1")
    part="{blob + $offset, $size}"
    cat "$1" >>"$work/blob"
    offset=$((offset + size))
}

offset=0 part=''
: >"$work/blob"
: >"$work/table"
files=()
if [ -d "$folder" ]; then
    mapfile -d '' -t files < <(cd "$folder" && find . -type f -print0 | LC_ALL=C sort -z)
fi
for file in "${files[@]}"; do
    path=${file#.}
    case $path in
        *[!A-Za-z0-9/._@+-]*) echo "pack-assets: $path: only plain file names can be served" >&2; exit 1 ;;
    esac
    full=$folder/$file
    hash=$(sha256sum "$full" | cut -c1-32)
    append "$full"; plain=$part
    gzip=$'{0, 0}' brotli=$'{0, 0}'
    if compresses "$path"; then
        gzip -9nc "$full" >"$work/gz"
        brotli -q 11 -c "$full" >"$work/br"
        size=$(stat -c %s "$full")
        if [ "$(stat -c %s "$work/gz")" -lt "$size" ]; then append "$work/gz"; gzip=$part; fi
        if [ "$(stat -c %s "$work/br")" -lt "$size" ]; then append "$work/br"; brotli=$part; fi
    fi
    hashed=false
    case $path in /assets/*) hashed=true ;; esac
    printf '    {"%s", "%s", "%s", %s, %s, %s, %s},\n' \
        "$path" "$(type_of "$path")" "$hash" "$hashed" "$plain" "$gzip" "$brotli" >>"$work/table"
done
printf '\0' >>"$work/blob"

cat >"$work/source" <<TEXT
/* Made by tools/pack-assets.sh. */
#include "server/assets.h"

__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "${name}_blob:\n"
        ".incbin \"$(realpath -m "$blob")\"\n"
        ".popsection\n");
extern const char blob[] __asm__("${name}_blob");

TEXT
if [ ${#files[@]} -gt 0 ]; then
    { echo "static const struct asset items[] = {"; cat "$work/table"; echo "};"
      echo "const struct asset_set $name = {items, sizeof(items) / sizeof(items[0])};"; } >>"$work/source"
else
    { echo '/* No pages: see README.md. */'; echo "const struct asset_set $name = {(const struct asset *)(const void *)blob, 0};"; } >>"$work/source"
fi
cp "$work/blob" "$blob"
cp "$work/source" "$source"
if [ -n "$depfile" ]; then
    # The folders too: a file may be added, or the whole folder made later.
    { printf '%s: %s' "$source" "$(dirname "$folder")"; find "$folder" -type d -printf ' %p' 2>/dev/null || true; for file in "${files[@]}"; do printf ' %s' "$folder/${file#./}"; done; echo; } >"$depfile"
fi
