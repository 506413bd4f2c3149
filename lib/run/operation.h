/*
 * One public call in progress, blocking or not: it has a deadline and is completed exactly once.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_OPERATION_H
#define ZKC_RUN_OPERATION_H

#include "run/dispatch.h"
#include "run/client.h"
#include "run/wait.h"

struct operation;

/* The deadline has passed, or somebody cancels: undo, then operation_finish(operation, error). */
typedef void (*abandon_fn)(struct operation *operation, int error);

/* That of a blocking call lives on the caller's stack, that of an asynchronous one is allocated. */
struct operation {
    zkc_sync *sync;
    struct operation **slot; /* where its owner finds it while it lasts, or NULL */
    bool active;
    int result;
    bool blocking;
    struct wait wait; /* of a blocking call */
    zkc_done_fn done; /* of an asynchronous one */
    void *arg;
    abandon_fn abandon;
    struct delivery delivery;
    struct timer timer;
};

/*
 * The frame of a blocking call, in which it is under the mutex: what it does there ends with
 * operation_begin(), or with an error. operation_enter() fails where a blocking call is not
 * allowed. operation_leave() returns that error, or sleeps until the call is finished; if its
 * context is cancelled the call is abandoned.
 */
int operation_enter(struct operation *operation, zkc_sync *sync, zkc_context *context);
int operation_leave(struct operation *operation, int error);

/* The rest is for whoever is under the mutex. */

/* Of a blocking call that enters in a way of its own. */
void operation_block(struct operation *operation, zkc_sync *sync, zkc_context *context);

/*
 * Of an asynchronous one, whose callback belongs to the object: operation_begin(), after which it
 * frees itself when done has been told, or mem_free(). NULL without memory.
 */
struct operation *operation_new(zkc_sync *sync, void *object, zkc_done_fn done, void *arg);

/* *slot is set, and becomes NULL when the operation is over and may be gone. */
void operation_begin(struct operation *operation, struct operation **slot, abandon_fn abandon,
                     int64_t deadline);

/* Only the first time counts. */
void operation_finish(struct operation *operation, int result);

/* now + timeout, or NEVER. */
int64_t deadline_after(const zkc_sync *sync, int64_t timeout_ms);

#endif
