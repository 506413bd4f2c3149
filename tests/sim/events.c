/*
 * Events in one order: a heap by time, then by the order of asking.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event {
    struct list link; /* in a paused machine's backlog */
    struct machine *machine;
    event_fn fn; /* NULL: cancelled, or free */
    void *arg;
    uint32_t index;
    uint32_t generation;
    uint32_t next_free;
    bool of_fiber;
};

struct slot {
    int64_t when;
    uint64_t number;
    uint32_t index;
};

static struct {
    struct event **chunks; /* events never move */
    uint32_t count, free;
    struct slot *heap;
    size_t size, room;
    uint64_t number;
    int64_t now;
    uint64_t random;
    void (*check)(void);
} all;

#define CHUNK 256
#define EVENTS_MAX 2000000
#define NONE UINT32_MAX

static struct event *event_of(uint32_t index)
{
    return &all.chunks[index / CHUNK][index % CHUNK];
}

/* ---- time and chance ---- */

int64_t world_now(void)
{
    return all.now;
}

/* SplitMix64 */
uint64_t world_random(void)
{
    uint64_t z = all.random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t world_below(int64_t bound)
{
    return bound <= 0 ? 0 : (int64_t)(world_random() % (uint64_t)bound);
}

int64_t world_between(int64_t least, int64_t most)
{
    return least + world_below(most - least + 1);
}

bool world_chance(int per_mille)
{
    return world_below(1000) < per_mille;
}

/* ---- the heap ---- */

static bool earlier(const struct slot *a, const struct slot *b)
{
    return a->when != b->when ? a->when < b->when : a->number < b->number;
}

static void heap_push(struct slot slot)
{
    size_t at = all.size++;

    if (all.size > all.room) {
        all.room = all.room == 0 ? 1024 : 2 * all.room;
        all.heap = realloc(all.heap, all.room * sizeof *all.heap);
    }
    while (at > 0 && earlier(&slot, &all.heap[(at - 1) / 2])) {
        all.heap[at] = all.heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    all.heap[at] = slot;
}

static struct slot heap_pop(void)
{
    struct slot first = all.heap[0], last = all.heap[--all.size];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= all.size)
            break;
        if (child + 1 < all.size && earlier(&all.heap[child + 1], &all.heap[child]))
            child++;
        if (!earlier(&all.heap[child], &last))
            break;
        all.heap[at] = all.heap[child];
        at = child;
    }
    all.heap[at] = last;
    return first;
}

/* ---- asking ---- */

static uint32_t take_event(void)
{
    uint32_t index = all.free;

    if (index != NONE) {
        all.free = event_of(index)->next_free;
        return index;
    }
    if (all.count % CHUNK == 0) {
        all.chunks = realloc(all.chunks, (all.count / CHUNK + 1) * sizeof *all.chunks);
        all.chunks[all.count / CHUNK] = calloc(CHUNK, sizeof(struct event));
    }
    return all.count++;
}

static void free_event(uint32_t index)
{
    struct event *event = event_of(index);

    event->fn = NULL;
    event->generation++;
    event->next_free = all.free;
    all.free = index;
}

/* A fiber that goes round in circles by itself never comes back to world_step(). */
static void give_up(void)
{
    story_print();
    fprintf(stderr,
            "a thread goes round in circles; the run before this one was the last to end\n");
    abort();
}

static uint64_t add(struct machine *machine, int64_t when, event_fn fn, void *arg, bool of_fiber)
{
    uint32_t index = take_event();
    struct event *event = event_of(index);

    if (all.number > 2 * EVENTS_MAX)
        give_up();
    list_init(&event->link);
    event->index = index;
    event->machine = machine;
    event->fn = fn;
    event->arg = arg;
    event->of_fiber = of_fiber;
    heap_push((struct slot){when > all.now ? when : all.now, all.number++, index});
    return (uint64_t)event->generation << 32 | (index + 1);
}

uint64_t event_at(struct machine *machine, int64_t when, event_fn fn, void *arg)
{
    return add(machine, when, fn, arg, false);
}

uint64_t event_after(struct machine *machine, int64_t delay, event_fn fn, void *arg)
{
    return add(machine, all.now + delay, fn, arg, false);
}

uint64_t event_of_fiber(struct machine *machine, int64_t when, event_fn fn, void *arg)
{
    return add(machine, when, fn, arg, true);
}

/* One that is cancelled keeps its place until its time comes. */
void event_cancel(uint64_t *ticket)
{
    uint32_t index = (uint32_t)*ticket - 1;
    struct event *event;

    if (*ticket == 0)
        return;
    event = event_of(index);
    if (event->generation == (uint32_t)(*ticket >> 32)) {
        event->fn = NULL;
        if (!list_empty(&event->link)) {
            list_remove(&event->link);
            free_event(index);
        }
    }
    *ticket = 0;
}

/* ---- running ---- */

static void run(const struct slot *slot)
{
    struct event *event = event_of(slot->index);
    struct machine *machine = event->machine, *before;
    event_fn fn = event->fn;
    void *arg = event->arg;

    if (fn == NULL || (machine != NULL && machine->dead)) {
        free_event(slot->index);
        return;
    }
    if (machine != NULL && machine->paused) {
        list_append(&machine->backlog, &event->link);
        return;
    }
    free_event(slot->index);
    story_mix((uint64_t)slot->when ^ slot->number << 20);
    before = machine_enter(machine);
    fn(arg);
    machine_enter(before);
    if (all.check != NULL)
        all.check();
}

bool world_step(int64_t limit)
{
    struct slot slot;

    if (world_failure() != NULL)
        return false;
    if (all.size == 0 || all.heap[0].when > limit) {
        all.now = limit > all.now ? limit : all.now;
        return false;
    }
    slot = heap_pop();
    all.now = slot.when;
    if (all.number > EVENTS_MAX)
        world_fail("more happens than in a hundred worlds: something goes round in circles");
    run(&slot);
    return true;
}

void world_set_check(void (*check)(void))
{
    all.check = check;
}

/*
 * What waited comes at once. The client's packets and events keep their order, as in the sockets'
 * buffers; when a thread gets its turn among them is chance.
 */
void events_resume(struct machine *machine)
{
    struct list *link;
    int64_t step = world_chance(500) ? 0 : 20000;

    while ((link = list_pop(&machine->backlog)) != NULL) {
        struct event *event = container_of(link, struct event, link);
        int64_t when = all.now + (event->of_fiber ? world_below(20000) : step++);
        heap_push((struct slot){when, all.number++, event->index});
    }
}

void events_drop(struct machine *machine)
{
    struct list *link;

    while ((link = list_pop(&machine->backlog)) != NULL)
        free_event(container_of(link, struct event, link)->index);
}

void events_begin(void)
{
    all.now = 0;
    all.number = 0;
    all.size = 0;
    all.check = NULL;
    all.free = NONE;
    /* The memory is kept for the next world, but events come in the same order. */
    for (uint32_t i = all.count; i-- > 0;)
        free_event(i);
}

void events_end(void)
{
    for (uint32_t i = 0; i < all.count; i += CHUNK)
        free(all.chunks[i / CHUNK]);
    free(all.chunks);
    free(all.heap);
    memset(&all, 0, sizeof all);
}

void events_seed(uint64_t seed)
{
    all.random = seed;
}
