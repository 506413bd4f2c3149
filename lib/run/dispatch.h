/*
 * The only place where callbacks of the user run: on a thread of ours, or on the user's own through
 * zkc_sync_dispatch(). Never under the mutex, never two at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_DISPATCH_H
#define ZKC_RUN_DISPATCH_H

#include "base/list.h"
#include "run/thread.h"

#include <pthread.h>
#include <stdbool.h>

struct zkc_sync;

struct delivery {
    struct list link;                       /* points to itself when not queued */
    void *object;                           /* what its callback belongs to */
    void (*run)(struct delivery *delivery); /* not under the mutex; may free the delivery */
};

struct frame;

struct dispatch {
    struct list queue;
    struct condition changed;
    pthread_t courier;
    bool courier_running;
    bool stop;
    int fd;               /* of the user's loop, -1 before zkc_sync_fd() */
    struct frame *frames; /* callbacks that run now, the innermost first; all on one thread */
    pthread_t thread;     /* which one */
};

int dispatch_init(struct zkc_sync *sync);
void dispatch_destroy(struct zkc_sync *sync);

void delivery_init(struct delivery *delivery, void *object, void (*run)(struct delivery *delivery));

/* All under the mutex. */

/* There will be callbacks: makes sure that somebody runs them. 0 or -1 with errno. */
int dispatch_prepare(struct zkc_sync *sync);
void dispatch_post(struct zkc_sync *sync, struct delivery *delivery);
void dispatch_withdraw(struct zkc_sync *sync, struct delivery *delivery);
bool dispatch_in_callback(struct zkc_sync *sync);
int dispatch_open_fd(struct zkc_sync *sync);

/* Runs one delivery, leaving the mutex meanwhile; false if none waits. */
bool dispatch_run_one(struct zkc_sync *sync);

/*
 * Runs what is queued for the object (NULL: for all), here, and waits for a callback of it that
 * runs elsewhere. Leaves the mutex meanwhile.
 */
void dispatch_flush(struct zkc_sync *sync, void *object);

/* Runs what is left, waits for a callback that runs, and ends the courier. Leaves the mutex
 * meanwhile. */
void dispatch_stop(struct zkc_sync *sync);

#endif
