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

static void init(struct operation *operation, zkc_sync *sync)
{
    memset(operation, 0, sizeof *operation);
    operation->sync = sync;
    timer_init(&operation->timer, deadline_passed);
}

void operation_block(struct operation *operation, zkc_sync *sync, zkc_context *context)
{
    init(operation, sync);
    operation->blocking = true;
    wait_init(&operation->wait, context);
}

int operation_enter(struct operation *operation, zkc_sync *sync, zkc_context *context)
{
    int error = client_begin_blocking(sync);

    if (error == ZKC_OK)
        operation_block(operation, sync, context);
    return error;
}

struct operation *operation_new(zkc_sync *sync, void *object, zkc_done_fn done, void *arg)
{
    struct operation *operation = mem_alloc(sizeof *operation);

    if (operation == NULL)
        return NULL;
    init(operation, sync);
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
    if (operation->blocking)
        client_ref(operation->sync);
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
    if (!operation->blocking) {
        dispatch_post(&operation->sync->dispatch, &operation->delivery);
        return;
    }
    if (operation->slot != NULL)
        *operation->slot = NULL;
    wait_finish(&operation->wait, result);
}

static int sleep_until_finished(struct operation *operation)
{
    zkc_sync *sync = operation->sync;
    struct wait *wait = &operation->wait;
    int cancel = thread_hold_cancel();

    if (!wait_sleep(wait, true, &sync->mutex)) {
        client_enter(sync);
        if (atomic_load(&wait->done) == 0)
            operation->abandon(operation, ZKC_ECANCELED);
        client_leave(sync);
        wait_sleep(wait, false, &sync->mutex);
    }
    client_unref(sync);
    thread_allow_cancel(cancel);
    return wait->result;
}

int operation_leave(struct operation *operation, int error)
{
    client_leave(operation->sync);
    return error != ZKC_OK ? error : sleep_until_finished(operation);
}

int64_t deadline_after(const zkc_sync *sync, int64_t timeout_ms)
{
    int64_t now = sync->core.now;

    return timeout_ms > (NEVER - now) / MILLISECOND ? NEVER : now + timeout_ms * MILLISECOND;
}
