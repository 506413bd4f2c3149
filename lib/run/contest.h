/*
 * One contender with one call at a time: acquire, hold, release. What lock and leader have in
 * common. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_CONTEST_H
#define ZKC_RUN_CONTEST_H

#include "core/ticket.h"
#include "run/hold.h"
#include "run/operation.h"

struct contest {
    struct hold hold;
    struct place *place;
    struct ticket *ticket;       /* of the acquire, grant or release in progress */
    struct operation *operation; /* the call in progress, until its callback runs; NULL if none */
    bool closed;                 /* nothing begins any more */
};

static inline zkc_sync *contest_sync(const struct contest *contest)
{
    return contest->hold.sync;
}

static inline struct session *contest_session(const struct contest *contest)
{
    return contest->hold.session;
}

/* All under the mutex. Takes over references to pooled and place. */
void contest_init(struct contest *contest, zkc_sync *sync, struct pooled *pooled,
                  struct place *place);
void contest_destroy(struct contest *contest);

/* Begins: ZKC_OK, then the operation completes; or why not. */
int contest_acquire(struct contest *contest, bool try_only, int64_t deadline,
                    struct operation *operation);
int contest_release(struct contest *contest, int64_t deadline, struct operation *operation);

/* Likewise; then done is told, once. */
int contest_acquire_async(struct contest *contest, bool try_only, int64_t deadline,
                          zkc_done_fn done, void *arg);
int contest_release_async(struct contest *contest, zkc_done_fn done, void *arg);

/* Completes the acquire in progress with the error. ZKC_ENOTHELD if there is none. */
int contest_cancel(struct contest *contest, int error);

/* Gives up whatever is held or wanted, for good; a call in progress completes with the error. */
void contest_end(struct contest *contest, int error);

/* Runs the callbacks that are left, and waits for one that runs. Leaves the mutex meanwhile; by
 * then the contest may be gone. */
void contest_flush(struct contest *contest);

/* From now on every grant watches its own node at once. */
void contest_watch_own(struct contest *contest);

bool contest_acquiring(const struct contest *contest);

/* Public calls: these enter by themselves. */
int contest_call_release(struct contest *contest, zkc_context *context);
int contest_call_release_async(struct contest *contest, zkc_done_fn done, void *arg);
int contest_call_revoked_fd(struct contest *contest);
int contest_call_on_revoked(struct contest *contest, zkc_revoked_fn revoked, void *arg);
int contest_call_asked_fd(struct contest *contest);
int contest_call_on_asked(struct contest *contest, zkc_asked_fn asked, void *arg);
int contest_call_reason(struct contest *contest);
int contest_call_check_op(struct contest *contest, struct zoo_op *op);

#endif
