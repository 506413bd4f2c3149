/*
 * Where do we stand in the queue, and the wait for the predecessor.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/ticket_parts.h"
#include "base/mem.h"
#include "core/path.h"
#include "core/sorting.h"

#include <zkcoord/zkcoord.h>

#include <string.h>

static void arm_predecessor(struct ticket *ticket);
static void poll_predecessor(struct ticket *ticket);
static void await_list(struct ticket *ticket);

/* ---- waiting for the predecessor ---- */

bool ticket_clears_the_way(const struct ticket *ticket, const char *path)
{
    const struct place *place = ticket->place;

    return !name_leaves_reader(path) || !place->rule->conflicts(MODE_SHARED, place->mode);
}

/*
 * Nobody but the predecessor stood in our way in a listing, or nobody else was left when another
 * went, or it was granted alone in this session. Nobody can have come before us since (the server
 * numbers upwards), so it is our turn if our own node still exists: its watch was set on this same
 * connection, which delivers events in the order they happened, and it is silent.
 */
static bool inherits(const struct ticket *ticket)
{
    return ticket->bid->next_in_line && ticket_clears_the_way(ticket, ticket->bid->predecessor) &&
           ticket->own_watch != NULL && ticket->own_watch->epoch == ticket->session->epoch &&
           session_connected(ticket->session);
}

/* An answer that is still to come is of a listing after what we have heard already. */
static bool take_look_for_list(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;

    if (!list_waiter_waits(&bid->look) || ticket->own_watch == NULL)
        return false;
    shared_list_pass(&bid->look, &bid->list);
    return true;
}

static void predecessor_gone(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;
    bool heir = bid->armed_epoch == ticket->session->epoch && inherits(ticket);
    bool looking = !heir && take_look_for_list(ticket);

    mem_free(bid->predecessor);
    bid->predecessor = NULL;
    ticket_forget_lookahead(ticket);
    if (heir)
        ticket_first(ticket);
    else if (looking)
        await_list(ticket);
    else
        ticket_list_again(ticket);
}

static void predecessor_armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->bid->arm = NULL;
    if (reply->answer == ANSWER_OK) {
        ticket->bid->armed_epoch = ticket->session->epoch;
        ticket->phase = TICKET_WAITING;
        return;
    }
    watcher_remove(&ticket->session->watches, &ticket->bid->predecessor_watcher);
    if (reply->answer == ANSWER_NO_NODE) {
        ticket->bid->armed_epoch = ticket->session->epoch;
        predecessor_gone(ticket);
    } else if (answer_try_again(reply->answer)) {
        arm_predecessor(ticket);
    } else if (reply->answer == ANSWER_NO_AUTH) {
        ticket->bid->unreadable = true;
        poll_predecessor(ticket);
    } else {
        ticket_fail(ticket, answer_error(reply->answer));
    }
}

/* A get leaves no watch behind on a node that is gone, an exists would. */
static void arm_predecessor(struct ticket *ticket)
{
    if (!watches_room(&ticket->session->watches, WATCH_NEEDED)) {
        poll_predecessor(ticket);
        return;
    }
    ticket->phase = TICKET_ARMING;
    ticket->bid->arm = session_ask_watch(ticket->session, VERB_GET, ticket->bid->predecessor,
                                         predecessor_armed, ticket);
    if (ticket->bid->arm == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
    else
        watcher_add(&ticket->session->watches, &ticket->bid->predecessor_watcher,
                    ticket->bid->predecessor);
}

static void polled(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;
    struct session *session = ticket->session;

    (void)request;
    ticket->bid->arm = NULL;
    if (reply->answer == ANSWER_NO_NODE) {
        ticket->bid->armed_epoch = session->epoch;
        predecessor_gone(ticket);
    } else if (reply->answer == ANSWER_OK) {
        int64_t pause = session->timeout / 5 > SECOND ? session->timeout / 5 : SECOND;
        timer_set(session->core, &ticket->timer,
                  session->core->now + pause + core_random_below(session->core, pause / 4));
    } else if (answer_try_again(reply->answer)) {
        poll_predecessor(ticket);
    } else {
        ticket_fail(ticket, answer_error(reply->answer));
    }
}

/*
 * Without a watch: the content of the predecessor is forbidden to us, and servers that have mended
 * CVE-2024-23944 send no events of such a node; or the session has all the watches that it can
 * carry over a reconnection. Whether the node exists is asked now and then instead.
 */
static void poll_predecessor(struct ticket *ticket)
{
    ticket->phase = TICKET_WAITING;
    ticket->bid->arm =
        session_ask(ticket->session, VERB_EXISTS, ticket->bid->predecessor, polled, ticket);
    if (ticket->bid->arm == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
}

void ticket_watch_predecessor(struct ticket *ticket)
{
    if (ticket->bid->unreadable)
        poll_predecessor(ticket);
    else
        arm_predecessor(ticket);
}

void ticket_predecessor_fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct bid, predecessor_watcher)->ticket;

    session_cancel(&ticket->bid->arm);
    if (event == WATCH_DELETED)
        predecessor_gone(ticket);
    else
        arm_predecessor(ticket);
}

