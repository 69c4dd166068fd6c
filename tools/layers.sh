#!/usr/bin/env bash
# Checks every #include "layer/name.h" in src/ and bindings/ against the table of layers (ARCHITECTURE.md).
# Usage: tools/layers.sh [ROOT]
set -euo pipefail
cd "${1:-"$(dirname "$0")/.."}"

mapfile -t files < <(find src bindings -type f -name '*.[ch]' | LC_ALL=C sort)
awk '
function allow(layer, names,    list, n, i) {
    known[layer] = 1
    allowed[layer, layer] = 1
    n = split(names, list, " ")
    for (i = 1; i <= n; i++)
        allowed[layer, list[i]] = 1
}
function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    faults++
}
BEGIN {
    allow("base", "")
    allow("proto", "base")
    allow("change", "base")
    allow("client", "base proto homebake")
    allow("auth", "base change")
    allow("hub", "base proto change auth")
    allow("api", "base proto change auth store/store.h store/query.h")
    allow("store", "base change auth")
    allow("io", "base")
    allow("server", "base proto homebake change client auth hub api store io posix")
    allow("posix", "base proto homebake io/entropy.h")
    allow("wasm", "homebake")
    bare["wasm", "tape.h"] = 1 # of sim/, whose scripts it plays
    # Foreign headers that have one home.
    home["sqlite3.h"] = "store"
    home["libpq-fe.h"] = "store"
    home["llhttp.h"] = "proto"
    home["pcre2.h"] = "base"
    home["zlib.h"] = "proto"
    home["sodium.h"] = "auth api io server"
    home["openssl/ssl.h"] = "io server posix"
    home["liburing.h"] = "io"
    home["sys/epoll.h"] = "io server"
    home["sys/socket.h"] = "io server posix"
    home["netdb.h"] = "io server posix"
}
FNR == 1 {
    files++
    split(FILENAME, path, "/")
    layer = path[2]
    if (!(layer in known))
        complain("layer " layer " is not in the table")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    includes++
    split($0, quoted, "\"")
    slash = index(quoted[2], "/")
    to = substr(quoted[2], 1, slash - 1)
    if ((layer, quoted[2]) in bare)
        next
    if (slash == 0)
        complain("\"" quoted[2] "\" must be named with its layer: \"" layer "/" quoted[2] "\"")
    else if (!((layer, to) in allowed) && !((layer, quoted[2]) in allowed))
        complain(layer " may not include \"" quoted[2] "\"")
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, angled, "[<>]")
    if (angled[2] in home && index(" " home[angled[2]] " ", " " layer " ") == 0)
        complain(layer " may not include <" angled[2] ">, only: " home[angled[2]])
}
END {
    if (faults)
        exit 1
    printf "layers: %d files, %d includes, ok\n", files, includes
}' "${files[@]}"
