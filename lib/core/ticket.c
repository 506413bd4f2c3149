/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ticket.h"
#include "base/mem.h"
#include "core/sorting.h"
#include "core/ticket_parts.h"

#include <zkcoord/zkcoord.h>

#include <string.h>

static void send_delete(struct ticket *ticket);

/* ---- telling the owner ---- */

void ticket_tell(struct ticket *ticket, enum ticket_event event, int detail)
{
    if (ticket->event != NULL)
        ticket->event(ticket->owner, ticket, event, detail);
}

/* One that is kept for later stays. */
static void cancel_life(struct ticket *ticket)
{
    if (ticket->life != NULL && !list_empty(&ticket->life->link))
        session_cancel(&ticket->life);
}

void ticket_cancel_requests(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;

    cancel_life(ticket);
    if (bid == NULL)
        return;
    shared_list_cancel(&bid->list);
    session_cancel(&bid->search);
    session_cancel(&bid->check);
    session_cancel(&bid->arm);
    session_cancel(&bid->see_own);
    ancestors_cancel(&bid->ancestors);
    sorting_cancel(&bid->sorting);
}

static void stop_watching_predecessor(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;
    bool armed = watcher_active(&bid->predecessor_watcher);

    watcher_remove(&ticket->session->watches, &bid->predecessor_watcher);
    session_cancel(&bid->arm);
    if (armed)
        session_unwatch(ticket->session, bid->predecessor);
    mem_free(bid->predecessor);
    bid->predecessor = NULL;
    ticket_forget_lookahead(ticket);
}

void ticket_end_bid(struct ticket *ticket)
{
    stop_watching_predecessor(ticket);
    ticket_cancel_requests(ticket);
    mem_free(ticket->bid);
    ticket->bid = NULL;
    if (ticket->life != NULL)
        request_free(ticket->life);
    ticket->life = NULL;
}

void ticket_stop(struct ticket *ticket)
{
    if (ticket->bid != NULL)
        stop_watching_predecessor(ticket);
    ticket_cancel_requests(ticket);
    if (ticket->own_watch != NULL)
        session_cancel(&ticket->own_watch->arm);
    session_keep_no_more(ticket->session, &ticket->listener);
    if (ticket->phase == TICKET_HELD)
        ticket_put_down(ticket);
    else
        timer_clear(ticket->session->core, &ticket->timer);
}

static void gone(struct ticket *ticket)
{
    ticket_stop(ticket);
    ticket_end_own_watch(ticket);
    list_remove(&ticket->listener.link);
    ticket_tell(ticket, TICKET_GONE, ZKC_OK);
    if (ticket->bid != NULL)
        ticket_end_bid(ticket);
    if (ticket->life != NULL)
        request_free(ticket->life);
    place_unref(ticket->place);
    mem_free(ticket);
}

void ticket_fail(struct ticket *ticket, int error)
{
    if (!ticket->leaving)
        ticket_tell(ticket, TICKET_FAILED, error);
    ticket_leave(ticket);
}

/* ---- leaving ---- */

static void deleted(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;
    struct core *core = ticket->session->core;

    if (!request_keep(request))
        ticket->life = NULL;
    if (reply->answer == ANSWER_OK || reply->answer == ANSWER_NO_NODE ||
        reply->answer == ANSWER_EXPIRED || reply->answer == ANSWER_AUTH_FAILED ||
        reply->answer == ANSWER_AUTH_REQUIRED) {
        gone(ticket);
    } else if (answer_try_again(reply->answer)) {
        send_delete(ticket);
    } else {
        core_log(core, LOG_ERROR, "cannot delete our znode %s, will try again: %s (%d)",
                 request->path, zkc_server_error_name(reply->code), reply->code);
        timer_set(core, &ticket->timer, core->now + SECOND);
        ticket_tell(ticket, TICKET_STUCK, answer_error(reply->answer));
    }
}

/* Without a server the request waits for one in the session's queue. */
static void send_delete(struct ticket *ticket)
{
    struct core *core = ticket->session->core;
    struct request *request = ticket->life;

    if (request == NULL)
        request = ticket->life = ticket_own_request(ticket);
    if (request == NULL) {
        timer_set(core, &ticket->timer, core->now + SECOND / 10); /* memory may come back */
        return;
    }
    request->verb = VERB_DELETE;
    request->watch = false;
    request->data = NULL;
    request->length = 0;
    request->answered = deleted;
    request->owner = ticket;
    session_submit(ticket->session, request);
}

static bool create_is_unknown(const struct ticket *ticket)
{
    return (ticket->life != NULL && ticket->life->in_flight) ||
           ticket->phase == TICKET_RECOVERING || ticket->phase == TICKET_ADOPTING;
}

