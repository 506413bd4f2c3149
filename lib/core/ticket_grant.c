/*
 * From being first to holding: proof of the session, and our own node kept in sight.
 * SPDX-License-Identifier: Apache-2.0
 */
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

/*
 * A directory has one first node. Who held it before us in this very session has lost its own, even
 * if no beat has told so yet.
 */
static void depose_others(struct ticket *ticket)
{
    struct session *session = ticket->session;
    struct map_entry *entry;

    while ((entry = map_find(&session->holders, ticket->place->parent)) != NULL)
        ticket_revoke(container_of(entry, struct ticket, holder), reason(session));
}

static void grant(struct ticket *ticket)
{
    depose_others(ticket);
    timer_clear(ticket->session->core, &ticket->timer);
    session_cancel(&ticket->check);
    ticket->phase = TICKET_HELD;
    session_keep(ticket->session, &ticket->keeper);
    map_insert(&ticket->session->holders, &ticket->holder, ticket->place->parent);
    ticket_tell_next(ticket);
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
    session_keep(session, &ticket->keeper);
    timer_clear(session->core, &ticket->timer); /* the answer sets it again */
    if (ticket->check == NULL)
        ticket->check = session_ask(session, VERB_CHECK, ticket->path, ticket_checked, ticket);
    if (ticket->check == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
}

void ticket_first(struct ticket *ticket)
{
    if (session_grantable(ticket->session))
        grant(ticket);
    else
        ticket_prove(ticket);
}

/* The node has vanished under a ticket that was not to leave yet. */
void ticket_own_gone(struct ticket *ticket)
{
    ticket->exists = false;
    if (ticket->phase == TICKET_LEAVING)
        return; /* the delete will be answered with no node */
    core_log(ticket->session->core, LOG_WARNING, "our znode %s was deleted by somebody else",
             ticket->path);
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
    ticket->check = NULL;
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

static void beat_checked(struct keeper *keeper, enum answer answer)
{
    if (answer == ANSWER_NO_NODE)
        ticket_own_gone(container_of(keeper, struct ticket, keeper));
}

static void lapsed(struct keeper *keeper)
{
    struct ticket *ticket = container_of(keeper, struct ticket, keeper);

    ticket_revoke(ticket, REVOKED_LEASE);
}

const struct keeper_ops ticket_keeper_ops = {beat_checked, lapsed};

/* ---- our own node ---- */

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

static void own_armed(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->arm_own = NULL;
    if (reply->answer == ANSWER_NO_NODE) {
        watcher_remove(&ticket->session->watches, &ticket->own_watcher);
        ticket_own_gone(ticket);
    } else if (reply->answer == ANSWER_OK && reply->stat->owner != ticket->session->id) {
        watcher_remove(&ticket->session->watches, &ticket->own_watcher);
        session_unwatch(ticket->session, ticket->path);
        ticket_own_gone(ticket); /* somebody else's node, under our name */
    } else if (reply->answer == ANSWER_OK) {
        ticket->own_epoch = ticket->session->epoch;
        look_for_plea(ticket, reply);
    } else if (answer_try_again(reply->answer)) {
        watcher_remove(&ticket->session->watches, &ticket->own_watcher);
        ticket_watch_own(ticket);
    } else {
        /* beats still check it */
        watcher_remove(&ticket->session->watches, &ticket->own_watcher);
    }
}

void ticket_watch_own(struct ticket *ticket)
{
    enum watch_use use = ticket->phase == TICKET_HELD ? WATCH_NEEDED : WATCH_HELPFUL;

    if (!ticket->exists || ticket->phase == TICKET_LEAVING || watcher_active(&ticket->own_watcher))
        return;
    if (!watches_room(&ticket->session->watches, use))
        return; /* beats still check it */
    ticket->arm_own = session_ask_watch(ticket->session, VERB_GET, ticket->path, own_armed, ticket);
    if (ticket->arm_own != NULL)
        watcher_add(&ticket->session->watches, &ticket->own_watcher, ticket->path);
}

/* The own node as a listing that was sent in the same flush saw it: a name alone proves nothing. */
static void own_seen(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->arm_own = NULL;
    if (reply->answer == ANSWER_NO_NODE ||
        (reply->answer == ANSWER_OK && reply->stat->owner != ticket->session->id))
        ticket_own_gone(ticket);
}

bool ticket_look_at_own(struct ticket *ticket)
{
    if (ticket->arm_own != NULL || watcher_active(&ticket->own_watcher))
        return true;
    ticket->arm_own = session_ask(ticket->session, VERB_EXISTS, ticket->path, own_seen, ticket);
    return ticket->arm_own != NULL;
}

void ticket_own_fired(struct watcher *watcher, enum watch_event event)
{
    struct ticket *ticket = container_of(watcher, struct ticket, own_watcher);

    ticket->own_epoch = 0;
    session_cancel(&ticket->arm_own);
    if (event == WATCH_DELETED) {
        ticket_own_gone(ticket);
        return;
    }
    ticket_watch_own(ticket);
    if (ticket->phase == TICKET_LISTING && ticket->list != NULL) {
        session_cancel(&ticket->list); /* it might be answered before */
        ticket_ask_list(ticket);
    }
}
