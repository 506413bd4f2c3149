#!/usr/bin/env bash
# ARCHITECTURE names files, and functions and types of the library: all of them exist.
set -euo pipefail
export LC_ALL=C # in others [a-z] may be other letters
: "${top_srcdir:?}"
cd "$top_srcdir"

status=0
missing() {
    echo "ARCHITECTURE names $1, which is not there"
    status=1
}

while read -r file; do
    [ -e "$file" ] || [ -e "lib/$file" ] || [ -n "$(find lib recipes tools -name "$file")" ] ||
        missing "$file"
done < <(grep -oE '[a-z_/]+\.(c|h)\>' ARCHITECTURE | sort -u)
while read -r name; do
    grep -qrw -- "$name" lib recipes include || missing "$name"
done < <(grep -oE '\<[A-Za-z]+_[A-Za-z_]+\>[^./*]' ARCHITECTURE | grep -oE '^[A-Za-z_]+' | sort -u)
exit $status
