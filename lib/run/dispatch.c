/* SPDX-License-Identifier: Apache-2.0 */
#include "run/dispatch.h"
#include "run/host.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int dispatch_init(zkc_sync *sync)
{
    list_init(&sync->dispatch.queue);
    sync->dispatch.fd = -1;
    return condition_init(&sync->dispatch.changed);
}

void dispatch_destroy(zkc_sync *sync)
{
    if (sync->dispatch.fd >= 0)
        close(sync->dispatch.fd);
    condition_destroy(&sync->dispatch.changed);
}

void delivery_init(struct delivery *delivery, void *object, void (*run)(struct delivery *delivery))
{
    list_init(&delivery->link);
    delivery->object = object;
    delivery->run = run;
}

/* A callback may close another object, whose last callbacks then run inside it. */
struct frame {
    struct frame *outer;
    const void *object;
};

static bool is_here(const struct dispatch *dispatch)
{
    return dispatch->frames != NULL && pthread_equal(dispatch->thread, thread_self());
}

static bool runs_for(const struct dispatch *dispatch, const void *object)
{
    for (const struct frame *frame = dispatch->frames; frame != NULL; frame = frame->outer)
        if (object == NULL || frame->object == object)
            return true;
    return false;
}

bool dispatch_in_callback(zkc_sync *sync)
{
    return is_here(&sync->dispatch);
}

/* The descriptor's level says: the queue is not empty, and nobody runs a callback elsewhere for
 * whom an event loop would turn in vain. */
static void raise_fd(struct dispatch *dispatch)
{
    if (dispatch->fd >= 0)
        eventfd_write(dispatch->fd, 1);
}

static void lower_fd(struct dispatch *dispatch)
{
    eventfd_t value;

    if (dispatch->fd >= 0)
        eventfd_read(dispatch->fd, &value);
}

static void remove_from_queue(struct dispatch *dispatch, struct delivery *delivery)
{
    list_remove(&delivery->link);
    if (list_empty(&dispatch->queue))
        lower_fd(dispatch);
}

static struct delivery *take(struct dispatch *dispatch, const void *object)
{
    for (struct list *link = dispatch->queue.next; link != &dispatch->queue; link = link->next) {
        struct delivery *delivery = container_of(link, struct delivery, link);
        if (object == NULL || delivery->object == object) {
            remove_from_queue(dispatch, delivery);
            return delivery;
        }
    }
    return NULL;
}

static void run(zkc_sync *sync, struct delivery *delivery)
{
    struct dispatch *dispatch = &sync->dispatch;
    struct frame frame = {dispatch->frames, delivery->object};

    dispatch->frames = &frame;
    dispatch->thread = thread_self();
    pthread_mutex_unlock(&sync->mutex);
    delivery->run(delivery);
    pthread_mutex_lock(&sync->mutex);
    dispatch->frames = frame.outer;
    if (dispatch->frames == NULL && !list_empty(&dispatch->queue))
        raise_fd(dispatch);
    condition_wake_all(&dispatch->changed);
}

bool dispatch_run_one(zkc_sync *sync)
{
    struct delivery *delivery;

    if (sync->dispatch.frames != NULL) {
        lower_fd(&sync->dispatch);
        return false;
    }
    delivery = take(&sync->dispatch, NULL);
    if (delivery == NULL)
        return false;
    run(sync, delivery);
    return true;
}

void dispatch_flush(zkc_sync *sync, void *object)
{
    struct dispatch *dispatch = &sync->dispatch;
    struct delivery *delivery;

    for (;;) {
        bool elsewhere = dispatch->frames != NULL && !is_here(dispatch);
        if (elsewhere && runs_for(dispatch, object)) {
            condition_wait(&dispatch->changed, &sync->mutex);
            continue;
        }
        delivery = take(dispatch, object);
        if (delivery == NULL)
            return;
        if (!elsewhere) {
            run(sync, delivery);
            continue;
        }
        /* One at a time: wait for the other object's callback, then look again. */
        list_prepend(&dispatch->queue, &delivery->link);
        raise_fd(dispatch);
        condition_wait(&dispatch->changed, &sync->mutex);
    }
}

static void *courier(void *argument)
{
    zkc_sync *sync = argument;
    struct dispatch *dispatch = &sync->dispatch;

    pthread_mutex_lock(&sync->mutex);
    while (!dispatch->stop && dispatch->fd < 0)
        if (!dispatch_run_one(sync))
            condition_wait(&dispatch->changed, &sync->mutex);
    pthread_mutex_unlock(&sync->mutex);
    host_unref(sync);
    return NULL;
}

int dispatch_prepare(zkc_sync *sync)
{
    struct dispatch *dispatch = &sync->dispatch;

    if (dispatch->courier_running || dispatch->fd >= 0)
        return 0;
    host_ref(sync);
    if (thread_start(courier, sync, &dispatch->courier) != 0) {
        host_unref(sync);
        return -1;
    }
    dispatch->courier_running = true;
    return 0;
}

void dispatch_post(zkc_sync *sync, struct delivery *delivery)
{
    if (!list_empty(&delivery->link))
        return;
    list_append(&sync->dispatch.queue, &delivery->link);
    raise_fd(&sync->dispatch);
    condition_wake_all(&sync->dispatch.changed);
}

void dispatch_withdraw(zkc_sync *sync, struct delivery *delivery)
{
    remove_from_queue(&sync->dispatch, delivery);
}

int dispatch_open_fd(zkc_sync *sync)
{
    struct dispatch *dispatch = &sync->dispatch;

    if (dispatch->fd >= 0)
        return dispatch->fd;
    dispatch->fd = eventfd(list_empty(&dispatch->queue) ? 0 : 1, EFD_CLOEXEC | EFD_NONBLOCK);
    condition_wake_all(&dispatch->changed);
    return dispatch->fd;
}

void dispatch_stop(zkc_sync *sync)
{
    struct dispatch *dispatch = &sync->dispatch;

    dispatch_flush(sync, NULL);
    if (!dispatch->courier_running)
        return;
    dispatch->stop = true;
    dispatch->courier_running = false;
    condition_wake_all(&dispatch->changed);
    pthread_mutex_unlock(&sync->mutex);
    thread_join(dispatch->courier);
    pthread_mutex_lock(&sync->mutex);
}
