/*
 * zkcoord's side of the guardian: starting it, orders, reports, and its end.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_GUARD_H
#define ZKCOORD_TOOLS_GUARD_H

#include "family.h"
#include "orders.h"
#include "plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct guard {
    struct family family; /* what comes to us when the guardian and its second are gone */
    pid_t second;         /* and the process group of both; 0: it was killed */
    pid_t guardian;
    bool empty; /* nothing of a command is alive */
    int socket; /* readable when there is a report, or the guardian is gone */
};

/*
 * Forks the guardian and its second; to be called before there are threads and connections, with
 * all signals blocked. False, and why in words.
 */
bool guard_start(struct guard *guard, const struct plan *plan, const char **ret_problem);

void guard_run(struct guard *guard, int64_t token, int64_t grace, const struct limits *limits,
               bool foreground);
void guard_limits(struct guard *guard, const struct limits *limits);
void guard_signal(struct guard *guard, int signal);
void guard_end(struct guard *guard);

/* Leave the session: the terminal is to refuse the command, instead of stopping it. */
void guard_leave(struct guard *guard);

enum guard_event { GUARD_NOTHING, GUARD_REPORT, GUARD_GONE };
enum guard_event guard_read(struct guard *guard, struct report *ret);

/* The guardian and its second; what they had below them is for guard_stop(). */
void guard_kill(struct guard *guard);

/*
 * Ends the guardian, and whatever it still had below it; does not return before all of that is dead
 * and reaped. Only if nobody can kill it: then it returns the number of such a process after some
 * seconds. Otherwise 0.
 */
pid_t guard_stop(struct guard *guard);

#endif
