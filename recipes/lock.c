/*
 * Mutual exclusion, first come first served. Promises: while zkc_lock_is_held() says yes, nobody
 * else has been granted the lock; every grant has a larger token than all before it. Does not
 * promise that a write that was begun while held arrives while held: that is what the token is for.
 * Source: "Locks" in ZooKeeper's Recipes and Solutions; who waits watches two places ahead.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kit.h"

struct zkc_lock {
    struct member member;
    struct contest contest;
    int64_t wait_ms;
};

static zkc_sync *sync_of(const zkc_lock *lock)
{
    return contest_sync(&lock->contest);
}

/* ---- opening and closing ---- */

static void closing(struct member *member)
{
    contest_end(&container_of(member, struct zkc_lock, member)->contest, ZKC_ECLOSED);
}

static int check_options(const char *id, const zkc_lock_options *options)
{
    if (options->ttl_ms < 0 || options->ttl_ms > ZKC_SESSION_TIMEOUT_MAX_MS || options->wait_ms < 0)
        return ZKC_EINVAL;
    return place_check(id, options->path, options->data, options->data_length, options->dialect);
}

static void fill(zkc_lock *lock, zkc_sync *sync, struct pooled *pooled, struct place *place,
                 const zkc_lock_options *options)
{
    lock->wait_ms = options->wait_ms;
    contest_init(&lock->contest, sync, pooled, place);
    lock->member.closing = closing;
    list_init(&lock->member.link);
    list_append(&sync->members, &lock->member.link);
    host_ref(sync);
}

static int open_entered(zkc_sync *sync, const char *id, const zkc_lock_options *options,
                        zkc_lock **ret_lock)
{
    zkc_lock *lock = mem_zalloc(sizeof *lock);
    struct place *place = place_make(sync, "lock", id, options->path, options->data,
                                     options->data_length, (zkc_dialect)options->dialect);
    struct pooled *pooled = place == NULL ? NULL : host_session_get(sync, options->ttl_ms);

    if (lock == NULL || pooled == NULL) {
        if (pooled != NULL)
            host_session_put(sync, pooled);
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
    int error;

    ZKC_INIT(&known);
    if (sync == NULL || ret_lock == NULL)
        return ZKC_EINVAL;
    if (options != NULL &&
        !options_copy(&known, sizeof known, OPTIONS_END(zkc_lock_options, dialect), options))
        return ZKC_EINVAL;
    error = check_options(id, &known);
    if (error == ZKC_OK)
        error = host_begin(sync);
    if (error != ZKC_OK)
        return error;
    error = open_entered(sync, id, &known, ret_lock);
    host_leave(sync);
    return error;
}

void zkc_lock_close(zkc_lock *lock)
{
    zkc_sync *sync;

    if (lock == NULL || host_is_child(sync_of(lock)))
        return;
    sync = sync_of(lock);
    host_enter(sync);
    list_remove(&lock->member.link);
    contest_end(&lock->contest, ZKC_ECLOSED);
    contest_flush(&lock->contest);
    contest_destroy(&lock->contest);
    host_leave(sync);
    mem_free(lock);
    host_unref(sync);
}

const char *zkc_lock_id(const zkc_lock *lock)
{
    return lock == NULL ? NULL : place_id(lock->contest.place);
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
    struct wait wait;
    int64_t deadline;
    zkc_sync *sync;
    int error;

    if (lock == NULL)
        return ZKC_EINVAL;
    sync = sync_of(lock);
    error = host_begin_blocking(sync);
    if (error != ZKC_OK)
        return error;
    wait_init(&wait, context);
    operation_init(&operation, sync, &wait);
    deadline = earlier(context_deadline(context), own_deadline(lock, 0));
    error = zkc_context_error(context);
    if (error == ZKC_OK)
        error = contest_acquire(&lock->contest, try_only, deadline, &operation);
    host_leave(sync);
    return error != ZKC_OK ? error : operation_wait(&operation);
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
    error = host_begin(sync_of(lock));
    if (error != ZKC_OK)
        return error;
    error = contest_acquire_async(&lock->contest, try_only, own_deadline(lock, wait_ms), done, arg);
    host_leave(sync_of(lock));
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
    int error = lock == NULL ? ZKC_EINVAL : host_begin(sync_of(lock));

    if (error != ZKC_OK)
        return error;
    error = contest_cancel(&lock->contest, ZKC_ECANCELED);
    host_leave(sync_of(lock));
    return error;
}

/* ---- release ---- */

int zkc_lock_release(zkc_lock *lock, zkc_context *context)
{
    return lock == NULL ? ZKC_EINVAL : contest_call_release(&lock->contest, context);
}

int zkc_lock_release_async(zkc_lock *lock, zkc_done_fn done, void *arg)
{
    if (lock == NULL || done == NULL)
        return ZKC_EINVAL;
    return contest_call_release_async(&lock->contest, done, arg);
}

/* ---- while it is held ---- */

bool zkc_lock_is_held(const zkc_lock *lock)
{
    return lock != NULL && hold_is_valid(&lock->contest.hold);
}

int64_t zkc_lock_remaining_ms(const zkc_lock *lock)
{
    return lock == NULL ? 0 : hold_remaining_ms(&lock->contest.hold);
}

int64_t zkc_lock_token(const zkc_lock *lock)
{
    return lock == NULL ? 0 : hold_token(&lock->contest.hold);
}

int64_t zkc_lock_ttl_ms(zkc_lock *lock)
{
    int64_t ttl = lock == NULL ? ZKC_EINVAL : host_begin(sync_of(lock));

    if (ttl != ZKC_OK)
        return ttl;
    ttl = contest_session(&lock->contest)->timeout / MILLISECOND;
    host_leave(sync_of(lock));
    return ttl;
}

int zkc_lock_revoked_fd(zkc_lock *lock)
{
    return lock == NULL ? ZKC_EINVAL : contest_call_revoked_fd(&lock->contest);
}

int zkc_lock_on_revoked(zkc_lock *lock, zkc_revoked_fn revoked, void *arg)
{
    return lock == NULL ? ZKC_EINVAL : contest_call_on_revoked(&lock->contest, revoked, arg);
}

int zkc_lock_asked_fd(zkc_lock *lock)
{
    return lock == NULL ? ZKC_EINVAL : contest_call_asked_fd(&lock->contest);
}

int zkc_lock_on_asked(zkc_lock *lock, zkc_asked_fn asked, void *arg)
{
    return lock == NULL ? ZKC_EINVAL : contest_call_on_asked(&lock->contest, asked, arg);
}

int zkc_lock_wait_revoked(zkc_lock *lock, zkc_context *context)
{
    return lock == NULL ? ZKC_EINVAL : hold_wait_revoked(&lock->contest.hold, context);
}

int zkc_lock_revoked_reason(zkc_lock *lock)
{
    return lock == NULL ? ZKC_EINVAL : contest_call_reason(&lock->contest);
}

int zkc_lock_check_op(zkc_lock *lock, struct zoo_op *ret_op)
{
    return lock == NULL ? ZKC_EINVAL : contest_call_check_op(&lock->contest, ret_op);
}

int zkc_lock_contenders(zkc_lock *lock, zkc_context *context, zkc_contenders **ret_contenders)
{
    if (lock == NULL || ret_contenders == NULL)
        return ZKC_EINVAL;
    return listing_read(sync_of(lock), contest_session(&lock->contest), lock->contest.place, false,
                        context, ret_contenders);
}
