/*
 * How the time of a lease is divided: until when a command is left alone, until when it may clean
 * up, when it is killed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_TIMES_H
#define ZKCOORD_TOOLS_TIMES_H

#include "orders.h"

#include <stdbool.h>

/*
 * A healthy lease always has 0.35 T to go, T being the session timeout. SIGKILL is sent T/12 before
 * its end, so that the machine has time to carry it out; SIGTERM before that, by the grace: T/10,
 * or at most T/5. That leaves 0.16 T, or at least 0.06 T, for a renewal that is late.
 */
int64_t times_grace(int64_t session_ms);
int64_t times_grace_max(int64_t session_ms);

/* The lease ends at `end` (nanoseconds, CLOCK_BOOTTIME). */
struct limits times_limits(int64_t end, int64_t session_ms, int64_t grace_ms);

/* Least remaining time with which a command is started. */
int64_t times_enough_ms(int64_t session_ms, int64_t grace_ms);

/*
 * When to look for a renewal again: every T/16, and more often when SIGTERM is near, so that the
 * guardian does not send it for want of news. Nanoseconds.
 */
int64_t times_next_look(int64_t now, int64_t term, int64_t session_ms);

#endif
