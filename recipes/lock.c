/*
 * Locks, first come first served. Each contender creates an ephemeral sequential znode in the
 * directory of the lock and lists the directory. A contender that wants to hold alone waits for the
 * one directly ahead of it; one that shares waits for the nearest one ahead that does not share.
 * When that node goes, the contender looks again. Nobody whom it must wait for: it holds.
 *
 * Promises: while zkc_lock_is_held() says yes, nobody whom it excludes has been granted the lock; a
 * grant has a larger token than all before it that it excludes. Does not promise that a write that
 * was begun while held arrives while held: that is what the token is for. Source: "Locks" and
 * "Shared Locks" in ZooKeeper's Recipes and Solutions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kit.h"

/* ---- the rule ---- */

static bool conflicts(enum mode a, enum mode b)
{
    return a == MODE_ALONE || b == MODE_ALONE;
}

static size_t blocker(const struct roster *roster, size_t me, size_t below)
{
    while (below > 0 && !conflicts(roster->at[below - 1].mode, roster->at[me].mode))
        below--;
    return below > 0 ? below - 1 : ROSTER_NOBODY;
}

const struct rule lock_rule = {blocker, conflicts};

struct zkc_lock {
    struct member member;
    struct participant participant;
    int64_t wait_ms;
};

static zkc_sync *sync_of(const zkc_lock *lock)
{
    return participant_sync(&lock->participant);
}

/* ---- opening and closing ---- */

static void closing(struct member *member)
{
    participant_end(&container_of(member, struct zkc_lock, member)->participant, ZKC_ECLOSED);
}

static struct wish wish_of(const char *id, const zkc_lock_options *options)
{
    return (struct wish){.rule = &lock_rule,
                         .kind = "lock",
                         .id = id,
                         .path = options->path,
                         .data = options->data,
                         .length = options->data_length,
                         .dialect = options->dialect,
                         .shared = options->shared};
}

static int check_options(const struct wish *wish, const zkc_lock_options *options)
{
    if (options->ttl_ms < 0 || options->ttl_ms > ZKC_SESSION_TIMEOUT_MAX_MS || options->wait_ms < 0)
        return ZKC_EINVAL;
    return place_check(wish);
}

static void fill(zkc_lock *lock, zkc_sync *sync, struct pooled *pooled, struct place *place,
                 const zkc_lock_options *options)
{
    lock->wait_ms = options->wait_ms;
    participant_init(&lock->participant, sync, pooled, place);
    lock->member.closing = closing;
    list_init(&lock->member.link);
    list_append(&sync->members, &lock->member.link);
    client_ref(sync);
}

static int open_entered(zkc_sync *sync, const struct wish *wish, const zkc_lock_options *options,
                        zkc_lock **ret_lock)
{
    zkc_lock *lock = mem_zalloc(sizeof *lock);
    struct place *place = place_make(sync, wish);
    struct pooled *pooled = place == NULL ? NULL : pool_session_get(sync, options->ttl_ms);

    if (lock == NULL || pooled == NULL) {
        if (pooled != NULL)
            pool_session_put(sync, pooled);
        place_unref(place);
        mem_free(lock);
        return ZKC_ENOMEM;
    }
    fill(lock, sync, pooled, place, options);
    *ret_lock = lock;
    return ZKC_OK;
}

int zkc_lock_open(zkc_sync *sync, const char *id, const zkc_lock_options *options,
                  zkc_lock **ret_lock)
{
    zkc_lock_options known;
    struct wish wish;
    int error;

    ZKC_INIT(&known);
    if (sync == NULL || ret_lock == NULL)
        return ZKC_EINVAL;
    if (options != NULL &&
        !options_copy(&known, sizeof known, OPTIONS_END(zkc_lock_options, dialect), options))
        return ZKC_EINVAL;
    wish = wish_of(id, &known);
    error = check_options(&wish, &known);
    if (error == ZKC_OK)
        error = client_begin(sync);
    if (error != ZKC_OK)
        return error;
    error = open_entered(sync, &wish, &known, ret_lock);
    client_leave(sync);
    return error;
}

void zkc_lock_close(zkc_lock *lock)
{
    zkc_sync *sync;

    if (lock == NULL || client_is_child(sync_of(lock)))
        return;
    sync = sync_of(lock);
    client_enter(sync);
    list_remove(&lock->member.link);
    participant_end(&lock->participant, ZKC_ECLOSED);
    participant_flush(&lock->participant);
    participant_destroy(&lock->participant);
    client_leave(sync);
    mem_free(lock);
    client_unref(sync);
}

const char *zkc_lock_id(const zkc_lock *lock)
{
    return lock == NULL ? NULL : place_id(lock->participant.place);
}

