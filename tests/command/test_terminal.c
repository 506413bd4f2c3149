/* SPDX-License-Identifier: Apache-2.0 */
/* zkcoord at a terminal, under an interactive shell: job control, progress, questions. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "keeper.h"
#include "server.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define CTRL_C "\003"
#define CTRL_D "\004"
#define CTRL_Z "\032"

/* ---- a shell at a terminal ---- */

struct shell {
    int terminal;
    pid_t pid;
    size_t used;
    char seen[65536]; /* since the last thing that was expected */
};

/* The role: the terminal is our input; the shell is the leader of a session that has it. */
static int shell_main(int argc, char **argv)
{
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        if (argc < 2 || ioctl(0, TIOCSCTTY, 0) != 0 || dup2(0, 2) != 2)
            _exit(99);
        setenv("ZKCOORD_NODES", argv[0], 1);
        setenv("Z", argv[1], 1);
        setenv("PS1", "[$?]> ", 1); /* says how the last command ended */
        execlp("bash", "bash", "--norc", "--noprofile", "--noediting", "-i", NULL);
        _exit(99);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static void type(struct shell *shell, const char *text)
{
    assert_int_equal(write(shell->terminal, text, strlen(text)), (ssize_t)strlen(text));
}

static void read_some(struct shell *shell, int64_t deadline)
{
    struct pollfd source = {.fd = shell->terminal, .events = POLLIN};
    size_t room = sizeof shell->seen - 1 - shell->used;
    ssize_t length;

    if (room == 0 || poll(&source, 1, deadline_left_ms(deadline)) <= 0)
        return;
    length = read(shell->terminal, shell->seen + shell->used, room);
    if (length > 0)
        shell->used += (size_t)length;
    shell->seen[shell->used] = '\0';
}

static void expect(struct shell *shell, const char *text)
{
    int64_t deadline = SOON;
    const char *found;
    size_t gone;

    while ((found = strstr(shell->seen, text)) == NULL) {
        if (deadline_passed(deadline))
            fail_msg("'%s' did not appear, but:\n%s", text, shell->seen);
        read_some(shell, deadline);
    }
    gone = (size_t)(found - shell->seen) + strlen(text);
    memmove(shell->seen, shell->seen + gone, shell->used - gone + 1);
    shell->used -= gone;
}

static int open_shell(void **state)
{
    static struct shell shell;
    char path[64];
    const char *const words[] = {command_self(), "--role=shell", nodes, command_path(), NULL};
    int slave;

    memset(&shell, 0, sizeof shell);
    shell.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (shell.terminal < 0 || grantpt(shell.terminal) != 0 || unlockpt(shell.terminal) != 0 ||
        ptsname_r(shell.terminal, path, sizeof path) != 0)
        return -1;
    slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    shell.pid = keeper_spawn(words, slave);
    close(slave);
    *state = &shell;
    type(&shell, "set -b; echo shell $((40 + 2))\n"); /* tell of jobs at once */
    expect(&shell, "shell 42");
    expect(&shell, "[0]> ");
    return shell.pid > 0 ? 0 : -1;
}

static int close_shell(void **state)
{
    struct shell *shell = *state;

    close(shell->terminal); /* hangs up */
    if (!keeper_wait(shell->pid, NULL, deadline_in_ms(10000)))
        keeper_signal(shell->pid, SIGKILL);
    return 0;
}

/* The prompt is back, with the status of the last command. */
static void expect_status(struct shell *shell, int status)
{
    char text[32];

    snprintf(text, sizeof text, "[%d]> ", status);
    expect(shell, text);
}

/* ---- job control ---- */

static void stopped_and_continued(void **state)
{
    type(*state, "$Z lock c --ttl 10 -- sed -u 's/^/got /'\nfirst line\n");
    expect(*state, "got first line");
    type(*state, CTRL_Z);
    expect(*state, "Stopped");
    expect_status(*state, 148);
    type(*state, "jobs\n");
    expect(*state, "Stopped");
    expect_status(*state, 0);
    type(*state, "fg\n");
    expect(*state, "lock c");
    type(*state, "second line\n");
    expect(*state, "got second line");
    type(*state, CTRL_D);
    expect_status(*state, 0);
}

/* With exec: dash loses an interrupt that comes between its fork() and the exec of its child. */
static void interrupted(void **state)
{
    type(*state, "$Z lock i -- sh -c 'echo run''ning; exec sleep 1000'\n");
    expect(*state, "running\r");
    type(*state, CTRL_C);
    expect_status(*state, 130);
    assert_true(probe_wait_children(probe, "/micro/sync/lock/i", 0, SOON));
}

/* Others are in the job as well: the command gets the terminal when it asks for it. */
static void in_a_pipeline(void **state)
{
    type(*state, "$Z lock p -- cat | sed 's/^/got /'; echo done ${PIPESTATUS[0]}\n");
    type(*state, "a line\n" CTRL_D);
    expect(*state, "got a line");
    expect(*state, "done 0");
}

static void a_shell_with_jobs_of_its_own(void **state)
{
    type(*state, "$Z lock s -- bash --norc --noprofile --noediting -i\n");
    type(*state, "echo inner $((1 + 1))\n");
    expect(*state, "inner 2");
    type(*state, "sed -u 's/^/got /'\na line\n");
    expect(*state, "got a line");
    type(*state, CTRL_Z);
    expect(*state, "Stopped");
    type(*state, "exit\nexit\n"); /* the first one warns of the job */
    type(*state, "echo outer $((2 + 2))\n");
    expect(*state, "outer 4");
}

static void in_the_background(void **state)
{
    type(*state, "$Z lock b -- sh -c 'echo working; read a; echo got $a' &\n");
    expect(*state, "working\r");
    expect(*state, "Stopped"); /* it reads from the terminal */
    type(*state, "fg\n");
    expect(*state, "lock b");
    type(*state, "input\n");
    expect(*state, "got input");
    expect_status(*state, 0);
}

/* ---- what a person sees ---- */

static void progress_while_waiting(void **state)
{
    struct child *holder = command_start(nodes, "lock", "w", "sh", "-c", "echo held; cat", NULL);
    char text[64];

    command_expect(holder, "held");
    type(*state, "$Z lock w -- echo it is m''ine\n");
    expect(*state, "lock 'w': waiting, 1 ahead; held by ");
    snprintf(text, sizeof text, "-%d, in line since", (int)child_pid(holder));
    expect(*state, text);
    type(*state, CTRL_C);
    expect_status(*state, 130);
    type(*state, "$Z lock w -q -- echo it is m''ine\n");
    assert_true(probe_wait_children(probe, "/micro/sync/lock/w", 2, SOON));
    child_signal(holder, SIGTERM);
    expect(*state, "it is mine");
    command_end(holder);
    child_free(holder);
}

static void break_asks(void **state)
{
    struct child *holder = command_start(nodes, "lock", "k", "sh", "-c", "echo held; cat", NULL);

    command_expect(holder, "held");
    type(*state, "$Z break k\n");
    expect(*state, "the holder is ");
    expect(*state, "[y/N]");
    type(*state, "n\n");
    expect(*state, "nothing was done");
    expect_status(*state, 1);
    type(*state, "$Z break k\n");
    expect(*state, "[y/N]");
    type(*state, "y\n");
    expect_status(*state, 0);
    assert_int_equal(command_end(holder), 75);
    child_free(holder);
}

static void ls_in_place(void **state)
{
    struct child *holder;

    type(*state, "$Z ls look --watch\n");
    expect(*state, "\033[H\033[J");
    holder = command_start(nodes, "lock", "look", "sh", "-c", "echo held; cat", NULL);
    expect(*state, "\033[H\033[J");
    expect(*state, "look  holds  ");
    child_signal(holder, SIGTERM);
    expect(*state, "\033[H\033[J");
    command_end(holder);
    child_free(holder);
    type(*state, CTRL_C);
    expect_status(*state, 130);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {
        {"zkcoord", command_main}, {"shell", shell_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stopped_and_continued, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(interrupted, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(in_a_pipeline, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(a_shell_with_jobs_of_its_own, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(in_the_background, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(progress_while_waiting, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(break_asks, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(ls_in_place, open_shell, close_shell),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
