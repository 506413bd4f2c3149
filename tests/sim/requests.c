/*
 * Requests and answers, as lines of the story: between the library's core and its ZooKeeper client.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world.h"

#include "core/exchange.h"
#include "zk/zk.h"

enum zk_submission __real_zk_submit(struct zk *zk, struct request *request,
                                    struct reply *ret_reply);
enum zk_submission __wrap_zk_submit(struct zk *zk, struct request *request,
                                    struct reply *ret_reply);
void __real_request_answered(struct request *request, const struct reply *reply);
void __wrap_request_answered(struct request *request, const struct reply *reply);

static const char *name_of(enum verb verb)
{
    static const char *const names[] = {
        "create", "create container", "create plain", "delete", "set",    "check",
        "sync",   "exists",           "get",          "list",   "unwatch"};

    return names[verb];
}

static const char *meaning_of(enum answer answer)
{
    static const char *const names[] = {
        [ANSWER_OK] = "ok",
        [ANSWER_NO_NODE] = "no node",
        [ANSWER_NODE_EXISTS] = "node exists",
        [ANSWER_NO_AUTH] = "no auth",
        [ANSWER_UNSUPPORTED] = "unknown",
        [ANSWER_NO_WATCH] = "no watch",
        [ANSWER_AUTH_REQUIRED] = "auth required",
        [ANSWER_QUOTA] = "quota",
        [ANSWER_OTHER] = "other",
        [ANSWER_REFUSED] = "refused",
        [ANSWER_LOST] = "lost",
        [ANSWER_EXPIRED] = "expired",
        [ANSWER_AUTH_FAILED] = "auth failed",
        [ANSWER_NO_MEMORY] = "no memory",
    };

    return names[answer];
}

enum zk_submission __wrap_zk_submit(struct zk *zk, struct request *request, struct reply *ret_reply)
{
    story("asks: %s %s%s, session %llx", name_of(request->verb), request->path,
          request->watch ? " and watch" : "", (unsigned long long)session_of_request(request)->id);
    return __real_zk_submit(zk, request, ret_reply);
}

void __wrap_request_answered(struct request *request, const struct reply *reply)
{
    /* Who has cancelled it has taken the path away. */
    if (request->dead || request->answered == NULL)
        story("is answered, and nobody wants to know: %s", meaning_of(reply->answer));
    else
        story("is answered: %s %s: %s", name_of(request->verb), request->path,
              meaning_of(reply->answer));
    __real_request_answered(request, reply);
}
