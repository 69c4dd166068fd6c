#!/usr/bin/env bash
# Checks that the pure layers ask nothing of the world but what tools/purity.allow lists: no clock, no
# random numbers, no locks, no system calls, no printing.  What one of them asks of another is fine
# (tools/layers.sh rules that), and api may ask the store.
# Usage: tools/purity.sh BUILD_DIR      (a release build: sanitizers add symbols of their own)
set -euo pipefail
build=${1:?Usage: tools/purity.sh BUILD_DIR}
allow=$(dirname "$0")/purity.allow
layers=(base proto client change auth hub api)

library() {
    echo "$build/src/$1/lib$1.a"
}
for layer in "${layers[@]}" store; do
    [ -f "$(library "$layer")" ] || { echo "purity: $(library "$layer") is missing"; exit 1; }
done

# Lines of `LAYER OBJECT SYMBOL TYPE`.
symbols() {
    local layer=$1
    shift
    nm --extern-only --format=posix --print-file-name "$@" "$(library "$layer")" |
        awk -v layer="$layer" '{sub(/^.*[\/\[]/, "", $1); sub(/\]?:$/, "", $1); print layer, $1, $2, $3}'
}

{
    grep -v -e '^#' -e '^$' "$allow" | sed 's/^[^:]*$/any: &/' | awk '{sub(":", "", $1); print "allow", $1, $2}'
    for layer in "${layers[@]}" store; do
        symbols "$layer" --defined-only | awk '{print "defined", $1, $3}'
    done
    for layer in "${layers[@]}"; do
        symbols "$layer" --undefined-only | awk '{print "wanted", $1, $3, $2}'
    done
} | awk -v layers="${layers[*]}" '
function pattern(glob) {
    gsub(/\*/, ".*", glob)
    return "^" glob "$"
}
function is_allowed(layer, symbol,    i) {
    for (i = 1; i <= rules; i++)
        if ((rule_layer[i] == "any" || rule_layer[i] == layer) && symbol ~ rule[i])
            return 1
    return 0
}
$1 == "allow" {
    rule_layer[++rules] = $2
    rule[rules] = pattern($3)
}
$1 == "defined" {
    owner[$3] = $2
}
$1 == "wanted" {
    wanted++
    from = owner[$3]
    if (from != "" && (from != "store" || $2 == "api"))
        next
    if (is_allowed($2, $3))
        next
    sub(/\.o$/, "", $4)
    printf "src/%s/%s: asks for %s\n", $2, $4, $3
    faults++
}
END {
    if (faults)
        exit 1
    printf "purity: %d layers, %d symbols, ok\n", split(layers, list, " "), wanted
}'
