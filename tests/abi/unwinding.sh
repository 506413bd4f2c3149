#!/usr/bin/env bash
# C++ exceptions out of callbacks: see unwinding.cc.
set -euo pipefail
: "${CXX?}" "${ZKC_LDFLAGS?}" "${top_srcdir:?}" "${top_builddir:?}"

library=$top_builddir/lib/.libs/libzkcoord.so
if [ ! -e "$library" ] || [ -z "$CXX" ]; then
    echo "skipped: no shared library, or no C++ compiler"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The linker's options name the sanitizer whose runtime the library wants.
# shellcheck disable=SC2086 # both may carry several options
$CXX -Wall -Wextra -Werror -pthread -I"$top_srcdir/include" -I"$top_builddir/include" \
    -o "$work/unwinding" "$top_srcdir/tests/abi/unwinding.cc" "$library" $ZKC_LDFLAGS
LD_LIBRARY_PATH=$top_builddir/lib/.libs "$work/unwinding"
