/* SPDX-License-Identifier: Apache-2.0 */
#include "core/session.h"
#include "core/session_parts.h"

#include <zkcoord/zkcoord.h>

#include <string.h>

/* Ten times the longest that a user may ask for: servers may raise it to their own minimum. */
#define TIMEOUT_MAX_MS (INT64_C(10) * 24 * 3600 * 1000)

/* With less libzookeeper gives up a handshake before a server can have answered it. */
#define TIMEOUT_LEAST (100 * MILLISECOND)

/* How many timeouts a session is waited for before it is given up. */
#define SUSPENDED_MOST 10

/* ZooKeeper's own; it comes as an event, without its code. */
#define CODE_AUTH_FAILED (-115)

/* ---- asking the host ---- */

void session_want_attention(struct session *session)
{
    if (list_empty(&session->attention))
        list_append(&session->core->attention, &session->attention);
}

static void wishes(struct dial *dial)
{
    session_want_attention(container_of(dial, struct session, dial));
}

static void want_open(struct session *session)
{
    session->state = SESSION_OPENING;
    queue_renew(&session->queue);
    timer_clear(session->core, &session->open_timer);
    dial_begin(&session->dial, false, session->wanted_timeout);
}

void *session_handle(const struct session *session)
{
    const struct connection *current = session->dial.current;

    return session->state == SESSION_LIVE && current != NULL ? current->handle : NULL;
}

/* ---- events ---- */

static void forget_session(struct session *session)
{
    lease_close(&session->lease);
    atomic_store(&session->deadline, LEASE_NONE);
    leftovers_clear(&session->leftovers);
    map_clear(&session->watches);
    map_clear(&session->holders);
    strays_clear(&session->strays);
    timer_clear(session->core, &session->beat_timer);
    timer_clear(session->core, &session->lapse_timer);
    patrol_clear(&session->patrol);
    timer_clear(session->core, &session->open_timer);
    timer_clear(session->core, &session->queue.pause_timer);
    silence_clear(&session->silence);
    session->timeout = 0;
    session->id = 0;
    session->newest = 0;
    explicit_bzero(session->password, sizeof session->password);
}

static void end_session(struct session *session, enum session_event event, enum answer code)
{
    struct list requests;

    queue_take_all(&session->queue, &requests);
    forget_session(session);
    dial_close_all(&session->dial);
    listeners_tell(&session->listeners, event);
    queue_fail(&requests, code);
    if (session->shared_lists.count == 0)
        map_clear(&session->shared_lists);
}

/* Whatever listens there, libzookeeper believes it. */
static bool makes_sense(int64_t id, int64_t timeout_ms)
{
    return id != 0 && timeout_ms > 0 && timeout_ms <= TIMEOUT_MAX_MS;
}

/* Servers keep it within their own bounds; who asked for less than these is to know. */
static void tell_timeout(const struct session *session, const struct connection *connection,
                         int64_t timeout)
{
    int64_t expected =
        session->state == SESSION_OPENING ? session->wanted_timeout : session->timeout;
    const char *why = connection->patient ? "for they are slow to make a session"
                                          : "they allow minSessionTimeout to maxSessionTimeout";

    if (timeout != expected)
        core_log(session->core, LOG_WARNING,
                 "the servers made the session timeout %lld ms, not %lld ms; %s",
                 (long long)(timeout / MILLISECOND), (long long)(expected / MILLISECOND), why);
}

/* One bad server does not cost the others their turn; with a session of ours it ends it. */
static void senseless(struct session *session, struct connection *connection, int64_t id,
                      int64_t timeout_ms)
{
    core_log(session->core, LOG_ERROR,
             "the server at %s offers session 0x%llx with a timeout of %lld ms: is it ZooKeeper?",
             connection->address, (unsigned long long)id, (long long)timeout_ms);
    if (session->state == SESSION_OPENING)
        dial_refuse(&session->dial, connection);
    else
        session_lose(session);
}

static void begin_session(struct session *session, const struct connection *connection, int64_t id,
                          const char *password, int64_t timeout)
{
    session->generation++;
    session->id = id;
    memcpy(session->password, password, sizeof session->password);
    session_begin_lease(session, timeout, connection->began);
}

static void send_fence(struct session *session, struct request *request);

static void fenced(void *owner, struct request *request, const struct reply *reply)
{
    struct session *session = owner;
    struct queue *queue = &session->queue;

    if (queue->fence != request)
        return;
    queue->fence = NULL;
    session_heard(session, request, reply);
    if (reply->proof || reply->answer == ANSWER_EXPIRED || reply->answer == ANSWER_AUTH_FAILED ||
        !request_keep(request))
        return;
    /* Answers come in order: none of what was sent behind the fence has come yet. */
    if (reply->answer != ANSWER_LOST) {
        queue_pause(queue, session->timeout / 100);
        queue_lose_flight(queue);
    }
    send_fence(session, request);
}

