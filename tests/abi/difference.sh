#!/usr/bin/env bash
# What the public headers say is compatible with tests/abi/baseline.abi, by abidiff: functions, structs,
# enums, as programs see them that were built before. No difference that counts are functions that were
# added, and members at the end of a struct that begins with its size; record them all the same before a
# release: ZKC_RECORD=1, for `make check TESTS=tests/abi/difference.sh`, with gcc on x86-64. Until the
# first release an incompatible change may be recorded, too, and NEWS says so.
set -euo pipefail
export LC_ALL=C
: "${CC:?}" "${top_srcdir:?}" "${top_builddir:?}"

baseline=$top_srcdir/tests/abi/baseline.abi
skip() {
    echo "skipped: $1"
    exit 77
}
command -v abidiff >/dev/null || skip "abidiff was not found: install abigail-tools (Fedora: libabigail)"
# shellcheck disable=SC2086 # $CC may carry options
$CC -E -P -x c - <<<'__x86_64__ __ILP32__' | grep -qx '1 __ILP32__' ||
    skip "the baseline is of x86-64"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$top_srcdir/include/zkcoord" "$work"
cp "$top_builddir/include/zkcoord/version.h" "$work/zkcoord"
sed 's/^global:/& zkc_types_;/' "$top_srcdir/lib/zkcoord.map" >"$work/zkcoord.map"
cd "$work"

# A library that has every function and does nothing: so the opaque types stay opaque, whatever is in
# them. exports.sh sees to it that ours has the same functions. A variable points to each type that
# is not opaque, because no function names the enums.
cat zkcoord/*.h | awk '
    continued || /^#/ { continued = /\\$/; next }
    { text = text " " $0 }
    END {
        gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", text)
        gsub(/[ \t]+/, " ", text)
        while (match(text, /ZKC_API [^;]*;/)) {
            print substr(text, RSTART, RLENGTH - 1) " { __builtin_trap(); }"
            text = substr(text, RSTART + RLENGTH)
        }
    }' >functions
[ -s functions ]
{
    echo '#include <zkcoord/zkcoord.h>'
    cat functions
    echo 'struct {'
    cat zkcoord/*.h | awk '/^typedef (struct|enum) zkc_[a-z_]* [{]$/ { print $3, "*" $3 "_;" }'
    echo '} zkc_types_;'
} >surface.c
# shellcheck disable=SC2086
$CC -std=c11 -D_GNU_SOURCE= -g -O0 -w -fPIC -shared -I. -Wl,--version-script=zkcoord.map \
    -Wl,-soname,libzkcoord.so.0 -o surface.so surface.c

if [ -n "${ZKC_RECORD:-}" ]; then
    # Without the names of folders.
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs surface.so |
        sed -E "s/ (filepath|path|comp-dir-path)='[^']*'//g" >"$baseline"
    exit
fi

grown=$(cat zkcoord/*.h | awk '
    /^typedef struct zkc_[a-z_]* [{]$/ { name = $3; next }
    name && /^ *size_t size;/          { names = names "|" name }
                                       { name = "" }
    END                                { print substr(names, 2) }')
cat >suppressions <<EOF
[suppress_type]
type_kind = struct
name_regexp = ^($grown)$
has_data_member_inserted_at = end
EOF
[ -n "$grown" ]
abidiff --suppressions suppressions --no-added-syms "$baseline" surface.so >difference || {
    cat difference
    echo "programs that were built with the recorded headers do not work with these"
    exit 1
}
