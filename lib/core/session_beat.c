/*
 * The lease as others see it, and the beats that keep it: a write while something is kept, a sync
 * while not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/session_parts.h"

static void tell_keepers(struct list *list, int64_t end)
{
    struct list keepers, *link;

    list_init(&keepers);
    list_move(&keepers, list);
    while ((link = list_pop(&keepers)) != NULL) {
        struct listener *listener = container_of(link, struct listener, keeping);
        list_append(list, link);
        listener->ops->lapsed(listener, end);
    }
}

/* Of what was granted while the lease ended then or earlier. */
static void tell_lapsed(struct session *session, int64_t end)
{
    for (int i = 0; i < KEEPER_LISTS; i++)
        tell_keepers(&session->patrol.keepers[i], end);
}

/*
 * Our clock may have passed the deadline before the timer was run. A reader may have seen one pass
 * on its own, and has promised "not held" since, of what was granted up to then. After a narrowed
 * lease a deadline may be earlier than the one of a grant: what our clock has passed is over for
 * all.
 */
void session_ask_clock(struct session *session)
{
    int64_t deadline = atomic_load(&session->deadline);
    int64_t lapsed = atomic_load(&session->lapsed);
    bool over = session->core->now >= deadline;

    if (over && deadline > lapsed)
        lapsed = deadline;
    if (lapsed <= session->lapse_handled)
        return;
    session->lapse_handled = lapsed;
    tell_lapsed(session, over ? INT64_MAX : lapsed);
}

void session_lapse_due(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, lapse_timer);

    session_ask_clock(session);
    if (session->core->now < atomic_load(&session->deadline) && !patrol_empty(&session->patrol))
        timer_set(session->core, timer, atomic_load(&session->deadline));
}

/* What was held past the old deadline is revoked before a later deadline can be seen. */
void session_publish_lease(struct session *session)
{
    int64_t end = lease_end(&session->lease);
    int64_t old = atomic_load(&session->deadline);
    struct list provers, *link;

    if (end == old)
        return;
    session_ask_clock(session);
    atomic_store(&session->deadline, end);
    session_ask_clock(session); /* of readers that were faster */
    if (!patrol_empty(&session->patrol))
        timer_set(session->core, &session->lapse_timer, end);
    list_init(&provers);
    list_move(&provers, &session->provers);
    while ((link = list_pop(&provers)) != NULL) {
        struct prover *prover = container_of(link, struct prover, link);
        list_append(&session->provers, link);
        prover->proven(prover);
    }
}

/* ---- the lease of one session after the other, over one connection after the other ---- */

void session_begin_lease(struct session *session, int64_t timeout, int64_t asked_at)
{
    lease_open(&session->lease, timeout, asked_at);
    session->resume_sent = asked_at;
}

/*
 * What another handle answered says nothing of when this one asked: an answer of the very handle
 * that connects again came before it did.
 */
void session_resume_lease(struct session *session, int64_t timeout, const struct connection *other)
{
    if (other != NULL)
        session->resume_sent = other->began;
    lease_narrow(&session->lease, timeout);
    lease_reconnected(&session->lease, session->resume_sent, session->core->now);
}

/* ---- beats ---- */

void session_expect_answer(struct session *session)
{
    silence_begin(&session->silence, session->lease.timeout, !patrol_empty(&session->patrol));
}

void session_heard(struct session *session, const struct request *request,
                   const struct reply *reply)
{
    silence_end(&session->silence);
    if (!reply->decided || session->state != SESSION_LIVE)
        return;
    silence_broken(&session->silence, request);
    dial_end(&session->dial);
}

void session_silence_lasted(struct silence *silence)
{
    struct session *session = container_of(silence, struct session, silence);

    if (session->state != SESSION_LIVE || (session->beat == NULL && session->queue.fence == NULL))
        return;
    silence->count++;
    core_log(session->core, LOG_INFO, "session 0x%llx: %s is silent, trying other servers",
             (unsigned long long)session->id, session->dial.current->address);
    dial_begin(&session->dial, true, session->timeout);
}

