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
    mem_free(ticket->beyond);
    ticket->beyond = NULL;
}

void ticket_forget_beyond(struct ticket *ticket)
{
    bool armed = watcher_active(&ticket->beyond_watcher);

    watcher_remove(&ticket->session->watches, &ticket->beyond_watcher);
    session_cancel(&ticket->arm_beyond);
    session_cancel(&ticket->look);
    if (armed)
        session_unwatch(ticket->session, ticket->beyond);
    drop(ticket);
}

/* ---- a look at the queue, while the one ahead still stands ---- */

static bool is_ahead(const struct ticket *ticket, const char *name)
{
    return strcmp(name, strrchr(ticket->ahead, '/') + 1) == 0;
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

static void looked(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;
    struct roster roster;

    (void)request;
    ticket->look = NULL;
    if (reply->answer != ANSWER_OK || ticket->next_in_line ||
        roster_build(&roster, reply->names, reply->count) != 0)
        return;
    heed(ticket, &roster);
    roster_clear(&roster);
}

/* ---- the one beyond ---- */

/* If it was the very first, the one ahead is now: the server numbers upwards. */
static void gone(struct ticket *ticket)
{
    bool was_first = ticket->beyond_first && !name_leaves_reader(ticket->beyond);

    drop(ticket);
    if (ticket->next_in_line)
        return;
    if (was_first)
        ticket_become_next(ticket);
    else if (ticket->look == NULL)
        ticket->look =
            session_ask(ticket->session, VERB_CHILDREN, ticket->place->parent, looked, ticket);
}

void ticket_beyond_fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct ticket, beyond_watcher);

    session_cancel(&ticket->arm_beyond);
    if (event == WATCH_DELETED)
        gone(ticket);
    else
        arm(ticket);
}

static void armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->arm_beyond = NULL;
    if (reply->answer == ANSWER_OK)
        return;
    watcher_remove(&ticket->session->watches, &ticket->beyond_watcher);
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
        ticket->arm_beyond =
            session_ask_watch(ticket->session, VERB_GET, ticket->beyond, armed, ticket);
    if (ticket->arm_beyond != NULL)
        watcher_add(&ticket->session->watches, &ticket->beyond_watcher, ticket->beyond);
    else
        drop(ticket);
}

void ticket_watch_beyond(struct ticket *ticket, const struct roster *roster, size_t me)
{
    ticket_forget_beyond(ticket);
    ticket->beyond = path_child(ticket->place->parent, roster->at[me - 2].name);
    ticket->beyond_first = me == 2;
    if (ticket->beyond != NULL)
        arm(ticket);
}
