/*
 * The operating system as the library sees it, in place of lib/run/thread.c, clock.c, alarm.c and
 * fork.c, lib/zk/zk_threads.c and zk_descriptors.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_parts.h"

#include "run/alarm.h"
#include "run/clock.h"
#include "run/fork.h"
#include "run/thread.h"
#include "zk/zk_descriptors.h"
#include "zk/zk_threads.h"

#include <errno.h>
#include <stdlib.h>

/* ---- threads ---- */

struct start {
    void *(*function)(void *);
    void *argument;
};

static void run_thread(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    start.function(start.argument);
}

int thread_start(void *(*function)(void *), void *argument, pthread_t *ret_thread)
{
    struct start *start;
    struct fiber *fiber;

    if (zk_threads_try(1) != 0)
        return -1;
    if (machine_current()->threads > 0)
        machine_current()->threads--;
    start = malloc(sizeof *start);
    start->function = function;
    start->argument = argument;
    fiber = fiber_start(machine_current(), "library", run_thread, start);
    fiber_mark_joinable(fiber);
    *ret_thread = (pthread_t)(uintptr_t)fiber;
    return 0;
}

int zk_threads_try(unsigned count)
{
    int left = machine_current()->threads;

    errno = EAGAIN;
    return left < 0 || (unsigned)left >= count ? 0 : -1;
}

void thread_join(pthread_t thread)
{
    fiber_join((struct fiber *)thread);
}

void thread_detach(pthread_t thread)
{
    fiber_detach((struct fiber *)thread);
}

/* Events are what libzookeeper's thread runs. */
pthread_t thread_self(void)
{
    const void *self = fiber_current();

    return (pthread_t)(uintptr_t)(self != NULL ? self : (const void *)machine_current());
}

/* Nobody cancels a fiber. */
int thread_hold_cancel(void)
{
    return 0;
}

void thread_allow_cancel(int before)
{
    (void)before;
}

/* ---- waiting ---- */

int condition_init(struct condition *condition)
{
    (void)condition;
    return 0;
}

void condition_destroy(struct condition *condition)
{
    (void)condition;
}

bool condition_wait_until(struct condition *condition, pthread_mutex_t *mutex, int64_t deadline)
{
    bool woken;

    pthread_mutex_unlock(mutex);
    woken = fiber_wait(condition, machine_true_time(machine_current(), deadline));
    pthread_mutex_lock(mutex);
    return woken;
}

void condition_wait(struct condition *condition, pthread_mutex_t *mutex)
{
    condition_wait_until(condition, mutex, SIM_NEVER);
}

void condition_wake_all(struct condition *condition)
{
    fiber_wake_all(condition);
}

void word_sleep(_Atomic uint32_t *word, uint32_t seen)
{
    if (atomic_load(word) == seen)
        fiber_wait(word, SIM_NEVER);
}

void word_wake(_Atomic uint32_t *word)
{
    fiber_wake_all(word);
}

/* ---- clocks ---- */

int64_t clock_now(void)
{
    return machine_clock(machine_current());
}

int64_t clock_monotonic(void)
{
    return machine_clock(machine_current());
}

uint64_t clock_seed(void)
{
    return world_random();
}

/* ---- alarms ---- */

#define FIRST_FD 1000000
#define ALARMS 4096

struct alarm {
    struct machine *machine; /* NULL: free */
    int64_t at;              /* of the machine's clock; 0: disarmed */
    uint64_t event;
    bool waited_for;
};

static struct alarm alarms[ALARMS];

static struct alarm *alarm_of(int fd)
{
    return &alarms[fd - FIRST_FD];
}

static void fire(void *arg)
{
    struct alarm *alarm = arg;

    alarm->event = 0;
    fiber_wake_all(alarm);
}

static void settime(struct alarm *alarm, int64_t at)
{
    alarm->at = at;
    event_cancel(&alarm->event);
    if (at != 0 && alarm->waited_for)
        alarm->event = event_at(alarm->machine, machine_true_time(alarm->machine, at), fire, alarm);
}

int alarm_open(void)
{
    for (int i = 0; i < ALARMS; i++) {
        if (alarms[i].machine == NULL) {
            alarms[i] = (struct alarm){.machine = machine_current()};
            machine_current()->alarms++;
            return FIRST_FD + i;
        }
    }
    errno = EMFILE;
    return -1;
}

void alarm_close(int fd)
{
    struct alarm *alarm = alarm_of(fd);

    event_cancel(&alarm->event);
    alarm->machine->alarms--;
    alarm->machine = NULL;
}

void alarm_set(int fd, int64_t at)
{
    settime(alarm_of(fd), at > 0 ? at : 1);
}

void alarm_fire(int fd)
{
    settime(alarm_of(fd), 1);
}

void alarm_disarm(int fd)
{
    settime(alarm_of(fd), 0);
}

bool sim_alarm_readable(int fd)
{
    const struct alarm *alarm = alarm_of(fd);

    return alarm->at != 0 && machine_clock(alarm->machine) >= alarm->at;
}

void sim_alarm_poll(int fd)
{
    struct alarm *alarm = alarm_of(fd);

    alarm->waited_for = true;
    if (sim_alarm_readable(fd))
        return;
    settime(alarm, alarm->at);
    fiber_wait(alarm, SIM_NEVER);
}

void sim_alarm_interrupt(int fd)
{
    fiber_wake_all(alarm_of(fd));
}

void alarm_wait(int fd)
{
    while (!sim_alarm_readable(fd))
        sim_alarm_poll(fd);
}

void alarms_begin(void)
{
    for (int i = 0; i < ALARMS && alarms[i].machine != NULL; i++)
        alarms[i].machine = NULL;
}

void alarms_drop(struct machine *machine)
{
    for (int i = 0; i < ALARMS; i++) {
        if (alarms[i].machine == machine) {
            event_cancel(&alarms[i].event);
            alarms[i].machine = NULL;
        }
    }
    machine->alarms = 0;
}

/* ---- descriptors: no program is started here ---- */

int zk_descriptors_try(void)
{
    return 0;
}

void zk_descriptors_before(struct zk_descriptors *descriptors)
{
    (void)descriptors;
}

void zk_descriptors_after(const struct zk_descriptors *descriptors)
{
    (void)descriptors;
}

void zk_descriptors_connected(const struct sockaddr *server)
{
    (void)server;
}

/* ---- fork ---- */

static volatile int never_forked = 1;

int fork_guard_open(struct fork_guard *guard)
{
    guard->mark = &never_forked;
    guard->pid = 0;
    return 0;
}

void fork_guard_close(struct fork_guard *guard)
{
    guard->mark = NULL;
}

bool fork_guard_child(const struct fork_guard *guard)
{
    (void)guard;
    return false;
}
