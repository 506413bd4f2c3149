/* SPDX-License-Identifier: Apache-2.0 */
#include "core/core.h"

#include <string.h>

void core_init(struct core *core, uint64_t seed)
{
    memset(core, 0, sizeof *core);
    list_init(&core->sessions);
    list_init(&core->attention);
    core->random_state = seed;
}

void core_run_timers(struct core *core)
{
    while (core->timers.root != NULL && core->timers.root->key <= core->now) {
        struct timer *timer = container_of(core->timers.root, struct timer, node);
        heap_remove(&core->timers, &timer->node);
        timer->fire(timer);
    }
}

int64_t core_next_timer(const struct core *core)
{
    return core->timers.root == NULL ? NEVER : core->timers.root->key;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    memset(timer, 0, sizeof *timer);
    timer->fire = fire;
}

void timer_set(struct core *core, struct timer *timer, int64_t at)
{
    heap_remove(&core->timers, &timer->node);
    if (at != NEVER)
        heap_insert(&core->timers, &timer->node, at);
}

void timer_clear(struct core *core, struct timer *timer)
{
    heap_remove(&core->timers, &timer->node);
}

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
uint64_t core_random(struct core *core)
{
    uint64_t z = core->random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t core_random_below(struct core *core, int64_t bound)
{
    return bound <= 0 ? 0 : (int64_t)(core_random(core) % (uint64_t)bound);
}

void core_random_bytes(struct core *core, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(core_random(core) >> 32);
}

void core_log(struct core *core, int level, const char *format, ...)
{
    va_list arguments;

    if (core->log == NULL)
        return;
    va_start(arguments, format);
    core->log(core->host, level, format, arguments);
    va_end(arguments);
}
