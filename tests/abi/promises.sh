#!/usr/bin/env bash
# Each promise in tests/PROMISES has a test, and so has each threat in SECURITY; sections and tests that
# they name exist.
set -euo pipefail
: "${top_srcdir:?}"
cd "$top_srcdir"

status=0
list=tests/PROMISES
promise=
tests=0

complain() {
    echo "$list: $1"
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

# A threat is a paragraph that names tests; the paragraphs after "The threats" do.
list=SECURITY
threats=0
promise=
tests=0
while IFS= read -r line; do
    case $line in
    '    tests/'*': '*)
        tests=$((tests + 1))
        line=${line#    }
        has "${line%%: *}" "${line#*: }"
        ;;
    'How it is built'*) break ;;
    [A-Z]*)
        ends
        promise=$line
        tests=0
        threats=$((threats + 1))
        ;;
    esac
done < <(sed '1,/^The threats/d' SECURITY)
ends
[ $threats -ge 6 ] || complain "it has only $threats threats"
exit $status
