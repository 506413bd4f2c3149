/*
 * Our own node under a watch: we hear at once that it is gone, or that we are asked to give up.
 * Beats check it as well, so that a vigil may end whenever it cannot go on.
 * SPDX-License-Identifier: Apache-2.0
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

static void armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->vigil->arm = NULL;
    if (reply->answer == ANSWER_OK && reply->stat->owner != ticket->session->id) {
        end_on_strange_node(ticket);
    } else if (reply->answer == ANSWER_OK) {
        ticket->vigil->epoch = ticket->session->epoch;
        look_for_plea(ticket, reply);
    } else {
        ticket_end_vigil(ticket);
        if (reply->answer == ANSWER_NO_NODE)
            ticket_own_gone(ticket);
        else if (answer_try_again(reply->answer))
            ticket_watch_own(ticket);
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

static struct vigil *vigil_new(struct ticket *ticket)
{
    struct vigil *vigil = mem_zalloc(sizeof *vigil + ticket_path_size(ticket->place));

    if (vigil == NULL)
        return NULL;
    ticket_write_path(ticket, vigil->path);
    vigil->ticket = ticket;
    watcher_init(&vigil->watcher, fired);
    return vigil;
}

void ticket_watch_own(struct ticket *ticket)
{
    struct vigil *vigil;

    if (!ticket->exists || ticket->phase == TICKET_LEAVING || ticket->vigil != NULL ||
        !watches_room(&ticket->session->watches, WATCH_OWN))
        return;
    vigil = vigil_new(ticket);
    if (vigil == NULL)
        return;
    ticket->vigil = vigil;
    vigil->arm = session_ask_watch(ticket->session, VERB_GET, vigil->path, armed, ticket);
    if (vigil->arm == NULL)
        ticket_end_vigil(ticket);
    else
        watcher_add(&ticket->session->watches, &vigil->watcher, vigil->path);
}
