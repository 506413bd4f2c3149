/*
 * Our own node under a watch: we hear at once that it is gone, or that we are asked to give up. Who
 * holds and cannot have a watch reads it now and then. Beats check it as well and begin a vigil
 * anew that ended because it could not go on. SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/ticket_parts.h"

#include <string.h>

void ticket_end_vigil(struct ticket *ticket)
{
    struct vigil *vigil = ticket->vigil;

    ticket->vigil = NULL;
    if (vigil == NULL)
        return;
    watcher_remove(&ticket->session->watches, &vigil->watcher);
    timer_clear(ticket->session->core, &vigil->timer);
    session_cancel(&vigil->arm);
    mem_free(vigil);
}

/*
 * Curator's Revoker overwrites the data of the node. A node that was never written to holds what we
 * chose ourselves.
 */
static void look_for_plea(struct ticket *ticket, const struct reply *reply)
{
    size_t length = strlen(TICKET_PLEA);

    if (ticket->asked || reply->stat->mzxid == reply->stat->czxid || reply->length != length ||
        memcmp(reply->data, TICKET_PLEA, length) != 0)
        return;
    ticket->asked = true;
    if (ticket->phase == TICKET_HELD)
        ticket_tell(ticket, TICKET_ASKED, ZKC_OK);
}

/* Somebody else's node, under our name. */
static void end_on_strange_node(struct ticket *ticket)
{
    watcher_remove(&ticket->session->watches, &ticket->vigil->watcher);
    session_unwatch(ticket->session, ticket->vigil->path);
    ticket_end_vigil(ticket);
    ticket_own_gone(ticket);
}

/* Without a watch: for want of room in the session, say. */
static void look_later(struct ticket *ticket)
{
    struct session *session = ticket->session;
    int64_t pause = session->timeout / 5 > SECOND ? session->timeout / 5 : SECOND;

    watcher_remove(&session->watches, &ticket->vigil->watcher);
    if (ticket->phase == TICKET_HELD)
        timer_set(session->core, &ticket->vigil->timer,
                  session->core->now + pause + core_random_below(session->core, pause / 4));
    else
        ticket_end_vigil(ticket);
}

static void armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    ticket->vigil->arm = NULL;
    if (reply->answer == ANSWER_OK && reply->stat->owner != ticket->session->id) {
        end_on_strange_node(ticket);
    } else if (reply->answer == ANSWER_OK) {
        if (request->watch)
            ticket->vigil->epoch = ticket->session->epoch;
        else
            look_later(ticket);
        look_for_plea(ticket, reply);
    } else if (reply->answer == ANSWER_NO_NODE) {
        ticket_end_vigil(ticket);
        ticket_own_gone(ticket);
    } else if (answer_try_again(reply->answer)) {
        ticket_end_vigil(ticket);
        ticket_watch_own(ticket);
    } else if (reply->answer == ANSWER_NO_AUTH) {
        ticket_end_vigil(ticket);
        ticket->wants_vigil = false; /* it would be forbidden again */
    } else {
        look_later(ticket);
    }
}

static void fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct vigil, watcher)->ticket;

    ticket_end_vigil(ticket);
    if (event == WATCH_DELETED) {
        ticket_own_gone(ticket);
        return;
    }
    ticket_watch_own(ticket);
    if (ticket->bid == NULL)
        return;
    /* A listing that was asked for already might be answered before. */
    muster_cancel(&ticket->bid->look);
    if (ticket->phase == TICKET_LISTING && seeker_waits(&ticket->bid->list)) {
        muster_cancel(&ticket->bid->list);
        ticket_ask_list(ticket);
    }
}

/* With a watch if there is room for it. */
static void look(struct ticket *ticket)
{
    struct vigil *vigil = ticket->vigil;
    struct session *session = ticket->session;

    if (watches_room(&session->watches, WATCH_OWN)) {
        vigil->arm = session_ask_watch(session, VERB_GET, vigil->path, armed, ticket);
        if (vigil->arm != NULL)
            watcher_add(&session->watches, &vigil->watcher, vigil->path);
    } else if (ticket->phase == TICKET_HELD) {
        vigil->arm = session_ask(session, VERB_GET, vigil->path, armed, ticket);
    }
    if (vigil->arm == NULL)
        look_later(ticket);
}

static void look_due(struct timer *timer)
{
    struct ticket *ticket = container_of(timer, struct vigil, timer)->ticket;

    if (ticket->phase == TICKET_HELD)
        look(ticket);
}

static struct vigil *vigil_new(struct ticket *ticket)
{
    struct vigil *vigil = mem_zalloc(sizeof *vigil + ticket_path_size(ticket->place));

    if (vigil == NULL)
        return NULL;
    ticket_write_path(ticket, vigil->path);
    vigil->ticket = ticket;
    watcher_init(&vigil->watcher, fired);
    timer_init(&vigil->timer, look_due);
    return vigil;
}

void ticket_watch_own(struct ticket *ticket)
{
    if (!ticket->exists || ticket->phase == TICKET_LEAVING || ticket->vigil != NULL)
        return;
    ticket->wants_vigil = true;
    ticket->vigil = vigil_new(ticket);
    if (ticket->vigil != NULL)
        look(ticket);
}

void ticket_resume_vigil(struct ticket *ticket)
{
    if (ticket->wants_vigil)
        ticket_watch_own(ticket);
}
