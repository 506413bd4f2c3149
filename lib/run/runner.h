/*
 * The thread that runs timers. The simulator has its own runner, without a thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_RUNNER_H
#define ZKC_RUN_RUNNER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct zkc_sync;

struct runner {
    pthread_t thread;
    bool running;
    bool stop;
    int alarm;     /* readable when a timer is due */
    int64_t armed; /* what the alarm is set to */
};

int runner_start(struct zkc_sync *sync); /* -1 with errno */

/* Makes sure that the core is entered again at this time. Under the mutex. */
void runner_want(struct zkc_sync *sync, int64_t at);

/* Joins the thread. Not under the mutex. */
void runner_stop(struct zkc_sync *sync);

#endif