/* This write goes first; unless it is answered well, no answer behind it is believed. */
static void send_fence(struct session *session, struct request *request)
{
    request->verb = VERB_CHECK;
    request->path = "/";
    request->answered = fenced;
    request->owner = session;
    queue_fence(&session->queue, request);
}

/*
 * Another handle knows nothing of the watches of the old one, nor what that one has seen: a server
 * that is behind would show it older states. A quorum write goes first, and what is read after it
 * is not older than that.
 */
static void change_handles(struct session *session, struct request *request)
{
    queue_lose_flight(&session->queue);
    send_fence(session, request);
    session_expect_answer(session);
    watches_lose(&session->watches);
}

static void live(struct session *session, struct connection *connection, int64_t timeout)
{
    dial_up(&session->dial, connection);
    timer_clear(session->core, &session->open_timer);
    silence_end(&session->silence);
    session->attempts = 0;
    accusation_connected(&session->accusation, session->state == SESSION_OPENING, timeout);
    session->epoch++;
    session->timeout = timeout;
    queue_renew(&session->queue);
    session->led_at = session->core->now;
    session->state = SESSION_LIVE;
}

static void connected(struct session *session, struct connection *connection, int64_t id,
                      const char *password, int64_t timeout)
{
    bool begins = session->state == SESSION_OPENING;
    bool changed = !begins && connection != session->dial.current;
    struct request *fence = changed ? connection_take_fence(connection) : NULL;

    if (changed && fence == NULL) {
        session_lose(session); /* no memory */
        return;
    }
    tell_timeout(session, connection, timeout);
    live(session, connection, timeout);
    if (begins)
        begin_session(session, connection, id, password, timeout);
    else
        session_resume_lease(session, timeout, changed ? connection : NULL);
    strays_connected(&session->strays, id, timeout);
    core_log(session->core, LOG_INFO, "session 0x%llx connected to %s, timeout %lld ms",
             (unsigned long long)id, connection->address, (long long)(timeout / MILLISECOND));
    if (changed)
        change_handles(session, fence);
    if (!patrol_empty(&session->patrol))
        session_beat_due(&session->beat_timer); /* what proves the session shows a node as well */
    session_publish_lease(session);
    session_want_attention(session);
    listeners_tell(&session->listeners, SESSION_CONNECTED);
    session_schedule(session);
}

void session_connected_event(struct session *session, struct connection *connection, int64_t id,
                             const char *password, int64_t timeout_ms)
{
    bool ours = session->state == SESSION_OPENING || id == session->id;

    if (session->state == SESSION_STOPPED || connection->close_wanted)
        return;
    if (!makes_sense(id, timeout_ms) && connection->state != CONNECTION_ABANDONED)
        senseless(session, connection, id, timeout_ms);
    else if (ours)
        connected(session, connection, id, password, timeout_ms * MILLISECOND);
    else
        dial_refuse(&session->dial, connection);
}

void session_disconnected_event(struct session *session, struct connection *connection)
{
    dial_failed(&session->dial, connection);
    if (session->state != SESSION_LIVE || connection != session->dial.current)
        return;
    session->state = SESSION_SUSPENDED;
    session->lost_at = session->core->now;
    core_log(session->core, LOG_WARNING, "session 0x%llx lost its server, looking for another",
             (unsigned long long)session->id);
    timer_set(session->core, &session->open_timer,
              session->core->now + SUSPENDED_MOST * session->timeout);
    dial_begin(&session->dial, true, session->timeout);
    session_schedule(session);
    listeners_tell(&session->listeners, SESSION_DISCONNECTED);
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

void session_lose(struct session *session)
{
    core_log(session->core, LOG_WARNING, "session 0x%llx has expired, opening a new one",
             (unsigned long long)session->id);
    if (session->state == SESSION_SUSPENDED)
        accusation_session_lost(&session->accusation, session->lost_at);
    session->state = SESSION_RETRYING;
    end_session(session, SESSION_LOST, ANSWER_EXPIRED);
    retry_later(session);
}

/* Of a session that is not ours, or not ours any more, nothing is believed. */
static bool concerns(const struct session *session, struct connection *connection)
{
    if (session->state == SESSION_STOPPED || connection->close_wanted)
        return false;
    if (connection->state != CONNECTION_ABANDONED)
        return true;
    connection_seen(connection, SIGHT_BETWEEN);
    return false;
}

void session_refused(struct session *session, enum answer why)
{
    session->state = SESSION_REFUSED;
    session->refusal = why;
    /* Requests submitted from within wait in the queue until somebody asks for more. */
    end_session(session, SESSION_AUTH_REFUSED, why);
}

void session_expired_event(struct session *session, struct connection *connection)
{
    if (concerns(session, connection))
        session_lose(session);
}

void session_auth_event(struct session *session, struct connection *connection)
{
    if (!concerns(session, connection))
        return;
    session->core->server_error = CODE_AUTH_FAILED;
    core_log(session->core, LOG_ERROR, "the credential was refused: %s (%d)",
             zkc_server_error_name(CODE_AUTH_FAILED), CODE_AUTH_FAILED);
    session_refused(session, ANSWER_AUTH_FAILED);
}

/*
 * Servers whose data is older than what the client has seen turn it away, and libzookeeper does not
 * tell: another handle gets an answer. Where even that does not come, there is an end to waiting.
 */
static void suspended_for_long(struct session *session)
{
    core_log(session->core, LOG_WARNING,
             "no server has taken session 0x%llx back for ten times its timeout",
             (unsigned long long)session->id);
    session_lose(session);
}

static void open_due(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, open_timer);

    if (session->state == SESSION_SUSPENDED)
        suspended_for_long(session);
    else
        want_open(session);
}

