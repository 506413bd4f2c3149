/* SPDX-License-Identifier: Apache-2.0 */
#include "run/runner.h"
#include "run/alarm.h"
#include "run/host.h"
#include "run/thread.h"

static void *run(void *argument)
{
    zkc_sync *sync = argument;
    struct runner *runner = &sync->runner;
    bool stop = false;

    while (!stop) {
        alarm_wait(runner->alarm);
        host_enter(sync);
        runner->armed = NEVER;
        alarm_disarm(runner->alarm);
        core_run_timers(&sync->core);
        stop = runner->stop;
        host_leave(sync);
    }
    return NULL;
}

int runner_start(zkc_sync *sync)
{
    struct runner *runner = &sync->runner;

    runner->armed = NEVER;
    runner->alarm = alarm_open();
    if (runner->alarm < 0)
        return -1;
    if (thread_start(run, sync, &runner->thread) != 0) {
        alarm_close(runner->alarm);
        runner->alarm = -1;
        return -1;
    }
    runner->running = true;
    return 0;
}

/* Only an earlier time costs a system call; for a later one the thread wakes once in vain. */
void runner_want(zkc_sync *sync, int64_t at)
{
    if (at >= sync->runner.armed || !sync->runner.running)
        return;
    sync->runner.armed = at;
    alarm_set(sync->runner.alarm, at);
}

void runner_stop(zkc_sync *sync)
{
    struct runner *runner = &sync->runner;

    if (!runner->running)
        return;
    pthread_mutex_lock(&sync->mutex);
    runner->stop = true;
    runner->running = false; /* nobody sets the alarm from here on */
    alarm_fire(runner->alarm);
    pthread_mutex_unlock(&sync->mutex);
    thread_join(runner->thread);
    alarm_close(runner->alarm);
    runner->alarm = -1;
}
