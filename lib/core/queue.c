/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue.h"

#include <string.h>

static void pause_over(struct timer *timer)
{
    struct queue *queue = container_of(timer, struct queue, pause_timer);

    queue->stalled = false;
    queue->resumed(queue);
}

void queue_init(struct queue *queue, struct core *core, void (*submitted)(struct queue *queue),
                void (*resumed)(struct queue *queue))
{
    memset(queue, 0, sizeof *queue);
    queue->core = core;
    list_init(&queue->waiting);
    list_init(&queue->flight);
    timer_init(&queue->pause_timer, pause_over);
    queue->submitted = submitted;
    queue->resumed = resumed;
}

/* ---- what the owners ask ---- */

void queue_submit(struct queue *queue, struct request *request)
{
    request->queue = queue;
    request->kept = false;
    list_append(&queue->waiting, &request->link);
    queue->submitted(queue);
}

void queue_hurry(struct queue *queue, struct request *request)
{
    queue_submit(queue, request);
    list_remove(&request->link);
    list_prepend(&queue->waiting, &request->link);
}

struct request *queue_ask(struct queue *queue, enum verb verb, const char *path, answer_fn answered,
                          void *owner)
{
    struct request *request = request_new();

    if (request == NULL)
        return NULL;
    request->verb = verb;
    request->path = path;
    request->answered = answered;
    request->owner = owner;
    queue_submit(queue, request);
    return request;
}

/* ---- sending ---- */

/* A server that refuses work, for load say, is left alone for a moment; so is a client that takes
 * none. */
void queue_pause(struct queue *queue, int64_t pause)
{
    queue->stalled = true;
    timer_set(queue->core, &queue->pause_timer, queue->core->now + pause);
}

void queue_renew(struct queue *queue)
{
    window_init(&queue->window);
    queue->stalled = false;
}

static void forget_fence(struct queue *queue)
{
    struct request *fence = queue->fence;

    queue->fence = NULL;
    if (fence == NULL || fence->in_flight)
        return;
    list_remove(&fence->link);
    request_free(fence);
}

void queue_fence(struct queue *queue, struct request *request)
{
    forget_fence(queue);
    request->queue = queue;
    queue->fence = request;
}

static struct list *take_next(struct queue *queue)
{
    struct request *fence = queue->fence;
    struct list *first = queue->waiting.next;

    if (fence == NULL || fence->in_flight)
        return list_pop(&queue->waiting);
    if (first != &queue->waiting && container_of(first, struct request, link)->fences)
        return list_pop(&queue->waiting);
    list_remove(&fence->link); /* a stall may have put it among those that wait */
    fence->kept = false;
    return &fence->link;
}

struct request *queue_next(struct queue *queue)
{
    struct list *link = NULL;

    if (!queue->stalled && queue->in_flight < queue->window.most)
        link = take_next(queue);
    return link == NULL ? NULL : container_of(link, struct request, link);
}

void queue_sent(struct queue *queue, struct request *request)
{
    list_append(&queue->flight, &request->link);
    queue->in_flight++;
    request->in_flight = true;
    request->sent_at = queue->core->now;
}

void queue_leave_flight(struct queue *queue, struct request *request)
{
    list_remove(&request->link);
    queue->in_flight--;
}

void queue_stall(struct queue *queue, struct request *request)
{
    queue_leave_flight(queue, request);
    request->in_flight = false;
    queue->stalled = true;
    if (request->answered == NULL)
        request_free(request);
    else
        list_prepend(&queue->waiting, &request->link);
}

/* ---- the end of a connection or session ---- */

static void take_flight(struct queue *queue, struct list *ret_requests)
{
    for (struct list *link = queue->flight.next; link != &queue->flight; link = link->next)
        container_of(link, struct request, link)->dead = true;
    list_init(ret_requests);
    list_move(ret_requests, &queue->flight);
    queue->in_flight = 0;
}

void queue_lose_flight(struct queue *queue)
{
    struct list lost;

    take_flight(queue, &lost);
    queue_fail(&lost, ANSWER_LOST);
}

void queue_take_all(struct queue *queue, struct list *ret_requests)
{
    forget_fence(queue);
    take_flight(queue, ret_requests);
    list_move(ret_requests, &queue->waiting);
}

void queue_fail(struct list *requests, enum answer code)
{
    struct list *link;

    while ((link = list_pop(requests)) != NULL)
        request_fail(container_of(link, struct request, link), code);
}
