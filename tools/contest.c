/* SPDX-License-Identifier: Apache-2.0 */
#include "contest.h"

const char *contest_noun(enum contest_kind kind)
{
    return kind == CONTEST_LOCK ? "lock" : "election";
}

static int open_lock(struct contest *contest, zkc_sync *sync, const char *id, zkc_dialect dialect)
{
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.path = *id == '/' ? id : NULL;
    options.dialect = dialect;
    return zkc_lock_open(sync, *id == '/' ? NULL : id, &options, &contest->lock);
}

static int open_leader(struct contest *contest, zkc_sync *sync, const char *id, zkc_dialect dialect)
{
    zkc_leader_options options;

    ZKC_INIT(&options);
    options.path = *id == '/' ? id : NULL;
    options.dialect = dialect;
    return zkc_leader_open(sync, *id == '/' ? NULL : id, &options, &contest->leader);
}

int contest_open(struct contest *contest, zkc_sync *sync, enum contest_kind kind, const char *id,
                 zkc_dialect dialect)
{
    *contest = (struct contest){.kind = kind};
    return kind == CONTEST_LOCK ? open_lock(contest, sync, id, dialect)
                                : open_leader(contest, sync, id, dialect);
}

/* ---- standing ---- */

static void elected(void *arg, int result, zkc_elected *won)
{
    struct contest *contest = arg;

    contest->elected = won;
    contest->done(contest->arg, result);
}

int contest_stand(struct contest *contest, int64_t wait_ms, bool try_only,
                  void (*done)(void *arg, int result), void *arg)
{
    contest->done = done;
    contest->arg = arg;
    if (contest->kind == CONTEST_LEADER)
        return zkc_leader_elect_async(contest->leader, wait_ms, elected, contest);
    return try_only ? zkc_lock_try_acquire_async(contest->lock, wait_ms, done, arg)
                    : zkc_lock_acquire_async(contest->lock, wait_ms, done, arg);
}

void contest_cancel(struct contest *contest)
{
    if (contest->kind == CONTEST_LOCK)
        zkc_lock_cancel(contest->lock);
    else
        zkc_leader_cancel(contest->leader);
}

/* ---- holding ---- */

int64_t contest_remaining_ms(const struct contest *contest)
{
    return contest->kind == CONTEST_LOCK ? zkc_lock_remaining_ms(contest->lock)
                                         : zkc_elected_remaining_ms(contest->elected);
}

int64_t contest_token(const struct contest *contest)
{
    return contest->kind == CONTEST_LOCK ? zkc_lock_token(contest->lock)
                                         : zkc_elected_token(contest->elected);
}

int contest_revoked_fd(struct contest *contest)
{
    return contest->kind == CONTEST_LOCK ? zkc_lock_revoked_fd(contest->lock)
                                         : zkc_elected_revoked_fd(contest->elected);
}

int contest_asked_fd(struct contest *contest)
{
    return contest->kind == CONTEST_LOCK ? zkc_lock_asked_fd(contest->lock)
                                         : zkc_elected_asked_fd(contest->elected);
}

int contest_revoked_reason(struct contest *contest)
{
    return contest->kind == CONTEST_LOCK ? zkc_lock_revoked_reason(contest->lock)
                                         : zkc_elected_revoked_reason(contest->elected);
}

int contest_give_up(struct contest *contest, zkc_context *context)
{
    int error;

    if (contest->kind == CONTEST_LOCK)
        return zkc_lock_release(contest->lock, context);
    error = zkc_elected_resign(contest->elected, context);
    zkc_elected_close(contest->elected);
    contest->elected = NULL;
    return error;
}

/* ---- who contends ---- */

int contest_list(struct contest *contest, zkc_context *context, zkc_contenders **ret_contenders)
{
    return contest->kind == CONTEST_LOCK
               ? zkc_lock_contenders(contest->lock, context, ret_contenders)
               : zkc_leader_contenders(contest->leader, context, ret_contenders);
}

void contest_close(struct contest *contest)
{
    zkc_elected_close(contest->elected);
    zkc_leader_close(contest->leader);
    zkc_lock_close(contest->lock);
}
