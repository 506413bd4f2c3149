/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something slow or stopped between zkcoord and its command costs neither the lock nor the promise:
 * a file on a server that is away, which exec waits for, and a guardian that hears nothing.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "keeper.h"
#include "server.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(30000)
#define LOCKS "/micro/sync/lock/"

/* ---- a program that exec waits for ---- */

static char directory[64], program[80];
static int lease = -1;

static void write_program(void)
{
    static const char text[] = "#!/bin/sh\necho it runs\n";
    int fd = open(program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
}

/* A write lease on it, which the kernel asks us to give up; it waits for us 45 seconds. */
static int hold_program(void **state)
{
    (void)state;
    if (keeper_make_dir(directory, sizeof directory) != 0)
        return -1;
    snprintf(program, sizeof program, "%s/program", directory);
    write_program();
    signal(SIGIO, SIG_IGN);
    lease = open(program, O_RDONLY | O_CLOEXEC);
    return lease >= 0 && fcntl(lease, F_SETLEASE, F_WRLCK) == 0 ? 0 : -1;
}

static void release_program(void)
{
    fcntl(lease, F_SETLEASE, F_UNLCK);
}

static int drop_program(void **state)
{
    (void)state;
    if (lease >= 0)
        close(lease);
    lease = -1;
    return keeper_remove_dir(directory);
}

static bool is_waited_for(void *arg)
{
    (void)arg;
    return fcntl(lease, F_GETLEASE) != F_WRLCK;
}

static struct child *start_waiting(const char *session_timeout)
{
    struct child *holder =
        START("lock", "slow", "--session-timeout", session_timeout, "--", program);

    assert_non_null(holder);
    assert_true(wait_until(is_waited_for, NULL, SOON));
    return holder;
}

static void exec_that_waits_keeps_the_lock(void **state)
{
    struct child *holder = start_waiting("4");

    (void)state;
    assert_true(holds_until(command_is_running, holder, deadline_in_ms(6000)));
    release_program();
    command_expect(holder, "it runs");
    command_finish(holder, 0);
}

static void exec_that_waits_ends_at_a_signal(void **state)
{
    struct child *holder = start_waiting("30");

    (void)state;
    child_signal(holder, SIGTERM);
    command_finish(holder, 128 + SIGTERM);
    assert_true(probe_wait_children(probe, LOCKS "slow", 0, SOON));
}

static void exec_that_waits_ends_at_a_loss(void **state)
{
    struct child *holder = start_waiting("30");

    (void)state;
    assert_int_equal(probe_delete_tree(probe, LOCKS "slow"), 0);
    command_expect(holder, "is lost");
    command_finish(holder, 75);
    command_nobody(program);
}

/* ---- a guardian that is stopped ---- */

/* A guardian stopped before it can send SIGTERM, or after the command has heard of that. */
static void check_stopped(const char *grace, bool told)
{
    struct child *holder =
        START("lock", "deaf", "--session-timeout", "36", "--grace", grace, "--", "sh", "-c",
              "trap 'echo told' TERM; echo held; "
              "while :; do sleep 0.05; done");
    pid_t guardian;
    int status = -1;

    assert_non_null(holder);
    command_expect(holder, "held");
    guardian = command_guardian(child_pid(holder));
    if (!told)
        assert_int_equal(kill(guardian, SIGSTOP), 0);
    assert_int_equal(RUN("break", "deaf", "--yes"), 0);
    if (told) {
        command_expect(holder, "told");
        assert_int_equal(kill(guardian, SIGSTOP), 0);
    }
    assert_true(child_wait(holder, &status, deadline_in_ms(20000)));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 75);
    child_free(holder);
}

/* Whoever takes the lock next need not wait for the end of the lease. */
static void stopped_guardian_costs_the_grace_only(void **state)
{
    (void)state;
    check_stopped("1", false);
}

/* It has sent SIGTERM, and never sends SIGKILL. */
static void guardian_stopped_in_the_grace_costs_no_more(void **state)
{
    (void)state;
    check_stopped("2", true);
}

/* One that is merely slow is not killed: there is another turn. */
static void no_grace_is_no_stopped_guardian(void **state)
{
    struct child *leader;

    (void)state;
    leader = START("elect", "hasty", "--grace", "0", "--backoff", "0.05", "--", "sh", "-c",
                   "echo leads; exec sleep 1000");
    assert_non_null(leader);
    for (int i = 0; i < 3; i++) {
        command_expect(leader, "leads");
        assert_int_equal(RUN("break", "hasty", "--election", "--yes"), 0);
    }
    command_expect(leader, "leads");
    child_signal(leader, SIGTERM);
    command_finish(leader, 128 + SIGTERM);
}

static int start_patient_server(void **state)
{
    (void)state;
    return serve(2000); /* which grants up to 40 seconds */
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exec_that_waits_keeps_the_lock, hold_program, drop_program),
        cmocka_unit_test_setup_teardown(exec_that_waits_ends_at_a_signal, hold_program,
                                        drop_program),
        cmocka_unit_test_setup_teardown(exec_that_waits_ends_at_a_loss, hold_program, drop_program),
        cmocka_unit_test(stopped_guardian_costs_the_grace_only),
        cmocka_unit_test(guardian_stopped_in_the_grace_costs_no_more),
        cmocka_unit_test(no_grace_is_no_stopped_guardian),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_patient_server, stop_server);
}
