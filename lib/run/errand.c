/* SPDX-License-Identifier: Apache-2.0 */
#include "run/errand.h"
#include "core/answer.h"
#include "run/context.h"
#include "run/operation.h"

#include <string.h>

struct errand {
    struct operation operation;
    struct member member;
    struct follower follower;
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
    list_remove(&errand->follower.link);
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

static void session_event(struct follower *follower, enum session_event event)
{
    struct errand *errand = container_of(follower, struct errand, follower);

    if (event == SESSION_LOST && errand->pooled->session.state != SESSION_STOPPED) {
        errand->again = true;
        ask(errand);
    } else if (event == SESSION_AUTH_REFUSED) {
        finish(errand, ZKC_EAUTH);
    }
}

static const struct follower_ops follower_ops = {.event = session_event};

static void abandon(struct operation *operation, int error)
{
    finish(container_of(operation, struct errand, operation), error);
}

static void closing(struct member *member)
{
    finish(container_of(member, struct errand, member), ZKC_ECLOSED);
}

static void begin(struct errand *errand, zkc_sync *sync, struct wait *wait, zkc_context *context)
{
    operation_init(&errand->operation, sync, wait);
    operation_begin(&errand->operation, NULL, abandon, context_deadline(context));
    errand->member.closing = closing;
    list_init(&errand->member.link);
    list_append(&sync->members, &errand->member.link);
    follower_init(&errand->follower, &follower_ops);
    session_follow(&errand->pooled->session, &errand->follower);
    ask(errand);
}

int errand_run(zkc_sync *sync, enum verb verb, const char *path, const char *text,
               zkc_context *context, errand_fn take, void *owner)
{
    struct errand errand = {.verb = verb, .path = path, .text = text, .take = take, .owner = owner};
    struct wait wait;
    int result = zkc_context_error(context);

    if (result == ZKC_OK)
        result = host_begin_blocking(sync);
    if (result != ZKC_OK)
        return result;
    errand.pooled = host_session_get(sync, 0);
    if (errand.pooled == NULL) {
        host_leave(sync);
        return ZKC_ENOMEM;
    }
    host_ref(sync); /* the sync may be closed before we are awake */
    wait_init(&wait, context);
    begin(&errand, sync, &wait, context);
    host_leave(sync);
    result = operation_wait(&errand.operation);
    host_enter(sync);
    host_session_put(sync, errand.pooled);
    host_leave(sync);
    host_unref(sync);
    return result;
}
