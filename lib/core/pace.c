/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pace.h"

#define MOST_FIRST 256
#define MOST_LEAST 32

/* A server that has so many in hand stops reading (globalOutstandingLimit). */
#define MOST_EVER 1000

void pace_init(struct pace *pace)
{
    pace->most = MOST_FIRST;
    pace->halved_at = INT64_MIN;
}

/* A quarter of the eighth of the timeout in which a beat must be answered. */
static int64_t quick(int64_t timeout)
{
    return timeout / 32;
}

/* What was sent before the last halving says nothing about it. */
void pace_answered(struct pace *pace, size_t in_flight, int64_t sent, int64_t now, int64_t timeout)
{
    if (now - sent <= quick(timeout)) {
        if (in_flight >= pace->most && pace->most < MOST_EVER)
            pace->most++;
    } else if (sent > pace->halved_at) {
        pace->most = pace->most / 2 > MOST_LEAST ? pace->most / 2 : MOST_LEAST;
        pace->halved_at = now;
    }
}
