/*
 * Those who want to hear of what becomes of a grant, by descriptors, callbacks or a thread that
 * waits. Most programs never ask: it is made when one does.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_AUDIENCE_H
#define ZKC_RUN_AUDIENCE_H

#include "core/session.h"
#include "core/ticket.h"
#include "run/notifier.h"
#include "run/operation.h"

struct audience {
    struct session *session;
    struct notifier revoked, asked;
    struct prover prover; /* moves the moment at which revoked happens by itself */
    bool granted;         /* and neither revoked nor given up since */
    struct list waiters;  /* operations, by their waits */
    char *path;           /* of its node; NULL until somebody asks ZooKeeper for it */
    void (*lapsed)(void *owner);
    void *owner;
};

/*
 * All under the mutex. Its callbacks belong to the owner; lapsed is called when a proof comes so
 * late that a program may have seen the descriptor of the lease's end. NULL without memory.
 */
struct audience *audience_new(zkc_sync *sync, struct session *session, void *owner,
                              void (*lapsed)(void *owner));
void audience_free(struct audience *audience); /* NULL is allowed */

/* Whether anybody wants to hear at once. */
bool audience_wanted(const struct audience *audience);

/* The owner says what has happened to the grant. */
void audience_granted(struct audience *audience);
void audience_asked(struct audience *audience);
void audience_missed(struct audience *audience); /* it was revoked before there was an audience */
void audience_revoked(struct audience *audience, int reason);
void audience_ended(struct audience *audience, int waiters_result);
void audience_closed(struct audience *audience); /* after it has ended: a poll must hear of it */

/* The ways to hear of it. */
int audience_revoked_fd(struct audience *audience);
int audience_on_revoked(struct audience *audience, zkc_revoked_fn revoked, void *arg);
int audience_asked_fd(struct audience *audience);
int audience_on_asked(struct audience *audience, zkc_asked_fn asked, void *arg);
void audience_wait(struct audience *audience, struct operation *operation);

/* Of the grant's node; lives until the next grant. NULL without memory. */
const char *audience_path(struct audience *audience, const struct ticket *ticket);

#endif
