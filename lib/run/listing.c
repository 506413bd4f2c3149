/* SPDX-License-Identifier: Apache-2.0 */
#include "run/listing.h"
#include "base/mem.h"
#include "core/payload.h"
#include "core/ticket.h"
#include "run/operation.h"

#include <string.h>

/* ---- snapshots ---- */

struct zkc_contenders {
    size_t count;
    zkc_contender at[];
};

size_t zkc_contenders_count(const zkc_contenders *contenders)
{
    return contenders == NULL ? 0 : contenders->count;
}

const zkc_contender *zkc_contenders_at(const zkc_contenders *contenders, size_t position)
{
    return position < zkc_contenders_count(contenders) ? &contenders->at[position] : NULL;
}

void zkc_contenders_free(zkc_contenders *contenders)
{
    if (contenders == NULL)
        return;
    for (size_t i = 0; i < contenders->count; i++) {
        mem_free((char *)(uintptr_t)contenders->at[i].path);
        mem_free((void *)(uintptr_t)contenders->at[i].data);
        mem_free((void *)(uintptr_t)contenders->at[i].node);
    }
    mem_free(contenders);
}

/* A path of the servers, as the user calls it. */
static char *outside(const zkc_sync *sync, char *path)
{
    const char *ours = client_outside(sync, path);

    memmove(path, ours, strlen(ours) + 1);
    return path;
}

/* Whom the contenders so far exclude, as their rule says. */
struct seen {
    const struct rule *rule;
    bool modes[MODES];
};

static bool must_wait(const struct seen *seen, enum mode mode)
{
    for (int ahead = 0; ahead < MODES; ahead++)
        if (seen->modes[ahead] && seen->rule->conflicts((enum mode)ahead, mode))
            return true;
    return false;
}

static void take_mode(zkc_contender *contender, struct seen *seen)
{
    struct name name = {.mode = MODE_ALONE};

    (void)name_parse(strrchr(contender->path, '/') + 1, &name);
    contender->shared = name.mode == MODE_SHARED;
    contender->holds = !must_wait(seen, name.mode);
    seen->modes[name.mode] = true;
}

static int take(const zkc_sync *sync, zkc_contender *contender, struct seat *seat, size_t position)
{
    contender->size = sizeof *contender;
    contender->path = outside(sync, seat->path);
    contender->data = seat->data != NULL ? seat->data : mem_zalloc(1);
    contender->data_length = seat->length;
    contender->token = seat->stat.czxid;
    contender->session = seat->stat.owner;
    contender->since_ms = seat->stat.created_ms;
    contender->position = (int64_t)position;
    seat->path = NULL;
    seat->data = NULL;
    return contender->data == NULL ? -1 : 0;
}

zkc_contenders *contenders_new(const zkc_sync *sync, const struct rule *rule, struct seat *seats,
                               size_t count)
{
    struct seen seen = {.rule = rule};
    zkc_contenders *contenders = mem_zalloc(sizeof *contenders + count * sizeof(zkc_contender));

    if (contenders == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        contenders->count = i + 1;
        if (take(sync, &contenders->at[i], &seats[i], i) != 0) {
            zkc_contenders_free(contenders);
            return NULL;
        }
        take_mode(&contenders->at[i], &seen);
    }
    return contenders;
}

int contenders_decode(zkc_contenders *contenders)
{
    for (size_t i = 0; i < contenders->count; i++) {
        zkc_contender *contender = &contenders->at[i];
        zkc_node *node;
        if (payload_decode(contender->data, contender->data_length, &node) != ZKC_OK)
            return -1;
        contender->node = node;
    }
    return 0;
}

/* ---- reading one ---- */

struct listing {
    struct operation operation;
    struct member member;
    struct peek peek;
    const struct rule *rule;
    zkc_contenders *contenders;
};

static void finish(struct listing *listing, int result)
{
    list_remove(&listing->member.link);
    operation_finish(&listing->operation, result);
}

static int on_result(void *owner, int result, struct seat *seats, size_t count)
{
    struct listing *listing = owner;

    if (result == ZKC_OK) {
        listing->contenders = contenders_new(listing->operation.sync, listing->rule, seats, count);
        result = listing->contenders == NULL ? ZKC_ENOMEM : ZKC_OK;
    }
    finish(listing, result);
    return 0;
}

static void abandon(struct operation *operation, int error)
{
    struct listing *listing = container_of(operation, struct listing, operation);

    peek_stop(&listing->peek);
    finish(listing, error);
}

static void closing(struct member *member)
{
    abandon(&container_of(member, struct listing, member)->operation, ZKC_ECLOSED);
}

int listing_read(zkc_sync *sync, struct session *session, struct place *place, bool first_only,
                 zkc_context *context, zkc_contenders **ret_contenders)
{
    struct listing listing = {0};
    int result = zkc_context_error(context);

    if (result == ZKC_OK)
        result = operation_enter(&listing.operation, sync, context);
    if (result != ZKC_OK)
        return result;
    client_ref(
        sync); /* the sync may be closed, and what brought us here too, before we are awake */
    place_ref(place);
    operation_begin(&listing.operation, NULL, abandon, context_deadline(context));
    listing.member.closing = closing;
    listing.rule = place->rule;
    list_init(&listing.member.link);
    list_append(&sync->members, &listing.member.link);
    peek_start(&listing.peek, session, place->parent, first_only, false, on_result, &listing);
    result = operation_leave(&listing.operation, ZKC_OK);
    pthread_mutex_lock(&sync->mutex);
    place_unref(place);
    pthread_mutex_unlock(&sync->mutex);
    client_unref(sync);
    if (result == ZKC_OK && contenders_decode(listing.contenders) != 0)
        result = ZKC_ENOMEM;
    if (result == ZKC_OK)
        *ret_contenders = listing.contenders;
    else
        zkc_contenders_free(listing.contenders);
    return result;
}
