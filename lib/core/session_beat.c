/*
 * The lease as others see it, and the beats that keep it: a write while something is kept, a sync
 * while not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/session_parts.h"

static void tell_lapsed(struct session *session)
{
    struct list keepers, *link;

    list_init(&keepers);
    list_move(&keepers, &session->keepers);
    while ((link = list_pop(&keepers)) != NULL) {
        struct follower *follower = container_of(link, struct follower, keeping);
        list_append(&session->keepers, link);
        follower->ops->lapsed(follower);
    }
}

void session_lapse_due(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, lapse_timer);

    if (session->core->now >= atomic_load(&session->deadline))
        tell_lapsed(session);
    else if (!list_empty(&session->keepers))
        timer_set(session->core, timer, atomic_load(&session->deadline));
}

/* A reader may have seen the deadline pass on its own clock, and has promised "not held" since. */
static void heed_readers(struct session *session)
{
    int64_t lapsed = atomic_load(&session->lapsed);

    if (lapsed <= session->lapse_handled)
        return;
    session->lapse_handled = lapsed;
    tell_lapsed(session);
}

/* What was held past the old deadline is revoked before a later deadline can be seen. */
void session_publish_lease(struct session *session)
{
    int64_t end = lease_end(&session->lease);
    int64_t old = atomic_load(&session->deadline);
    struct list provers, *link;

    if (end == old)
        return;
    if (session->core->now >= old && !list_empty(&session->keepers))
        tell_lapsed(session);
    atomic_store(&session->deadline, end);
    heed_readers(session);
    if (!list_empty(&session->keepers))
        timer_set(session->core, &session->lapse_timer, end);
    list_init(&provers);
    list_move(&provers, &session->provers);
    while ((link = list_pop(&provers)) != NULL) {
        struct prover *prover = container_of(link, struct prover, link);
        list_append(&session->provers, link);
        prover->proven(prover);
    }
}

static void beat_answered(void *owner, struct request *request, const struct reply *reply)
{
    struct session *session = owner;
    struct follower *follower = session->beat_for;

    session->beat = NULL;
    session->beat_for = NULL;
    (void)request;
    if (follower != NULL)
        follower->ops->checked(follower, reply->answer);
    session_schedule(session);
}

/* Thousands may be queued, and what is held must not be lost for them. */
static void go_ahead_of_all(struct session *session, struct request *request)
{
    list_remove(&request->link);
    list_prepend(&session->queue, &request->link);
}

static void send_write_beat(struct session *session)
{
    struct list *first = session->keepers.next;
    struct follower *follower = container_of(first, struct follower, keeping);
    struct request *request = follower->ops->beat(follower);

    list_remove(first);
    list_append(&session->keepers, first);
    if (request == NULL)
        return;
    request->verb = VERB_CHECK;
    request->answered = beat_answered;
    request->owner = session;
    session->beat = request;
    session->beat_for = follower;
    session_submit(session, request);
    go_ahead_of_all(session, request);
}

/* While it waits for its answer there is no other beat, so it hurries, too. */
static void send_sync_beat(struct session *session)
{
    session->beat = session_ask(session, VERB_SYNC, "/", beat_answered, session);
    if (session->beat != NULL)
        go_ahead_of_all(session, session->beat);
}

void session_beat_due(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, beat_timer);

    if (session->state != SESSION_LIVE || session->beat != NULL)
        return;
    if (!list_empty(&session->keepers))
        send_write_beat(session);
    else
        send_sync_beat(session);
    if (session->beat == NULL)
        timer_set(session->core, timer, session->core->now + session->lease.timeout / 20);
}

/*
 * Other writes prove the session as well, but only a beat looks after the nodes. When little is
 * left of the lease, as after a reconnection, the next beat comes as soon as it can gain something.
 */
static int64_t next_write_beat(const struct session *session)
{
    int64_t due = session->beaten_at + session->lease.timeout / 8;
    int64_t gain = lease_next_gain(&session->lease);

    if (gain < due && gain > session->beaten_at &&
        atomic_load(&session->deadline) - gain < session->lease.timeout / 3)
        return gain;
    return due;
}

/* libzookeeper pings after T/3 of silence. A sync of ours after T/5 costs little more, and with two
 * before it the next grant can rest on it without another round trip. */
void session_schedule(struct session *session)
{
    if (session->state != SESSION_LIVE || session->beat != NULL)
        timer_clear(session->core, &session->beat_timer);
    else if (!list_empty(&session->keepers))
        timer_set(session->core, &session->beat_timer, next_write_beat(session));
    else
        timer_set(session->core, &session->beat_timer,
                  session->led_at + session->lease.timeout / 5);
}

void prover_init(struct prover *prover, void (*proven)(struct prover *))
{
    list_init(&prover->link);
    prover->proven = proven;
}

void session_on_proof(struct session *session, struct prover *prover)
{
    list_remove(&prover->link);
    list_append(&session->provers, &prover->link);
}

void session_keep(struct session *session, struct follower *follower)
{
    if (!list_empty(&follower->keeping))
        return;
    if (list_empty(&session->keepers))
        session->beaten_at = session->core->now; /* its node has just been seen */
    list_append(&session->keepers, &follower->keeping);
    if (!heap_contains(&session->lapse_timer.node))
        timer_set(session->core, &session->lapse_timer, atomic_load(&session->deadline));
    session_schedule(session);
}

void session_keep_no_more(struct session *session, struct follower *follower)
{
    if (list_empty(&follower->keeping))
        return;
    list_remove(&follower->keeping);
    if (session->beat_for == follower)
        session->beat_for = NULL;
    session_schedule(session);
}

bool session_grantable(const struct session *session)
{
    return lease_grantable(&session->lease, session->core->now) != 0;
}
