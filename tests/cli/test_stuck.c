/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where nobody reads what zkcoord writes the promise holds all the same, at each step: while it
 * waits, when it is granted, asked or revoked, when the command cannot be executed, at the end.
 * The state of each test is what is stuck: "stderr" or "stdout", a full pipe; "terminal", one that
 * was stopped with Ctrl-S; "manager", a service manager that does not read.
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
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define LOCKS "/micro/sync/lock/"
#define FREE 3 /* the descriptor by which the command reaches the test */

/* ---- what is stuck ---- */

static bool full_pipe(int in_place_of)
{
    static const char some[4096];
    int ends[2];

    if (pipe(ends) != 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0)
        return false;
    while (write(ends[1], some, sizeof some) > 0)
        ;
    while (write(ends[1], some, 1) > 0)
        ;
    return fcntl(ends[1], F_SETFL, 0) == 0 && dup2(ends[1], in_place_of) == in_place_of;
}

/* The controlling one, with standard error on it, as after Ctrl-S. */
static bool stopped_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
    char path[64];

    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        ptsname_r(master, path, sizeof path) != 0 || setsid() < 0)
        return false;
    slave = open(path, O_RDWR); /* becomes the controlling terminal */
    return slave >= 0 && dup2(slave, STDERR_FILENO) == STDERR_FILENO && tcflow(slave, TCOOFF) == 0;
}

static bool deaf_manager(const char *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", directory);
    unlink(address.sun_path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        connect(sender, (struct sockaddr *)&address, sizeof address) != 0)
        return false;
    while (send(sender, "", 1, 0) == 1)
        ;
    return setenv("NOTIFY_SOCKET", address.sun_path, 1) == 0;
}

static bool make_stuck(const char *what, const char *directory)
{
    if (dup2(STDOUT_FILENO, FREE) != FREE || dup2(STDOUT_FILENO, STDERR_FILENO) != STDERR_FILENO)
        return false;
    if (strcmp(what, "stderr") == 0)
        return full_pipe(STDERR_FILENO);
    if (strcmp(what, "stdout") == 0)
        return full_pipe(STDOUT_FILENO);
    return strcmp(what, "terminal") == 0 ? stopped_terminal() : deaf_manager(directory);
}

/* The role: WHAT DIRECTORY SERVERS WORD...; in a process that can make a session. */
static int stuck_main(int argc, char **argv)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (argc > 2 && setenv("ZKCOORD_NODES", argv[2], 1) == 0 && make_stuck(argv[0], argv[1])) {
            argv[2] = (char *)(uintptr_t) "zkcoord";
            execv(command_path(), argv + 2);
        }
        _exit(99);
    }
    if (waitpid(pid, &status, 0) != pid)
        return 99;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static char directory[64];

static int open_directory(void **state)
{
    (void)state;
    return keeper_make_dir(directory, sizeof directory);
}

static int close_directory(void **state)
{
    (void)state;
    return keeper_remove_dir(directory);
}

#define STUCK(...) child_start("stuck", *state, directory, nodes, __VA_ARGS__, NULL)

/* ---- the steps ---- */

static const char working[] =
    "exec >&3; echo begun; " UNTIL_ASKED "; echo asked; while :; do sleep 0.05; done";

static void granted_asked_and_revoked(void **state)
{
    struct child *holder = hold("lock", "s");
    struct child *stuck = STUCK("lock", "s", "--", "bash", "-c", working);

    assert_non_null(stuck);
    assert_true(probe_wait_children(probe, LOCKS "s", 2, SOON));
    assert_true(holds_until(command_is_running, stuck, deadline_in_ms(2500))); /* it draws a line */
    let_go(holder);
    command_expect(stuck, "begun");
    assert_int_equal(RUN("ask", "s"), 0);
    command_expect(stuck, "asked");
    assert_int_equal(probe_delete_tree(probe, LOCKS "s"), 0);
    command_finish(stuck, 75);
}

static void ended_or_not_executed(void **state)
{
    command_finish(STUCK("lock", "e", "--", "/no/such/command"), 127);
    command_finish(STUCK("lock", "e", "--", "sh", "-c", "exit 4"), 4);
    assert_true(probe_wait_children(probe, LOCKS "e", 0, SOON));
    command_finish(STUCK("lock", "e", "--wait", "soon", "--", "true"), 64);
    command_finish(STUCK("lock", "e", "--nodes", "127.0.0.1:1", "--", "true"), 69);
}

static void stands_again(void **state)
{
    struct child *stuck;
    char text[80];

    snprintf(text, sizeof text, "exec >&3; echo leads; exec sleep %s", command_mark());
    stuck = STUCK("elect", "a", "--backoff", "0.05", "--", "sh", "-c", text);
    command_expect(stuck, "leads");
    assert_int_equal(RUN("break", "a", "-e", "--yes"), 0);
    command_expect(stuck, "leads");
    child_free(stuck);
    command_nobody(command_mark());
}

#define EACH(what)                                                                               \
    {"granted_asked_and_revoked: " what, granted_asked_and_revoked, open_directory,              \
     close_directory, (void *)(uintptr_t)(what)},                                                \
        {"ended_or_not_executed: " what, ended_or_not_executed, open_directory, close_directory, \
         (void *)(uintptr_t)(what)},                                                             \
    {                                                                                            \
        "stands_again: " what, stands_again, open_directory, close_directory,                    \
            (void *)(uintptr_t)(what)                                                            \
    }

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {
        {"zkcoord", command_main}, {"stuck", stuck_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {EACH("stderr"), EACH("stdout"), EACH("terminal"),
                                       EACH("manager")};

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
