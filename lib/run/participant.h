/*
 * One contender with one call at a time: acquire, hold, release. What lock and leader have in
 * common. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_PARTICIPANT_H
#define ZKC_RUN_PARTICIPANT_H

#include "core/ticket.h"
#include "run/grant.h"
#include "run/operation.h"

struct participant {
    struct grant grant;
    struct place *place;
    struct ticket *ticket;       /* of the acquire, grant or release in progress */
    struct operation *operation; /* the call in progress, until its callback runs; NULL if none */
    bool closed;                 /* nothing begins any more */
};

static inline zkc_sync *participant_sync(const struct participant *participant)
{
    return participant->grant.sync;
}

static inline struct session *participant_session(const struct participant *participant)
{
    return participant->grant.session;
}

/* All under the mutex. Takes over references to pooled and place. */
void participant_init(struct participant *participant, zkc_sync *sync, struct pooled *pooled,
                      struct place *place);
void participant_destroy(struct participant *participant);

/* Begins: ZKC_OK, then the operation completes; or why not. */
int participant_acquire(struct participant *participant, bool try_only, int64_t deadline,
                        struct operation *operation);
int participant_release(struct participant *participant, int64_t deadline,
                        struct operation *operation);

/* Likewise; then done is told, once. */
int participant_acquire_async(struct participant *participant, bool try_only, int64_t deadline,
                              zkc_done_fn done, void *arg);
int participant_release_async(struct participant *participant, zkc_done_fn done, void *arg);

/* Completes the acquire in progress with the error. ZKC_ENOTHELD if there is none. */
int participant_cancel(struct participant *participant, int error);

/* Gives up whatever is held or wanted, for good; a call in progress completes with the error. */
void participant_end(struct participant *participant, int error);

/* Runs the callbacks that are left, and waits for one that runs. Leaves the mutex meanwhile; by
 * then the participant may be gone. */
void participant_flush(struct participant *participant);

/* From now on every grant watches its own node at once. */
void participant_watch_own(struct participant *participant);

bool participant_acquiring(const struct participant *participant);

/* Public calls: these enter by themselves. */
int participant_call_release(struct participant *participant, zkc_context *context);
int participant_call_release_async(struct participant *participant, zkc_done_fn done, void *arg);
int participant_call_revoked_fd(struct participant *participant);
int participant_call_on_revoked(struct participant *participant, zkc_revoked_fn revoked, void *arg);
int participant_call_asked_fd(struct participant *participant);
int participant_call_on_asked(struct participant *participant, zkc_asked_fn asked, void *arg);
int participant_call_reason(struct participant *participant);
int participant_call_check_op(struct participant *participant, struct zoo_op *op);

#endif
