/*
 * Threads that do one piece of work and end by themselves. zkc_sync_close() waits for the last
 * instruction of those that have nothing left to do, so that a program may unload what it likes
 * afterwards. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_HELPERS_H
#define ZKC_RUN_HELPERS_H

#include "run/host.h"

#include <pthread.h>
#include <stdbool.h>

struct helpers {
    const struct host *host;
    pthread_t last; /* ended, or about to; each joins the one before */
    bool any;
    bool over; /* nobody joins any more */
};

/* A piece of work; its owner has the memory. Several threads may do the same one. */
struct helper {
    struct helpers *helpers;
    void (*work)(struct helper *helper); /* not under the mutex; may free the helper */
};

/* Starts a thread for the work, with a reference to the host. 0, or -1 with errno. */
int helpers_start(struct helper *helper);

/* Joins those whose work is done. Not under the mutex. */
void helpers_join(struct helpers *helpers);

#endif
