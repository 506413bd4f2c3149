/* SPDX-License-Identifier: Apache-2.0 */
#include "core/window.h"

#include <stdbool.h>

#define MOST_FIRST 256
#define MOST_LEAST 32

/* A server that has so many in hand stops reading (globalOutstandingLimit). */
#define MOST_EVER 1000

void window_init(struct window *window)
{
    window->most = MOST_FIRST;
    window->halved_at = INT64_MIN;
    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        window->quickest[kind] = 0;
        window->answered_at[kind] = INT64_MIN;
    }
}

/* How long it takes where nothing queues up: as long as the quickest of its kind, or of a kind that
 * was answered meanwhile, so before it. */
static int64_t way(const struct window *window, enum window_kind kind, int64_t sent)
{
    int64_t longest = window->quickest[kind];

    for (int other = 0; other < WINDOW_KINDS; other++)
        if (window->answered_at[other] > sent && window->quickest[other] > longest)
            longest = window->quickest[other];
    return longest;
}

/* A beat must be answered within an eighth of the timeout: a sixteenth at most for the way, a
 * thirty-second for the queue, which may have doubled when that is seen. */
static int64_t patience(int64_t way, int64_t timeout)
{
    return (way < timeout / 16 ? way : timeout / 16) + timeout / 32;
}

static void measure(struct window *window, enum window_kind kind, int64_t took, int64_t now)
{
    if (window->quickest[kind] == 0 || took < window->quickest[kind])
        window->quickest[kind] = took;
    window->answered_at[kind] = now;
}

/* A request from before the last halving says nothing about it. */
void window_answered(struct window *window, enum window_kind kind, size_t others, int64_t sent,
                     int64_t now, int64_t timeout)
{
    int64_t took = now - sent;
    bool quick;

    measure(window, kind, took, now);
    quick = took <= patience(way(window, kind, sent), timeout);
    if (sent <= window->halved_at)
        return;
    if (quick) {
        if (others + 1 >= window->most && window->most < MOST_EVER)
            window->most++;
    } else {
        window->most = window->most / 2 > MOST_LEAST ? window->most / 2 : MOST_LEAST;
        window->halved_at = now;
    }
}
