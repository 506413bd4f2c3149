/*
 * Public calls that are the same for a lock that is held and for leadership. They enter by
 * themselves. SPDX-License-Identifier: Apache-2.0
 */
#include "run/contest.h"

int contest_call_release(struct contest *contest, zkc_context *context)
{
    zkc_sync *sync = contest_sync(contest);
    struct operation operation;
    struct wait wait;
    int error = host_begin_blocking(sync);

    if (error != ZKC_OK)
        return error;
    wait_init(&wait, context);
    operation_init(&operation, sync, &wait);
    error = contest_release(contest, context_deadline(context), &operation);
    host_leave(sync);
    return error != ZKC_OK ? error : operation_wait(&operation);
}

int contest_call_release_async(struct contest *contest, zkc_done_fn done, void *arg)
{
    zkc_sync *sync = contest_sync(contest);
    int error = host_begin(sync);

    if (error != ZKC_OK)
        return error;
    error = contest_release_async(contest, done, arg);
    host_leave(sync);
    return error;
}

int contest_call_revoked_fd(struct contest *contest)
{
    int fd = host_begin(contest_sync(contest));

    if (fd != ZKC_OK)
        return fd;
    fd = hold_fd(&contest->hold);
    host_leave(contest_sync(contest));
    return fd;
}

int contest_call_on_revoked(struct contest *contest, zkc_revoked_fn revoked, void *arg)
{
    int error = host_begin(contest_sync(contest));

    if (error != ZKC_OK)
        return error;
    error = hold_on_revoked(&contest->hold, revoked, arg);
    host_leave(contest_sync(contest));
    return error;
}

int contest_call_asked_fd(struct contest *contest)
{
    int fd = host_begin(contest_sync(contest));

    if (fd != ZKC_OK)
        return fd;
    fd = hold_asked_fd(&contest->hold);
    host_leave(contest_sync(contest));
    return fd;
}

int contest_call_on_asked(struct contest *contest, zkc_asked_fn asked, void *arg)
{
    int error = host_begin(contest_sync(contest));

    if (error != ZKC_OK)
        return error;
    error = hold_on_asked(&contest->hold, asked, arg);
    host_leave(contest_sync(contest));
    return error;
}

int contest_call_reason(struct contest *contest)
{
    int reason = host_begin(contest_sync(contest));

    if (reason != ZKC_OK)
        return reason;
    reason = hold_reason(&contest->hold);
    host_leave(contest_sync(contest));
    return reason;
}

int contest_call_check_op(struct contest *contest, struct zoo_op *op)
{
    int error = op == NULL ? ZKC_EINVAL : host_begin(contest_sync(contest));

    if (error != ZKC_OK)
        return error;
    error = hold_check_op(&contest->hold, op);
    host_leave(contest_sync(contest));
    return error;
}