void ticket_become_next(struct ticket *ticket)
{
    ticket->bid->next_in_line = true;
    ticket_watch_own(ticket);
    session_keep(ticket->session, &ticket->listener);
}

/* If the map changes meanwhile some waiters are not told: they list the directory later. */
void ticket_tell_next(struct ticket *ticket)
{
    const struct map *watches = &ticket->session->watches;

    if (!ticket_holds_alone(ticket))
        return;
    for (struct map_entry *entry = map_find(watches, ticket->bid->path); entry != NULL;
         entry = map_find_next(watches, entry)) {
        struct watcher *watcher = container_of(entry, struct watcher, entry);
        if (watcher->fired == ticket_predecessor_fired)
            ticket_become_next(container_of(watcher, struct bid, predecessor_watcher)->ticket);
    }
}

static void wait_behind(struct ticket *ticket, const struct roster *roster, size_t me,
                        size_t predecessor)
{
    size_t lookahead = ticket->place->rule->blocker(roster, me, predecessor);

    mem_free(ticket->bid->predecessor);
    ticket->bid->predecessor = path_child(ticket->place->parent, roster->at[predecessor].name);
    if (ticket->bid->predecessor == NULL) {
        ticket_fail(ticket, ZKC_ENOMEM);
        return;
    }
    ticket->bid->next_in_line = false;
    ticket->bid->unreadable = false;
    /* Set our own watch first: answers come in order. */
    if (lookahead == ROSTER_NOBODY)
        ticket_become_next(ticket);
    else
        session_keep_no_more(ticket->session, &ticket->listener);
    arm_predecessor(ticket);
    if (ticket->phase != TICKET_ARMING && ticket->phase != TICKET_WAITING)
        return;
    if (lookahead != ROSTER_NOBODY)
        ticket_watch_lookahead(ticket, roster, me, lookahead);
    ticket_tell(ticket, TICKET_QUEUED, (int)me);
}

/* ---- where do we stand? ---- */

static void rank(struct ticket *ticket, const struct roster *roster)
{
    size_t me = roster_find(roster, ticket_own_name(ticket));
    size_t predecessor = me == ROSTER_NOBODY ? me : ticket->place->rule->blocker(roster, me, me);

    if (me == ROSTER_NOBODY)
        ticket_own_gone(ticket);
    else if (predecessor == ROSTER_NOBODY)
        ticket_first(ticket);
    else if (ticket->try_only)
        ticket_fail(ticket, ZKC_EBUSY);
    else
        wait_behind(ticket, roster, me, predecessor);
}

static void sorted(void *owner, enum answer answer, const struct roster *roster)
{
    struct ticket *ticket = owner;

    ticket->bid->sorting = NULL;
    if (answer == ANSWER_OK)
        rank(ticket, roster);
    else if (answer_try_again(answer))
        ticket_list_again(ticket);
    else
        ticket_fail(ticket, answer_error(answer));
}

static void sort_and_rank(struct ticket *ticket, struct roster *roster)
{
    ticket->phase = TICKET_SORTING;
    ticket->bid->sorting =
        sorting_start(ticket->session, ticket->place->parent, roster, sorted, ticket);
    if (ticket->bid->sorting == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
}

static void evaluate(struct ticket *ticket, const struct roster *roster)
{
    struct roster own;

    if (!roster->ambiguous || roster->count == 0)
        rank(ticket, roster);
    else if (roster_copy(&own, roster) == 0)
        sort_and_rank(ticket, &own);
    else
        ticket_fail(ticket, ZKC_ENOMEM);
}

void ticket_listed(struct list_waiter *list_waiter, enum answer answer, const struct roster *roster)
{
    struct ticket *ticket = container_of(list_waiter, struct bid, list)->ticket;

    if (answer == ANSWER_OK)
        evaluate(ticket, roster);
    else if (answer_try_again(answer))
        ticket_list_again(ticket);
    else if (answer == ANSWER_NO_NODE)
        ticket_own_gone(ticket); /* the whole directory has vanished */
    else
        ticket_fail(ticket, answer_error(answer));
}

void ticket_ask_list(struct ticket *ticket)
{
    if (shared_list_ask(ticket->session, ticket->place->parent, &ticket->bid->list) != 0)
        ticket_fail(ticket, ZKC_ENOMEM);
}

/* If we turn out to be first we shall need proof of the session: in the same flush, not later. */
static void await_list(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;

    ticket->phase = TICKET_LISTING;
    bid->next_in_line = false;
    if (!session_grantable(ticket->session) && bid->check == NULL)
        bid->check = session_ask(ticket->session, VERB_CHECK, bid->path, ticket_checked, ticket);
}

void ticket_list_again(struct ticket *ticket)
{
    await_list(ticket);
    if (ticket_look_at_own(ticket))
        ticket_ask_list(ticket);
    else
        ticket_fail(ticket, ZKC_ENOMEM);
}
