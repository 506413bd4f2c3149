/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exchange.h"
#include "core/session_parts.h"

#include <zkcoord/zkcoord.h>

#include <string.h>

/* Somebody may have asked for the path again since the unwatching was queued. */
static bool needless(const struct session *session, const struct request *request)
{
    return request->verb == VERB_UNWATCH && map_find(&session->watches, request->path) != NULL;
}

static bool answered_unsent(struct session *session, struct request *request)
{
    if (needless(session, request))
        request_fail(request, ANSWER_OK);
    else if (suspicion_convicted(session->accusation.suspicion, request->verb))
        request_fail(request, ANSWER_UNSUPPORTED);
    else
        return false;
    return true;
}

static void count_sent(struct session *session, const struct request *request)
{
    if (request->verb <= VERB_SYNC)
        session->led_at = session->core->now;
    if (request == session->beat && request->verb == VERB_CHECK)
        session_count_beat(session);
}

struct request *session_next_request(struct session *session)
{
    struct queue *queue = &session->queue;
    struct request *request;

    while (session_handle(session) != NULL && !session->closing &&
           (request = queue_next(queue)) != NULL) {
        if (request != queue->fence && answered_unsent(session, request))
            continue;
        queue_sent(queue, request);
        count_sent(session, request);
        return request;
    }
    return NULL;
}

/* Part of every day's work, and no failure of anything. Where an operation is not known to the
 * server, another takes its place, or it can be left out. */
static bool is_routine(enum verb verb, enum answer answer)
{
    if (answer == ANSWER_UNSUPPORTED)
        return verb == VERB_CREATE_CONTAINER || verb == VERB_UNWATCH;
    return answer == ANSWER_OK || answer == ANSWER_NO_NODE || answer == ANSWER_NODE_EXISTS ||
           answer == ANSWER_NO_WATCH;
}

static const char *name_of_verb(enum verb verb)
{
    static const char *const names[] = {
        "create", "create a container", "create", "delete", "set",    "check",
        "sync",   "look for",           "read",   "list",   "unwatch"};

    return names[verb];
}

/* Of ZooKeeper's, and somebody hears of it. A request that is sent again has not failed yet. */
static bool is_failure(const struct request *request, const struct reply *reply)
{
    return reply->code != 0 && request->answered != NULL && reply->answer != ANSWER_NO_MEMORY &&
           reply->answer != ANSWER_LOST && !is_routine(request->verb, reply->answer);
}

static void note_failure(struct core *core, const struct request *request,
                         const struct reply *reply)
{
    bool again = reply->answer == ANSWER_REFUSED;

    if (!is_failure(request, reply))
        return;
    core_log(core, again ? LOG_DEBUG : LOG_WARNING, "ZooKeeper refuses to %s %s: %s (%d)",
             name_of_verb(request->verb), request->path, zkc_server_error_name(reply->code),
             reply->code);
    if (!again)
        core->server_error = reply->code;
}

/* Zxids grow, unless the servers were given back an older state: then nothing that we know is true.
 */
static bool goes_back(struct session *session, const struct request *request,
                      const struct reply *reply)
{
    int64_t newest = session->newest;

    if (reply->answer != ANSWER_OK || reply->stat == NULL)
        return false;
    if (request->verb == VERB_CREATE_CONTENDER && reply->stat->czxid <= newest)
        return true;
    if (reply->stat->czxid > newest)
        session->newest = reply->stat->czxid;
    if (reply->stat->mzxid > session->newest)
        session->newest = reply->stat->mzxid;
    return false;
}

static enum window_kind kind_of(const struct request *request)
{
    return request->verb < VERB_SYNC    ? WINDOW_WRITE
           : request->verb == VERB_SYNC ? WINDOW_SYNC
                                        : WINDOW_READ;
}

static void learn(struct session *session, const struct request *request, const struct reply *reply)
{
    if (reply->answer == ANSWER_REFUSED || reply->answer == ANSWER_LOST)
        queue_pause(&session->queue, session->timeout / 100);
    note_failure(session->core, request, reply);
    if (!reply->decided)
        return;
    if (request->sent_at > session->resume_sent)
        session->resume_sent = request->sent_at;
    lease_touch(&session->lease, request->sent_at, session->core->now);
    if (reply->led)
        lease_mark(&session->lease, request->sent_at, session->core->now);
    if (reply->proof)
        lease_prove(&session->lease, request->sent_at);
    window_answered(&session->queue.window, kind_of(request), session->queue.in_flight,
                    request->sent_at, session->core->now, session->lease.timeout);
    session_publish_lease(session);
}

/* Whether the reply shows that the session is over, whatever its connection looks like. */
static bool ends_session(struct session *session, const struct request *request,
                         const struct reply *reply)
{
    if (!goes_back(session, request, reply))
        return reply->answer == ANSWER_EXPIRED;
    core_log(session->core, LOG_ERROR, "the servers have an older state than they had");
    return true;
}

/* A server that wants a credential hangs up after it has said so, whatever was asked. */
void request_answered(struct request *request, const struct reply *reply)
{
    struct session *session = session_of_request(request);
    bool required = reply->answer == ANSWER_AUTH_REQUIRED;

    if (request->dead) {
        request_free(request);
        return;
    }
    if (ends_session(session, request, reply)) {
        session_lose(session);
        request_free(request);
        return;
    }
    queue_leave_flight(&session->queue, request);
    accusation_answered(&session->accusation, request, reply);
    learn(session, request, reply);
    if (request->verb == VERB_CHILDREN && request->answered != NULL)
        strays_listed(&session->strays, request->path, reply);
    request_answer(request, reply);
    if (required && session->state == SESSION_LIVE) {
        session_refused(session, ANSWER_AUTH_REQUIRED);
        return;
    }
    leftovers_ask(&session->leftovers);
    if (!list_empty(&session->queue.waiting))
        session_want_attention(session);
    session_schedule(session);
}
