/*
 * How a holder hears of what becomes of its grant: descriptors, callbacks, threads that wait. Most
 * never ask: it is made when somebody does.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_HERALD_H
#define ZKC_RUN_HERALD_H

#include "core/session.h"
#include "run/dispatch.h"
#include "run/plea.h"
#include "run/wait.h"

struct hold;

struct herald {
    struct hold *hold;
    int fd;        /* -1 until asked for */
    int64_t armed; /* what the fd is set to */
    struct prover prover;
    zkc_revoked_fn revoked;
    void *arg;
    struct delivery delivery;
    unsigned untold; /* revocations that the callback has not been told of */
    int told_reason;
    struct list waiters;
    struct plea plea;
    char *check_path;
};

/* All under the mutex. Its callbacks belong to the hold. */

struct herald *herald_new(struct hold *hold); /* NULL without memory */
void herald_free(struct herald *herald);      /* NULL is allowed */

/* Whether anybody wants to hear at once. */
bool herald_wanted(const struct herald *herald);

/* What has happened to the hold. */
void herald_granted(struct herald *herald);
void herald_revoked(struct herald *herald);
void herald_ended(struct herald *herald, int waiters_result);
void herald_closed(struct herald *herald); /* after it has ended: who only polls must hear of it */

/* The ways to hear of the end. */
int herald_fd(struct herald *herald);
int herald_on_revoked(struct herald *herald, zkc_revoked_fn revoked, void *arg);
void herald_wait(struct herald *herald, struct wait *wait);

/* Our node, for whoever asks ZooKeeper itself; lives until the next grant. NULL without memory. */
const char *herald_check_path(struct herald *herald);

#endif
