/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pace.h"

#define MOST_FIRST 256
#define MOST_LEAST 32

/* A server that has so many in hand stops reading (globalOutstandingLimit). */
#define MOST_EVER 1000

void pace_init(struct pace *pace)
{
    pace->most = MOST_FIRST;
    pace->quickest = 0;
    pace->alone_at = INT64_MIN;
    pace->halved_at = INT64_MIN;
}

/* A beat must be answered within an eighth of the timeout: a sixteenth at most for the way, a
 * thirty-second for the queue, which may have doubled when that is seen. */
static int64_t patience(const struct pace *pace, int64_t timeout)
{
    int64_t way = pace->quickest < timeout / 16 ? pace->quickest : timeout / 16;

    return way + timeout / 32;
}

void pace_sent(struct pace *pace, size_t others, int64_t now)
{
    if (others == 0)
        pace->alone_at = now;
}

/* Of what was sent in the same step the first answer is the one that had nothing before it. */
static void measure(struct pace *pace, bool led, int64_t sent, int64_t took)
{
    if (sent != pace->alone_at)
        return;
    pace->alone_at = INT64_MIN;
    if (led && (pace->quickest == 0 || took < pace->quickest))
        pace->quickest = took;
}

/* What was sent before the last halving says nothing about it. */
void pace_answered(struct pace *pace, bool led, size_t others, int64_t sent, int64_t now,
                   int64_t timeout)
{
    int64_t took = now - sent;

    measure(pace, led, sent, took);
    if (sent <= pace->halved_at)
        return;
    if (took <= patience(pace, timeout)) {
        if (others + 1 >= pace->most && pace->most < MOST_EVER)
            pace->most++;
    } else {
        pace->most = pace->most / 2 > MOST_LEAST ? pace->most / 2 : MOST_LEAST;
        pace->halved_at = now;
    }
}
