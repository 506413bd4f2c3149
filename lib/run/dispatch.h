/*
 * The only place where callbacks of the user run: on a thread of ours, or on the user's own through
 * zkc_sync_dispatch(). Never under the mutex, and one at a time, but for those of an object that is
 * closed: they run there, and wait for nobody else's.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_DISPATCH_H
#define ZKC_RUN_DISPATCH_H

#include "base/list.h"
#include "run/host.h"
#include "run/thread.h"

#include <pthread.h>
#include <stdbool.h>

struct delivery {
    struct list link;                       /* points to itself when not queued */
    void *object;                           /* what its callback belongs to */
    void (*run)(struct delivery *delivery); /* not under the mutex; may free the delivery */
};

struct dispatch {
    struct host *host;
    struct list queue;
    struct condition changed;
    pthread_t courier;
    bool courier_running;
    bool stop;
    int fd;             /* of the user's loop, -1 before zkc_sync_fd() */
    struct list frames; /* callbacks that run now, the innermost of a thread first */
};

int dispatch_init(struct dispatch *dispatch, struct host *host);
void dispatch_destroy(struct dispatch *dispatch);

void delivery_init(struct delivery *delivery, void *object, void (*run)(struct delivery *delivery));

/* All under the mutex. */

/* There will be callbacks: makes sure that somebody runs them. 0 or -1 with errno. */
int dispatch_prepare(struct dispatch *dispatch);
void dispatch_post(struct dispatch *dispatch, struct delivery *delivery);
void dispatch_withdraw(struct dispatch *dispatch, struct delivery *delivery);
bool dispatch_in_callback(const struct dispatch *dispatch);
int dispatch_open_fd(struct dispatch *dispatch);

/* Runs one delivery, leaving the mutex meanwhile; false if none waits. */
bool dispatch_run_one(struct dispatch *dispatch);

/*
 * Runs what is queued for the object (NULL: for all), here, and waits for a callback of it that
 * runs elsewhere. Leaves the mutex meanwhile.
 */
void dispatch_flush(struct dispatch *dispatch, void *object);

/* Runs what is left, waits for a callback that runs, and ends the courier. Leaves the mutex
 * meanwhile. */
void dispatch_stop(struct dispatch *dispatch);

#endif