/* ---- life ---- */

void session_start(struct session *session)
{
    if (session->state == SESSION_IDLE || session->state == SESSION_REFUSED)
        want_open(session);
}

static void submitted(struct queue *queue)
{
    struct session *session = container_of(queue, struct session, queue);

    if (session->state == SESSION_LIVE)
        session_want_attention(session);
    else
        session_start(session);
}

static void resumed(struct queue *queue)
{
    session_want_attention(container_of(queue, struct session, queue));
}

static bool patrol_connected(struct patrol *patrol)
{
    return session_connected(container_of(patrol, struct session, patrol));
}

/* Nothing is held, waited for or being asked. */
static bool has_nothing_to_lose(struct leftovers *leftovers)
{
    const struct session *session = container_of(leftovers, struct session, leftovers);

    return session->state == SESSION_LIVE && patrol_empty(&session->patrol) &&
           list_empty(&session->queue.waiting) && session->queue.in_flight == 0 &&
           session->watches.count == leftovers->count;
}

void session_init(struct session *session, struct core *core, struct suspicion *suspicion,
                  int64_t timeout_ms)
{
    memset(session, 0, sizeof *session);
    session->core = core;
    session->wanted_timeout = timeout_ms * MILLISECOND;
    if (session->wanted_timeout < TIMEOUT_LEAST)
        session->wanted_timeout = TIMEOUT_LEAST;
    lease_close(&session->lease);
    atomic_init(&session->deadline, LEASE_NONE);
    atomic_init(&session->lapsed, LEASE_NONE);
    session->lapse_handled = LEASE_NONE;
    map_init(&session->watches);
    map_init(&session->holders);
    map_init(&session->shared_lists);
    accusation_init(&session->accusation, suspicion);
    strays_init(&session->strays, &session->queue);
    list_init(&session->link);
    list_init(&session->attention);
    queue_init(&session->queue, core, submitted, resumed);
    list_init(&session->listeners);
    patrol_init(&session->patrol, &session->queue, &session->lease, patrol_connected);
    list_init(&session->provers);
    timer_init(&session->open_timer, open_due);
    timer_init(&session->beat_timer, session_beat_due);
    timer_init(&session->lapse_timer, session_lapse_due);
    silence_init(&session->silence, core, session_silence_lasted);
    dial_init(&session->dial, core, wishes);
    leftovers_init(&session->leftovers, &session->queue, &session->watches, suspicion,
                   has_nothing_to_lose);
    list_append(&core->sessions, &session->link);
}

void session_stop(struct session *session)
{
    if (session->state == SESSION_STOPPED)
        return;
    session->state = SESSION_STOPPED;
    end_session(session, SESSION_LOST, ANSWER_EXPIRED);
    list_remove(&session->link);
}

/* ---- what the owners ask ---- */

struct request *session_ask(struct session *session, enum verb verb, const char *path,
                            answer_fn answered, void *owner)
{
    return queue_ask(&session->queue, verb, path, answered, owner);
}

struct request *session_ask_watch(struct session *session, enum verb verb, const char *path,
                                  answer_fn answered, void *owner)
{
    struct request *request = queue_ask(&session->queue, verb, path, answered, owner);

    if (request != NULL)
        request->watch = true;
    return request;
}

void session_unwatch(struct session *session, const char *path)
{
    if (session->state != SESSION_STOPPED)
        leftovers_unwatch(&session->leftovers, path);
}

void session_listen(struct session *session, struct listener *listener)
{
    list_append(&session->listeners, &listener->link);
}

bool session_connected(const struct session *session)
{
    return session->state == SESSION_LIVE;
}
