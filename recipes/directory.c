/*
 * What there is in a namespace, and an operator's way to put a contender out of the line. Promises
 * nothing to holders: a snapshot is old when it arrives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kit.h"

struct zkc_ids {
    size_t count;
    char *at[];
};

size_t zkc_ids_count(const zkc_ids *ids)
{
    return ids == NULL ? 0 : ids->count;
}

const char *zkc_ids_at(const zkc_ids *ids, size_t position)
{
    return position < zkc_ids_count(ids) ? ids->at[position] : NULL;
}

void zkc_ids_free(zkc_ids *ids)
{
    if (ids == NULL)
        return;
    for (size_t i = 0; i < ids->count; i++)
        mem_free(ids->at[i]);
    mem_free(ids);
}

/* ---- listing ---- */

static int by_bytes(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;

    return strcmp(*a, *b);
}

static int take_names(void *owner, const struct reply *reply, bool again)
{
    size_t count = reply->answer == ANSWER_OK ? reply->count : 0;
    zkc_ids **ret_ids = owner, *ids;

    (void)again;
    if (reply->answer != ANSWER_OK && reply->answer != ANSWER_NO_NODE)
        return answer_error(reply->answer);
    ids = mem_zalloc(sizeof *ids + count * sizeof ids->at[0]);
    if (ids == NULL)
        return ZKC_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        ids->at[i] = path_decode_id(reply->names[i]);
        if (ids->at[i] == NULL) {
            zkc_ids_free(ids);
            return ZKC_ENOMEM;
        }
        ids->count = i + 1;
    }
    if (count > 0)
        qsort(ids->at, count, sizeof ids->at[0], by_bytes);
    *ret_ids = ids;
    return ZKC_OK;
}

static int list(zkc_sync *sync, const char *kind, zkc_context *context, zkc_ids **ret_ids)
{
    zkc_ids *ids = NULL;
    char *path;
    int error;

    if (sync == NULL || ret_ids == NULL)
        return ZKC_EINVAL;
    path = path_child(zkc_sync_namespace(sync), kind);
    if (path == NULL)
        return ZKC_ENOMEM;
    error = errand_run(sync, VERB_CHILDREN, path, NULL, context, take_names, &ids);
    mem_free(path);
    if (error == ZKC_OK)
        *ret_ids = ids;
    else
        zkc_ids_free(ids);
    return error;
}

int zkc_lock_ids(zkc_sync *sync, zkc_context *context, zkc_ids **ret_ids)
{
    return list(sync, "lock", context, ret_ids);
}

int zkc_leader_ids(zkc_sync *sync, zkc_context *context, zkc_ids **ret_ids)
{
    return list(sync, "leader", context, ret_ids);
}

/* ---- evicting, and asking ---- */

static bool is_contender(const zkc_contender *contender)
{
    return contender != NULL && contender->size >= sizeof *contender && contender->path != NULL &&
           path_valid(contender->path) && contender->path[1] != '\0';
}

/*
 * A directory that was made anew counts from zero, and who keeps the rest of its name, as Kazoo and
 * WriteLock do, comes back under an old one. A missing znode may only be late to come to this
 * server.
 */
static int take_age(void *owner, const struct reply *reply, bool again)
{
    const int64_t *token = owner;

    (void)again;
    if (reply->answer == ANSWER_NO_NODE)
        return ZKC_OK;
    if (reply->answer == ANSWER_OK && reply->stat->czxid > *token)
        return ZKC_ENOTHELD;
    return answer_error(reply->answer);
}

/* verb changes the contender's znode, unless that is another's by now. */
static int change(zkc_sync *sync, const zkc_contender *contender, enum verb verb, const char *text,
                  zkc_context *context, errand_fn take)
{
    int64_t token;
    int error;

    if (sync == NULL || !is_contender(contender))
        return ZKC_EINVAL;
    token = contender->token;
    error = errand_run(sync, VERB_EXISTS, contender->path, NULL, context, take_age, &token);
    if (error != ZKC_OK)
        return error;
    return errand_run(sync, verb, contender->path, text, context, take, NULL);
}

/* When an answer was lost, nobody knows who has deleted it. */
static int take_deletion(void *owner, const struct reply *reply, bool again)
{
    (void)owner;
    if (reply->answer == ANSWER_NO_NODE)
        return again ? ZKC_OK : ZKC_ENOTHELD;
    return answer_error(reply->answer);
}

int zkc_contender_evict(zkc_sync *sync, const zkc_contender *contender, zkc_context *context)
{
    return change(sync, contender, VERB_DELETE, NULL, context, take_deletion);
}

static int take_plea(void *owner, const struct reply *reply, bool again)
{
    (void)owner;
    (void)again;
    return reply->answer == ANSWER_NO_NODE ? ZKC_ENOTHELD : answer_error(reply->answer);
}

int zkc_contender_ask(zkc_sync *sync, const zkc_contender *contender, zkc_context *context)
{
    return change(sync, contender, VERB_SET, TICKET_PLEA, context, take_plea);
}
