/*
 * How many requests may be without an answer at once. What is sent queues up in the server and on
 * the way there, and a beat can go ahead only of what was not sent yet: thousands in flight would
 * cost a session the lease on what it holds. So the number grows while nothing queues up, and is
 * halved when something does. What queues up is seen by how much longer than the quickest a request
 * takes, so that a distant leader is not taken for a busy one. Pure arithmetic.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PACE_H
#define ZKC_CORE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pace {
    size_t most;
    int64_t quickest; /* answer of the leader to what was sent alone; 0: none yet */
    int64_t alone_at; /* when something was sent while nothing else was in flight */
    int64_t halved_at;
};

/* A new connection. */
void pace_init(struct pace *pace);

/* A request is sent now while others are in flight. */
void pace_sent(struct pace *pace, size_t others, int64_t now);

/* A request sent at this time, answered by the leader or not, was answered now while others were in
 * flight.
 */
void pace_answered(struct pace *pace, bool led, size_t others, int64_t sent, int64_t now,
                   int64_t timeout);

#endif
