/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"
#include "clock.h"
#include "say.h"
#include "times.h"

#include <signal.h>
#include <sys/wait.h>

#define ALLOWANCE (1000 * MS) /* for a guardian that gets no processor */

/* ---- time ---- */

/* The clock is read first: what passes in between makes the lease look shorter, never longer. */
static bool renewed(struct run *run)
{
    int64_t now = clock_ns(), left = claim_remaining_ms(run->claim) * MS;

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

/* Whoever has deleted the znode may let others hold at once, not only when our lease ends. */
static int64_t tick_lost(const struct run *run)
{
    if (run->killed)
        return NEVER;
    if (clock_ns() < run->deaf_at)
        return run->deaf_at;
    guard_kill(run->guard);
    return NEVER;
}

int64_t run_tick(struct run *run)
{
    if (run->lost)
        return tick_lost(run);
    if (run->group == 0)
        return tick_unstarted(run);
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
    run->borrowed =
        eager && terminal_ours(run->plan->terminal) && family_alone(&run->guard->family);
    if (run->borrowed)
        terminal_remember(run->plan->terminal, &run->modes);
    guard_run(run->guard, claim_token(run->claim), run->grace_ms * MS, &run->limits, run->borrowed);
}

/* ---- terminal ---- */

static void lend(struct run *run)
{
    run->borrowed = true;
    terminal_remember(run->plan->terminal, &run->modes);
    terminal_give(run->plan->terminal, run->group);
}

/* As a shell does with a job that has ended: one that was ended could not put the modes back. */
static void take_back(struct run *run, bool ended)
{
    terminal_take(run->plan->terminal, run->group);
    if (ended)
        terminal_restore(run->plan->terminal, &run->modes);
}

/* As a shell does with a job that has stopped; and we are a job of a shell ourselves. Of one that
 * waits for the terminal in vain the guardian leaves the session, so that it waits no more. */
static void suspend(struct run *run, bool wants)
{
    terminal_take(run->plan->terminal, run->group);
    if (!wants)
        terminal_suspend(true);
    else if (!terminal_ask(run->plan->terminal))
        guard_leave(run->guard);
    if (run->borrowed && terminal_ours(run->plan->terminal))
        lend(run);
    guard_signal(run->guard, SIGCONT);
}

static void stopped(struct run *run, int signal)
{
    bool wants = signal == SIGTTIN || signal == SIGTTOU;

    if (wants && terminal_ours(run->plan->terminal)) {
        lend(run);
        guard_signal(run->guard, SIGCONT);
    } else if (signal != SIGSTOP && run->plan->terminal >= 0) {
        suspend(run, wants);
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
    run->deaf_at = clock_ns() + run->grace_ms * MS + ALLOWANCE;
    alarm_set(run->plan->notice, 0);
    guard_end(run->guard);
}

void run_report(struct run *run, const struct report *report)
{
    switch ((enum report_kind)report->kind) {
    case REPORT_READY: /* it was the first, and guard_start() has read it */
        break;
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
        run->ended = true;
        take_back(run, run->lost || WIFSIGNALED(report->number));
        break;
    case REPORT_REFUSED: /* says what a signal to us came to, not how the run is */
        break;
    case REPORT_LEFT:
        run->left = report->number;
        break;
    case REPORT_ENDING:
        run->lost = true;
        run->deaf_at = NEVER; /* the kernel acts without us */
        break;
    case REPORT_KILLED:
        run->killed = true;
        break;
    case REPORT_EMPTY:
        run->empty = true;
        break;
    }
}

void run_abandon(struct run *run)
{
    take_back(run, true);
}

void run_finish(struct run *run)
{
    alarm_clear(run->plan->notice);
    alarm_clear(run->plan->asked);
    if (run->borrowed)
        terminal_take(run->plan->terminal, run->group);
    run->group = 0;
    run->borrowed = run->lost = run->killed = run->ended = run->empty = false;
    run->modes.known = false;
    run->error = run->status = 0;
    run->left = 0;
}
