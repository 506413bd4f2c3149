#!/usr/bin/env bash
# Includes point downwards only (see ARCHITECTURE): base < core < zk < run < kit.h < recipes.
set -euo pipefail
: "${top_srcdir:?}"
cd "$top_srcdir"

standard='assert|ctype|errno|inttypes|limits|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string'

# "file include" for each include of the library, like: lib/core/name.c "core/name.h"
includes() {
    grep -nHE '^[[:space:]]*#[[:space:]]*include' "$@" |
        sed -E 's/^([^:]*):[0-9]*:[^<"]*([<"][^>"]*[>"]).*/\1 \2/'
}

# The expression that all includes of a file must match.
allowed() {
    case $1 in
    lib/base/*) echo "\"base/.*\"|<zkcoord/zkcoord\.h>|<($standard)\.h>" ;;
    lib/core/payload.c) echo "\"(base|core)/.*\"|<zkcoord/zkcoord\.h>|<jansson\.h>|<($standard)\.h>" ;;
    lib/core/nodes.c) echo "\"(base|core)/.*\"|<zkcoord/zkcoord\.h>|<arpa/inet\.h>|<($standard)\.h>" ;;
    lib/core/*) echo "\"(base|core)/.*\"|<zkcoord/zkcoord\.h>|<($standard)\.h>" ;;
    lib/zk/zk_descriptors.c | lib/zk/zk_threads.c) echo '"zk/.*"|<[^z].*>' ;;
    lib/zk/zk.c) echo '"(base|core|zk)/.*"|<.*>' ;;
    lib/zk/*) echo "\"(base|core|zk)/.*\"|<zkcoord/zkcoord\.h>|<($standard)\.h>" ;;
    lib/run/*) echo '"(base|core|zk|run)/.*"|<(zkcoord/zkcoord\.h|[^z].*)>' ;;
    lib/kit.h) echo "\"(base|core|run)/.*\"|<zkcoord/zkcoord\.h>|<($standard)\.h>" ;;
    recipes/*) echo "\"kit\.h\"|<zkcoord/zkcoord\.h>|<($standard)\.h>" ;;
    tools/*) echo '"[^/]*"|<(zkcoord/zkcoord\.h|jansson\.h|[^z/]*\.h|(arpa|linux|netinet|sys)/.*)>' ;;
    tests/sim/* | tests/contract/*) echo '"((base|core|zk|run)/.*|[^/]*)"|<.*>' ;;
    tests/integration/test_memory.c) echo '"([^/]*|base/mem\.h)"|<.*>' ;;
    examples/* | tests/bench/* | tests/cli/* | tests/integration/* | tests/faults/*) echo '"[^/]*"|<.*>' ;;
    *) echo "nothing: no rule for it" ;;
    esac
}

mapfile -t files < <(find lib recipes tools examples tests/{bench,cli,contract,faults,integration,sim} -name '*.[ch]' | LC_ALL=C sort)
status=0
while read -r file include; do
    if ! grep -qxE "$(allowed "$file")" <<<"$include"; then
        echo "$file must not include $include"
        status=1
    fi
done < <(includes "${files[@]}")

# Headers that include each other in a circle: tsort names them.
if ! includes "${files[@]}" | sed -nE 's/^(.*\.h) "(.*)"/\1 lib\/\2/p' | tsort >/dev/null; then
    status=1
fi

# Modules of the library, a source and its header each, that include each other in a circle. Two
# groups are still one module each in this: a change that adds to them has to cut something first.
groups='s#\<core/session(_(beat|parts))?\>#core/session-group#g
s#\<core/ticket[a-z_]*\>#core/ticket-group#g'
if ! includes lib/*/*.[ch] | sed -nE 's#^lib/([a-z_/]*)\.[ch] "(.*)\.h"#\1 \2#p' | sed -E "$groups" |
    awk '$1 != $2' | tsort >/dev/null; then
    status=1
fi
exit $status
