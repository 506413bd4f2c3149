/*
 * Where do we stand in the queue, and the wait for who is ahead.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/ticket_parts.h"
#include "base/mem.h"
#include "core/path.h"
#include "core/sorting.h"

#include <zkcoord/zkcoord.h>

#include <string.h>

static void arm_ahead(struct ticket *ticket);
static void poll_ahead(struct ticket *ticket);
static void await_list(struct ticket *ticket);

/* ---- waiting for who is ahead ---- */

/*
 * The one ahead was the very first of a listing that we were second in, or became it when the first
 * of a listing went, or was granted in this session. Nobody can have come before us since (the
 * server numbers upwards), so we are first if our own node still exists: its watch was set on this
 * same connection, which delivers events in the order they happened, and it is silent.
 */
static bool inherits(const struct ticket *ticket)
{
    return ticket->bid->next_in_line && !name_leaves_reader(ticket->bid->ahead) &&
           ticket->vigil != NULL && ticket->vigil->epoch == ticket->session->epoch &&
           session_connected(ticket->session);
}

/* An answer that is still to come is of a listing after what we have heard already. */
static bool take_look_for_list(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;

    if (!seeker_waits(&bid->look) || ticket->vigil == NULL)
        return false;
    muster_pass(&bid->look, &bid->list);
    return true;
}

static void ahead_gone(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;
    bool heir = bid->armed_epoch == ticket->session->epoch && inherits(ticket);
    bool looking = !heir && take_look_for_list(ticket);

    mem_free(bid->ahead);
    bid->ahead = NULL;
    ticket_forget_beyond(ticket);
    if (heir)
        ticket_first(ticket);
    else if (looking)
        await_list(ticket);
    else
        ticket_list_again(ticket);
}

static void ahead_armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->bid->arm = NULL;
    if (reply->answer == ANSWER_OK) {
        ticket->bid->armed_epoch = ticket->session->epoch;
        ticket->phase = TICKET_WAITING;
        return;
    }
    watcher_remove(&ticket->session->watches, &ticket->bid->ahead_watcher);
    if (reply->answer == ANSWER_NO_NODE) {
        ticket->bid->armed_epoch = ticket->session->epoch;
        ahead_gone(ticket);
    } else if (answer_try_again(reply->answer)) {
        arm_ahead(ticket);
    } else if (reply->answer == ANSWER_NO_AUTH) {
        ticket->bid->unreadable = true;
        poll_ahead(ticket);
    } else {
        ticket_fail(ticket, answer_error(reply->answer));
    }
}

/* A get leaves no watch behind on a node that is gone, an exists would. */
static void arm_ahead(struct ticket *ticket)
{
    if (!watches_room(&ticket->session->watches, WATCH_NEEDED)) {
        poll_ahead(ticket);
        return;
    }
    ticket->phase = TICKET_ARMING;
    ticket->bid->arm =
        session_ask_watch(ticket->session, VERB_GET, ticket->bid->ahead, ahead_armed, ticket);
    if (ticket->bid->arm == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
    else
        watcher_add(&ticket->session->watches, &ticket->bid->ahead_watcher, ticket->bid->ahead);
}

static void polled(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;
    struct session *session = ticket->session;

    (void)request;
    ticket->bid->arm = NULL;
    if (reply->answer == ANSWER_NO_NODE) {
        ticket->bid->armed_epoch = session->epoch;
        ahead_gone(ticket);
    } else if (reply->answer == ANSWER_OK) {
        int64_t pause = session->timeout / 5 > SECOND ? session->timeout / 5 : SECOND;
        timer_set(session->core, &ticket->timer,
                  session->core->now + pause + core_random_below(session->core, pause / 4));
    } else if (answer_try_again(reply->answer)) {
        poll_ahead(ticket);
    } else {
        ticket_fail(ticket, answer_error(reply->answer));
    }
}

/*
 * Without a watch: the content of the node ahead is forbidden to us, and servers that have mended
 * CVE-2024-23944 send no events of such a node; or the session has all the watches that it can
 * carry over a reconnection. Whether the node exists is asked now and then instead.
 */
static void poll_ahead(struct ticket *ticket)
{
    ticket->phase = TICKET_WAITING;
    ticket->bid->arm =
        session_ask(ticket->session, VERB_EXISTS, ticket->bid->ahead, polled, ticket);
    if (ticket->bid->arm == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
}

void ticket_look_ahead(struct ticket *ticket)
{
    if (ticket->bid->unreadable)
        poll_ahead(ticket);
    else
        arm_ahead(ticket);
}

void ticket_ahead_fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct bid, ahead_watcher)->ticket;

    session_cancel(&ticket->bid->arm);
    if (event == WATCH_DELETED)
        ahead_gone(ticket);
    else
        arm_ahead(ticket);
}

void ticket_become_next(struct ticket *ticket)
{
    ticket->bid->next_in_line = true;
    ticket_watch_own(ticket);
    session_keep(ticket->session, &ticket->follower);
}

void ticket_tell_next(struct ticket *ticket)
{
    const struct map *watches = &ticket->session->watches;

    for (struct map_entry *entry = map_find(watches, ticket->bid->path); entry != NULL;
         entry = map_find_next(watches, entry)) {
        struct watcher *watcher = container_of(entry, struct watcher, entry);
        if (watcher->fired == ticket_ahead_fired) {
            ticket_become_next(container_of(watcher, struct bid, ahead_watcher)->ticket);
            return; /* nobody else is right behind it, and the map has changed */
        }
    }
}

static void wait_behind(struct ticket *ticket, const struct roster *roster, size_t me)
{
    mem_free(ticket->bid->ahead);
    ticket->bid->ahead = path_child(ticket->place->parent, roster->at[me - 1].name);
    if (ticket->bid->ahead == NULL) {
        ticket_fail(ticket, ZKC_ENOMEM);
        return;
    }
    ticket->bid->next_in_line = false;
    ticket->bid->unreadable = false;
    /* What it asks is sent first: the answer about the one ahead finds ours answered. */
    if (me == 1)
        ticket_become_next(ticket);
    else
        session_keep_no_more(ticket->session, &ticket->follower);
    arm_ahead(ticket);
    if (ticket->phase != TICKET_ARMING && ticket->phase != TICKET_WAITING)
        return;
    if (me > 1)
        ticket_watch_beyond(ticket, roster, me);
    ticket_tell(ticket, TICKET_QUEUED, (int)me);
}

/* ---- where do we stand? ---- */

static void rank(struct ticket *ticket, const struct roster *roster)
{
    size_t me = roster_find(roster, ticket_own_name(ticket));

    if (me == ROSTER_NOBODY)
        ticket_own_gone(ticket);
    else if (me == 0)
        ticket_first(ticket);
    else if (ticket->try_only)
        ticket_fail(ticket, ZKC_EBUSY);
    else
        wait_behind(ticket, roster, me);
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

void ticket_listed(struct seeker *seeker, enum answer answer, const struct roster *roster)
{
    struct ticket *ticket = container_of(seeker, struct bid, list)->ticket;

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
    if (muster_ask(ticket->session, ticket->place->parent, &ticket->bid->list) != 0)
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
