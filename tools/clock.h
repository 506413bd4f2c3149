/*
 * Time on the clock of the library's leases, CLOCK_BOOTTIME: it counts pauses and suspension.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_CLOCK_H
#define ZKCOORD_TOOLS_CLOCK_H

#include <stdint.h>

#define MS INT64_C(1000000)
#define NEVER INT64_MAX

struct timespec;

int64_t clock_ns(void);

/* For absolute timers; never all zero, which would disarm them. */
struct timespec clock_timespec(int64_t at);

/* A timerfd, close-on-exec; -1 with errno. */
int alarm_open(void);

/* Readable from this moment on; NEVER: not. Counts anew each time. */
void alarm_set(int fd, int64_t at);

/* Makes it unreadable until the next moment that is set. */
void alarm_clear(int fd);

#endif
