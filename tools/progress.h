/*
 * Tells a person at a terminal how the waiting goes, on one line of standard error that is written
 * anew each second.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_PROGRESS_H
#define ZKCOORD_TOOLS_PROGRESS_H

#include "claim.h"

#include <pthread.h>
#include <stdbool.h>

struct progress {
    bool running;
    bool shown;
    pthread_t thread;
    zkc_context *context; /* cancelled to end it */
    zkc_sync *sync;
    struct claim claim;
    const char *id;
    int ended; /* eventfd: wakes the thread */
};

/* Without a terminal on standard error it does nothing. */
void progress_start(struct progress *progress, zkc_sync *sync, enum claim_kind kind,
                    const char *id);

/* Removes the line; harmless when nothing was started. */
void progress_stop(struct progress *progress);

#endif
