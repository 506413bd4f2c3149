/* SPDX-License-Identifier: Apache-2.0 */
#include "core/unwatch.h"
#include "base/mem.h"
#include "core/answer.h"

#include <string.h>

struct unwatch {
    struct leftovers *leftovers;
    struct list link;       /* leftovers->list, while it is left */
    struct watcher watcher; /* likewise in the table: libzookeeper renews it as all others */
    char path[];
};

static void unwatch_free(struct unwatch *unwatch)
{
    watcher_remove(unwatch->leftovers->watches, &unwatch->watcher);
    if (!list_empty(&unwatch->link))
        unwatch->leftovers->count--;
    list_remove(&unwatch->link);
    mem_free(unwatch);
}

/* It has gone by itself. */
static void fired(struct watcher *watcher, enum watch_event event)
{
    (void)event;
    unwatch_free(container_of(watcher, struct unwatch, watcher));
}

static void leave(struct unwatch *unwatch)
{
    struct leftovers *leftovers = unwatch->leftovers;

    list_append(&leftovers->list, &unwatch->link);
    leftovers->count++;
    watcher_add(leftovers->watches, &unwatch->watcher, unwatch->path);
}

static bool is_known(const struct leftovers *leftovers)
{
    return suspicion_known(leftovers->suspicion, VERB_UNWATCH);
}

/* The client registers its watches again after a reconnection, so a lost request is repeated. */
static void answered(void *owner, struct request *request, const struct reply *reply)
{
    struct unwatch *unwatch = owner;
    struct leftovers *leftovers = unwatch->leftovers;
    bool again = answer_try_again(reply->answer);

    if (again && is_known(leftovers) && request_keep(request)) {
        request->answered = answered;
        queue_submit(leftovers->queue, request);
    } else if (again && !request->dead && map_find(leftovers->watches, unwatch->path) == NULL) {
        leave(unwatch);
    } else {
        unwatch_free(unwatch);
    }
}

static void ask(struct unwatch *unwatch)
{
    struct queue *queue = unwatch->leftovers->queue;

    if (queue_ask(queue, VERB_UNWATCH, unwatch->path, answered, unwatch) == NULL)
        unwatch_free(unwatch); /* the watch goes with its node or the session */
}

static void begin(struct leftovers *leftovers, const char *path)
{
    size_t size = strlen(path) + 1;
    struct unwatch *unwatch = mem_alloc(sizeof *unwatch + size);

    if (unwatch == NULL)
        return; /* likewise */
    unwatch->leftovers = leftovers;
    list_init(&unwatch->link);
    watcher_init(&unwatch->watcher, fired);
    memcpy(unwatch->path, path, size);
    if (is_known(leftovers))
        ask(unwatch);
    else
        leave(unwatch);
}

/* What else is done in this step comes before: the delete of a node, say. */
void leftovers_unwatch(struct leftovers *leftovers, const char *path)
{
    struct core *core = leftovers->queue->core;

    if (map_find(leftovers->watches, path) == NULL)
        begin(leftovers, path);
    if (!list_empty(&leftovers->list))
        timer_set(core, &leftovers->timer, core->now);
}

void leftovers_ask(struct leftovers *leftovers)
{
    struct list *link;

    if (list_empty(&leftovers->list) || suspicion_convicted(leftovers->suspicion, VERB_UNWATCH))
        return;
    if (!is_known(leftovers) && !leftovers->harmless(leftovers))
        return;
    while ((link = list_pop(&leftovers->list)) != NULL) {
        struct unwatch *unwatch = container_of(link, struct unwatch, link);
        leftovers->count--;
        watcher_remove(leftovers->watches, &unwatch->watcher);
        ask(unwatch);
    }
}

static void due(struct timer *timer)
{
    leftovers_ask(container_of(timer, struct leftovers, timer));
}

void leftovers_init(struct leftovers *leftovers, struct queue *queue, struct map *watches,
                    struct suspicion *suspicion, bool (*harmless)(struct leftovers *leftovers))
{
    leftovers->queue = queue;
    leftovers->watches = watches;
    leftovers->suspicion = suspicion;
    list_init(&leftovers->list);
    leftovers->count = 0;
    timer_init(&leftovers->timer, due);
    leftovers->harmless = harmless;
}

void leftovers_clear(struct leftovers *leftovers)
{
    struct list *link;

    while ((link = list_pop(&leftovers->list)) != NULL) {
        leftovers->count--;
        unwatch_free(container_of(link, struct unwatch, link));
    }
    timer_clear(leftovers->queue->core, &leftovers->timer);
}
