/*
 * The thread that runs timers. It knows a function that runs them, not the client that they belong
 * to. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_RUNNER_H
#define ZKC_RUN_RUNNER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* What the thread calls when the alarm rings: it takes the mutex and calls runner_rang(), whose
 * answer it returns. */
typedef bool (*runner_fn)(void *argument);

struct runner {
    pthread_t thread;
    runner_fn function;
    void *argument;
    bool running;
    bool stop;
    int alarm;     /* readable when a timer is due */
    int64_t armed; /* what the alarm is set to */
};

int runner_start(struct runner *runner, runner_fn function, void *argument); /* -1 with errno */

/* Under the mutex: the alarm rings no longer. False: the thread ends. */
bool runner_rang(struct runner *runner);

/* Makes sure that the function is called at this time. Under the mutex. */
void runner_want(struct runner *runner, int64_t at);

/* Joins the thread. Takes the mutex for a moment. */
void runner_stop(struct runner *runner, pthread_mutex_t *mutex);

#endif
