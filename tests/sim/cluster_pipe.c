/*
 * One direction of a connection: messages arrive in order, each after its delay. What is blocked
 * stays inside, as TCP repeats what a dead link has swallowed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

struct message *message_new(int kind)
{
    struct message *message = pool_get(&cluster.messages);

    message->kind = kind;
    return message;
}

void message_free(struct message *message)
{
    pool_put(&cluster.messages, message);
}

static void pipe_run(void *arg);

static void schedule(struct pipe *pipe)
{
    int64_t when = world_now();

    if (pipe->ticket != 0 || pipe->first == NULL || pipe->blocked)
        return;
    if (when < pipe->first->due)
        when = pipe->first->due;
    if (when < pipe->repaired)
        when = pipe->repaired;
    pipe->ticket = event_at(pipe->machine, when, pipe_run, pipe);
}

/* The delivery may end the pipe: it comes last. */
static void pipe_run(void *arg)
{
    struct pipe *pipe = arg;
    struct message *message = pipe->first;

    pipe->ticket = 0;
    if (message == NULL || pipe->blocked)
        return;
    pipe->first = message->next;
    if (pipe->first == NULL)
        pipe->last = NULL;
    schedule(pipe);
    pipe->deliver(pipe->owner, message);
}

void pipe_push(struct pipe *pipe, struct message *message, int64_t delay)
{
    int64_t due = world_now() + delay;

    if (due < pipe->newest)
        due = pipe->newest;
    pipe->newest = message->due = due;
    message->next = NULL;
    if (pipe->last != NULL)
        pipe->last->next = message;
    else
        pipe->first = message;
    pipe->last = message;
    schedule(pipe);
}

/* TCP does not know at once that a dead link is mended: it waits for its next try. */
void pipe_block(struct pipe *pipe, bool blocked)
{
    if (pipe->blocked && !blocked && cluster.options.repair > 0 && world_chance(500))
        pipe->repaired = world_now() + world_below(cluster.options.repair);
    pipe->blocked = blocked;
    if (blocked)
        event_cancel(&pipe->ticket);
    else
        schedule(pipe);
}

void pipe_flush(struct pipe *pipe)
{
    event_cancel(&pipe->ticket);
    while (pipe->first != NULL) {
        struct message *message = pipe->first;
        pipe->first = message->next;
        pipe->drop(message);
    }
    pipe->last = NULL;
}

bool pipe_readable(const struct pipe *pipe)
{
    return pipe->first != NULL && !pipe->blocked && pipe->first->due <= world_now() &&
           pipe->repaired <= world_now();
}
