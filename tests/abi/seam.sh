#!/usr/bin/env bash
# Only zk.o calls ZooKeeper's client; base and core know no thread, clock, file, socket or chance.
set -euo pipefail
: "${NM:?}" "${top_builddir:?}"

# undefined ARCHIVE: "object symbol" for everything that an object wants from elsewhere.
undefined() {
    # shellcheck disable=SC2086 # $NM may carry options
    $NM -A -u "$1" | sed -E 's/^.*:([^:]*\.o):? *[UwWvV] +([^@ ]*).*/\1 \2/'
}

status=0
wanted=$(undefined "$top_builddir/lib/.libs/libzkcoord-internal.a")
if cheats=$(awk '$1 != "zk.o" && $2 ~ /^(zoo_|zookeeper_|ZOO_)/' <<<"$wanted") && [ -n "$cheats" ]; then
    printf 'only lib/zk/zk.c may use ZooKeeper:\n%s\n' "$cheats"
    status=1
fi
if ! grep -qE '^zk\.o (zoo_|zookeeper_)' <<<"$wanted"; then
    echo "zk.o does not use ZooKeeper: this test looks at the wrong thing"
    status=1
fi

impure='(pthread|thrd|mtx|cnd|sem|clock|epoll)_.*|timer_(create|delete|[gs]ettime)|time|gettimeofday|(nano|u)?sleep|p?poll|p?select'
impure+='|timerfd_.*|eventfd.*|pipe2?|read|write|open|openat|close|socket|connect|send.*|recv.*|getaddrinfo'
impure+='|s?rand(om)?|rand_r|getrandom|getentropy|arc4random.*|(secure_)?getenv|getpid|fork|std(in|out|err)'
impure+='|f(open|dopen|close|write|read|flush|put[cs])|puts|putchar|perror|(__)?v?f?printf(_chk)?'
if cheats=$(undefined "$top_builddir/lib/.libs/libunit.a" | grep -E " ($impure)\$"); then
    printf 'lib/base and lib/core must stay pure:\n%s\n' "$cheats"
    status=1
fi
exit $status
