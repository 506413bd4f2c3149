/* SPDX-License-Identifier: Apache-2.0 */
#include "run/runner.h"
#include "core/core.h"
#include "run/alarm.h"
#include "run/thread.h"

static void *run(void *argument)
{
    const struct runner *runner = argument;

    do
        alarm_wait(runner->alarm);
    while (runner->function(runner->argument));
    return NULL;
}

int runner_start(struct runner *runner, runner_fn function, void *argument)
{
    runner->function = function;
    runner->argument = argument;
    runner->armed = NEVER;
    runner->alarm = alarm_open();
    if (runner->alarm < 0)
        return -1;
    if (thread_start(run, runner, &runner->thread) != 0) {
        alarm_close(runner->alarm);
        runner->alarm = -1;
        return -1;
    }
    runner->running = true;
    return 0;
}

bool runner_rang(struct runner *runner)
{
    runner->armed = NEVER;
    alarm_disarm(runner->alarm);
    return !runner->stop;
}

/* Only an earlier time costs a system call; for a later one the thread wakes once in vain. */
void runner_want(struct runner *runner, int64_t at)
{
    if (at >= runner->armed || !runner->running)
        return;
    runner->armed = at;
    alarm_set(runner->alarm, at);
}

void runner_stop(struct runner *runner, pthread_mutex_t *mutex)
{
    if (!runner->running)
        return;
    pthread_mutex_lock(mutex);
    runner->stop = true;
    runner->running = false; /* nobody sets the alarm from here on */
    alarm_fire(runner->alarm);
    pthread_mutex_unlock(mutex);
    thread_join(runner->thread);
    alarm_close(runner->alarm);
    runner->alarm = -1;
}
