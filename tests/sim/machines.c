/*
 * Machines: clocks that are off, pauses, deaths.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_parts.h"

#include <stdio.h>
#include <stdlib.h>

static struct list machines;
static struct machine *current;

void machines_begin(void)
{
    list_init(&machines);
    current = NULL;
}

void machines_end(void)
{
    struct list *link;

    while ((link = list_pop(&machines)) != NULL) {
        struct machine *machine = container_of(link, struct machine, link);
        events_drop(machine);
        memory_drop(machine);
        free(machine);
    }
}

struct machine *machine_new(const char *name, int64_t clock_offset, int drift_ppm)
{
    struct machine *machine = calloc(1, sizeof *machine);

    snprintf(machine->name, sizeof machine->name, "%s", name);
    machine->offset = clock_offset;
    machine->drift_ppm = drift_ppm;
    machine->threads = -1;
    list_init(&machine->backlog);
    list_init(&machine->blocks);
    list_init(&machine->link);
    list_append(&machines, &machine->link);
    return machine;
}

void machine_threads(struct machine *machine, int count)
{
    machine->threads = count;
}

const char *machine_name(const struct machine *machine)
{
    return machine == NULL ? "world" : machine->name;
}

int64_t machine_clock(const struct machine *machine)
{
    int64_t now = world_now();

    if (machine == NULL)
        return now;
    return machine->offset + now + now / 1000000 * machine->drift_ppm +
           now % 1000000 * machine->drift_ppm / 1000000;
}

int64_t machine_true_time(const struct machine *machine, int64_t clock)
{
    int64_t now = world_now(), left;

    if (clock == SIM_NEVER)
        return SIM_NEVER;
    left = clock - machine_clock(machine);
    if (left <= 0)
        return now;
    if (machine == NULL)
        return clock;
    if (left > 1000 * SIM_SECOND)
        return SIM_NEVER;
    return now + left * 1000000 / (1000000 + machine->drift_ppm) + 2;
}

void machine_pause(struct machine *machine)
{
    if (!machine->paused && !machine->dead)
        story("%s is paused", machine->name);
    if (!machine->paused)
        machine->paused_at = machine_clock(machine);
    machine->paused = true;
}

void machine_resume(struct machine *machine)
{
    if (!machine->paused || machine->dead)
        return;
    story("%s goes on", machine->name);
    machine->paused = false;
    machine->stood += machine_clock(machine) - machine->paused_at;
    events_resume(machine);
}

bool machine_paused(const struct machine *machine)
{
    return machine->paused;
}

int64_t machine_stood(const struct machine *machine)
{
    return machine->stood + (machine->paused ? machine_clock(machine) - machine->paused_at : 0);
}

void machine_kill(struct machine *machine)
{
    if (machine->dead)
        return;
    story("%s is killed", machine->name);
    machine->dead = true;
    events_drop(machine);
    fibers_drop(machine);
    alarms_drop(machine);
    memory_drop(machine);
}

bool machine_dead(const struct machine *machine)
{
    return machine->dead;
}

struct machine *machine_current(void)
{
    return current;
}

struct machine *machine_enter(struct machine *machine)
{
    struct machine *before = current;

    current = machine;
    return before;
}

void machine_visit(struct machine *machine, event_fn fn, void *arg)
{
    struct machine *before = machine_enter(machine);

    fn(arg);
    machine_enter(before);
}

long machine_blocks(const struct machine *machine)
{
    return machine->live;
}

int machine_alarms(const struct machine *machine)
{
    return machine->alarms;
}

void machine_fail_allocation(struct machine *machine, long nth)
{
    machine->countdown = nth;
}
