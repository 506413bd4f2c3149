/* SPDX-License-Identifier: Apache-2.0 */
#include "run/listing.h"
#include "base/mem.h"
#include "core/payload.h"
#include "core/ticket.h"
#include "run/operation.h"

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

static int take(zkc_contender *contender, struct seat *seat, size_t position)
{
    contender->size = sizeof *contender;
    contender->path = seat->path;
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

zkc_contenders *contenders_new(struct seat *seats, size_t count)
{
    zkc_contenders *contenders = mem_zalloc(sizeof *contenders + count * sizeof(zkc_contender));

    if (contenders == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        contenders->count = i + 1;
        if (take(&contenders->at[i], &seats[i], i) != 0) {
            zkc_contenders_free(contenders);
            return NULL;
        }
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
        listing->contenders = contenders_new(seats, count);
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
    struct wait wait;
    int result = zkc_context_error(context);

    if (result == ZKC_OK)
        result = host_begin_blocking(sync);
    if (result != ZKC_OK)
        return result;
    host_ref(sync); /* the sync may be closed, and what brought us here too, before we are awake */
    place_ref(place);
    wait_init(&wait, context);
    operation_init(&listing.operation, sync, &wait);
    operation_begin(&listing.operation, NULL, abandon, context_deadline(context));
    listing.member.closing = closing;
    list_init(&listing.member.link);
    list_append(&sync->members, &listing.member.link);
    peek_start(&listing.peek, session, place->parent, first_only, false, on_result, &listing);
    host_leave(sync);
    result = operation_wait(&listing.operation);
    pthread_mutex_lock(&sync->mutex);
    place_unref(place);
    pthread_mutex_unlock(&sync->mutex);
    host_unref(sync);
    if (result == ZKC_OK && contenders_decode(listing.contenders) != 0)
        result = ZKC_ENOMEM;
    if (result == ZKC_OK)
        *ret_contenders = listing.contenders;
    else
        zkc_contenders_free(listing.contenders);
    return result;
}
