/*
 * zkcoord's side of the guardian: starting it, orders, reports, and its end.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_GUARD_H
#define ZKCOORD_TOOLS_GUARD_H

#include "orders.h"
#include "plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct guard {
    pid_t pid;
    int socket; /* readable when there is a report, or the guardian is gone */
    uint64_t birth;
    bool busy; /* a command was ordered, and is not known to be gone */
};

/*
 * Forks the guardian; to be called before there are threads and connections, with all signals
 * blocked. False with errno.
 */
bool guard_start(struct guard *guard, const struct plan *plan);

void guard_run(struct guard *guard, int64_t token, int64_t grace, const struct limits *limits,
               bool foreground);
void guard_limits(struct guard *guard, const struct limits *limits);
void guard_signal(struct guard *guard, int signal);
void guard_end(struct guard *guard);

enum guard_event { GUARD_NOTHING, GUARD_REPORT, GUARD_GONE };
enum guard_event guard_read(struct guard *guard, struct report *ret);

/* Only that; what it had under it is for guard_stop(). */
void guard_kill(const struct guard *guard);

/*
 * Ends the guardian, and whatever it still had under it; does not return before all of that is
 * dead and reaped.
 */
void guard_stop(struct guard *guard);

#endif
