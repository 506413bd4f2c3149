/* SPDX-License-Identifier: Apache-2.0 */
#include "urgency.h"

/* Who runs at a fixed priority already was given it by somebody who knows better. */
void urgency_raise(struct urgency *urgency)
{
    const struct sched_param least = {.sched_priority = sched_get_priority_min(SCHED_RR)};

    urgency->policy = sched_getscheduler(0);
    urgency->raised = (urgency->policy == SCHED_OTHER || urgency->policy == SCHED_BATCH ||
                       urgency->policy == SCHED_IDLE) &&
                      sched_getparam(0, &urgency->parameters) == 0 &&
                      sched_setscheduler(0, SCHED_RR, &least) == 0;
}

void urgency_restore(const struct urgency *urgency)
{
    if (urgency->raised)
        sched_setscheduler(0, urgency->policy, &urgency->parameters);
}
