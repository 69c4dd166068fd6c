#!/usr/bin/env bash
# Makes one archive of several, for programs of other people: one object, in which only the names that begin with hb_ can
# be seen, so that nothing of theirs collides with ours.
# Usage: tools/one-archive.sh OUTPUT WHOLE,… NEEDED,…      (of the latter only what the former need)
set -euo pipefail
output=${1:?Usage: tools/one-archive.sh OUTPUT WHOLE,… NEEDED,…}
IFS=, read -ra whole <<<"$2"
IFS=, read -ra needed <<<"$3"
object=${output%.a}.o
ld -r -o "$object" --whole-archive "${whole[@]}" --no-whole-archive --start-group "${needed[@]}" --end-group
objcopy --wildcard --keep-global-symbol='hb_*' "$object"
rm -f "$output"
ar rcs "$output" "$object"
rm -f "$object"
