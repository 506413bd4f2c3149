/* SPDX-License-Identifier: Apache-2.0 */
#include "run/contest.h"
#include "base/mem.h"

#include <string.h>

void contest_init(struct contest *contest, zkc_sync *sync, struct pooled *pooled,
                  struct place *place)
{
    memset(contest, 0, sizeof *contest);
    hold_init(&contest->hold, sync, &pooled->session);
    contest->place = place;
}

void contest_destroy(struct contest *contest)
{
    struct pooled *pooled = container_of(contest_session(contest), struct pooled, session);

    hold_destroy(&contest->hold);
    place_unref(contest->place);
    host_session_put(contest_sync(contest), pooled);
}

/* The ticket goes on alone until its node is gone. */
static void part(struct contest *contest)
{
    struct ticket *ticket = contest->ticket;

    contest->ticket = NULL;
    if (ticket == NULL)
        return;
    ticket_let_go(ticket);
    ticket_leave(ticket);
}

static void complete(struct contest *contest, int result)
{
    if (contest->operation != NULL)
        operation_finish(contest->operation, result);
}

static void on_ticket(void *owner, struct ticket *ticket, enum ticket_event event, int detail)
{
    struct contest *contest = owner;

    switch (event) {
    case TICKET_QUEUED:
        break;
    case TICKET_GRANTED:
        hold_grant(&contest->hold, ticket);
        complete(contest, ZKC_OK);
        break;
    case TICKET_FAILED:
    case TICKET_STUCK:
        part(contest);
        complete(contest, detail);
        break;
    case TICKET_ASKED:
        hold_asked(&contest->hold);
        break;
    case TICKET_REVOKED:
        hold_revoke(&contest->hold, (enum revocation)detail);
        part(contest);
        break;
    case TICKET_GONE:
        contest->ticket = NULL;
        complete(contest, ZKC_OK);
        break;
    }
}

void contest_watch_own(struct contest *contest)
{
    contest->hold.always_watch = true;
}

bool contest_acquiring(const struct contest *contest)
{
    return contest->operation != NULL && contest->operation->active && contest->ticket != NULL &&
           contest->ticket->phase != TICKET_LEAVING && contest->hold.ticket == NULL;
}

static void abandon(struct operation *operation, int error)
{
    struct contest *contest = container_of(operation->slot, struct contest, operation);

    part(contest);
    operation_finish(operation, error);
}

/* Whether a call may begin: ZKC_OK, or why not. */
static int check_free(const struct contest *contest)
{
    if (contest->closed)
        return ZKC_ECLOSED;
    return contest->operation != NULL ? ZKC_EALREADY : ZKC_OK;
}

int contest_acquire(struct contest *contest, bool try_only, int64_t deadline,
                    struct operation *operation)
{
    int error = check_free(contest);

    if (error != ZKC_OK)
        return error;
    (void)hold_reason(&contest->hold); /* our timer may not have noticed yet */
    if (contest->hold.ticket != NULL)
        return ZKC_EALREADY;
    if (ticket_join(contest_session(contest), contest->place, try_only, on_ticket, contest,
                    &contest->ticket) != 0)
        return ZKC_ENOMEM;
    operation_begin(operation, &contest->operation, abandon, deadline);
    return ZKC_OK;
}

/* What was revoked needs no server: its node goes by itself. */
static int release_nothing(struct contest *contest)
{
    int result = contest->hold.reason != ZKC_OK ? ZKC_OK : ZKC_ENOTHELD;

    hold_end(&contest->hold, ZKC_ENOTHELD);
    return result;
}

int contest_release(struct contest *contest, int64_t deadline, struct operation *operation)
{
    int error = check_free(contest);

    if (error != ZKC_OK)
        return error;
    if (contest->hold.ticket == NULL) {
        error = release_nothing(contest);
        if (error != ZKC_OK)
            return error;
        operation_begin(operation, &contest->operation, abandon, NEVER);
        operation_finish(operation, ZKC_OK);
        return ZKC_OK;
    }
    hold_end(&contest->hold, ZKC_ENOTHELD);
    operation_begin(operation, &contest->operation, abandon, deadline);
    ticket_leave(contest->ticket);
    return ZKC_OK;
}

/* An operation, and somebody who will run its callback. */
static int prepare_async(struct contest *contest, zkc_done_fn done, void *arg,
                         struct operation **ret_operation)
{
    if (dispatch_prepare(contest_sync(contest)) != 0)
        return ZKC_ESYSTEM;
    *ret_operation = operation_new(contest_sync(contest), &contest->hold, done, arg);
    return *ret_operation == NULL ? ZKC_ENOMEM : ZKC_OK;
}

int contest_acquire_async(struct contest *contest, bool try_only, int64_t deadline,
                          zkc_done_fn done, void *arg)
{
    struct operation *operation = NULL;
    int error = check_free(contest);

    if (error == ZKC_OK)
        error = prepare_async(contest, done, arg, &operation);
    if (error == ZKC_OK)
        error = contest_acquire(contest, try_only, deadline, operation);
    if (error != ZKC_OK)
        mem_free(operation);
    return error;
}

/* What cannot be told is done all the same: nobody holds for want of memory. */
int contest_release_async(struct contest *contest, zkc_done_fn done, void *arg)
{
    struct operation *operation = NULL;
    int error = check_free(contest);

    if (error != ZKC_OK)
        return error;
    error = prepare_async(contest, done, arg, &operation);
    if (error != ZKC_OK) {
        hold_end(&contest->hold, ZKC_ENOTHELD);
        part(contest);
        return error;
    }
    error = contest_release(contest, NEVER, operation);
    if (error != ZKC_OK)
        mem_free(operation);
    return error;
}

int contest_cancel(struct contest *contest, int error)
{
    if (!contest_acquiring(contest))
        return ZKC_ENOTHELD;
    abandon(contest->operation, error);
    return ZKC_OK;
}

void contest_end(struct contest *contest, int error)
{
    contest->closed = true; /* the last callback may try again */
    if (contest->hold.ticket != NULL)
        hold_close(&contest->hold, error);
    part(contest);
    complete(contest, error);
}

void contest_flush(struct contest *contest)
{
    zkc_sync *sync = contest_sync(contest);

    host_pass(sync); /* callbacks may take long, and the next in line waits */
    dispatch_flush(sync, &contest->hold);
}
