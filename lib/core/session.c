/* SPDX-License-Identifier: Apache-2.0 */
#include "core/session.h"
#include "core/session_parts.h"

#include <string.h>

/* Ten times the longest that a user may ask for: servers may raise it to their own minimum. */
#define TIMEOUT_MAX_MS (INT64_C(10) * 24 * 3600 * 1000)

/* How many timeouts a session is waited for before it is given up. */
#define SUSPENDED_MOST 10

/* ---- asking the host ---- */

void session_want_attention(struct session *session)
{
    if (list_empty(&session->attention))
        list_append(&session->core->attention, &session->attention);
}

static void want_open(struct session *session)
{
    session->state = SESSION_OPENING;
    session->open_wanted = true;
    session->stalled = false;
    timer_clear(session->core, &session->open_timer);
    session_want_attention(session);
}

/*
 * Nothing is lost by giving up a handle that has no session yet: the next one tries the servers in
 * another order, and its own start time makes for a longer first lease. But a server that is slow
 * to make sessions must be given the time in the end.
 */
void session_opened(struct session *session, void *handle)
{
    int64_t patience = session->wanted_timeout / 2;

    for (unsigned i = 0; i < session->attempts && patience < 2 * session->wanted_timeout; i++)
        patience *= 2;
    session->handle = handle;
    session->opened_at = session->core->now;
    timer_set(session->core, &session->open_timer,
              session->core->now + (patience > SECOND ? patience : SECOND));
}

static void want_drop(struct session *session)
{
    session->open_wanted = false;
    session->drop_wanted = true;
    session_want_attention(session);
}

/* ---- events ---- */

static void tell_followers(struct session *session, enum session_event event)
{
    struct list followers, *link;

    list_init(&followers);
    list_move(&followers, &session->followers);
    while ((link = list_pop(&followers)) != NULL) {
        struct follower *follower = container_of(link, struct follower, link);
        list_append(&session->followers, link);
        follower->ops->event(follower, event);
    }
}

static void forget_session(struct session *session)
{
    lease_close(&session->lease);
    atomic_store(&session->deadline, LEASE_NONE);
    map_clear(&session->watches);
    map_clear(&session->holders);
    timer_clear(session->core, &session->beat_timer);
    timer_clear(session->core, &session->lapse_timer);
    timer_clear(session->core, &session->open_timer);
    timer_clear(session->core, &session->pause_timer);
    session->timeout = 0;
    session->id = 0;
}

static void end_session(struct session *session, enum session_event event, enum answer code)
{
    struct list requests;

    session_take_requests(session, &requests);
    forget_session(session);
    want_drop(session);
    tell_followers(session, event);
    session_fail_requests(&requests, code);
    if (session->musters.count == 0)
        map_clear(&session->musters);
}

/* Whatever listens there, libzookeeper believes it. */
static bool makes_sense(int64_t id, int64_t timeout_ms)
{
    return id != 0 && timeout_ms > 0 && timeout_ms <= TIMEOUT_MAX_MS;
}

void session_connected_event(struct session *session, int64_t id, int64_t timeout_ms)
{
    int64_t timeout;

    if (session->state == SESSION_STOPPED)
        return;
    if (!makes_sense(id, timeout_ms)) {
        core_log(session->core, LOG_ERROR,
                 "a server offers session 0x%llx with a timeout of %lld ms: "
                 "is it ZooKeeper?",
                 (unsigned long long)id, (long long)timeout_ms);
        session_expired_event(session);
        return;
    }
    timeout = timeout_ms * MILLISECOND;
    timer_clear(session->core, &session->open_timer);
    session->attempts = 0;
    session->epoch++;
    if (session->state == SESSION_OPENING) {
        session->generation++;
        session->id = id;
        lease_open(&session->lease, timeout, session->opened_at);
    } else {
        lease_narrow(&session->lease, timeout);
    }
    session->timeout = timeout;
    pace_init(&session->pace);
    session->led_at = session->core->now;
    session->state = SESSION_LIVE;
    session->stalled = false;
    core_log(session->core, LOG_INFO, "session 0x%llx connected, timeout %lld ms",
             (unsigned long long)id, (long long)timeout_ms);
    session_publish_lease(session);
    session_want_attention(session);
    tell_followers(session, SESSION_CONNECTED);
    session_schedule(session);
}

void session_disconnected_event(struct session *session)
{
    if (session->state != SESSION_LIVE)
        return;
    session->state = SESSION_SUSPENDED;
    session->lost_at = session->core->now;
    core_log(session->core, LOG_WARNING, "session 0x%llx lost its server, looking for another",
             (unsigned long long)session->id);
    timer_set(session->core, &session->open_timer, session->core->now + 2 * session->timeout);
    session_schedule(session);
    tell_followers(session, SESSION_DISCONNECTED);
}

