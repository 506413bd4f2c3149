#!/usr/bin/env bash
# Every program and function in README and the man pages compiles as it stands, without a warning,
# as C and as C++; those of README have no more lines than their headings say.
set -euo pipefail
: "${CC:?}" "${CXX?}" "${top_srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# Blocks of indented text that begin with an include, one file each, named after their heading.
awk -v work="$work" '
    /^---/            { heading = last; gsub(/ /, "_", heading) }
    /^    #include/ && !on { on = 1; file = work "/README_" heading ".c" }
    /^[^ ]/           { on = 0 }
    on                { sub(/^    /, ""); print > file }
                      { last = $0 }' "$top_srcdir/README"

# Literal displays that begin with an include, numbered on each page.
for page in "$top_srcdir"/man/*.[1-9]; do
    awk -v prefix="$work/$(basename "$page")_" '
        /^\.Bd -literal/      { begin = 1; next }
        /^\.Ed/               { on = 0 }
        begin && /^#include/  { on = 1; n++; file = prefix n ".c" }
                              { begin = 0 }
        on                    { gsub(/\\e/, "\\\\"); gsub(/\\-/, "-"); gsub(/\\&/, ""); print > file }
        ' "$page"
done

# compile COMPILER OPTION... FILE
compile() {
    local compiler=$1
    shift
    # shellcheck disable=SC2086 # both may be several words
    $compiler -fsyntax-only -Wall -Wextra -Wshadow -Wconversion -Werror \
        -I"$top_srcdir/include" -I"$top_builddir/include" ${CPPFLAGS-} "$@" || status=1
}

for snippet in "$work"/*.c; do
    compile "$CC" -std=c11 -D_POSIX_C_SOURCE=200809L "$snippet"
    [ -z "$CXX" ] || compile "$CXX" -x c++ "$snippet"
done

# A heading that ends with "in N lines"; blank lines at the end do not count.
for snippet in "$work"/README_*_lines.c; do
    said=$(sed -E 's/.*_in_([0-9]+)_lines\.c/\1/' <<<"$snippet")
    lines=$(awk 'NF { n = NR } END { print n }' "$snippet")
    if [ "$lines" -gt "$said" ]; then
        echo "$(basename "$snippet" .c): $lines lines"
        status=1
    fi
done

readme=("$work"/README_*_lines.c)
pages=("$work"/*.[1-9]_*.c)
if [ ${#readme[@]} -lt 2 ] || [ ${#pages[@]} -lt 8 ]; then
    echo "found only ${#readme[@]} in README and ${#pages[@]} on man pages"
    status=1
fi
exit $status
