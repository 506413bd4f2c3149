/*
 * Watching two places ahead: whoever knows that the one ahead has become the first needs nothing
 * but the event when that one goes. What is learnt here only ever saves the listing then.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/path.h"
#include "core/ticket_parts.h"

#include <string.h>

static void arm(struct ticket *ticket);

static void drop(struct ticket *ticket)
{
    mem_free(ticket->bid->beyond);
    ticket->bid->beyond = NULL;
}

void ticket_forget_beyond(struct ticket *ticket)
{
    bool watched = watcher_active(&ticket->bid->beyond_watcher);

    watcher_remove(&ticket->session->watches, &ticket->bid->beyond_watcher);
    session_cancel(&ticket->bid->arm_beyond);
    muster_cancel(&ticket->bid->look);
    if (watched)
        session_unwatch(ticket->session, ticket->bid->beyond);
    drop(ticket);
}

/* ---- a look at the queue, while the one ahead still stands ---- */

static bool is_ahead(const struct ticket *ticket, const char *name)
{
    return strcmp(name, strrchr(ticket->bid->ahead, '/') + 1) == 0;
}

/* Where numbers are ambiguous the one ahead is waited for as it always was. */
static void heed(struct ticket *ticket, const struct roster *roster)
{
    size_t me = roster->ambiguous ? ROSTER_NOBODY : roster_find(roster, ticket_own_name(ticket));

    if (me == ROSTER_NOBODY || me == 0 || !is_ahead(ticket, roster->at[me - 1].name))
        return;
    if (me == 1)
        ticket_become_next(ticket);
    else
        ticket_watch_beyond(ticket, roster, me);
}

void ticket_looked(struct seeker *seeker, enum answer answer, const struct roster *roster)
{
    struct ticket *ticket = container_of(seeker, struct bid, look)->ticket;

    if (answer == ANSWER_OK && !ticket->bid->next_in_line)
        heed(ticket, roster);
}

/* ---- the one beyond ---- */

/* Our own node comes first: what the listing finds may be that the one ahead has gone as well. */
static void look(struct ticket *ticket)
{
    ticket_watch_own(ticket);
    (void)muster_ask(ticket->session, ticket->place->parent, &ticket->bid->look);
}

/* If it was the very first, the one ahead is now: the server numbers upwards. */
static void gone(struct ticket *ticket)
{
    bool was_first = ticket->bid->beyond_first && !name_leaves_reader(ticket->bid->beyond);

    drop(ticket);
    if (ticket->bid->next_in_line)
        return;
    if (was_first)
        ticket_become_next(ticket);
    else
        look(ticket);
}

void ticket_beyond_fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct bid, beyond_watcher)->ticket;

    session_cancel(&ticket->bid->arm_beyond);
    if (event == WATCH_DELETED)
        gone(ticket);
    else
        arm(ticket);
}

static void armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->bid->arm_beyond = NULL;
    if (reply->answer == ANSWER_OK)
        return;
    watcher_remove(&ticket->session->watches, &ticket->bid->beyond_watcher);
    if (reply->answer == ANSWER_NO_NODE)
        gone(ticket);
    else if (answer_try_again(reply->answer))
        arm(ticket);
    else
        drop(ticket);
}

static void arm(struct ticket *ticket)
{
    if (watches_room(&ticket->session->watches, WATCH_HELPFUL))
        ticket->bid->arm_beyond =
            session_ask_watch(ticket->session, VERB_GET, ticket->bid->beyond, armed, ticket);
    if (ticket->bid->arm_beyond != NULL)
        watcher_add(&ticket->session->watches, &ticket->bid->beyond_watcher, ticket->bid->beyond);
    else
        drop(ticket);
}

void ticket_watch_beyond(struct ticket *ticket, const struct roster *roster, size_t me)
{
    ticket_forget_beyond(ticket);
    ticket->bid->beyond = path_child(ticket->place->parent, roster->at[me - 2].name);
    ticket->bid->beyond_first = me == 2;
    if (ticket->bid->beyond != NULL)
        arm(ticket);
}
