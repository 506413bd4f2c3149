/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"
#include "client.h"
#include "clock.h"
#include "exits.h"
#include "guard.h"
#include "notify.h"
#include "orphans.h"
#include "progress.h"
#include "run.h"
#include "say.h"
#include "scribe.h"
#include "signals.h"
#include "terminal.h"
#include "times.h"
#include "watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GIVE_UP_MS 2000
#define LONG_TURN_MS 60000 /* after such a turn the pause is short again */
#define BACKOFF_TIMES 64

enum phase { STANDING, GRANTED, RUNNING, PAUSING, OVER };
enum source { SIGNALS, CALLBACKS, GUARDIAN, TICKER, REVOKED, ASKED, WATCHDOG, SOURCES };

struct work {
    const struct task *task;
    enum phase phase;
    struct plan plan;
    struct guard guard;
    struct claim claim;
    struct run run;
    struct progress progress;
    struct scribe scribe;
    struct pollfd sources[SOURCES];
    struct watchdog watchdog;
    zkc_sync *sync;
    bool connected; /* there was a session once */
    bool answered;  /* standing has ended, with result */
    int result;
    int64_t connect_by;
    int64_t wait_by;
    int64_t turn_began;
    int64_t pause_ms;
    int leaving;  /* the signal that asked us to end; 0: none */
    bool insists; /* there was more than one */
    int status;   /* with which we exit */
    int died_of;  /* the command's signal: we end likewise; 0: none */
};

static const char *noun(const struct work *work)
{
    return claim_noun(work->task->kind);
}

static void over(struct work *work, int status)
{
    work->phase = OVER;
    work->status = status;
    work->died_of = 0; /* that was an earlier command */
}

static int failed(const struct work *work, int error)
{
    char what[600];

    if (work->task->quiet && (error == ZKC_EBUSY || error == ZKC_ETIMEDOUT))
        return exit_of(error); /* what a script asks for; faults are always said */
    snprintf(what, sizeof what, "%s '%s'", noun(work), work->task->id);
    if (error == ZKC_EBUSY && work->task->manner.shared) {
        say("%s: somebody holds it alone, or waits to do so", what);
        return exit_of(error);
    }
    return client_failed(work->sync, what, error);
}

static void announce(const char *what, int64_t token)
{
    char when[32], more[48] = "";
    time_t now = time(NULL);
    struct tm local;

    if (localtime_r(&now, &local) == NULL || strftime(when, sizeof when, "%F %T", &local) == 0)
        *when = '\0';
    if (token != 0)
        snprintf(more, sizeof more, ", token %" PRId64, token);
    notify("READY=1\nSTATUS=%s since %s%s", what, when, more);
}

/* ---- a turn ends ---- */

static void give_up(struct work *work)
{
    zkc_context *context;

    work->sources[REVOKED].fd = work->sources[ASKED].fd = -1;
    if (zkc_context_new(NULL, &context) != ZKC_OK)
        return; /* closing gives it up */
    zkc_context_set_timeout_ms(context, GIVE_UP_MS);
    claim_give_up(&work->claim, context);
    zkc_context_free(context);
}

static void pause_or_stand(struct work *work)
{
    int64_t base = work->task->backoff_ms;

    if (clock_ns() - work->turn_began > LONG_TURN_MS * MS)
        work->pause_ms = base;
    work->phase = PAUSING;
    notify("STATUS=pausing for %.1f s", (double)work->pause_ms / 1000);
    alarm_set(work->sources[TICKER].fd, clock_ns() + work->pause_ms * MS);
    work->pause_ms =
        work->pause_ms * 2 > base * BACKOFF_TIMES ? base * BACKOFF_TIMES : work->pause_ms * 2;
}

static void say_lost(struct work *work)
{
    int reason = claim_revoked_reason(&work->claim);

    if (!work->task->quiet)
        say("%s '%s' is lost: %s", noun(work), work->task->id,
            reason == ZKC_OK ? "its lease could not be renewed in time" : zkc_strerror(reason));
}

static int exec_failed(const struct work *work)
{
    say("%s: %s", work->task->command[0], strerror(work->run.error));
    return exit_of_exec(work->run.error);
}

