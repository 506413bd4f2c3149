/*
 * A thread that sleeps until its call is finished or its context cancelled.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_WAIT_H
#define ZKC_RUN_WAIT_H

#include "base/list.h"
#include "run/context.h"

#include <pthread.h>

struct wait {
    struct list link; /* where the waker keeps it */
    zkc_context *context;
    _Atomic uint32_t done;
    int result;
};

void wait_init(struct wait *wait, zkc_context *context);

/*
 * Sleeps until wait_finish(), or until the context is cancelled: then returns false, once, and the
 * caller sees to it that the call finishes. mutex is the one under which wait_finish() is called.
 */
bool wait_sleep(struct wait *wait, bool heed_cancel, pthread_mutex_t *mutex);

/* Ends the sleep. Under the mutex; the wait may be gone once the mutex is released. */
void wait_finish(struct wait *wait, int result);

#endif
