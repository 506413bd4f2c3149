#!/usr/bin/env bash
# The shared library exports exactly what lib/zkcoord.map lists, the public headers declare, and the
# symbols file of Debian's package has.
set -euo pipefail
export LC_ALL=C # in others [a-z] may be other letters
: "${CC:?}" "${NM:?}" "${top_srcdir:?}" "${top_builddir:?}"

library=$top_builddir/lib/.libs/libzkcoord.so
if [ ! -e "$library" ]; then
    echo "skipped: configured with --disable-shared"
    exit 77
fi
status=0

# same WHAT LIST WHAT LIST: both lists hold the same names.
same() {
    local difference
    difference=$(diff <(sort -u <<<"$2") <(sort -u <<<"$4") | sed -n 's/^[<>]/&/p') || true
    if [ -n "$difference" ]; then
        printf 'only in %s (<) or only in %s (>):\n%s\n' "$1" "$3" "$difference"
        status=1
    fi
}

mapped=$(awk '/global:/ { on = 1; next }
              /local:|}/ { on = 0 }
              on && NF   { gsub(/[ \t;]/, ""); print }' "$top_srcdir/lib/zkcoord.map")
# shellcheck disable=SC2086 # $NM and $CC may carry options
symbols=$($NM -D --defined-only --with-symbol-versions "$library")
exported=$(awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' <<<"$symbols")
# shellcheck disable=SC2086
declared=$($CC -E -P -I"$top_srcdir/include" -I"$top_builddir/include" \
    "$top_srcdir/include/zkcoord/zkcoord.h" | grep -oE '\bzkc_[a-z0-9_]+ *\(' | tr -d ' (')
packaged=$(sed -n 's/^ \(zkc_[a-z0-9_]*\)@.*/\1/p' "$top_srcdir/packaging/debian/libzkcoord0.symbols")

same zkcoord.map "$mapped" "nm -D" "$exported"
same zkcoord.map "$mapped" "the headers" "$declared"
same zkcoord.map "$mapped" "packaging/debian/libzkcoord0.symbols" "$packaged"

if foreign=$(grep -v '^zkc_' <<<"$exported"); then
    printf 'exported without our prefix:\n%s\n' "$foreign"
    status=1
fi
if bare=$(awk '$2 != "A" && $3 !~ /@@ZKCOORD_[0-9]/ { print $3 }' <<<"$symbols") && [ -n "$bare" ]; then
    printf 'exported without a version:\n%s\n' "$bare"
    status=1
fi
if [ "$(basename "$(readlink -f "$library")" | cut -d. -f1-3)" != libzkcoord.so.0 ]; then
    echo "the soname is not libzkcoord.so.0"
    status=1
fi
exit $status