/* Sets the exit status; true if there can be another turn. */
static bool judge(struct work *work)
{
    const struct run *run = &work->run;

    work->died_of = 0;
    if (run->error != 0) {
        work->status = exec_failed(work);
        return false;
    }
    if (run->lost) {
        work->status = STATUS_LOST;
    } else if (WIFSIGNALED(run->status)) {
        work->died_of = WTERMSIG(run->status);
        work->status = 128 + work->died_of;
    } else {
        work->status = WEXITSTATUS(run->status);
    }
    return work->task->repeats && work->leaving == 0;
}

static void turn_over(struct work *work)
{
    bool again = judge(work);

    if (work->run.lost)
        say_lost(work);
    run_finish(&work->run);
    give_up(work);
    if (again)
        pause_or_stand(work);
    else
        work->phase = OVER;
}

/* ---- a turn begins ---- */

static void stand(struct work *work);

/* Lost before the command was started: as if it had not been granted. */
static void stand_again(struct work *work)
{
    run_finish(&work->run);
    give_up(work);
    stand(work);
}

/* Whether the grace that is asked for has room in such a session; or says that it has not. */
static bool grace_fits(const struct task *task, int64_t session_ms)
{
    int64_t most = times_grace_max(session_ms);

    if (task->grace_ms <= most)
        return true;
    say_usage("a grace of %" PRId64 " ms is too long for a session timeout of %" PRId64
              " ms: at most %" PRId64 " ms",
              task->grace_ms, session_ms, most);
    return false;
}

static bool set_times(struct work *work)
{
    int64_t session_ms = zkc_sync_session_timeout_ms(work->sync);

    if (session_ms <= 0)
        return false;
    work->run.session_ms = session_ms;
    work->run.grace_ms = work->task->grace_ms >= 0 ? work->task->grace_ms : times_grace(session_ms);
    if (grace_fits(work->task, session_ms))
        return true;
    over(work, STATUS_USAGE);
    give_up(work);
    return false;
}

static void try_to_start(struct work *work)
{
    alarm_set(work->sources[TICKER].fd, times_next_look(clock_ns(), NEVER, work->run.session_ms));
    if (claim_remaining_ms(&work->claim) <
        times_enough_ms(work->run.session_ms, work->run.grace_ms))
        return;
    work->phase = RUNNING;
    work->turn_began = clock_ns();
    if (work->task->kind == CLAIM_LEADER)
        announce("leader", claim_token(&work->claim));
    run_start(&work->run, work->task->kind == CLAIM_LOCK);
    if (work->run.empty)
        stand_again(work);
    else
        alarm_set(work->sources[TICKER].fd, run_tick(&work->run));
}

static void granted(struct work *work)
{
    int revoked = claim_revoked_fd(&work->claim), asked = claim_asked_fd(&work->claim);

    if (work->leaving != 0) {
        give_up(work);
        over(work, 128 + work->leaving);
        return;
    }
    work->phase = GRANTED;
    work->sources[REVOKED].fd = revoked;
    work->sources[ASKED].fd = asked;
    if (revoked < 0 || asked < 0)
        over(work, failed(work, revoked < 0 ? revoked : asked));
    else if (set_times(work))
        try_to_start(work);
    else if (work->phase == GRANTED)
        over(work, failed(work, ZKC_ECLOSED));
}

static bool only_tries(const struct task *task)
{
    return task->nonblock || (task->waits && task->wait_ms == 0);
}

static int standing_failed(const struct work *work, int result)
{
    if (result == ZKC_ETIMEDOUT && only_tries(work->task)) /* servers that say neither yes nor no */
        result = ZKC_EUNREACHABLE;
    if (work->leaving != 0)
        return 128 + work->leaving;
    if (!work->connected && !client_refused(result))
        return failed(work, ZKC_EUNREACHABLE);
    if (result != ZKC_ETIMEDOUT && result != ZKC_EBUSY)
        return failed(work, result);
    failed(work, result);
    return work->task->conflict_status;
}

