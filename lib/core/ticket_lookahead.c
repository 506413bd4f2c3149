/*
 * Watching two places ahead: a contender that knows of nobody but its predecessor in its way needs
 * nothing but the event when that one goes. A look here only ever saves the listing then.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/path.h"
#include "core/ticket_parts.h"

#include <string.h>

static void arm(struct ticket *ticket);

static void drop(struct ticket *ticket)
{
    mem_free(ticket->bid->lookahead);
    ticket->bid->lookahead = NULL;
}

void ticket_forget_lookahead(struct ticket *ticket)
{
    bool watched = watcher_active(&ticket->bid->lookahead_watcher);

    watcher_remove(&ticket->session->watches, &ticket->bid->lookahead_watcher);
    session_cancel(&ticket->bid->arm_lookahead);
    shared_list_cancel(&ticket->bid->look);
    if (watched)
        session_unwatch(ticket->session, ticket->bid->lookahead);
    drop(ticket);
}

/* ---- a look at the queue, while the predecessor still stands ---- */

static bool is_predecessor(const struct ticket *ticket, const char *name)
{
    return strcmp(name, strrchr(ticket->bid->predecessor, '/') + 1) == 0;
}

/* Where numbers are ambiguous we wait for the predecessor as ever. */
static void heed(struct ticket *ticket, const struct roster *roster)
{
    const struct rule *rule = ticket->place->rule;
    size_t me = roster->ambiguous ? ROSTER_NOBODY : roster_find(roster, ticket_own_name(ticket));
    size_t predecessor = me == ROSTER_NOBODY ? me : rule->blocker(roster, me, me);
    size_t lookahead;

    if (predecessor == ROSTER_NOBODY || !is_predecessor(ticket, roster->at[predecessor].name))
        return;
    lookahead = rule->blocker(roster, me, predecessor);
    if (lookahead == ROSTER_NOBODY)
        ticket_become_next(ticket);
    else
        ticket_watch_lookahead(ticket, roster, me, lookahead);
}

void ticket_looked(struct list_waiter *list_waiter, enum answer answer, const struct roster *roster)
{
    struct ticket *ticket = container_of(list_waiter, struct bid, look)->ticket;

    if (answer == ANSWER_OK && !ticket->bid->next_in_line)
        heed(ticket, roster);
}

/* ---- the second node ---- */

/* Watch our own node first: the listing may find that the predecessor has gone as well. */
static void look(struct ticket *ticket)
{
    ticket_watch_own(ticket);
    (void)shared_list_ask(ticket->session, ticket->place->parent, &ticket->bid->look);
}

/* If nobody else was in our way, only the predecessor is now: the server numbers upwards. */
static void gone(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;
    bool was_last = bid->lookahead_is_last && ticket_clears_the_way(ticket, bid->lookahead);

    drop(ticket);
    if (bid->next_in_line)
        return;
    if (was_last)
        ticket_become_next(ticket);
    else
        look(ticket);
}

void ticket_lookahead_fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct bid, lookahead_watcher)->ticket;

    session_cancel(&ticket->bid->arm_lookahead);
    if (event == WATCH_DELETED)
        gone(ticket);
    else
        arm(ticket);
}

static void armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->bid->arm_lookahead = NULL;
    if (reply->answer == ANSWER_OK)
        return;
    watcher_remove(&ticket->session->watches, &ticket->bid->lookahead_watcher);
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
        ticket->bid->arm_lookahead =
            session_ask_watch(ticket->session, VERB_GET, ticket->bid->lookahead, armed, ticket);
    if (ticket->bid->arm_lookahead != NULL)
        watcher_add(&ticket->session->watches, &ticket->bid->lookahead_watcher,
                    ticket->bid->lookahead);
    else
        drop(ticket);
}

void ticket_watch_lookahead(struct ticket *ticket, const struct roster *roster, size_t me,
                            size_t lookahead)
{
    const struct rule *rule = ticket->place->rule;

    ticket_forget_lookahead(ticket);
    ticket->bid->lookahead = path_child(ticket->place->parent, roster->at[lookahead].name);
    ticket->bid->lookahead_is_last = rule->blocker(roster, me, lookahead) == ROSTER_NOBODY;
    if (ticket->bid->lookahead != NULL)
        arm(ticket);
}
