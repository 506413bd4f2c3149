/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers' journal (worker.h) judged itself: a turn counts only once its entry is complete. The
 * worker is stopped each time it asks for the time, as the scheduler may stop it. No server.
 */
#define _GNU_SOURCE
#include "worker.h"
#include "harness.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(20000)
#define STOPS_MAX 100

static bool stops; /* this process is a worker that stops in the middle */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (stops && clock == CLOCK_BOOTTIME)
        raise(SIGSTOP);
    return __real_clock_gettime(clock, now);
}

struct desk {
    char path[64];
    struct journal *journal;
};

static int open_desk(void **state)
{
    static struct desk desk;
    int fd;

    snprintf(desk.path, sizeof desk.path, "/tmp/zkc-journal-XXXXXX");
    fd = mkostemp(desk.path, O_CLOEXEC);
    if (fd < 0)
        return -1;
    close(fd);
    desk.journal = journal_open(desk.path);
    *state = &desk;
    return desk.journal ? 0 : -1;
}

static int close_desk(void **state)
{
    struct desk *desk = *state;

    munmap(desk->journal, sizeof *desk->journal);
    return unlink(desk->path);
}

static pid_t start_worker(struct desk *desk, const char *token, bool stopping)
{
    char manners[] = "";
    char *words[] = {desk->path, manners, NULL};
    pid_t test = getpid(), pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != test || setenv("ZKCOORD_TOKEN", token, 1) != 0)
        _exit(97);
    stops = stopping;
    _exit(worker_main(2, words));
}

static void end_worker(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void wait_stopped(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
}

/* In the middle: the entry is its own, and is not complete. */
static bool stopped_within(const struct desk *desk)
{
    return atomic_load(&desk->journal->claimed) == 1 && journal_turns(desk->journal) == 0;
}

static void check_first_turn(const struct desk *desk, int64_t token)
{
    const struct turn *turn = journal_turn(desk->journal, 0);

    assert_non_null(turn);
    assert_int_equal(turn->token, token);
    assert_int_equal(turn->family, 1);
    assert_true(turn->first > 0);
    assert_true(turn->last >= turn->first);
}

static void a_turn_counts_when_it_is_complete(void **state)
{
    struct desk *desk = *state;
    pid_t pid = start_worker(desk, "17", true);
    int within = 0;

    for (int i = 0; journal_turns(desk->journal) == 0; i++) {
        assert_true(i < STOPS_MAX);
        wait_stopped(pid);
        within += stopped_within(desk);
        if (journal_turns(desk->journal) == 0)
            kill(pid, SIGCONT);
    }
    check_first_turn(desk, 17);
    assert_true(within > 0);
    end_worker(pid);
}

static void who_was_killed_within_had_no_turn(void **state)
{
    struct desk *desk = *state;
    pid_t pid = start_worker(desk, "17", true);

    wait_stopped(pid);
    assert_true(stopped_within(desk));
    end_worker(pid);
    pid = start_worker(desk, "18", false);
    assert_true(journal_wait(desk->journal, 1, SOON));
    end_worker(pid);
    assert_int_equal(journal_turns(desk->journal), 1);
    assert_null(journal_turn(desk->journal, 1));
    check_first_turn(desk, 18);
    assert_true(journal_margin(desk->journal, 1) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_turn_counts_when_it_is_complete, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(who_was_killed_within_had_no_turn, open_desk, close_desk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