/* A callback of the library, in which nothing may block. */
static void stood(void *arg, int result)
{
    struct work *work = arg;

    work->answered = true;
    work->result = result;
}

/* How long a lock may outlive a machine is not what was asked for. */
static void note_timeout(const struct work *work, int64_t granted_ms)
{
    int64_t asked_ms = work->task->common->session_timeout_ms;

    if (asked_ms != 0 && asked_ms != granted_ms && !work->task->quiet)
        say("the servers made the session timeout %" PRId64 " ms, not %" PRId64 " ms", granted_ms,
            asked_ms);
}

static void note_connection(struct work *work)
{
    int64_t granted_ms = zkc_sync_session_timeout_ms(work->sync);

    if (work->connected || granted_ms <= 0)
        return;
    work->connected = true;
    note_timeout(work, granted_ms);
    if (work->task->kind == CLAIM_LEADER)
        announce("standby", 0);
}

static void take_answer(struct work *work)
{
    work->answered = false;
    note_connection(work);
    progress_stop(&work->progress);
    if (work->result == ZKC_OK)
        granted(work);
    else
        over(work, standing_failed(work, work->result));
}

/* How long standing may take; -1: for ever. A mere try waits for an answer only. */
static int64_t patience_ms(const struct work *work)
{
    int64_t left = (work->wait_by - clock_ns()) / MS;

    if (only_tries(work->task))
        return CONNECT_MS;
    if (!work->task->waits)
        return -1;
    return left > 0 ? left : 1;
}

static void stand(struct work *work)
{
    const struct task *task = work->task;
    bool try_only = only_tries(task);
    int error;

    work->phase = STANDING;
    alarm_set(work->sources[TICKER].fd, work->connected ? NEVER : clock_ns() + 20 * MS);
    error = claim_stand(&work->claim, patience_ms(work), try_only, stood, work);
    if (error != ZKC_OK) {
        over(work, failed(work, error));
        return;
    }
    if (work->connected && task->kind == CLAIM_LEADER)
        announce("standby", 0);
    if (!task->quiet && !try_only)
        progress_start(&work->progress, work->sync, task->kind, task->id);
}

/* ---- events ---- */

/* Until the first connection; afterwards standing by costs nothing. */
static void wait_for_connection(struct work *work)
{
    note_connection(work);
    if (work->connected && !grace_fits(work->task, zkc_sync_session_timeout_ms(work->sync)))
        over(work, STATUS_USAGE); /* before our turn has come: closing takes us out of the line */
    else if (work->connected)
        alarm_clear(work->sources[TICKER].fd);
    else if (clock_ns() < work->connect_by)
        alarm_set(work->sources[TICKER].fd, clock_ns() + 20 * MS);
    else
        over(work, failed(work, ZKC_EUNREACHABLE));
}

static void on_tick(struct work *work)
{
    switch (work->phase) {
    case STANDING:
        wait_for_connection(work);
        break;
    case GRANTED:
        try_to_start(work);
        break;
    case RUNNING:
        alarm_set(work->sources[TICKER].fd, run_tick(&work->run));
        break;
    case PAUSING:
        stand(work);
        break;
    case OVER:
        break;
    }
}

/* The descriptor may be readable for a moment after a late renewal: ask again. */
static void on_revoked(struct work *work)
{
    if (claim_remaining_ms(&work->claim) > 0)
        return;
    work->sources[REVOKED].fd = -1;
    if (work->phase == RUNNING) {
        run_revoked(&work->run);
        on_tick(work);
    } else if (work->phase == GRANTED) {
        stand_again(work);
    }
}

/* It is the command's to give up, by ending. */
static void on_asked(struct work *work)
{
    work->sources[ASKED].fd = -1; /* once a turn */
    if (!work->task->quiet)
        say("%s '%s': somebody asks us to give up", noun(work), work->task->id);
    run_asked(&work->run);
}

/* Sooner or later its end comes, or a signal for us; without a word nobody would know. */
static void say_left(const struct work *work, pid_t left)
{
    char text[FAMILY_NAME_SIZE];

    say("%s cannot be killed (another user's, or it waits in the kernel): %s",
        family_name(left, text, sizeof text),
        work->run.lost ? "it goes on, though others may hold what it worked under"
                       : "nothing is given up before it ends");
}

