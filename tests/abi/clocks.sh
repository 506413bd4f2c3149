#!/usr/bin/env bash
# The library never asks what time it is, so that nothing happens when somebody sets the clock.
set -euo pipefail
: "${top_srcdir:?}"
cd "$top_srcdir"

if grep -rnE --include='*.[ch]' 'CLOCK_REALTIME|\<(gettimeofday|timespec_get|ftime|time) ?\(' lib recipes; then
    echo "use the clock of lib/run/clock.h"
    exit 1
fi
grep -q CLOCK_BOOTTIME lib/run/clock.c
# Conditions wait by the realtime clock unless they are told otherwise.
grep -rl --include='*.[ch]' pthread_cond_init lib recipes | while read -r file; do
    grep -q 'pthread_condattr_setclock.*CLOCK_MONOTONIC' "$file" || {
        echo "$file: conditions that wait by the wall clock"
        exit 1
    }
done
