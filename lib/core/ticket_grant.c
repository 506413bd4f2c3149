/*
 * From being first to holding: proof of the session, and our own node kept in sight.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/ticket_parts.h"

#include <zkcoord/zkcoord.h>

#include <string.h>

/* The news that expiry deleted our node may come before the news of the expiry. */
static enum revocation reason(const struct session *session)
{
    bool lease_over = session->core->now >= atomic_load(&session->deadline);

    return lease_over ? REVOKED_LEASE : REVOKED_DELETED;
}

/* ---- granting ---- */

bool ticket_holds_alone(const struct ticket *ticket)
{
    return ticket->place->rule->conflicts(MODE_SHARED, ticket->place->mode);
}

static struct ticket *holder_in_conflict(const struct ticket *ticket)
{
    const struct map *holders = &ticket->session->holders;
    const struct place *place = ticket->place;

    for (struct map_entry *entry = map_find(holders, place->parent); entry != NULL;
         entry = map_find_next(holders, entry)) {
        struct ticket *holder = container_of(entry, struct ticket, holder);
        if (place->rule->conflicts(holder->place->mode, place->mode))
            return holder;
    }
    return NULL;
}

/*
 * It is our turn, so nobody whom we exclude is ahead of us. A holder of this very session that we
 * exclude has lost its node, even if no beat has told so yet.
 */
static void depose_others(struct ticket *ticket)
{
    struct ticket *holder;

    while ((holder = holder_in_conflict(ticket)) != NULL)
        ticket_revoke(holder, reason(ticket->session));
}

/* The timer takes the place of what is known of a holder, and the other way round. */
void ticket_put_down(struct ticket *ticket)
{
    map_remove(&ticket->session->holders, &ticket->holder);
    timer_init(&ticket->timer, ticket_timer_due);
    ticket->phase = TICKET_LEAVING;
}

static void grant(struct ticket *ticket)
{
    struct session *session = ticket->session;

    depose_others(ticket);
    timer_clear(session->core, &ticket->timer);
    session_keep(session, &ticket->listener);
    ticket->phase = TICKET_HELD;
    ticket->granted_end = atomic_load(&session->deadline);
    list_init(&ticket->holder.link);
    map_insert(&session->holders, &ticket->holder, ticket->place->parent);
    ticket_tell_next(ticket);
    ticket_end_bid(ticket);
    ticket_tell(ticket, TICKET_GRANTED, ZKC_OK);
}

/*
 * Our node is the first, but the session is not proven for long enough. A write that checks our own
 * node is proof, as soon as it comes late enough after an earlier contact.
 */
void ticket_prove(struct ticket *ticket)
{
    struct session *session = ticket->session;

    ticket->phase = TICKET_PROVING;
    session_keep(session, &ticket->listener);
    timer_clear(session->core, &ticket->timer); /* the answer sets it again */
    if (ticket->bid->check == NULL)
        ticket->bid->check =
            session_ask(session, VERB_CHECK, ticket->bid->path, ticket_checked, ticket);
    if (ticket->bid->check == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
}

void ticket_first(struct ticket *ticket)
{
    if (session_grantable(ticket->session))
        grant(ticket);
    else
        ticket_prove(ticket);
}

static void log_gone(const struct ticket *ticket)
{
    char *path = ticket_path(ticket);

    core_log(ticket->session->core, LOG_WARNING, "our znode %s was deleted by somebody else",
             path != NULL ? path : ticket->place->parent);
    mem_free(path);
}

/* The node has vanished under a ticket that was not to leave yet. */
void ticket_own_gone(struct ticket *ticket)
{
    ticket->exists = false;
    if (ticket->phase == TICKET_LEAVING)
        return; /* the delete will be answered with no node */
    log_gone(ticket);
    if (ticket->phase == TICKET_HELD) {
        ticket_revoke(ticket, reason(ticket->session));
    } else {
        ticket_stop(ticket);
        ticket_enter(ticket);
    }
}

/* Where the client refuses the request, for want of memory say, it is not asked again at once. */
static void prove_later(struct ticket *ticket, bool decided)
{
    struct session *session = ticket->session;
    int64_t now = session->core->now;
    int64_t at = lease_next_proof(&session->lease, now);
    int64_t pause = decided ? 0 : session->lease.timeout / 20;

    timer_set(session->core, &ticket->timer, at > now + pause ? at : now + pause);
}

void ticket_checked(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;
    struct session *session = ticket->session;

    (void)request;
    ticket->bid->check = NULL;
    if (reply->answer == ANSWER_NO_NODE)
        ticket_own_gone(ticket);
    else if (ticket->phase != TICKET_PROVING)
        return; /* it was sent for its proof only */
    else if ((reply->answer == ANSWER_OK || reply->answer == ANSWER_NO_AUTH) &&
             session_grantable(session))
        grant(ticket); /* what is forbidden to be read was found to exist */
    else if (answer_try_again(reply->answer))
        ticket_prove(ticket);
    else
        prove_later(ticket, reply->decided);
}

/* ---- our own node ---- */

/* The own node as a listing that was sent in the same flush saw it: a name alone proves nothing. */
static void own_seen(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->bid->see_own = NULL;
    if (reply->answer == ANSWER_NO_NODE ||
        (reply->answer == ANSWER_OK && reply->stat->owner != ticket->session->id)) {
        ticket_own_gone(ticket);
    } else if (answer_try_again(reply->answer)) {
        shared_list_cancel(&ticket->bid->list); /* without this answer it says nothing */
        ticket_list_again(ticket);
    } else if (reply->answer != ANSWER_OK) {
        ticket_fail(ticket, answer_error(reply->answer));
    }
}

bool ticket_look_at_own(struct ticket *ticket)
{
    struct bid *bid = ticket->bid;

    if (ticket->own_watch == NULL && bid->see_own == NULL)
        bid->see_own = session_ask(ticket->session, VERB_EXISTS, bid->path, own_seen, ticket);
    return ticket->own_watch != NULL || bid->see_own != NULL;
}

/* ---- what the session asks ---- */

static size_t own_path(struct listener *listener, char *room)
{
    const struct ticket *ticket = container_of(listener, struct ticket, listener);

    if (room != NULL)
        ticket_write_path(ticket, room);
    return ticket_path_size(ticket->place);
}

static bool owns(struct listener *listener, const char *path)
{
    return ticket_is_at(container_of(listener, struct ticket, listener), path);
}

static bool guard(struct listener *listener)
{
    return ticket_guard(container_of(listener, struct ticket, listener));
}

static void checked(struct listener *listener, enum answer answer)
{
    struct ticket *ticket = container_of(listener, struct ticket, listener);

    if (answer == ANSWER_NO_NODE)
        ticket_own_gone(ticket);
    else
        ticket_resume_own_watch(ticket);
}

static void lapsed(struct listener *listener, int64_t end)
{
    struct ticket *ticket = container_of(listener, struct ticket, listener);

    if (ticket->granted_end <= end)
        ticket_revoke(ticket, REVOKED_LEASE);
}

const struct listener_ops ticket_listener_ops = {
    ticket_session_event, own_path, owns, guard, checked, lapsed};
