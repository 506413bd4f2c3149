/*
 * Slow goodbyes: zookeeper_close() can take seconds. One thread for them is made when the client is
 * opened, because later there may be none to be had, and a handle that is not closed keeps two.
 * More are asked for while it is busy. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_REAPER_H
#define ZKC_RUN_REAPER_H

#include "base/list.h"
#include "run/helpers.h"
#include "run/thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zk;

struct reaper {
    struct helper helper; /* what closes a handle beside the thread */
    const struct host *host;
    pthread_t thread;
    struct condition changed;
    struct list graves; /* handles that no thread has taken yet */
    size_t closing;     /* handles that some thread closes now */
    bool running;
    bool at_work; /* that thread closes one */
    bool stop;
};

void reaper_init(struct reaper *reaper, struct helpers *helpers);
void reaper_destroy(struct reaper *reaper);
int reaper_start(struct reaper *reaper); /* under the mutex; -1 with errno */

/* Closes the handle elsewhere, and drops the reference to the host that came with it. Under the
 * mutex. */
void reaper_bury(struct reaper *reaper, struct zk *zk);

/* Whether handles are still being closed. Under the mutex. */
bool reaper_busy(const struct reaper *reaper);

/* Waits until none is, or the deadline has passed. Under the mutex, which it leaves meanwhile. */
void reaper_wait(struct reaper *reaper, int64_t deadline);

/* Joins the thread if it has nothing to do, else it ends when it is done. Not under the mutex. */
void reaper_stop(struct reaper *reaper);

#endif