/* ---- acquire ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t own_deadline(const zkc_lock *lock, int64_t wait_ms)
{
    if (wait_ms == 0)
        wait_ms = lock->wait_ms;
    return wait_ms <= 0 ? NEVER : deadline_after(sync_of(lock), wait_ms);
}

static int acquire(zkc_lock *lock, zkc_context *context, bool try_only)
{
    struct operation operation;
    int64_t deadline;
    int error;

    if (lock == NULL)
        return ZKC_EINVAL;
    error = operation_enter(&operation, sync_of(lock), context);
    if (error != ZKC_OK)
        return error;
    deadline = earlier(context_deadline(context), own_deadline(lock, 0));
    error = zkc_context_error(context);
    if (error == ZKC_OK)
        error = participant_acquire(&lock->participant, try_only, deadline, &operation);
    return operation_leave(&operation, error);
}

int zkc_lock_acquire(zkc_lock *lock, zkc_context *context)
{
    return acquire(lock, context, false);
}

int zkc_lock_try_acquire(zkc_lock *lock, zkc_context *context)
{
    return acquire(lock, context, true);
}

static int acquire_async(zkc_lock *lock, int64_t wait_ms, zkc_done_fn done, void *arg,
                         bool try_only)
{
    int error;

    if (lock == NULL || done == NULL)
        return ZKC_EINVAL;
    error = client_begin(sync_of(lock));
    if (error != ZKC_OK)
        return error;
    error = participant_acquire_async(&lock->participant, try_only, own_deadline(lock, wait_ms),
                                      done, arg);
    client_leave(sync_of(lock));
    return error;
}

int zkc_lock_acquire_async(zkc_lock *lock, int64_t wait_ms, zkc_done_fn done, void *arg)
{
    return acquire_async(lock, wait_ms, done, arg, false);
}

int zkc_lock_try_acquire_async(zkc_lock *lock, int64_t wait_ms, zkc_done_fn done, void *arg)
{
    return acquire_async(lock, wait_ms, done, arg, true);
}

int zkc_lock_cancel(zkc_lock *lock)
{
    int error = lock == NULL ? ZKC_EINVAL : client_begin(sync_of(lock));

    if (error != ZKC_OK)
        return error;
    error = participant_cancel(&lock->participant, ZKC_ECANCELED);
    client_leave(sync_of(lock));
    return error;
}

/* ---- release ---- */

int zkc_lock_release(zkc_lock *lock, zkc_context *context)
{
    return lock == NULL ? ZKC_EINVAL : participant_call_release(&lock->participant, context);
}

int zkc_lock_release_async(zkc_lock *lock, zkc_done_fn done, void *arg)
{
    if (lock == NULL || done == NULL)
        return ZKC_EINVAL;
    return participant_call_release_async(&lock->participant, done, arg);
}

/* ---- while it is held ---- */

bool zkc_lock_is_held(const zkc_lock *lock)
{
    return lock != NULL && grant_is_valid(&lock->participant.grant);
}

int64_t zkc_lock_remaining_ms(const zkc_lock *lock)
{
    return lock == NULL ? 0 : grant_remaining_ms(&lock->participant.grant);
}

int64_t zkc_lock_token(const zkc_lock *lock)
{
    return lock == NULL ? 0 : grant_token(&lock->participant.grant);
}

int64_t zkc_lock_ttl_ms(zkc_lock *lock)
{
    int64_t ttl = lock == NULL ? ZKC_EINVAL : client_begin(sync_of(lock));

    if (ttl != ZKC_OK)
        return ttl;
    ttl = participant_session(&lock->participant)->timeout / MILLISECOND;
    client_leave(sync_of(lock));
    return ttl;
}

int zkc_lock_revoked_fd(zkc_lock *lock)
{
    return lock == NULL ? ZKC_EINVAL : participant_call_revoked_fd(&lock->participant);
}

int zkc_lock_on_revoked(zkc_lock *lock, zkc_revoked_fn revoked, void *arg)
{
    return lock == NULL ? ZKC_EINVAL
                        : participant_call_on_revoked(&lock->participant, revoked, arg);
}

int zkc_lock_asked_fd(zkc_lock *lock)
{
    return lock == NULL ? ZKC_EINVAL : participant_call_asked_fd(&lock->participant);
}

int zkc_lock_on_asked(zkc_lock *lock, zkc_asked_fn asked, void *arg)
{
    return lock == NULL ? ZKC_EINVAL : participant_call_on_asked(&lock->participant, asked, arg);
}

int zkc_lock_wait_revoked(zkc_lock *lock, zkc_context *context)
{
    return lock == NULL ? ZKC_EINVAL : grant_wait_revoked(&lock->participant.grant, context);
}

int zkc_lock_revoked_reason(zkc_lock *lock)
{
    return lock == NULL ? ZKC_EINVAL : participant_call_reason(&lock->participant);
}

int zkc_lock_check_op(zkc_lock *lock, struct zoo_op *ret_op)
{
    return lock == NULL ? ZKC_EINVAL : participant_call_check_op(&lock->participant, ret_op);
}

int zkc_lock_contenders(zkc_lock *lock, zkc_context *context, zkc_contenders **ret_contenders)
{
    if (lock == NULL || ret_contenders == NULL)
        return ZKC_EINVAL;
    return listing_read(sync_of(lock), participant_session(&lock->participant),
                        lock->participant.place, false, context, ret_contenders);
}
