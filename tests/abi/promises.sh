#!/usr/bin/env bash
# Each promise in tests/PROMISES has a test; sections and tests that it names exist.
set -euo pipefail
: "${top_srcdir:?}"
cd "$top_srcdir"

status=0
promise=
tests=0

complain() {
    echo "tests/PROMISES: $1"
    status=1
}

ends() {
    [ -z "$promise" ] || [ $tests != 0 ] || complain "no test holds: $promise"
}

# begins PAGE SECTION
begins() {
    grep -qE "^\.S[hs] $2\$" "man/$1" || complain "man/$1 has no section $2"
}

# has FILE TEST
has() {
    if [ "$2" = all ]; then
        [ -e "$1" ] || complain "$1 does not exist"
    else
        grep -qsE "^(STORY\($2\)|static void $2\(void)" "$1" || complain "$1 has no test $2"
    fi
}

while IFS= read -r line; do
    case $line in
    '' | '#'*) ;;
    '    '*)
        tests=$((tests + 1))
        line=${line#    }
        has "${line%%: *}" "${line#*: }"
        ;;
    *)
        ends
        promise=$line
        tests=0
        line=${line#*: }
        begins "${promise%%: *}" "${line%%: *}"
        ;;
    esac
done <tests/PROMISES
ends
exit $status