void ticket_leave(struct ticket *ticket)
{
    if (ticket->phase == TICKET_LEAVING || ticket->leaving)
        return;
    if (!ticket->exists && create_is_unknown(ticket)) {
        ticket->leaving = true;
        return;
    }
    ticket_stop(ticket);
    ticket->phase = TICKET_LEAVING;
    if (ticket->exists)
        send_delete(ticket);
    else
        timer_set(ticket->session->core, &ticket->timer, ticket->session->core->now);
}

void ticket_let_go(struct ticket *ticket)
{
    ticket->event = NULL;
}

void ticket_revoke(struct ticket *ticket, enum revocation reason)
{
    if (ticket->phase != TICKET_HELD)
        return;
    ticket_tell(ticket, TICKET_REVOKED, (int)reason);
    ticket_leave(ticket);
}

/* ---- what happens to the session ---- */

static void session_lost(struct ticket *ticket)
{
    bool was_held = ticket->phase == TICKET_HELD;
    bool over = ticket->phase == TICKET_LEAVING || ticket->leaving;

    ticket->exists = false; /* what the owner does now must not try to delete it */
    if (was_held)
        ticket_tell(ticket, TICKET_REVOKED, REVOKED_EXPIRED);
    if (ticket->bid != NULL) {
        watcher_remove(&ticket->session->watches, &ticket->bid->predecessor_watcher);
        watcher_remove(&ticket->session->watches, &ticket->bid->lookahead_watcher);
    }
    ticket_stop(ticket);
    if (was_held || over || ticket->session->state == SESSION_STOPPED)
        gone(ticket);
    else
        ticket_enter(ticket);
}

void ticket_session_event(struct listener *listener, enum session_event event)
{
    struct ticket *ticket = container_of(listener, struct ticket, listener);
    int refusal = answer_error(ticket->session->refusal);

    if (event == SESSION_LOST) {
        session_lost(ticket);
    } else if (event == SESSION_AUTH_REFUSED) {
        ticket->exists = false;
        if (ticket->phase == TICKET_HELD)
            ticket_tell(ticket, TICKET_REVOKED, REVOKED_EXPIRED);
        else if (ticket->phase != TICKET_LEAVING && !ticket->leaving)
            ticket_tell(ticket, TICKET_FAILED, refusal);
        else
            ticket_tell(ticket, TICKET_STUCK, refusal);
        gone(ticket);
    }
}

/* What was put off: for want of memory, of permission, or until a proof is due. */
void ticket_timer_due(struct timer *timer)
{
    struct ticket *ticket = container_of(timer, struct ticket, timer);

    switch (ticket->phase) {
    case TICKET_RECOVERING:
        ticket_recover(ticket);
        break;
    case TICKET_ADOPTING:
        ticket_adopt(ticket);
        break;
    case TICKET_WAITING:
        ticket_watch_predecessor(ticket);
        break;
    case TICKET_PROVING:
        ticket_prove(ticket);
        break;
    case TICKET_LEAVING:
        if (ticket->exists)
            send_delete(ticket);
        else
            gone(ticket);
        break;
    default:
        break;
    }
}

static struct bid *bid_new(struct ticket *ticket, const struct place *place)
{
    struct bid *bid = mem_zalloc(sizeof *bid + ticket_path_size(place));

    if (bid == NULL)
        return NULL;
    bid->ticket = ticket;
    list_waiter_init(&bid->list, ticket_listed);
    list_waiter_init(&bid->look, ticket_looked);
    watcher_init(&bid->predecessor_watcher, ticket_predecessor_fired);
    watcher_init(&bid->lookahead_watcher, ticket_lookahead_fired);
    return bid;
}

static struct ticket *ticket_new(struct session *session, struct place *place)
{
    struct ticket *ticket = mem_zalloc(sizeof *ticket);

    if (ticket == NULL)
        return NULL;
    ticket->bid = bid_new(ticket, place);
    ticket->life = request_new();
    if (ticket->bid == NULL || ticket->life == NULL) {
        mem_free(ticket->bid);
        mem_free(ticket->life);
        mem_free(ticket);
        return NULL;
    }
    ticket->session = session;
    ticket->place = place_ref(place);
    listener_init(&ticket->listener, &ticket_listener_ops);
    timer_init(&ticket->timer, ticket_timer_due);
    return ticket;
}

int ticket_join(struct session *session, struct place *place, bool try_only, ticket_fn event,
                void *owner, struct ticket **ret_ticket)
{
    struct ticket *ticket = ticket_new(session, place);

    if (ticket == NULL)
        return -1;
    ticket->try_only = try_only;
    session_listen(session, &ticket->listener);
    ticket_enter(ticket);
    if (!list_waiter_waits(&ticket->bid->list)) {
        /* no memory for the list: the create was not sent, the ticket goes by its timer */
        return -1;
    }
    ticket->event = event;
    ticket->owner = owner;
    *ret_ticket = ticket;
    return 0;
}
