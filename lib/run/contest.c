/* SPDX-License-Identifier: Apache-2.0 */
#include "run/contest.h"

#include <string.h>

void contest_init(struct contest *contest, zkc_sync *sync, struct pooled *pooled,
                  struct place *place, void *object)
{
    memset(contest, 0, sizeof *contest);
    contest->sync = sync;
    contest->pooled = pooled;
    contest->place = place;
    hold_init(&contest->hold, sync, &pooled->session, object);
    operation_init(&contest->operation, sync, object);
}

void contest_destroy(struct contest *contest)
{
    hold_destroy(&contest->hold);
    place_unref(contest->place);
    host_session_put(contest->sync, contest->pooled);
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

static void on_ticket(void *owner, struct ticket *ticket, enum ticket_event event, int detail)
{
    struct contest *contest = owner;

    switch (event) {
    case TICKET_QUEUED:
        break;
    case TICKET_GRANTED:
        hold_grant(&contest->hold, ticket);
        operation_finish(&contest->operation, ZKC_OK);
        break;
    case TICKET_FAILED:
    case TICKET_STUCK:
        part(contest);
        operation_finish(&contest->operation, detail);
        break;
    case TICKET_ASKED:
        plea_made(&contest->hold.plea);
        break;
    case TICKET_REVOKED:
        hold_revoke(&contest->hold, (enum revocation)detail);
        part(contest);
        break;
    case TICKET_GONE:
        contest->ticket = NULL;
        operation_finish(&contest->operation, ZKC_OK);
        break;
    }
}

void contest_watch_own(struct contest *contest)
{
    contest->hold.always_watch = true;
}

bool contest_acquiring(const struct contest *contest)
{
    return operation_active(&contest->operation) && contest->ticket != NULL &&
           contest->ticket->phase != TICKET_LEAVING && contest->hold.ticket == NULL;
}

static void abandon(struct operation *operation, int error)
{
    struct contest *contest = container_of(operation, struct contest, operation);

    part(contest);
    operation_finish(operation, error);
}

int contest_acquire(struct contest *contest, bool try_only, int64_t deadline, struct wait *wait,
                    complete_fn complete)
{
    if (contest->closed)
        return ZKC_ECLOSED;
    if (!operation_idle(&contest->operation))
        return ZKC_EALREADY;
    (void)hold_reason(&contest->hold); /* our timer may not have noticed yet */
    if (contest->hold.ticket != NULL)
        return ZKC_EALREADY;
    if (ticket_join(&contest->pooled->session, contest->place, try_only, on_ticket, contest,
                    &contest->ticket) != 0)
        return ZKC_ENOMEM;
    operation_begin(&contest->operation, wait, complete, abandon, deadline);
    return ZKC_OK;
}

/* What was revoked needs no server: its node goes by itself. */
static int release_nothing(struct contest *contest)
{
    int result = contest->hold.reason != ZKC_OK ? ZKC_OK : ZKC_ENOTHELD;

    hold_end(&contest->hold, ZKC_ENOTHELD);
    return result;
}

int contest_release(struct contest *contest, int64_t deadline, struct wait *wait,
                    complete_fn complete)
{
    int result;

    if (contest->closed)
        return ZKC_ECLOSED;
    if (!operation_idle(&contest->operation))
        return ZKC_EALREADY;
    if (contest->hold.ticket == NULL) {
        result = release_nothing(contest);
        if (result != ZKC_OK)
            return result;
        operation_begin(&contest->operation, wait, complete, abandon, NEVER);
        operation_finish(&contest->operation, ZKC_OK);
        return ZKC_OK;
    }
    hold_end(&contest->hold, ZKC_ENOTHELD);
    operation_begin(&contest->operation, wait, complete, abandon, deadline);
    ticket_leave(contest->ticket);
    return ZKC_OK;
}

int contest_cancel(struct contest *contest, int error)
{
    if (!contest_acquiring(contest))
        return ZKC_ENOTHELD;
    abandon(&contest->operation, error);
    return ZKC_OK;
}

void contest_end(struct contest *contest, int error)
{
    contest->closed = true; /* the last callback may try again */
    if (contest->hold.ticket != NULL)
        hold_close(&contest->hold, error);
    part(contest);
    operation_finish(&contest->operation, error);
}
