#!/usr/bin/env bash
# Programs build against the installed tree with pkg-config, shared and static, as C and as C++.
# Run by `make installcheck`, which tells DESTDIR, libdir and pkgconfigdir.
set -euo pipefail
: "${CC:?}" "${CXX?}" "${PKG_CONFIG:?}" "${top_srcdir:?}" "${DESTDIR?}" "${libdir:?}" "${pkgconfigdir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PKG_CONFIG_PATH=$DESTDIR$pkgconfigdir PKG_CONFIG_SYSROOT_DIR=$DESTDIR
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
export LD_LIBRARY_PATH=$DESTDIR$libdir

read -ra cflags < <($PKG_CONFIG --cflags zkcoord)
read -ra shared < <($PKG_CONFIG --libs zkcoord)
read -ra static < <($PKG_CONFIG --static --libs zkcoord)

# Who links the shared library needs nothing else.
if [[ " ${shared[*]} " == *" -lzookeeper_mt "* || " ${shared[*]} " == *" -ljansson "* ]]; then
    echo "zkcoord.pc: Libs names what belongs into Libs.private: ${shared[*]}"
    exit 1
fi

# build NAME COMPILER LANGUAGE LIBS...: builds and runs the program.
build() {
    local name=$1 compiler=$2 language=$3
    shift 3
    if [ -z "$compiler" ]; then
        echo "$name: left out, configure found no compiler"
        return
    fi
    echo "$name: $compiler ${cflags[*]} $*"
    # shellcheck disable=SC2086 # a compiler may come with options
    $compiler -Wall -Wextra -Werror "${cflags[@]}" -x "$language" "$top_srcdir/tests/abi/consumer.c" \
        -x none -o "$work/$name" "$@"
    "$work/$name"
}

# A folder with nothing but the archive, searched first, makes the linker take that.
mkdir "$work/archive"
ran=0
if [ -e "$DESTDIR$libdir/libzkcoord.so" ]; then
    build shared-c "$CC" c "${shared[@]}"
    build shared-c++ "$CXX" c++ "${shared[@]}"
    ran=1
fi
if [ -e "$DESTDIR$libdir/libzkcoord.a" ]; then
    cp "$DESTDIR$libdir/libzkcoord.a" "$work/archive"
    unset LD_LIBRARY_PATH
    build static-c "$CC" c -L"$work/archive" "${static[@]}"
    build static-c++ "$CXX" c++ -L"$work/archive" "${static[@]}"
    ran=1
fi
[ $ran = 1 ] || { echo "nothing is installed in $DESTDIR$libdir"; exit 1; }
