/*
 * A grant as its holder sees it: held or revoked, until when, and every way to hear of the end.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_HOLD_H
#define ZKC_RUN_HOLD_H

#include "core/ticket.h"
#include "run/host.h"

struct herald;

struct hold {
    zkc_sync *sync;
    struct session *session;
    _Atomic int64_t token;
    _Atomic int64_t granted_deadline; /* of the lease when it was granted */
    struct ticket *ticket;            /* of the grant, NULL when none */
    struct herald *herald;            /* NULL until somebody wants to hear of something */
    int reason;                       /* of the revocation, ZKC_OK if none */
    atomic_bool held;
    bool always_watch; /* our own node, asked for or not */
};

/* Its callbacks belong to the hold: dispatch_flush(sync, hold). */
void hold_init(struct hold *hold, zkc_sync *sync, struct session *session);
void hold_destroy(struct hold *hold); /* under the mutex */

/* Without the mutex, anywhere. */
bool hold_is_valid(const struct hold *hold);
int64_t hold_remaining_ms(const struct hold *hold);
int64_t hold_token(const struct hold *hold);

/* Under the mutex. */
void hold_grant(struct hold *hold, struct ticket *ticket);
void hold_asked(struct hold *hold); /* to give up */
void hold_revoke(struct hold *hold, enum revocation reason);
void hold_lapse(struct hold *hold);                   /* revokes a grant whose lease has run out */
void hold_end(struct hold *hold, int waiters_result); /* given up by the user */
void hold_close(struct hold *hold, int waiters_result); /* closed under the user */
int hold_fd(struct hold *hold);
int hold_on_revoked(struct hold *hold, zkc_revoked_fn revoked, void *arg);
int hold_asked_fd(struct hold *hold);
int hold_on_asked(struct hold *hold, zkc_asked_fn asked, void *arg);
int hold_reason(struct hold *hold);
int hold_check_op(struct hold *hold, struct zoo_op *op);

/* Enters by itself; blocks. */
int hold_wait_revoked(struct hold *hold, zkc_context *context);

#endif
