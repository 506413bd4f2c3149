/* SPDX-License-Identifier: Apache-2.0 */
#include "run/operation.h"
#include "base/mem.h"

#include <string.h>

static void deadline_passed(struct timer *timer)
{
    struct operation *operation = container_of(timer, struct operation, timer);

    operation->abandon(operation, ZKC_ETIMEDOUT);
}

static void deliver(struct delivery *delivery)
{
    struct operation *operation = container_of(delivery, struct operation, delivery);
    zkc_sync *sync = operation->sync;
    zkc_done_fn done = operation->done;
    void *arg = operation->arg;
    int result;

    pthread_mutex_lock(&sync->mutex);
    result = operation->result;
    *operation->slot = NULL; /* done may begin the next call */
    pthread_mutex_unlock(&sync->mutex);
    mem_free(operation);
    done(arg, result);
}

void operation_init(struct operation *operation, zkc_sync *sync, struct wait *wait)
{
    memset(operation, 0, sizeof *operation);
    operation->sync = sync;
    operation->wait = wait;
    timer_init(&operation->timer, deadline_passed);
}

struct operation *operation_new(zkc_sync *sync, void *object, zkc_done_fn done, void *arg)
{
    struct operation *operation = mem_alloc(sizeof *operation);

    if (operation == NULL)
        return NULL;
    operation_init(operation, sync, NULL);
    operation->done = done;
    operation->arg = arg;
    delivery_init(&operation->delivery, object, deliver);
    return operation;
}

void operation_begin(struct operation *operation, struct operation **slot, abandon_fn abandon,
                     int64_t deadline)
{
    operation->active = true;
    operation->abandon = abandon;
    operation->slot = slot;
    if (slot != NULL)
        *slot = operation;
    if (operation->wait != NULL)
        host_ref(operation->sync);
    timer_set(&operation->sync->core, &operation->timer, deadline);
}

/* What lives on a stack may be gone once its wait is finished. */
void operation_finish(struct operation *operation, int result)
{
    if (!operation->active)
        return;
    operation->active = false;
    operation->result = result;
    timer_clear(&operation->sync->core, &operation->timer);
    if (operation->wait == NULL) {
        dispatch_post(operation->sync, &operation->delivery);
        return;
    }
    if (operation->slot != NULL)
        *operation->slot = NULL;
    wait_finish(operation->wait, result);
}

int operation_wait(struct operation *operation)
{
    zkc_sync *sync = operation->sync;
    struct wait *wait = operation->wait;

    if (!wait_sleep(wait, true, &sync->mutex)) {
        host_enter(sync);
        if (atomic_load(&wait->done) == 0)
            operation->abandon(operation, ZKC_ECANCELED);
        host_leave(sync);
        wait_sleep(wait, false, &sync->mutex);
    }
    host_unref(sync);
    return wait->result;
}

int64_t deadline_after(const zkc_sync *sync, int64_t timeout_ms)
{
    int64_t now = sync->core.now;

    return timeout_ms > (NEVER - now) / MILLISECOND ? NEVER : now + timeout_ms * MILLISECOND;
}
