#!/usr/bin/env bash
# The shared library is never unmapped: a name server may keep one of its threads beyond
# zkc_sync_close(), and that thread must find its code where it left it.
set -euo pipefail
: "${top_builddir:?}"

library=$top_builddir/lib/.libs/libzkcoord.so
if [ ! -e "$library" ]; then
    echo "skipped: configured with --disable-shared"
    exit 77
fi
if ! LC_ALL=C "${READELF:-readelf}" -d "$library" | grep -q 'FLAGS_1.*NODELETE'; then
    echo "not linked with -z nodelete"
    exit 1
fi
