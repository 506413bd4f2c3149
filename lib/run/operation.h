/*
 * One public call in progress, blocking or not: it has a deadline and is completed exactly once.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_OPERATION_H
#define ZKC_RUN_OPERATION_H

#include "run/dispatch.h"
#include "run/host.h"
#include "run/wait.h"

struct operation;

/* Runs the user's function; the operation is idle again and may be used for the next call. */
typedef void (*complete_fn)(struct operation *operation, int result);

/* The deadline has passed, or somebody cancels: undo, then operation_finish(operation, error). */
typedef void (*abandon_fn)(struct operation *operation, int error);

enum operation_state { OPERATION_IDLE, OPERATION_ACTIVE, OPERATION_DELIVERING };

struct operation {
    zkc_sync *sync;
    enum operation_state state;
    int result;
    struct wait *wait; /* of a blocking call; NULL otherwise */
    complete_fn complete;
    abandon_fn abandon;
    zkc_done_fn done; /* of the user, for operation_done() */
    void *arg;
    struct delivery delivery;
    struct timer timer;
};

/* All under the mutex, except operation_wait(). */

void operation_init(struct operation *operation, zkc_sync *sync, void *object);

/* Begins a blocking call, to be followed by operation_wait(), or one that ends in complete (wait is
 * NULL). */
void operation_begin(struct operation *operation, struct wait *wait, complete_fn complete,
                     abandon_fn abandon, int64_t deadline);

void operation_finish(struct operation *operation, int result);

static inline bool operation_active(const struct operation *operation)
{
    return operation->state == OPERATION_ACTIVE;
}

static inline bool operation_idle(const struct operation *operation)
{
    return operation->state == OPERATION_IDLE;
}

/* A complete_fn that calls done(arg, result). */
void operation_done(struct operation *operation, int result);

/* Sleeps until the blocking call is finished; cancels it when its context is. Not under the mutex.
 */
int operation_wait(zkc_sync *sync, struct operation *operation, struct wait *wait);

/* now + timeout, or NEVER. */
int64_t deadline_after(const zkc_sync *sync, int64_t timeout_ms);

#endif
