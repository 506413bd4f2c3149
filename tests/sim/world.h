/*
 * The simulated world: virtual time, events in one order, machines with clocks of their own, and
 * threads that are coroutines. One world at a time, all of it drawn from one seed; no real thread,
 * no real clock.
 *
 * The library under test is the real one: what it takes from the operating system
 * (lib/run/thread.c, clock.c, alarm.c) is replaced here when the program is linked, and so are the
 * zoo_* functions (fake_zoo.c). SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_WORLD_H
#define ZKC_SIM_WORLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define SIM_MS INT64_C(1000000)
#define SIM_SECOND (1000 * SIM_MS)
#define SIM_NEVER INT64_MAX

/* ---- life ---- */

void world_begin(uint64_t seed);
void world_end(void);    /* fibers that have not ended are dropped */
void world_forget(void); /* frees what is kept from one world to the next */

/* ---- time, chance ---- */

/* True time in nanoseconds; no machine's clock. */
int64_t world_now(void);

uint64_t world_random(void);
int64_t world_below(int64_t bound);                 /* uniform in [0, bound) */
int64_t world_between(int64_t least, int64_t most); /* uniform, both included */
bool world_chance(int per_mille);

/* ---- events ---- */

struct machine;
typedef void (*event_fn)(void *arg);

/*
 * Calls fn(arg) at that true time, on that machine: if it is paused then, when it goes on. A NULL
 * machine is the world itself (servers, the network, the storm). Events of one moment come in the
 * order in which they were asked for. Returns a ticket for event_cancel(), never 0.
 */
uint64_t event_at(struct machine *machine, int64_t when, event_fn fn, void *arg);
uint64_t event_after(struct machine *machine, int64_t delay, event_fn fn, void *arg);
void event_cancel(uint64_t *ticket); /* sets it to 0; harmless for one that is over, or 0 */

/* Runs the next event. False: there is none before the limit; time is then the limit. */
bool world_step(int64_t limit);

/* After every step. */
void world_set_check(void (*check)(void));

/* ---- machines ---- */

/* A client's machine, or process. Its clock may be off and run too fast or slow. */
struct machine *machine_new(const char *name, int64_t clock_offset, int drift_ppm);
const char *machine_name(const struct machine *machine);

/* The library gets so many threads more; negative: any number. Those that end do not count. */
void machine_threads(struct machine *machine, int count);

/* What its clock shows now. */
int64_t machine_clock(const struct machine *machine);

/* As SIGSTOP and SIGCONT: nothing of it runs meanwhile; what was due comes afterwards, by chance in
 * another order between its threads. */
void machine_pause(struct machine *machine);
void machine_resume(struct machine *machine);
bool machine_paused(const struct machine *machine);

/* How long it has been paused so far, on its clock. */
int64_t machine_stood(const struct machine *machine);

/* SIGKILL: its fibers and events never run again, its memory is gone. Not from one of its own. */
void machine_kill(struct machine *machine);
bool machine_dead(const struct machine *machine);

/* On which machine the code that runs now runs; NULL: the world. */
struct machine *machine_current(void);

/* Runs fn(arg) as if on that machine (its clock), now, without leaving. For the checker. */
void machine_visit(struct machine *machine, event_fn fn, void *arg);

/* ---- fibers: the threads of machines ---- */

struct fiber;

/* Begins at this moment, as an event. Freed when its function has returned (and it was joined, if
 * it was started through thread_start()). */
struct fiber *fiber_start(struct machine *machine, const char *name, event_fn fn, void *arg);

/* NULL when what runs now is an event. */
struct fiber *fiber_current(void);

/* Inside a fiber: goes on at that time of the world. */
void fiber_sleep_until(int64_t when);
void fiber_sleep(int64_t delay);

/*
 * Inside a fiber: sleeps until fiber_wake_all() is called with the same key, or until the time of
 * the world (SIM_NEVER: without). False: by time. As with condition variables, look again.
 */
bool fiber_wait(const void *key, int64_t until);
void fiber_wake_all(const void *key);

/* ---- the story ---- */

/* Whether lines are kept: a run that fails is repeated with its story. Before world_begin(). */
void story_keep(bool keep);

/* A line of the story, with the time and the machine. Costs nothing unless stories are kept. */
void story(const char *format, ...) __attribute__((format(printf, 1, 2)));
void story_print(void);   /* to stdout */
void story_write(int fd); /* the same in a signal handler */

/* Of everything that has happened: the same seed gives the same. */
uint64_t world_digest(void);

/* An invariant is broken: remembers the first reason; world_step() says false from now on. */
void world_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *world_failure(void); /* NULL: none */

/* ---- memory: each machine's own ---- */

/* Blocks of the library that are allocated on it and not freed. */
long machine_blocks(const struct machine *machine);

/* Its nth allocation from now on fails, once; 0: none does. */
void machine_fail_allocation(struct machine *machine, long nth);

/* ---- alarms: the descriptors of lib/run/alarm.h, and of event loops ---- */

/* Whether poll() would say that this alarm's descriptor is readable. */
bool sim_alarm_readable(int fd);

/* Inside a fiber, as poll(): until it is readable, or a poll of it is interrupted. */
void sim_alarm_poll(int fd);
void sim_alarm_interrupt(int fd);
int machine_alarms(const struct machine *machine); /* open ones, to find leaks */

#endif
