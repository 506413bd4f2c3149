/*
 * How many requests may be without an answer at once. What is sent queues up in the server and on
 * the way there, and a beat can go ahead only of what was not sent yet: thousands in flight would
 * cost a session the lease on what it holds. So the number grows while answers come quickly, and is
 * halved when they do not (additive increase would be too slow for bursts of some milliseconds).
 * Pure arithmetic.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PACE_H
#define ZKC_CORE_PACE_H

#include <stddef.h>
#include <stdint.h>

struct pace {
    size_t most;
    int64_t halved_at;
};

void pace_init(struct pace *pace);

/* A request sent at this time was answered now, as one of so many in flight. */
void pace_answered(struct pace *pace, size_t in_flight, int64_t sent, int64_t now, int64_t timeout);

#endif
