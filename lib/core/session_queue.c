/*
 * Requests: queued while there is no connection, sent, answered exactly once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/session_parts.h"
#include "base/mem.h"

#include <string.h>

struct request *request_with_room(size_t size)
{
    struct request *request = mem_zalloc(sizeof *request + size);

    if (request != NULL)
        list_init(&request->link);
    return request;
}

struct request *request_new(void)
{
    return request_with_room(0);
}

void request_free(struct request *request)
{
    request->kept = false;
    if (!request->answering)
        mem_free(request);
}

bool request_keep(struct request *request)
{
    if (request->dead)
        return false;
    request->kept = true;
    return true;
}

void session_submit(struct session *session, struct request *request)
{
    request->session = session;
    request->kept = false;
    list_append(&session->queue, &request->link);
    if (session->state == SESSION_LIVE)
        session_want_attention(session);
    else if (session->state == SESSION_IDLE || session->state == SESSION_REFUSED)
        session_start(session);
}

static struct request *ask(struct session *session, enum verb verb, const char *path,
                           answer_fn answered, void *owner, bool watch)
{
    struct request *request = request_new();

    if (request == NULL)
        return NULL;
    request->verb = verb;
    request->path = path;
    request->watch = watch;
    request->answered = answered;
    request->owner = owner;
    session_submit(session, request);
    return request;
}

struct request *session_ask(struct session *session, enum verb verb, const char *path,
                            answer_fn answered, void *owner)
{
    return ask(session, verb, path, answered, owner, false);
}

struct request *session_ask_watch(struct session *session, enum verb verb, const char *path,
                                  answer_fn answered, void *owner)
{
    return ask(session, verb, path, answered, owner, true);
}

void session_cancel(struct request **request)
{
    struct request *gone = *request;

    *request = NULL;
    if (gone == NULL)
        return;
    gone->answered = NULL;
    if (gone->in_flight)
        return;
    list_remove(&gone->link);
    request_free(gone);
}

struct unwatch {
    struct session *session;
    char path[];
};

static void unwatch_answered(void *owner, struct request *request, const struct reply *reply)
{
    struct unwatch *unwatch = owner;
    bool again = reply->answer == ANSWER_LOST || reply->answer == ANSWER_REFUSED;

    /* The client registers its watches again after a reconnection, so a lost request is repeated.
     */
    if (again && request_keep(request)) {
        request->answered = unwatch_answered;
        session_submit(unwatch->session, request);
    } else {
        mem_free(unwatch);
    }
}

void session_unwatch(struct session *session, const char *path)
{
    size_t size = strlen(path) + 1;
    struct unwatch *unwatch;

    if (session->state == SESSION_STOPPED || map_find(&session->watches, path) != NULL)
        return;
    unwatch = mem_alloc(sizeof *unwatch + size);
    if (unwatch == NULL)
        return; /* the watch goes with its node or the session */
    unwatch->session = session;
    memcpy(unwatch->path, path, size);
    if (session_ask(session, VERB_UNWATCH, unwatch->path, unwatch_answered, unwatch) == NULL)
        mem_free(unwatch);
}

/* Calls the owner, and frees what the owner did not take back. */
static void answer(struct request *request, const struct reply *reply)
{
    answer_fn answered = request->answered;

    request->answered = NULL;
    request->in_flight = false;
    request->answering = true;
    if (answered != NULL)
        answered(request->owner, request, reply);
    request->answering = false;
    if (!request->dead && !request->kept && list_empty(&request->link))
        request_free(request);
}

static void answer_here(struct request *request, enum answer answer_code)
{
    struct reply reply = {.answer = answer_code};

    answer(request, &reply);
}

/* Somebody may have asked for the path again since the unwatching was queued. */
static bool needless(const struct session *session, const struct request *request)
{
    return request->verb == VERB_UNWATCH && map_find(&session->watches, request->path) != NULL;
}

struct request *session_next_request(struct session *session)
{
    while (session->state == SESSION_LIVE && !session->stalled && !session->closing &&
           session->handle != NULL && session->in_flight < session->pace.most) {
        struct list *link = list_pop(&session->queue);
        struct request *request;
        if (link == NULL)
            break;
        request = container_of(link, struct request, link);
        if (needless(session, request)) {
            answer_here(request, ANSWER_OK);
            continue;
        }
        pace_sent(&session->pace, session->in_flight, session->core->now);
        list_append(&session->flight, link);
        session->in_flight++;
        request->in_flight = true;
        request->sent_at = session->core->now;
        if (request->verb <= VERB_SYNC)
            session->led_at = session->core->now;
        if (request == session->beat && request->verb == VERB_CHECK)
            session->beaten_at = session->core->now;
        return request;
    }
    return NULL;
}

static void leave_flight(struct session *session, struct request *request)
{
    list_remove(&request->link);
    session->in_flight--;
}

void session_stall(struct session *session, struct request *request)
{
    leave_flight(session, request);
    request->in_flight = false;
    session->stalled = true;
    if (request->answered == NULL)
        request_free(request);
    else
        list_prepend(&session->queue, &request->link);
}

/* Part of every day's work, and no failure of anything. */
static bool is_routine(enum answer code)
{
    return code == ANSWER_NO_NODE || code == ANSWER_NODE_EXISTS || code == ANSWER_NO_WATCH;
}

void session_pause_over(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, pause_timer);

    session->stalled = false;
    session_want_attention(session);
}

/* A server that refuses work, for load say, is left alone for a moment. */
static void pause_sending(struct session *session)
{
    session->stalled = true;
    timer_set(session->core, &session->pause_timer, session->core->now + session->timeout / 100);
}

static void learn(struct session *session, const struct request *request, const struct reply *reply)
{
    if (reply->answer == ANSWER_REFUSED)
        pause_sending(session);
    if (reply->code != 0 && !is_routine(reply->answer))
        session->core->server_error = reply->code;
    if (!reply->decided)
        return;
    lease_touch(&session->lease, request->sent_at, session->core->now);
    if (reply->led)
        lease_mark(&session->lease, request->sent_at, session->core->now);
    if (reply->proof)
        lease_prove(&session->lease, request->sent_at);
    pace_answered(&session->pace, reply->led, session->in_flight, request->sent_at,
                  session->core->now, session->lease.timeout);
    session_publish_lease(session);
}

void request_answered(struct request *request, const struct reply *reply)
{
    struct session *session = request->session;

    if (request->dead) {
        request_free(request);
        return;
    }
    leave_flight(session, request);
    learn(session, request, reply);
    answer(request, reply);
    if (!list_empty(&session->queue))
        session_want_attention(session);
    session_schedule(session);
}

/* The client still knows those in flight; it will answer each once more, into the void. */
void session_take_requests(struct session *session, struct list *ret_requests)
{
    for (struct list *link = session->flight.next; link != &session->flight; link = link->next)
        container_of(link, struct request, link)->dead = true;
    list_init(ret_requests);
    list_move(ret_requests, &session->flight);
    list_move(ret_requests, &session->queue);
    session->in_flight = 0;
}

void session_fail_requests(struct list *requests, enum answer code)
{
    struct list *link;

    while ((link = list_pop(requests)) != NULL)
        answer_here(container_of(link, struct request, link), code);
}
