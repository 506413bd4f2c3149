/* SPDX-License-Identifier: Apache-2.0 */
#include "run/errand.h"
#include "core/answer.h"
#include "run/context.h"
#include "run/operation.h"
#include "run/pool.h"

#include <string.h>

struct errand {
    struct operation operation;
    struct member member;
    struct listener listener;
    struct pooled *pooled;
    struct request *request;
    enum verb verb;
    const char *path;
    const char *text;
    bool again;
    errand_fn take;
    void *owner;
};

static void finish(struct errand *errand, int result)
{
    session_cancel(&errand->request);
    list_remove(&errand->listener.link);
    list_remove(&errand->member.link);
    operation_finish(&errand->operation, result);
}

static void ask(struct errand *errand);

static void answered(void *owner, struct request *request, const struct reply *reply)
{
    struct errand *errand = owner;

    (void)request;
    errand->request = NULL;
    if (answer_try_again(reply->answer) || reply->answer == ANSWER_EXPIRED) {
        errand->again |= reply->answer != ANSWER_REFUSED;
        ask(errand);
    } else {
        finish(errand, errand->take(errand->owner, reply, errand->again));
    }
}

/* What is asked is sent when the mutex is left, or later. */
static void ask(struct errand *errand)
{
    session_cancel(&errand->request);
    errand->request =
        session_ask(&errand->pooled->session, errand->verb, errand->path, answered, errand);
    if (errand->request == NULL) {
        finish(errand, ZKC_ENOMEM);
        return;
    }
    errand->request->data = errand->text;
    errand->request->length = errand->text == NULL ? 0 : strlen(errand->text);
}

static void session_event(struct listener *listener, enum session_event event)
{
    struct errand *errand = container_of(listener, struct errand, listener);

    if (event == SESSION_LOST && errand->pooled->session.state != SESSION_STOPPED) {
        errand->again = true;
        ask(errand);
    } else if (event == SESSION_AUTH_REFUSED) {
        finish(errand, answer_error(errand->pooled->session.refusal));
    }
}

static const struct listener_ops listener_ops = {.event = session_event};

static void abandon(struct operation *operation, int error)
{
    finish(container_of(operation, struct errand, operation), error);
}

static void closing(struct member *member)
{
    finish(container_of(member, struct errand, member), ZKC_ECLOSED);
}

static void begin(struct errand *errand, zkc_sync *sync, zkc_context *context)
{
    operation_begin(&errand->operation, NULL, abandon, context_deadline(context));
    errand->member.closing = closing;
    list_init(&errand->member.link);
    list_append(&sync->members, &errand->member.link);
    listener_init(&errand->listener, &listener_ops);
    session_listen(&errand->pooled->session, &errand->listener);
    ask(errand);
}

int errand_run(zkc_sync *sync, enum verb verb, const char *path, const char *text,
               zkc_context *context, errand_fn take, void *owner)
{
    struct errand errand = {.verb = verb, .path = path, .text = text, .take = take, .owner = owner};
    int result = zkc_context_error(context);

    if (result == ZKC_OK)
        result = operation_enter(&errand.operation, sync, context);
    if (result != ZKC_OK)
        return result;
    errand.pooled = pool_session_get(sync, 0);
    if (errand.pooled == NULL)
        return operation_leave(&errand.operation, ZKC_ENOMEM);
    client_ref(sync); /* the sync may be closed before we are awake */
    begin(&errand, sync, context);
    result = operation_leave(&errand.operation, ZKC_OK);
    client_enter(sync);
    pool_session_put(sync, errand.pooled);
    client_leave(sync);
    client_unref(sync);
    return result;
}
