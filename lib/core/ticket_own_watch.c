/*
 * Our own node under a watch: we hear at once that it is gone, or that we are asked to give up. A
 * holder that wants to hear of that and cannot have a watch reads it now and then. The session's
 * patrol has it watched, too, once it is kept for longer than a moment, and is told when that ends.
 * Beats set the watch anew where it could not be kept.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/payload.h"
#include "core/ticket_parts.h"

#include <string.h>

void ticket_end_own_watch(struct ticket *ticket)
{
    struct own_watch *own_watch = ticket->own_watch;

    ticket->own_watch = NULL;
    if (own_watch == NULL)
        return;
    watcher_remove(&ticket->session->watches, &own_watch->watcher);
    timer_clear(ticket->session->core, &own_watch->timer);
    session_cancel(&own_watch->arm);
    mem_free(own_watch);
    session_unguarded(ticket->session, &ticket->listener);
}

/*
 * Curator's Revoker overwrites the data of the node. A node that was never written to holds what we
 * chose ourselves.
 */
static void look_for_plea(struct ticket *ticket, const struct reply *reply)
{
    if (ticket->asked || reply->stat->mzxid == reply->stat->czxid ||
        !payload_asks(reply->data, reply->length))
        return;
    ticket->asked = true;
    if (ticket->phase == TICKET_HELD)
        ticket_tell(ticket, TICKET_ASKED, ZKC_OK);
}

/* Somebody else's node, under our name. */
static void end_on_strange_node(struct ticket *ticket)
{
    watcher_remove(&ticket->session->watches, &ticket->own_watch->watcher);
    session_unwatch(ticket->session, ticket->own_watch->path);
    ticket_end_own_watch(ticket);
    ticket_own_gone(ticket);
}

/* Without a watch: for want of room in the session, say. */
static void look_later(struct ticket *ticket)
{
    struct session *session = ticket->session;
    int64_t pause = session->timeout / 5 > SECOND ? session->timeout / 5 : SECOND;

    watcher_remove(&session->watches, &ticket->own_watch->watcher);
    session_unguarded(session, &ticket->listener);
    if (ticket->phase == TICKET_HELD)
        timer_set(session->core, &ticket->own_watch->timer,
                  session->core->now + pause + core_random_below(session->core, pause / 4));
    else
        ticket_end_own_watch(ticket);
}

static void armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    ticket->own_watch->arm = NULL;
    if (reply->answer == ANSWER_OK && reply->stat->owner != ticket->session->id) {
        end_on_strange_node(ticket);
    } else if (reply->answer == ANSWER_OK) {
        if (request->watch)
            ticket->own_watch->epoch = ticket->session->epoch;
        else
            look_later(ticket);
        look_for_plea(ticket, reply);
    } else if (reply->answer == ANSWER_NO_NODE) {
        ticket_end_own_watch(ticket);
        ticket_own_gone(ticket);
    } else if (answer_try_again(reply->answer)) {
        ticket_end_own_watch(ticket);
        ticket_watch_own(ticket);
    } else if (reply->answer == ANSWER_NO_AUTH) {
        ticket_end_own_watch(ticket);
        ticket->wants_own_watch = false; /* it would be forbidden again */
    } else {
        look_later(ticket);
    }
}

static void fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct own_watch, watcher)->ticket;

    ticket_end_own_watch(ticket);
    if (event == WATCH_DELETED) {
        ticket_own_gone(ticket);
        return;
    }
    ticket_watch_own(ticket);
    if (ticket->bid == NULL)
        return;
    /* A listing that was asked for already might be answered before. */
    shared_list_cancel(&ticket->bid->look);
    if (ticket->phase == TICKET_LISTING && list_waiter_waits(&ticket->bid->list)) {
        shared_list_cancel(&ticket->bid->list);
        ticket_ask_list(ticket);
    }
}

/* With a watch if there is room for it. */
static void look(struct ticket *ticket)
{
    struct own_watch *own_watch = ticket->own_watch;
    struct session *session = ticket->session;

    if (watches_room(&session->watches, WATCH_OWN)) {
        own_watch->arm = session_ask_watch(session, VERB_GET, own_watch->path, armed, ticket);
        if (own_watch->arm != NULL)
            watcher_add(&session->watches, &own_watch->watcher, own_watch->path);
    } else if (ticket->phase == TICKET_HELD) {
        own_watch->arm = session_ask(session, VERB_GET, own_watch->path, armed, ticket);
    }
    if (own_watch->arm == NULL)
        look_later(ticket);
}

static void look_due(struct timer *timer)
{
    struct ticket *ticket = container_of(timer, struct own_watch, timer)->ticket;

    if (ticket->phase == TICKET_HELD)
        look(ticket);
}

static struct own_watch *own_watch_new(struct ticket *ticket)
{
    struct own_watch *own_watch = mem_zalloc(sizeof *own_watch + ticket_path_size(ticket->place));

    if (own_watch == NULL)
        return NULL;
    ticket_write_path(ticket, own_watch->path);
    own_watch->ticket = ticket;
    watcher_init(&own_watch->watcher, fired);
    timer_init(&own_watch->timer, look_due);
    return own_watch;
}

void ticket_watch_own(struct ticket *ticket)
{
    if (!ticket->exists || ticket->phase == TICKET_LEAVING || ticket->own_watch != NULL)
        return;
    ticket->wants_own_watch = true;
    ticket->own_watch = own_watch_new(ticket);
    if (ticket->own_watch != NULL)
        look(ticket);
}

bool ticket_guard(struct ticket *ticket)
{
    if (watches_room(&ticket->session->watches, WATCH_KEPT))
        ticket_watch_own(ticket);
    return ticket->own_watch != NULL && watcher_active(&ticket->own_watch->watcher);
}

void ticket_resume_own_watch(struct ticket *ticket)
{
    if (ticket->wants_own_watch)
        ticket_watch_own(ticket);
}
