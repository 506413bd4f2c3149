/*
 * The requests of a session: each waits until it is sent, is in flight until the client answers,
 * and is answered to its owner exactly once. The queue knows neither the state of the session nor
 * its lease: the session asks what is next, says what was sent, and looks at each answer first.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_QUEUE_H
#define ZKC_CORE_QUEUE_H

#include "core/core.h"
#include "core/request.h"
#include "core/window.h"

struct queue {
    struct core *core;
    struct list waiting; /* requests not sent yet */
    struct list flight;  /* requests without an answer yet */
    size_t in_flight;
    struct window window;
    struct request *fence; /* goes first on a new handle's connection, until answered well */
    bool stalled;          /* the client takes no requests until it reports a change */
    struct timer pause_timer;
    void (*submitted)(struct queue *queue);
    void (*resumed)(struct queue *queue); /* after a pause */
};

void queue_init(struct queue *queue, struct core *core, void (*submitted)(struct queue *queue),
                void (*resumed)(struct queue *queue));

/* Allocates and submits; NULL without memory. */
struct request *queue_ask(struct queue *queue, enum verb verb, const char *path, answer_fn answered,
                          void *owner);
void queue_submit(struct queue *queue, struct request *request);

/* Submits it ahead of all that waits: thousands may, and what is held must not be lost for them. */
void queue_hurry(struct queue *queue, struct request *request);

/* Nothing is sent for a moment. */
void queue_pause(struct queue *queue, int64_t pause);

/* A new connection takes requests. */
void queue_renew(struct queue *queue);

/* This one goes first, instead of an older one. */
void queue_fence(struct queue *queue, struct request *request);

/* The next one that may be sent, which waits no more: it is sent or answered now; NULL: none. */
struct request *queue_next(struct queue *queue);
void queue_sent(struct queue *queue, struct request *request);

/* The client would not take what was sent: it waits again, first of all. */
void queue_stall(struct queue *queue, struct request *request);

/* It was answered, or is about to be. */
void queue_leave_flight(struct queue *queue, struct request *request);

/* Nothing that comes of what is in flight is believed: it is answered as lost. */
void queue_lose_flight(struct queue *queue);

/* All requests, to be failed. Those in flight the client answers once more, into the void. */
void queue_take_all(struct queue *queue, struct list *ret_requests);
void queue_fail(struct list *requests, enum answer code);

#endif