/* It was killed: by somebody, or because it was stopped when its time came. */
static void guardian_gone(struct work *work)
{
    bool late = work->phase == RUNNING && (work->run.lost || clock_ns() >= work->run.limits.last);

    if (late)
        say_lost(work);
    else
        say("the guardian of the command was killed");
    over(work, late ? STATUS_LOST : STATUS_INTERNAL);
}

/* The command is another user's: nobody hears the signal but us. */
static void on_refused(struct work *work, pid_t command)
{
    if (work->insists)
        over(work, 128 + work->leaving);
    else if (work->leaving != 0)
        say_left(work, command);
}

static void on_report(struct work *work)
{
    struct report report;
    enum guard_event event;

    while ((event = guard_read(&work->guard, &report)) == GUARD_REPORT) {
        run_report(&work->run, &report);
        if (report.kind == REPORT_LEFT)
            say_left(work, report.number);
        if (report.kind == REPORT_REFUSED)
            on_refused(work, report.number);
    }
    if (work->phase == OVER)
        return;
    if (event == GUARD_GONE)
        guardian_gone(work);
    else if (work->phase == RUNNING && work->run.empty)
        turn_over(work);
}

/* Without a command of ours: nobody else handles it. */
static void signal_while_waiting(struct work *work, int signal)
{
    bool daemon = work->task->repeats && work->plan.terminal < 0;

    if (signal == SIGTSTP)
        terminal_suspend(false);
    if (signal != SIGINT && signal != SIGTERM && signal != SIGQUIT && (signal != SIGHUP || daemon))
        return;
    if (work->leaving != 0) { /* the second time: at once */
        guard_stop(&work->guard);
        signals_die(signal);
    }
    work->leaving = signal;
    if (work->phase == STANDING) {
        claim_cancel(&work->claim);
        return;
    }
    if (work->phase == GRANTED)
        give_up(work);
    over(work, 128 + signal);
}

static bool is_to_end(const struct work *work, int signal)
{
    return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT ||
           (signal == SIGHUP && work->plan.terminal >= 0);
}

/* Whoever is left after SIGKILL does not obey; else the command is asked. */
static void leave_command(struct work *work, int signal)
{
    work->insists = work->leaving != 0;
    work->leaving = signal;
    if (work->run.left != 0 && (work->run.ended || work->run.killed))
        over(work, 128 + signal);
    else
        run_signal(&work->run, signal);
}

static void on_signal(struct work *work)
{
    int signal = signals_read(work->sources[SIGNALS].fd);

    if (signal == SIGCHLD)
        orphans_reap(work->guard.family.proc, &work->guard.second, 1);
    if (signal == 0 || signal == SIGCHLD)
        return;
    if (work->phase != RUNNING) {
        signal_while_waiting(work, signal);
        return;
    }
    if (is_to_end(work, signal))
        leave_command(work, signal);
    else
        run_signal(&work->run, signal);
}

static void on_watchdog(struct work *work)
{
    watchdog_answer(&work->watchdog);
}

static void dispatch(struct work *work)
{
    if (zkc_sync_dispatch(work->sync) < 0)
        over(work, STATUS_INTERNAL);
    else if (work->answered)
        take_answer(work);
}

static void loop(struct work *work)
{
    static void (*const handlers[SOURCES])(struct work *) = {
        on_signal, dispatch, on_report, on_tick, on_revoked, on_asked, on_watchdog};

    while (work->phase != OVER) {
        if (poll(work->sources, SOURCES, -1) < 0 && errno != EINTR) {
            over(work, STATUS_INTERNAL);
            return;
        }
        for (int i = 0; i < SOURCES && work->phase != OVER; i++)
            if (work->sources[i].fd >= 0 && work->sources[i].revents != 0)
                handlers[i](work);
    }
}

/* ---- life ---- */

