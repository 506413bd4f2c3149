/*
 * What there is in a namespace, and an operator's way to put a contender out of the line. Promises
 * nothing to holders: a snapshot is old when it arrives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kit.h"

/* A child of a directory: what it is called, and whose it is. */
struct place_name {
    char *id; /* NULL: it is no id's */
    char *path;
};

struct zkc_ids {
    size_t count; /* the ids; they come first */
    size_t total; /* with the znodes that are no id's */
    struct place_name at[];
};

size_t zkc_ids_count(const zkc_ids *ids)
{
    return ids == NULL ? 0 : ids->count;
}

const char *zkc_ids_at(const zkc_ids *ids, size_t position)
{
    return position < zkc_ids_count(ids) ? ids->at[position].id : NULL;
}

const char *zkc_ids_path(const zkc_ids *ids, size_t position)
{
    return ids != NULL && position < ids->total ? ids->at[position].path : NULL;
}

void zkc_ids_free(zkc_ids *ids)
{
    if (ids == NULL)
        return;
    for (size_t i = 0; i < ids->total; i++) {
        mem_free(ids->at[i].id);
        mem_free(ids->at[i].path);
    }
    mem_free(ids);
}

/* ---- listing ---- */

struct inventory {
    const char *parent; /* as the user calls it */
    zkc_ids *ids;
};

static int by_bytes(const void *left, const void *right)
{
    const struct place_name *a = left, *b = right;

    if ((a->id == NULL) != (b->id == NULL))
        return a->id == NULL ? 1 : -1;
    return a->id == NULL ? strcmp(a->path, b->path) : strcmp(a->id, b->id);
}

/* Anybody may make children here: one that no id of ours would get is listed by its path only. */
static int take_name(zkc_ids *ids, const char *parent, const char *name)
{
    struct place_name *place = &ids->at[ids->total++];

    place->path = path_child(parent, name);
    place->id = path_decode_id(name);
    if (place->path == NULL || place->id == NULL)
        return ZKC_ENOMEM;
    if (path_names_id(name, place->id)) {
        ids->count++;
    } else {
        mem_free(place->id);
        place->id = NULL;
    }
    return ZKC_OK;
}

static int take_names(void *owner, const struct reply *reply, bool again)
{
    size_t count = reply->answer == ANSWER_OK ? reply->count : 0;
    struct inventory *inventory = owner;
    zkc_ids *ids;

    (void)again;
    if (reply->answer != ANSWER_OK && reply->answer != ANSWER_NO_NODE)
        return answer_error(reply->answer);
    ids = mem_zalloc(sizeof *ids + count * sizeof ids->at[0]);
    if (ids == NULL)
        return ZKC_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (take_name(ids, inventory->parent, reply->names[i]) != ZKC_OK) {
            zkc_ids_free(ids);
            return ZKC_ENOMEM;
        }
    }
    if (count > 0)
        qsort(ids->at, count, sizeof ids->at[0], by_bytes);
    inventory->ids = ids;
    return ZKC_OK;
}

static int list(zkc_sync *sync, const char *kind, zkc_context *context, zkc_ids **ret_ids)
{
    struct inventory inventory = {0};
    char *path;
    int error;

    if (sync == NULL || ret_ids == NULL)
        return ZKC_EINVAL;
    path = path_child(sync->root, kind);
    if (path == NULL)
        return ZKC_ENOMEM;
    inventory.parent = client_outside(sync, path);
    error = errand_run(sync, VERB_CHILDREN, path, NULL, context, take_names, &inventory);
    mem_free(path);
    if (error == ZKC_OK)
        *ret_ids = inventory.ids;
    else
        zkc_ids_free(inventory.ids);
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
    char *path;
    int error;

    if (sync == NULL || !is_contender(contender))
        return ZKC_EINVAL;
    path = path_under(sync->chroot, contender->path);
    if (path == NULL)
        return ZKC_ENOMEM;
    token = contender->token;
    error = errand_run(sync, VERB_EXISTS, path, NULL, context, take_age, &token);
    if (error == ZKC_OK)
        error = errand_run(sync, verb, path, text, context, take, NULL);
    mem_free(path);
    return error;
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
    char *plea;
    int error;

    if (sync == NULL || !is_contender(contender))
        return ZKC_EINVAL;
    plea = payload_plea(contender->data, contender->data_length, contender->node != NULL);
    if (plea == NULL)
        return ZKC_ENOMEM;
    error = change(sync, contender, VERB_SET, plea, context, take_plea);
    mem_free(plea);
    return error;
}
