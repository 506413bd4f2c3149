/* SPDX-License-Identifier: Apache-2.0 */
#include "core/patrol.h"
#include "core/answer.h"

#include <string.h>

/* The server's packets may have a megabyte, of which each check takes its path and some bytes. */
#define CHECKS_MOST 2000
#define CHECKS_BYTES ((size_t)256 * 1024)

static void check_next(struct patrol *patrol);

static int64_t tick(const struct patrol *patrol)
{
    return patrol->lease->timeout / 16;
}

bool patrol_empty(const struct patrol *patrol)
{
    for (int i = 0; i < KEEPER_LISTS; i++)
        if (!list_empty(&patrol->keepers[i]))
            return false;
    return true;
}

struct listener *patrol_next(struct patrol *patrol)
{
    for (int i = 0; i < KEEPER_LISTS; i++) {
        struct list *link = list_pop(&patrol->keepers[i]);
        if (link == NULL)
            continue;
        if (i == KEEPER_ASKED)
            list_prepend(&patrol->keepers[i], link); /* theirs is the order of the checks */
        else
            list_append(&patrol->keepers[i], link);
        return container_of(link, struct listener, keeping);
    }
    return NULL;
}

/* ---- many checks at once ---- */

static struct listener *first_of(const struct list *list)
{
    return container_of(list->next, struct listener, keeping);
}

static void move(struct listener *listener, struct list *to)
{
    list_remove(&listener->keeping);
    list_append(to, &listener->keeping);
}

/* What has found a watch meanwhile needs no check. The rest, as much of it as one check may have,
 * is to be asked for; returns how long all paths are together. */
static size_t choose(struct patrol *patrol)
{
    struct list *lists = patrol->keepers;
    size_t bytes = 0;

    for (size_t count = 0; count < patrol->most && bytes < CHECKS_BYTES;) {
        struct listener *listener = first_of(&lists[KEEPER_DUE]);
        if (list_empty(&lists[KEEPER_DUE]))
            break;
        if (listener->ops->guard(listener)) {
            move(listener, &lists[KEEPER_WATCHED]);
            continue;
        }
        bytes += listener->ops->path(listener, NULL);
        move(listener, &lists[KEEPER_ASKED]);
        count++;
    }
    return bytes;
}

static size_t write_paths(const struct list *listeners, char *room)
{
    size_t count = 0;

    for (struct list *link = listeners->next; link != listeners; link = link->next, count++) {
        struct listener *listener = container_of(link, struct listener, keeping);
        listener->ops->path(listener, room);
        room += strlen(room) + 1;
    }
    return count;
}

/* All up to the one that failed stand; what comes behind it was not looked at. */
static void sort_out(struct patrol *patrol, const struct request *request,
                     const struct reply *reply)
{
    struct list *lists = patrol->keepers;
    struct listener *failed = NULL;
    const char *path = request->path;

    for (size_t i = 0; i < request->count && !list_empty(&lists[KEEPER_ASKED]); i++) {
        struct listener *listener = first_of(&lists[KEEPER_ASKED]);
        if (listener->ops->owns(listener, path)) { /* else its owner has left meanwhile */
            move(listener, &lists[i <= reply->failed ? KEEPER_DONE : KEEPER_DUE]);
            if (i == reply->failed)
                failed = listener;
        }
        path += strlen(path) + 1;
    }
    if (failed != NULL)
        failed->ops->checked(failed, reply->answer);
}

/* Where several have gone, smaller checks find them sooner. */
static void halve(struct patrol *patrol)
{
    patrol->most = patrol->most > 1 ? patrol->most / 2 : 1;
}

static void many_checked(void *owner, struct request *request, const struct reply *reply)
{
    struct patrol *patrol = owner;
    struct list *lists = patrol->keepers;

    patrol->request = NULL;
    if (reply->answer == ANSWER_OK) {
        list_move(&lists[KEEPER_DONE], &lists[KEEPER_ASKED]);
        patrol->most = patrol->most < CHECKS_MOST / 2 ? 2 * patrol->most : CHECKS_MOST;
    } else if (reply->answer == ANSWER_NO_NODE || reply->answer == ANSWER_NO_AUTH) {
        sort_out(patrol, request, reply);
        halve(patrol);
    } else {
        list_move(&lists[KEEPER_DUE], &lists[KEEPER_ASKED]);
        halve(patrol);
        return; /* the next tick tries again */
    }
    check_next(patrol);
}

static void check_next(struct patrol *patrol)
{
    struct list *asked = &patrol->keepers[KEEPER_ASKED];
    struct request *request;
    size_t bytes;

    if (patrol->request != NULL || !patrol->connected(patrol))
        return;
    bytes = choose(patrol);
    if (list_empty(asked))
        return;
    request = request_with_room(bytes);
    if (request == NULL) {
        list_move(&patrol->keepers[KEEPER_DUE], asked);
        return;
    }
    request->count = write_paths(asked, request->room);
    request->path = request->room;
    request->verb = VERB_CHECK;
    request->answered = many_checked;
    request->owner = patrol;
    patrol->request = request;
    queue_hurry(patrol->queue, request);
}

/* ---- ticks ---- */

static void want_tick(struct patrol *patrol)
{
    struct core *core = patrol->queue->core;

    if (!heap_contains(&patrol->timer.node))
        timer_set(core, &patrol->timer, core->now + tick(patrol));
}

static void settle(struct patrol *patrol)
{
    struct list *lists = patrol->keepers;

    while (!list_empty(&lists[KEEPER_YOUNG])) {
        struct listener *listener = first_of(&lists[KEEPER_YOUNG]);
        bool guarded = listener->ops->guard(listener);
        move(listener, &lists[guarded ? KEEPER_WATCHED : KEEPER_DUE]);
    }
    list_move(&lists[KEEPER_YOUNG], &lists[KEEPER_NEW]);
}

static void due(struct timer *timer)
{
    struct patrol *patrol = container_of(timer, struct patrol, timer);
    struct list *lists = patrol->keepers;
    int64_t now = patrol->queue->core->now;

    if (patrol->connected(patrol)) {
        settle(patrol);
        if (list_empty(&lists[KEEPER_DUE]) && list_empty(&lists[KEEPER_ASKED]) &&
            now - patrol->began >= 3 * tick(patrol)) {
            patrol->began = now;
            list_move(&lists[KEEPER_DUE], &lists[KEEPER_DONE]);
        }
        check_next(patrol);
    }
    for (int i = 0; i < KEEPER_WATCHED; i++)
        if (!list_empty(&lists[i]))
            want_tick(patrol);
}

void patrol_begin(struct patrol *patrol, struct listener *listener)
{
    list_append(&patrol->keepers[KEEPER_NEW], &listener->keeping);
    want_tick(patrol);
}

void patrol_init(struct patrol *patrol, struct queue *queue, const struct lease *lease,
                 bool (*connected)(struct patrol *patrol))
{
    memset(patrol, 0, sizeof *patrol);
    for (int i = 0; i < KEEPER_LISTS; i++)
        list_init(&patrol->keepers[i]);
    patrol->queue = queue;
    patrol->lease = lease;
    patrol->connected = connected;
    patrol->most = CHECKS_MOST;
    timer_init(&patrol->timer, due);
}

void patrol_clear(struct patrol *patrol)
{
    timer_clear(patrol->queue->core, &patrol->timer);
}