/*
 * One that nobody has answered has looked after nothing, so it does not count. Other writes would
 * prove the session without a look at any node: none of them goes out before the next beat.
 */
static void beat_again(struct session *session, enum answer answer)
{
    session->beaten_epoch = session->epoch - 1;
    if (answer == ANSWER_NO_MEMORY)
        queue_pause(&session->queue, session->timeout / 100);
}

static void beat_answered(void *owner, struct request *request, const struct reply *reply)
{
    struct session *session = owner;
    struct listener *listener = session->beat_for;

    session->beat = NULL;
    session->beat_for = NULL;
    session_heard(session, request, reply);
    if (!reply->decided && session->state == SESSION_LIVE)
        beat_again(session, reply->answer);
    if (listener != NULL)
        listener->ops->checked(listener, reply->answer);
    session_schedule(session);
}

static void send_write_beat(struct session *session)
{
    struct listener *listener = patrol_next(&session->patrol);
    struct request *request = request_with_room(listener->ops->path(listener, NULL));

    if (request == NULL)
        return;
    listener->ops->path(listener, request->room);
    request->path = request->room;
    request->verb = VERB_CHECK;
    request->fences = true;
    request->answered = beat_answered;
    request->owner = session;
    session->beat = request;
    session->beat_for = listener;
    queue_hurry(&session->queue, request);
}

/* While it waits for its answer there is no other beat, so it hurries, too. */
static void send_sync_beat(struct session *session)
{
    struct request *request = request_new();

    if (request == NULL)
        return;
    request->path = "/";
    request->verb = VERB_SYNC;
    request->answered = beat_answered;
    request->owner = session;
    session->beat = request;
    queue_hurry(&session->queue, request);
}

void session_beat_due(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, beat_timer);

    if (session->state != SESSION_LIVE || session->beat != NULL)
        return;
    if (!patrol_empty(&session->patrol))
        send_write_beat(session);
    else
        send_sync_beat(session);
    if (session->beat != NULL) {
        session_expect_answer(session);
        return;
    }
    beat_again(session, ANSWER_NO_MEMORY);
    timer_set(session->core, timer, session->core->now + session->timeout / 100);
}

/*
 * Other writes prove the session as well, but only a beat looks after the nodes. A new connection
 * begins with one: the one before may have been lost with the old connection, and it makes the
 * lease whole again. When little is left of it, the next beat comes as soon as it can gain
 * something.
 */
static int64_t next_write_beat(const struct session *session)
{
    int64_t due = session->beaten_at + session->lease.timeout / 8;
    int64_t gain = lease_next_gain(&session->lease);

    if (session->beaten_epoch != session->epoch)
        return session->core->now;
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
    else if (!patrol_empty(&session->patrol))
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

void session_count_beat(struct session *session)
{
    session->beaten_at = session->core->now;
    session->beaten_epoch = session->epoch;
}

void session_keep(struct session *session, struct listener *listener)
{
    if (!list_empty(&listener->keeping))
        return;
    if (patrol_empty(&session->patrol))
        session_count_beat(session); /* its node has just been seen */
    patrol_begin(&session->patrol, listener);
    if (!heap_contains(&session->lapse_timer.node))
        timer_set(session->core, &session->lapse_timer, atomic_load(&session->deadline));
    session_schedule(session);
}

void session_unguarded(struct session *session, struct listener *listener)
{
    if (list_empty(&listener->keeping))
        return;
    list_remove(&listener->keeping);
    patrol_begin(&session->patrol, listener);
}

void session_keep_no_more(struct session *session, struct listener *listener)
{
    if (list_empty(&listener->keeping))
        return;
    list_remove(&listener->keeping);
    if (session->beat_for == listener)
        session->beat_for = NULL;
    session_schedule(session);
}

bool session_grantable(const struct session *session)
{
    return lease_grantable(&session->lease, session->core->now) != 0;
}