/* Before everything else: the guardian must not inherit threads and connections. */
static bool start_guardian(struct work *work, const char **ret_problem)
{
    struct plan *plan = &work->plan;

    signals_block(&plan->mask);
    watchdog_open(&work->watchdog);
    plan->command = work->task->command;
    plan->id = work->task->id;
    plan->terminal = terminal_open();
    plan->notice = alarm_open();
    plan->asked = alarm_open();
    *ret_problem = "no descriptor is left";
    if (!scribe_open(&work->scribe) || !guard_start(&work->guard, plan, ret_problem))
        return false;
    *ret_problem = "no descriptor is left, or no thread";
    work->sources[SIGNALS].fd = signals_open(&plan->mask);
    work->sources[TICKER].fd = alarm_open();
    work->sources[GUARDIAN].fd = work->guard.socket;
    work->sources[REVOKED].fd = work->sources[ASKED].fd = -1;
    work->sources[WATCHDOG].fd = work->watchdog.timer;
    for (int i = 0; i < SOURCES; i++)
        work->sources[i].events = POLLIN;
    return work->sources[SIGNALS].fd >= 0 && work->sources[TICKER].fd >= 0 && plan->notice >= 0 &&
           plan->asked >= 0 && scribe_start(&work->scribe);
}

static int connect_and_stand(struct work *work)
{
    const struct task *task = work->task;
    const char *name = strrchr(task->command[0], '/');
    int error =
        client_open(task->common, -1, name != NULL ? name + 1 : task->command[0], &work->sync);

    if (error != 0)
        return error;
    work->connect_by = clock_ns() + CONNECT_MS * MS;
    work->wait_by = clock_ns() + task->wait_ms * MS;
    work->sources[CALLBACKS].fd = zkc_sync_fd(work->sync);
    error = claim_open(&work->claim, work->sync, task->kind, task->id, &task->manner);
    if (error == ZKC_OK && work->sources[CALLBACKS].fd < 0)
        error = work->sources[CALLBACKS].fd;
    if (error == ZKC_EINVAL)
        return client_failed(work->sync, task->id, error);
    if (error != ZKC_OK)
        return failed(work, error);
    stand(work);
    return 0;
}

static void say_each_left(const struct work *work, pid_t left)
{
    char text[FAMILY_NAME_SIZE];

    for (pid_t one = 0; (one = family_next_left(&work->guard.family, left, one)) != 0;)
        say("%s cannot be killed: it goes on", family_name(one, text, sizeof text));
}

/* Nothing of the command is there, and servers may be silent. Earlier signals were for it. */
static void obey_from_here(const struct work *work)
{
    while (signals_read(work->sources[SIGNALS].fd) != 0)
        ;
    signals_obey();
}

static void end(struct work *work)
{
    pid_t left;

    if (work->task->repeats)
        notify("STOPPING=1");
    progress_stop(&work->progress);
    left = guard_stop(&work->guard);
    if (left != 0)
        say_each_left(work, left);
    run_abandon(&work->run);
    if (work->leaving != 0)
        obey_from_here(work);
    claim_close(&work->claim);
    zkc_sync_close(work->sync);
    scribe_close(&work->scribe);
}

static int cannot_prepare(struct work *work, const char *problem)
{
    scribe_close(&work->scribe);
    say("no command can be guarded here: %s", problem);
    return STATUS_INTERNAL;
}

int work_on(const struct task *task)
{
    struct work work = {.task = task, .pause_ms = task->backoff_ms};
    int64_t asked_ms = task->common->session_timeout_ms;
    const char *problem;
    int error;

    if (!grace_fits(task, asked_ms != 0 ? asked_ms : ZKC_DEFAULT_SESSION_TIMEOUT_MS))
        return STATUS_USAGE;
    if (!start_guardian(&work, &problem))
        return cannot_prepare(&work, problem);
    work.run.guard = &work.guard;
    work.run.plan = &work.plan;
    work.run.claim = &work.claim;
    error = connect_and_stand(&work);
    if (error == 0)
        loop(&work);
    else
        work.status = error;
    end(&work);
    if (work.died_of != 0)
        signals_die(work.died_of);
    if (work.leaving != 0 && work.status == 128 + work.leaving)
        signals_die(work.leaving);
    return work.status;
}
