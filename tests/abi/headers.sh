#!/usr/bin/env bash
# The public headers compile without a warning as C99, C11 and C++11, and only as a whole.
set -euo pipefail
: "${CC:?}" "${CXX?}" "${top_srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# compile COMPILER LANGUAGE OPTION... reads a program.
compile() {
    local compiler=$1 language=$2
    shift 2
    # shellcheck disable=SC2086 # a compiler may come with options
    $compiler -x "$language" "$@" -fsyntax-only -I"$top_srcdir/include" -I"$top_builddir/include" -
}

strict=(-pedantic -Wall -Wextra -Wconversion -Werror)
program='
#include <zkcoord/zkcoord.h>
int main(void) { zkc_options options; ZKC_INIT(&options); return options.log_level != 0; }'

compile "$CC" c -std=c99 -Wstrict-prototypes "${strict[@]}" <<<"$program" || status=1
compile "$CC" c -std=c11 -Wstrict-prototypes "${strict[@]}" <<<"$program" || status=1
if [ -n "$CXX" ]; then
    compile "$CXX" c++ -std=c++11 -Wold-style-cast "${strict[@]}" <<<"$program" || status=1
fi

for header in "$top_srcdir"/include/zkcoord/*.h "$top_builddir"/include/zkcoord/version.h; do
    name=$(basename "$header")
    [ "$name" != zkcoord.h ] || continue
    if ! grep -q "#include <zkcoord/$name>" "$top_srcdir/include/zkcoord/zkcoord.h"; then
        echo "zkcoord.h does not include $name"
        status=1
    fi
    if ! compile "$CC" c <<<"#include <zkcoord/$name>" 2>"$work/errors" &&
        grep -q 'include <zkcoord/zkcoord.h> instead' "$work/errors"; then
        continue
    fi
    echo "$name does not refuse to be included directly"
    status=1
done

if [ $status = 0 ] && [ -z "$CXX" ]; then
    echo "skipped in part: no C++ compiler"
    exit 77
fi
exit $status
