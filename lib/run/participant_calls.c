/*
 * Public calls that are the same for a lock that is held and for leadership. They enter by
 * themselves. SPDX-License-Identifier: Apache-2.0
 */
#include "run/participant.h"

int participant_call_release(struct participant *participant, zkc_context *context)
{
    zkc_sync *sync = participant_sync(participant);
    struct operation operation;
    int error = operation_enter(&operation, sync, context);

    if (error != ZKC_OK)
        return error;
    error = participant_release(participant, context_deadline(context), &operation);
    return operation_leave(&operation, error);
}

int participant_call_release_async(struct participant *participant, zkc_done_fn done, void *arg)
{
    zkc_sync *sync = participant_sync(participant);
    int error = client_begin(sync);

    if (error != ZKC_OK)
        return error;
    error = participant_release_async(participant, done, arg);
    client_leave(sync);
    return error;
}

int participant_call_revoked_fd(struct participant *participant)
{
    int fd = client_begin(participant_sync(participant));

    if (fd != ZKC_OK)
        return fd;
    fd = grant_revoked_fd(&participant->grant);
    client_leave(participant_sync(participant));
    return fd;
}

int participant_call_on_revoked(struct participant *participant, zkc_revoked_fn revoked, void *arg)
{
    int error = client_begin(participant_sync(participant));

    if (error != ZKC_OK)
        return error;
    error = grant_on_revoked(&participant->grant, revoked, arg);
    client_leave(participant_sync(participant));
    return error;
}

int participant_call_asked_fd(struct participant *participant)
{
    int fd = client_begin(participant_sync(participant));

    if (fd != ZKC_OK)
        return fd;
    fd = grant_asked_fd(&participant->grant);
    client_leave(participant_sync(participant));
    return fd;
}

int participant_call_on_asked(struct participant *participant, zkc_asked_fn asked, void *arg)
{
    int error = client_begin(participant_sync(participant));

    if (error != ZKC_OK)
        return error;
    error = grant_on_asked(&participant->grant, asked, arg);
    client_leave(participant_sync(participant));
    return error;
}

int participant_call_reason(struct participant *participant)
{
    int reason = client_begin(participant_sync(participant));

    if (reason != ZKC_OK)
        return reason;
    reason = grant_reason(&participant->grant);
    client_leave(participant_sync(participant));
    return reason;
}

int participant_call_check_op(struct participant *participant, struct zoo_op *op)
{
    int error = op == NULL ? ZKC_EINVAL : client_begin(participant_sync(participant));

    if (error != ZKC_OK)
        return error;
    error = grant_check_op(&participant->grant, op);
    client_leave(participant_sync(participant));
    return error;
}
