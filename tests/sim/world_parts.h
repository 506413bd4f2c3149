/*
 * What the files of the world ask of each other. Nobody else includes this.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_WORLD_PARTS_H
#define ZKC_SIM_WORLD_PARTS_H

#include "world.h"

#include "base/list.h"

struct block;

struct machine {
    struct list link; /* in the order of making */
    char name[24];
    int64_t offset;
    int drift_ppm;
    bool paused;
    int64_t paused_at, stood;
    bool dead;
    struct list backlog; /* events that came while it was paused */
    struct list blocks;  /* memory of the library */
    long live;
    long countdown; /* the allocation that takes it from 1 to 0 fails */
    int alarms;
    int threads; /* how many more of the library's it takes; negative: any */
};

/* machines.c */
void machines_begin(void);
void machines_end(void);
struct machine *machine_enter(struct machine *machine); /* returns the one before */

/* The first true time at which its clock shows at least this. */
int64_t machine_true_time(const struct machine *machine, int64_t clock);

/* events.c */
void events_begin(void);
void events_seed(uint64_t seed);
void events_end(void);
void events_resume(struct machine *machine);
void events_drop(struct machine *machine);
uint64_t event_of_fiber(struct machine *machine, int64_t when, event_fn fn, void *arg);

/* fibers.c */
void fibers_begin(void);
void fibers_end(void);
void fibers_drop(struct machine *machine);
void fiber_mark_joinable(struct fiber *fiber);
void fiber_join(struct fiber *fiber);
void fiber_detach(struct fiber *fiber);

/* memory.c, alarm.c */
void memory_drop(struct machine *machine);
void alarms_begin(void);
void alarms_drop(struct machine *machine);

/* story.c */
void story_begin(void);
void story_end(void);
void story_mix(uint64_t value);

#endif
