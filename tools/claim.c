/* SPDX-License-Identifier: Apache-2.0 */
#include "claim.h"

const char *claim_noun(enum claim_kind kind)
{
    return kind == CLAIM_LOCK ? "lock" : "election";
}

/* Of somebody who only looks. */
static const struct manner as_it_comes = {ZKC_DIALECT_LOCK, false};

/* One of id and path is NULL. */
static int open_as(struct claim *claim, zkc_sync *sync, const char *id, const char *path,
                   const struct manner *manner)
{
    zkc_lock_options lock;
    zkc_leader_options leader;

    if (claim->kind == CLAIM_LOCK) {
        ZKC_INIT(&lock);
        lock.path = path;
        lock.dialect = manner->dialect;
        lock.shared = manner->shared;
        return zkc_lock_open(sync, id, &lock, &claim->lock);
    }
    ZKC_INIT(&leader);
    leader.path = path;
    leader.dialect = manner->dialect;
    return zkc_leader_open(sync, id, &leader, &claim->leader);
}

int claim_open(struct claim *claim, zkc_sync *sync, enum claim_kind kind, const char *word,
               const struct manner *manner)
{
    bool by_path = *word == '/';

    *claim = (struct claim){.kind = kind};
    return open_as(claim, sync, by_path ? NULL : word, by_path ? word : NULL,
                   manner != NULL ? manner : &as_it_comes);
}

int claim_open_id(struct claim *claim, zkc_sync *sync, enum claim_kind kind, const char *id)
{
    *claim = (struct claim){.kind = kind};
    return open_as(claim, sync, id, NULL, &as_it_comes);
}

/* ---- standing ---- */

static void elected(void *arg, int result, zkc_elected *won)
{
    struct claim *claim = arg;

    claim->elected = won;
    claim->done(claim->arg, result);
}

int claim_stand(struct claim *claim, int64_t wait_ms, bool try_only,
                void (*done)(void *arg, int result), void *arg)
{
    claim->done = done;
    claim->arg = arg;
    if (claim->kind == CLAIM_LEADER)
        return zkc_leader_elect_async(claim->leader, wait_ms, elected, claim);
    return try_only ? zkc_lock_try_acquire_async(claim->lock, wait_ms, done, arg)
                    : zkc_lock_acquire_async(claim->lock, wait_ms, done, arg);
}

void claim_cancel(struct claim *claim)
{
    if (claim->kind == CLAIM_LOCK)
        zkc_lock_cancel(claim->lock);
    else
        zkc_leader_cancel(claim->leader);
}

/* ---- holding ---- */

int64_t claim_remaining_ms(const struct claim *claim)
{
    return claim->kind == CLAIM_LOCK ? zkc_lock_remaining_ms(claim->lock)
                                     : zkc_elected_remaining_ms(claim->elected);
}

int64_t claim_token(const struct claim *claim)
{
    return claim->kind == CLAIM_LOCK ? zkc_lock_token(claim->lock)
                                     : zkc_elected_token(claim->elected);
}

int claim_revoked_fd(struct claim *claim)
{
    return claim->kind == CLAIM_LOCK ? zkc_lock_revoked_fd(claim->lock)
                                     : zkc_elected_revoked_fd(claim->elected);
}

int claim_asked_fd(struct claim *claim)
{
    return claim->kind == CLAIM_LOCK ? zkc_lock_asked_fd(claim->lock)
                                     : zkc_elected_asked_fd(claim->elected);
}

int claim_revoked_reason(struct claim *claim)
{
    return claim->kind == CLAIM_LOCK ? zkc_lock_revoked_reason(claim->lock)
                                     : zkc_elected_revoked_reason(claim->elected);
}

int claim_give_up(struct claim *claim, zkc_context *context)
{
    int error;

    if (claim->kind == CLAIM_LOCK)
        return zkc_lock_release(claim->lock, context);
    error = zkc_elected_resign(claim->elected, context);
    zkc_elected_close(claim->elected);
    claim->elected = NULL;
    return error;
}

/* ---- who contends ---- */

int claim_list(struct claim *claim, zkc_context *context, zkc_contenders **ret_contenders)
{
    return claim->kind == CLAIM_LOCK
               ? zkc_lock_contenders(claim->lock, context, ret_contenders)
               : zkc_leader_contenders(claim->leader, context, ret_contenders);
}

size_t claim_holders(const zkc_contenders *all)
{
    size_t count = 0;

    while (count < zkc_contenders_count(all) && zkc_contenders_at(all, count)->holds)
        count++;
    return count;
}

void claim_close(struct claim *claim)
{
    zkc_elected_close(claim->elected);
    zkc_leader_close(claim->leader);
    zkc_lock_close(claim->lock);
}
