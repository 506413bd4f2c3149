/* SPDX-License-Identifier: Apache-2.0 */
#include "run/participant.h"
#include "run/pool.h"
#include "base/mem.h"

#include <string.h>

void participant_init(struct participant *participant, zkc_sync *sync, struct pooled *pooled,
                      struct place *place)
{
    memset(participant, 0, sizeof *participant);
    grant_init(&participant->grant, sync, &pooled->session);
    participant->place = place;
}

void participant_destroy(struct participant *participant)
{
    struct pooled *pooled = container_of(participant_session(participant), struct pooled, session);

    grant_destroy(&participant->grant);
    place_unref(participant->place);
    pool_session_put(participant_sync(participant), pooled);
}

/* The ticket goes on alone until its node is gone. */
static void part(struct participant *participant)
{
    struct ticket *ticket = participant->ticket;

    participant->ticket = NULL;
    if (ticket == NULL)
        return;
    ticket_let_go(ticket);
    ticket_leave(ticket);
}

static void complete(struct participant *participant, int result)
{
    if (participant->operation != NULL)
        operation_finish(participant->operation, result);
}

static void on_ticket(void *owner, struct ticket *ticket, enum ticket_event event, int detail)
{
    struct participant *participant = owner;

    switch (event) {
    case TICKET_QUEUED:
        break;
    case TICKET_GRANTED:
        grant_begin(&participant->grant, ticket);
        complete(participant, ZKC_OK);
        break;
    case TICKET_FAILED:
    case TICKET_STUCK:
        part(participant);
        complete(participant, detail);
        break;
    case TICKET_ASKED:
        grant_asked(&participant->grant);
        break;
    case TICKET_REVOKED:
        grant_revoke(&participant->grant, (enum revocation)detail);
        part(participant);
        break;
    case TICKET_GONE:
        participant->ticket = NULL;
        complete(participant, ZKC_OK);
        break;
    }
}

void participant_watch_own(struct participant *participant)
{
    participant->grant.always_watch = true;
}

bool participant_acquiring(const struct participant *participant)
{
    return participant->operation != NULL && participant->operation->active &&
           participant->ticket != NULL && participant->ticket->phase != TICKET_LEAVING &&
           participant->grant.ticket == NULL;
}

static void abandon(struct operation *operation, int error)
{
    struct participant *participant = container_of(operation->slot, struct participant, operation);

    part(participant);
    operation_finish(operation, error);
}

/* Whether a call may begin: ZKC_OK, or why not. */
static int check_free(const struct participant *participant)
{
    if (participant->closed)
        return ZKC_ECLOSED;
    return participant->operation != NULL ? ZKC_EALREADY : ZKC_OK;
}

int participant_acquire(struct participant *participant, bool try_only, int64_t deadline,
                        struct operation *operation)
{
    int error = check_free(participant);

    if (error != ZKC_OK)
        return error;
    if (participant->grant.ticket != NULL)
        return ZKC_EALREADY;
    if (ticket_join(participant_session(participant), participant->place, try_only, on_ticket,
                    participant, &participant->ticket) != 0)
        return ZKC_ENOMEM;
    operation_begin(operation, &participant->operation, abandon, deadline);
    return ZKC_OK;
}

/* A revoked grant needs no server: its node goes by itself. */
static int release_nothing(struct participant *participant)
{
    int result = participant->grant.revoked ? ZKC_OK : ZKC_ENOTHELD;

    grant_end(&participant->grant, ZKC_ENOTHELD);
    return result;
}

int participant_release(struct participant *participant, int64_t deadline,
                        struct operation *operation)
{
    int error = check_free(participant);

    if (error != ZKC_OK)
        return error;
    if (participant->grant.ticket == NULL) {
        error = release_nothing(participant);
        if (error != ZKC_OK)
            return error;
        operation_begin(operation, &participant->operation, abandon, NEVER);
        operation_finish(operation, ZKC_OK);
        return ZKC_OK;
    }
    grant_end(&participant->grant, ZKC_ENOTHELD);
    operation_begin(operation, &participant->operation, abandon, deadline);
    ticket_leave(participant->ticket);
    return ZKC_OK;
}

/* An operation, and somebody who will run its callback. */
static int prepare_async(struct participant *participant, zkc_done_fn done, void *arg,
                         struct operation **ret_operation)
{
    if (dispatch_prepare(&participant_sync(participant)->dispatch) != 0)
        return ZKC_ESYSTEM;
    *ret_operation = operation_new(participant_sync(participant), &participant->grant, done, arg);
    return *ret_operation == NULL ? ZKC_ENOMEM : ZKC_OK;
}

int participant_acquire_async(struct participant *participant, bool try_only, int64_t deadline,
                              zkc_done_fn done, void *arg)
{
    struct operation *operation = NULL;
    int error = check_free(participant);

    if (error == ZKC_OK)
        error = prepare_async(participant, done, arg, &operation);
    if (error == ZKC_OK)
        error = participant_acquire(participant, try_only, deadline, operation);
    if (error != ZKC_OK)
        mem_free(operation);
    return error;
}

/* Without memory for the completion, release anyway. */
int participant_release_async(struct participant *participant, zkc_done_fn done, void *arg)
{
    struct operation *operation = NULL;
    int error = check_free(participant);

    if (error != ZKC_OK)
        return error;
    error = prepare_async(participant, done, arg, &operation);
    if (error != ZKC_OK) {
        grant_end(&participant->grant, ZKC_ENOTHELD);
        part(participant);
        return error;
    }
    error = participant_release(participant, NEVER, operation);
    if (error != ZKC_OK)
        mem_free(operation);
    return error;
}

int participant_cancel(struct participant *participant, int error)
{
    if (!participant_acquiring(participant))
        return ZKC_ENOTHELD;
    abandon(participant->operation, error);
    return ZKC_OK;
}

void participant_end(struct participant *participant, int error)
{
    participant->closed = true; /* the last callback may try again */
    if (participant->grant.ticket != NULL)
        grant_close(&participant->grant, error);
    part(participant);
    complete(participant, error);
}

void participant_flush(struct participant *participant)
{
    zkc_sync *sync = participant_sync(participant);

    client_pass(sync); /* callbacks may take long, and the next in line waits */
    dispatch_flush(&sync->dispatch, &participant->grant);
}
