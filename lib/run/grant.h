/*
 * A grant as its holder sees it: held or revoked, until when, and every way to hear of the end.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_GRANT_H
#define ZKC_RUN_GRANT_H

#include "core/ticket.h"
#include "run/client.h"

struct audience;

struct grant {
    zkc_sync *sync;
    struct session *session;
    _Atomic int64_t token;
    _Atomic int64_t granted_deadline; /* of the lease when it was granted */
    struct ticket *ticket;            /* of the grant, NULL when none */
    struct audience *audience;        /* NULL until somebody wants to hear of something */
    int reason;                       /* of the newest grant's revocation, ZKC_OK if none */
    atomic_bool held;
    bool revoked;      /* and not given up since */
    bool always_watch; /* our own node, asked for or not */
};

/* Its callbacks belong to the grant: dispatch_flush(dispatch, grant). */
void grant_init(struct grant *grant, zkc_sync *sync, struct session *session);
void grant_destroy(struct grant *grant); /* under the mutex */

/* Without the mutex, anywhere. */
bool grant_is_valid(const struct grant *grant);
int64_t grant_remaining_ms(const struct grant *grant);
int64_t grant_token(const struct grant *grant);

/* Under the mutex. */
void grant_begin(struct grant *grant, struct ticket *ticket);
void grant_asked(struct grant *grant); /* to give up */
void grant_revoke(struct grant *grant, enum revocation reason);
void grant_end(struct grant *grant, int waiters_result);   /* given up by the user */
void grant_close(struct grant *grant, int waiters_result); /* closed under the user */
int grant_revoked_fd(struct grant *grant);
int grant_on_revoked(struct grant *grant, zkc_revoked_fn revoked, void *arg);
int grant_asked_fd(struct grant *grant);
int grant_on_asked(struct grant *grant, zkc_asked_fn asked, void *arg);

static inline int grant_reason(const struct grant *grant)
{
    return grant->reason;
}

int grant_check_op(struct grant *grant, struct zoo_op *op);

/* Enters by itself; blocks. */
int grant_wait_revoked(struct grant *grant, zkc_context *context);

#endif
