/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"
#include "clock.h"
#include "family.h"
#include "say.h"
#include "terminal.h"
#include "times.h"

#include <signal.h>

/* ---- time ---- */

/* The clock is read first: what passes in between makes the lease look shorter, never longer. */
static bool renewed(struct run *run)
{
    int64_t now = clock_ns(), left = contest_remaining_ms(run->contest) * MS;

    if (left == 0 || now + left <= run->end)
        return false;
    run->end = now + left;
    run->limits = times_limits(run->end, run->session_ms, run->grace_ms);
    alarm_set(run->plan->notice, run->limits.term);
    return true;
}

/* A guardian that has not read the order is stopped, and the kernel has none to end it. */
static int64_t tick_unstarted(const struct run *run)
{
    if (clock_ns() < run->limits.last)
        return times_next_look(clock_ns(), run->limits.last, run->session_ms);
    guard_kill(run->guard);
    return NEVER;
}

int64_t run_tick(struct run *run)
{
    if (run->group == 0)
        return tick_unstarted(run);
    if (run->lost)
        return NEVER;
    if (renewed(run))
        guard_limits(run->guard, &run->limits);
    return times_next_look(clock_ns(), run->limits.term, run->session_ms);
}

/* ---- beginning ---- */

void run_start(struct run *run, bool eager)
{
    run->end = 0;
    if (!renewed(run)) { /* over in the very moment of being granted */
        run->lost = run->empty = true;
        return;
    }
    run->borrowed = eager && terminal_ours(run->plan->terminal) && family_alone();
    guard_run(run->guard, contest_token(run->contest), run->grace_ms * MS, &run->limits,
              run->borrowed);
}

/* ---- terminal ---- */

static void lend(struct run *run)
{
    run->borrowed = true;
    terminal_give(run->plan->terminal, run->group);
}

/* As a shell does with a job that has stopped; and we are a job of a shell ourselves. */
static void suspend(struct run *run)
{
    terminal_take(run->plan->terminal, run->group);
    terminal_suspend(true);
    if (run->borrowed && terminal_ours(run->plan->terminal))
        lend(run);
    guard_signal(run->guard, SIGCONT);
}

static void stopped(struct run *run, int signal)
{
    if ((signal == SIGTTIN || signal == SIGTTOU) && terminal_ours(run->plan->terminal)) {
        lend(run);
        guard_signal(run->guard, SIGCONT);
    } else if (signal != SIGSTOP && run->plan->terminal >= 0) {
        suspend(run);
    }
}

/* ---- events ---- */

void run_signal(struct run *run, int signal)
{
    if (signal == SIGCONT && run->borrowed && terminal_ours(run->plan->terminal))
        lend(run);
    guard_signal(run->guard, signal);
}

void run_asked(struct run *run)
{
    alarm_set(run->plan->asked, 0);
}

void run_revoked(struct run *run)
{
    run->lost = true;
    alarm_set(run->plan->notice, 0);
    guard_end(run->guard);
}

void run_report(struct run *run, const struct report *report)
{
    switch ((enum report_kind)report->kind) {
    case REPORT_STARTED:
        run->group = report->number;
        break;
    case REPORT_FAILED:
        run->error = report->number;
        break;
    case REPORT_STOPPED:
        stopped(run, report->number);
        break;
    case REPORT_EXITED:
        run->status = report->number;
        terminal_take(run->plan->terminal, run->group);
        break;
    case REPORT_ENDING:
        run->lost = true;
        break;
    case REPORT_EMPTY:
        run->empty = true;
        break;
    }
}

void run_finish(struct run *run)
{
    alarm_clear(run->plan->notice);
    alarm_clear(run->plan->asked);
    if (run->borrowed)
        terminal_take(run->plan->terminal, run->group);
    run->group = 0;
    run->borrowed = run->lost = run->empty = false;
    run->error = run->status = 0;
}
