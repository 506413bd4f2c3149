/* SPDX-License-Identifier: Apache-2.0 */
#include "run/operation.h"

static void deadline_passed(struct timer *timer)
{
    struct operation *operation = container_of(timer, struct operation, timer);

    operation->abandon(operation, ZKC_ETIMEDOUT);
}

static void deliver(struct delivery *delivery)
{
    struct operation *operation = container_of(delivery, struct operation, delivery);
    zkc_sync *sync = operation->sync;
    int result;

    pthread_mutex_lock(&sync->mutex);
    result = operation->result;
    pthread_mutex_unlock(&sync->mutex);
    operation->complete(operation, result);
}

void operation_init(struct operation *operation, zkc_sync *sync, void *object)
{
    operation->sync = sync;
    operation->state = OPERATION_IDLE;
    delivery_init(&operation->delivery, object, deliver);
    timer_init(&operation->timer, deadline_passed);
}

void operation_begin(struct operation *operation, struct wait *wait, complete_fn complete,
                     abandon_fn abandon, int64_t deadline)
{
    operation->state = OPERATION_ACTIVE;
    operation->wait = wait;
    operation->complete = complete;
    operation->abandon = abandon;
    if (wait != NULL)
        host_ref(operation->sync);
    timer_set(&operation->sync->core, &operation->timer, deadline);
}

void operation_finish(struct operation *operation, int result)
{
    struct wait *wait = operation->wait;

    if (operation->state != OPERATION_ACTIVE)
        return;
    timer_clear(&operation->sync->core, &operation->timer);
    operation->result = result;
    if (wait != NULL) {
        operation->state = OPERATION_IDLE;
        operation->wait = NULL;
        wait_finish(wait, result);
    } else {
        operation->state = OPERATION_DELIVERING;
        dispatch_post(operation->sync, &operation->delivery);
    }
}

void operation_done(struct operation *operation, int result)
{
    zkc_done_fn done;
    void *arg;

    pthread_mutex_lock(&operation->sync->mutex);
    done = operation->done;
    arg = operation->arg;
    operation->state = OPERATION_IDLE;
    pthread_mutex_unlock(&operation->sync->mutex);
    done(arg, result);
}

/* Once the wait is done the operation may be gone with its lock: it is not touched any more. */
int operation_wait(zkc_sync *sync, struct operation *operation, struct wait *wait)
{
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
