/* SPDX-License-Identifier: Apache-2.0 */
#include "run/dispatch.h"
#include "core/core.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int dispatch_init(struct dispatch *dispatch, struct host *host)
{
    dispatch->host = host;
    list_init(&dispatch->queue);
    list_init(&dispatch->frames);
    dispatch->fd = -1;
    return condition_init(&dispatch->changed);
}

void dispatch_destroy(struct dispatch *dispatch)
{
    if (dispatch->fd >= 0)
        close(dispatch->fd);
    condition_destroy(&dispatch->changed);
}

void delivery_init(struct delivery *delivery, void *object, void (*run)(struct delivery *delivery))
{
    list_init(&delivery->link);
    delivery->object = object;
    delivery->run = run;
}

/* A callback that runs. It may close another object, whose last callbacks then run inside it. */
struct frame {
    struct list link;
    struct dispatch *dispatch;
    const void *object;
    pthread_t thread;
    int cancel; /* of the call it runs in */
    bool returned;
};

static struct frame *frame_of(struct list *link)
{
    return container_of(link, struct frame, link);
}

bool dispatch_in_callback(const struct dispatch *dispatch)
{
    for (struct list *at = dispatch->frames.next; at != &dispatch->frames; at = at->next)
        if (pthread_equal(frame_of(at)->thread, thread_self()))
            return true;
    return false;
}

static bool runs_elsewhere(struct dispatch *dispatch, const void *object)
{
    for (struct list *at = dispatch->frames.next; at != &dispatch->frames; at = at->next)
        if ((object == NULL || frame_of(at)->object == object) &&
            !pthread_equal(frame_of(at)->thread, thread_self()))
            return true;
    return false;
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

static struct delivery *take(struct dispatch *dispatch, const void *object)
{
    for (struct list *link = dispatch->queue.next; link != &dispatch->queue; link = link->next) {
        struct delivery *delivery = container_of(link, struct delivery, link);
        if (object == NULL || delivery->object == object) {
            dispatch_withdraw(dispatch, delivery);
            return delivery;
        }
    }
    return NULL;
}

static void end_frame(struct frame *frame)
{
    struct dispatch *dispatch = frame->dispatch;

    list_remove(&frame->link);
    if (list_empty(&dispatch->frames) && !list_empty(&dispatch->queue))
        raise_fd(dispatch);
    condition_wake_all(&dispatch->changed);
}

/* An exception, or pthread_exit(), takes the thread out of the callback and of the call that ran
 * it, which will not leave the mutex any more. */
static void unwind(struct frame *frame)
{
    struct host *host = frame->dispatch->host;

    if (frame->returned)
        return;
    host->enter(host->sync);
    host->cancel = frame->cancel;
    end_frame(frame);
    host->leave(host->sync);
}

static void run(struct dispatch *dispatch, struct delivery *delivery)
{
    struct host *host = dispatch->host;
    __attribute__((cleanup(unwind))) struct frame frame = {.dispatch = dispatch,
                                                           .object = delivery->object,
                                                           .thread = thread_self(),
                                                           .cancel = host->cancel};

    list_prepend(&dispatch->frames, &frame.link);
    pthread_mutex_unlock(host->mutex);
    delivery->run(delivery);
    frame.returned = true;
    pthread_mutex_lock(host->mutex);
    host->cancel = frame.cancel;
    end_frame(&frame);
}

bool dispatch_run_one(struct dispatch *dispatch)
{
    struct delivery *delivery;

    if (!list_empty(&dispatch->frames)) {
        lower_fd(dispatch);
        return false;
    }
    delivery = take(dispatch, NULL);
    if (delivery == NULL)
        return false;
    run(dispatch, delivery);
    return true;
}

/* Other threads enter meanwhile, each with a cancel state of its own. */
static void wait_for_change(struct dispatch *dispatch)
{
    struct host *host = dispatch->host;
    int cancel = host->cancel;

    condition_wait(&dispatch->changed, host->mutex);
    host->cancel = cancel;
}

void dispatch_flush(struct dispatch *dispatch, void *object)
{
    struct delivery *delivery;

    for (;;) {
        if (runs_elsewhere(dispatch, object)) {
            wait_for_change(dispatch);
            continue;
        }
        delivery = take(dispatch, object);
        if (delivery == NULL)
            return;
        run(dispatch, delivery);
    }
}

/* A callback that ended the thread of all callbacks: another takes its place. */
static void replace(struct dispatch **interrupted)
{
    struct dispatch *dispatch = *interrupted;
    struct host *host;

    if (dispatch == NULL)
        return;
    host = dispatch->host;
    host->enter(host->sync);
    if (!dispatch->stop) { /* else it is being joined */
        thread_detach(dispatch->courier);
        dispatch->courier_running = false;
        if (dispatch_prepare(dispatch) != 0)
            host->log(host->sync, LOG_ERROR,
                      "a callback has ended its thread, and there is no other: %m");
    }
    host->leave(host->sync);
    host->unref(host->sync);
}

static void *courier(void *argument)
{
    __attribute__((cleanup(replace))) struct dispatch *interrupted = argument;
    struct dispatch *dispatch = argument;
    const struct host *host = dispatch->host;

    pthread_mutex_lock(host->mutex);
    while (!dispatch->stop && dispatch->fd < 0)
        if (!dispatch_run_one(dispatch))
            condition_wait(&dispatch->changed, host->mutex);
    pthread_mutex_unlock(host->mutex);
    /* cppcheck-suppress redundantInitialization ; the clean-up reads it */
    interrupted = NULL;
    host->unref(host->sync);
    return NULL;
}

int dispatch_prepare(struct dispatch *dispatch)
{
    if (dispatch->courier_running || dispatch->fd >= 0)
        return 0;
    if (host_start_thread(dispatch->host, courier, dispatch, &dispatch->courier) != 0)
        return -1;
    dispatch->courier_running = true;
    return 0;
}

void dispatch_post(struct dispatch *dispatch, struct delivery *delivery)
{
    if (!list_empty(&delivery->link))
        return;
    list_append(&dispatch->queue, &delivery->link);
    raise_fd(dispatch);
    condition_wake_all(&dispatch->changed);
}

void dispatch_withdraw(struct dispatch *dispatch, struct delivery *delivery)
{
    list_remove(&delivery->link);
    if (list_empty(&dispatch->queue))
        lower_fd(dispatch);
}

int dispatch_open_fd(struct dispatch *dispatch)
{
    if (dispatch->fd >= 0)
        return dispatch->fd;
    dispatch->fd = eventfd(list_empty(&dispatch->queue) ? 0 : 1, EFD_CLOEXEC | EFD_NONBLOCK);
    condition_wake_all(&dispatch->changed);
    return dispatch->fd;
}

void dispatch_stop(struct dispatch *dispatch)
{
    pthread_mutex_t *mutex = dispatch->host->mutex;

    dispatch_flush(dispatch, NULL);
    if (!dispatch->courier_running)
        return;
    dispatch->stop = true;
    dispatch->courier_running = false;
    condition_wake_all(&dispatch->changed);
    pthread_mutex_unlock(mutex);
    thread_join(dispatch->courier);
    pthread_mutex_lock(mutex);
}
