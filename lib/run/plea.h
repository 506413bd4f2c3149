/*
 * Somebody asks the holder to give up: how the holder hears of it, once for each grant.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_PLEA_H
#define ZKC_RUN_PLEA_H

#include "run/dispatch.h"

#include <zkcoord/zkcoord.h>

struct plea {
    zkc_sync *sync;
    bool made; /* to the present grant */
    bool told; /* by the callback */
    int fd;    /* -1 until asked for */
    zkc_asked_fn asked;
    void *arg;
    struct delivery delivery;
};

/* All under the mutex. object is whose callback this is. */
void plea_init(struct plea *plea, zkc_sync *sync, void *object);
void plea_destroy(struct plea *plea);

/* Whether anybody wants to hear of it. */
bool plea_wanted(const struct plea *plea);

void plea_made(struct plea *plea);
void plea_over(struct plea *plea); /* the grant is, or a new one begins */

int plea_fd(struct plea *plea);
int plea_on_asked(struct plea *plea, zkc_asked_fn asked, void *arg);

#endif
