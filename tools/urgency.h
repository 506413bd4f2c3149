/*
 * Acting in time on a machine that has too much to do.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_URGENCY_H
#define ZKCOORD_TOOLS_URGENCY_H

#include <sched.h>
#include <stdbool.h>

struct urgency {
    bool raised;
    int policy; /* from before */
    struct sched_param parameters;
};

/* The caller runs before all ordinary processes from here on, as far as it is allowed to. */
void urgency_raise(struct urgency *urgency);

/* In a child, which is to run as if nothing had been raised. */
void urgency_restore(const struct urgency *urgency);

#endif
