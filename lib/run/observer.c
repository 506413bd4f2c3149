/* SPDX-License-Identifier: Apache-2.0 */
#include "run/observer.h"
#include "run/pool.h"
#include "base/mem.h"
#include "run/listing.h"

#include <string.h>

/* A state that waits to be delivered: nobody leads when it holds no contender. */
struct change {
    struct list link;
    zkc_contenders *leader;
};

struct zkc_observer {
    zkc_sync *sync;
    struct member member;
    struct pooled *pooled;
    struct place *place;
    struct peek peek;
    struct list changes;
    struct delivery delivery;
    zkc_observe_fn changed;
    void *arg;
    bool seen_any;
    char *seen_path; /* of the newest state; NULL: nobody led */
    int64_t seen_mzxid;
};

static struct change *next_change(zkc_observer *observer)
{
    struct list *link;

    pthread_mutex_lock(&observer->sync->mutex);
    link = list_pop(&observer->changes);
    pthread_mutex_unlock(&observer->sync->mutex);
    return link == NULL ? NULL : container_of(link, struct change, link);
}

static void free_change(struct change **change)
{
    if (*change != NULL)
        zkc_contenders_free((*change)->leader);
    mem_free(*change);
}

/* The callback may close the observer, which flushes the rest: nothing of it is touched then. Or it
 * may throw. */
static void deliver(struct delivery *delivery)
{
    zkc_observer *observer = container_of(delivery, zkc_observer, delivery);
    zkc_sync *sync = observer->sync;
    __attribute__((cleanup(free_change))) struct change *change = next_change(observer);

    if (change == NULL)
        return;
    pthread_mutex_lock(&sync->mutex);
    if (!list_empty(&observer->changes))
        dispatch_post(&sync->dispatch, &observer->delivery);
    pthread_mutex_unlock(&sync->mutex);
    observer->changed(observer->arg, zkc_contenders_at(change->leader, 0));
}

static bool same(const zkc_observer *observer, const struct seat *seats, size_t count)
{
    if (!observer->seen_any || (count == 0) != (observer->seen_path == NULL))
        return false;
    return count == 0 || (strcmp(observer->seen_path, seats[0].path) == 0 &&
                          observer->seen_mzxid == seats[0].stat.mzxid);
}

static int remember(zkc_observer *observer, const struct seat *seats, size_t count)
{
    char *path = count == 0 ? NULL : mem_strdup(seats[0].path);

    if (count > 0 && path == NULL)
        return -1;
    mem_free(observer->seen_path);
    observer->seen_path = path;
    observer->seen_mzxid = count == 0 ? 0 : seats[0].stat.mzxid;
    observer->seen_any = true;
    return 0;
}

static int on_first(void *owner, int result, struct seat *seats, size_t count)
{
    zkc_observer *observer = owner;
    struct change *change;

    (void)result;
    if (count > 1)
        count = 1;
    if (same(observer, seats, count))
        return 0;
    change = mem_zalloc(sizeof *change);
    if (change == NULL || remember(observer, seats, count) != 0) {
        mem_free(change);
        return -1;
    }
    change->leader = contenders_new(observer->sync, observer->place->rule, seats, count);
    if (change->leader == NULL || contenders_decode(change->leader) != 0) {
        observer->seen_any = false;
        zkc_contenders_free(change->leader);
        mem_free(change);
        return -1;
    }
    list_append(&observer->changes, &change->link);
    dispatch_post(&observer->sync->dispatch, &observer->delivery);
    return 0;
}

static void closing(struct member *member)
{
    peek_stop(&container_of(member, zkc_observer, member)->peek);
}

static void observer_free(zkc_observer *observer)
{
    struct list *link;

    while ((link = list_pop(&observer->changes)) != NULL) {
        struct change *change = container_of(link, struct change, link);
        zkc_contenders_free(change->leader);
        mem_free(change);
    }
    mem_free(observer->seen_path);
    place_unref(observer->place);
    pool_session_put(observer->sync, observer->pooled);
    mem_free(observer);
}

int observer_open(zkc_sync *sync, struct pooled *pooled, struct place *place,
                  zkc_observe_fn changed, void *arg, zkc_observer **ret_observer)
{
    zkc_observer *observer;
    int error = client_begin(sync);

    if (error != ZKC_OK)
        return error;
    observer = mem_zalloc(sizeof *observer);
    if (observer == NULL || dispatch_prepare(&sync->dispatch) != 0) {
        client_leave(sync);
        error = observer == NULL ? ZKC_ENOMEM : ZKC_ESYSTEM;
        mem_free(observer);
        return error;
    }
    client_ref(sync);
    observer->sync = sync;
    observer->pooled = pooled;
    pooled->users++;
    observer->place = place_ref(place);
    observer->changed = changed;
    observer->arg = arg;
    list_init(&observer->changes);
    delivery_init(&observer->delivery, observer, deliver);
    observer->member.closing = closing;
    list_init(&observer->member.link);
    list_append(&sync->members, &observer->member.link);
    peek_start(&observer->peek, &pooled->session, place->parent, true, true, on_first, observer);
    client_leave(sync);
    *ret_observer = observer;
    return ZKC_OK;
}

void zkc_observer_close(zkc_observer *observer)
{
    zkc_sync *sync;

    if (observer == NULL || client_is_child(observer->sync))
        return;
    sync = observer->sync;
    client_enter(sync);
    list_remove(&observer->member.link);
    peek_stop(&observer->peek);
    dispatch_withdraw(&sync->dispatch, &observer->delivery);
    dispatch_flush(&sync->dispatch, observer);
    observer_free(observer);
    client_leave(sync);
    client_unref(sync);
}