/* Everybody's session dies in one outage; they must not all come back in one instant. */
static void retry_later(struct session *session)
{
    int64_t spread = session->wanted_timeout / 20;

    for (unsigned i = 0; i < session->attempts && spread < session->wanted_timeout / 2; i++)
        spread *= 2;
    if (spread > 2 * SECOND)
        spread = 2 * SECOND;
    session->attempts++;
    session->state = SESSION_RETRYING;
    timer_set(session->core, &session->open_timer,
              session->core->now + core_random_below(session->core, spread));
}

void session_expired_event(struct session *session)
{
    if (session->state == SESSION_STOPPED)
        return;
    core_log(session->core, LOG_WARNING, "session 0x%llx has expired, opening a new one",
             (unsigned long long)session->id);
    session->state = SESSION_RETRYING;
    end_session(session, SESSION_LOST, ANSWER_EXPIRED);
    retry_later(session);
}

/* Disconnected for twice the timeout, and from now on a session would never be found again. */
void session_moved_event(struct session *session)
{
    if (session->state != SESSION_SUSPENDED)
        return;
    core_log(session->core, LOG_WARNING, "the servers have moved, opening a new session");
    session_expired_event(session);
}

void session_auth_event(struct session *session)
{
    if (session->state == SESSION_STOPPED)
        return;
    core_log(session->core, LOG_ERROR, "the credential was refused");
    session->state = SESSION_REFUSED;
    /* Requests submitted from within wait in the queue until somebody asks for more. */
    end_session(session, SESSION_AUTH_REFUSED, ANSWER_AUTH_FAILED);
}

void session_open_failed(struct session *session)
{
    if (session->state == SESSION_OPENING)
        retry_later(session);
}

/*
 * Servers whose data is older than what the client has seen, for it was lost or comes from a
 * backup, turn the session away for ever, and libzookeeper does not tell.
 */
static void suspended_for_long(struct session *session)
{
    if (session->core->now - session->lost_at >= SUSPENDED_MOST * session->timeout) {
        core_log(session->core, LOG_WARNING,
                 "no server has taken session 0x%llx back for ten times its timeout",
                 (unsigned long long)session->id);
        session_expired_event(session);
        return;
    }
    session->recheck_wanted = true;
    session_want_attention(session);
    timer_set(session->core, &session->open_timer, session->core->now + 2 * session->timeout);
}

static void open_due(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, open_timer);

    if (session->state == SESSION_SUSPENDED) {
        suspended_for_long(session);
        return;
    }
    if (session->state == SESSION_OPENING) {
        core_log(session->core, LOG_INFO, "no server has answered yet, trying again");
        session->attempts++;
        want_drop(session);
    }
    want_open(session);
}

/* ---- life ---- */

void session_init(struct session *session, struct core *core, int64_t timeout_ms)
{
    memset(session, 0, sizeof *session);
    session->core = core;
    session->wanted_timeout = timeout_ms * MILLISECOND;
    lease_close(&session->lease);
    atomic_init(&session->deadline, LEASE_NONE);
    atomic_init(&session->lapsed, LEASE_NONE);
    session->lapse_handled = LEASE_NONE;
    map_init(&session->watches);
    map_init(&session->holders);
    map_init(&session->musters);
    list_init(&session->link);
    list_init(&session->attention);
    list_init(&session->queue);
    list_init(&session->flight);
    list_init(&session->followers);
    list_init(&session->keepers);
    list_init(&session->provers);
    timer_init(&session->open_timer, open_due);
    timer_init(&session->beat_timer, session_beat_due);
    timer_init(&session->lapse_timer, session_lapse_due);
    timer_init(&session->pause_timer, session_pause_over);
    list_append(&core->sessions, &session->link);
}

void session_start(struct session *session)
{
    if (session->state == SESSION_IDLE || session->state == SESSION_REFUSED)
        want_open(session);
}

void session_stop(struct session *session)
{
    if (session->state == SESSION_STOPPED)
        return;
    session->state = SESSION_STOPPED;
    end_session(session, SESSION_LOST, ANSWER_EXPIRED);
    list_remove(&session->link);
}

void follower_init(struct follower *follower, const struct follower_ops *ops)
{
    list_init(&follower->link);
    list_init(&follower->keeping);
    follower->ops = ops;
}

void session_follow(struct session *session, struct follower *follower)
{
    list_append(&session->followers, &follower->link);
}

bool session_connected(const struct session *session)
{
    return session->state == SESSION_LIVE;
}
