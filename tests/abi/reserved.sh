#!/usr/bin/env bash
# Names that are not ours: zkr_ belongs to ZooKeeper's own recipes; our headers define ZKC_ only.
set -euo pipefail
: "${NM:?}" "${top_srcdir:?}" "${top_builddir:?}"
status=0

# shellcheck disable=SC2086 # $NM may carry options
if $NM --defined-only "$top_builddir/lib/.libs/libzkcoord-internal.a" | grep -w 'zkr_[[:alnum:]_]*'; then
    echo "zkr_ belongs to ZooKeeper's own recipes"
    status=1
fi
headers=("$top_srcdir"/include/zkcoord/*.h "$top_builddir"/include/zkcoord/version.h)
if grep -niE '\bzkr_' "${headers[@]}"; then
    echo "zkr_ belongs to ZooKeeper's own recipes"
    status=1
fi
if grep -nE '^[[:space:]]*#[[:space:]]*define' "${headers[@]}" | grep -vE 'define +(ZKC_|ZKCOORD_)'; then
    echo "public macros begin with ZKC_"
    status=1
fi
exit $status
