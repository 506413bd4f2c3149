/* SPDX-License-Identifier: Apache-2.0 */
/* zkcoord where whoever started it, or what surrounds it, is careless or hostile. One server. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "keeper.h"
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define LOCKS "/micro/sync/lock/"

/* The role: a shell script in which $Z is zkcoord. */
static int script_main(int argc, char **argv)
{
    if (argc < 2)
        return 99;
    setenv("ZKCOORD_NODES", argv[0], 1);
    setenv("Z", command_path(), 1);
    dup2(1, 2);
    execlp("bash", "bash", "-c", argv[1], NULL);
    return 99;
}

static struct child *script(const char *text)
{
    struct child *child = child_start("script", nodes, text, NULL);

    assert_non_null(child);
    return child;
}

static void end_of(struct child *child, int status)
{
    assert_int_equal(command_end(child), status);
    child_free(child);
}

/* ---- what was inherited ---- */

/* The role: as "zkcoord", with a signal ignored that says how children end. */
static int careless_main(int argc, char **argv)
{
    signal(SIGCHLD, SIG_IGN);
    return command_main(argc, argv);
}

static void children_ignored(void **state)
{
    (void)state;
    end_of(child_start("careless", nodes, "lock", "c", "sh", "-c", "exit 7", NULL), 7);
}

/* The command finds them closed, and not in use for something of ours. */
static void closed_descriptors(void **state)
{
    struct child *child =
        script("$Z lock d -- sh -c 'for n in 0 1 2; do test ! -e /proc/$$/fd/$n || exit 9; done; "
               "exit 4' <&- >&- 2>&-; echo status $?; $Z ls >&-; echo ls $?");

    (void)state;
    command_expect(child, "status 4");
    command_expect(child, "cannot write");
    command_expect(child, "ls 74");
    end_of(child, 0);
}

/* tee, say: a child by exec, which is none of the command's, and lives until its input ends. */
static void children_from_before(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct child *child =
            script("exec 3>&1; exec $Z lock b -- echo > >(cat >/dev/null; echo alive >&3)");

        command_expect(child, "alive");
        child_free(child);
    }
}

/* ---- too little of something ---- */

static void nowhere_to_write(void **state)
{
    struct child *child = script("for v in version 'ls --json' 'leader x'; do "
                                 "$Z $v >/dev/full; echo status $?; done");

    (void)state;
    for (int i = 0; i < 3; i++) {
        command_expect(child, "cannot write");
        command_expect(child, "status 74");
    }
    end_of(child, 0);
}

static void few_descriptors(void **state)
{
    struct child *child = script("for n in {5..24}; do (ulimit -n $n; $Z lock f -n -- sh -c 'exit "
                                 "4'); s=$?; [ $s = 4 ] || [ $s = 70 ] || echo BAD $n: $s; done; "
                                 "echo last $s");
    char line[512] = "";

    (void)state;
    while (strcmp(line, "last 4") != 0) {
        assert_true(child_read_line(child, line, sizeof line, SOON));
        if (strstr(line, "BAD"))
            fail_msg("%s", line);
    }
    end_of(child, 0);
}

static void no_proc(void **state)
{
    struct child *child = script("unshare -rm true || exit 77; unshare -rm sh -c 'mount -t tmpfs "
                                 "none /proc && exec $Z lock p -- true'");

    (void)state;
    command_expect(child, "cannot be read");
    end_of(child, 70);
}

/* ---- somebody who does not move ---- */

static int full_socket(const char *path, int *ret_sender)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    *ret_sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(*ret_sender, (struct sockaddr *)&address, sizeof address), 0);
    while (send(*ret_sender, "", 1, 0) == 1)
        ;
    return fd;
}

static void service_manager(void **state)
{
    char directory[64], path[80], text[256];
    int sender, fd;
    struct child *child;

    (void)state;
    assert_int_equal(keeper_make_dir(directory, sizeof directory), 0);
    snprintf(path, sizeof path, "%s/notify", directory);
    fd = full_socket(path, &sender);
    snprintf(text, sizeof text, "NOTIFY_SOCKET=%s exec $Z elect n --once sh -c 'exit 4'", path);
    child = script(text);
    command_expect(child, "does not listen");
    end_of(child, 4);
    close(sender);
    close(fd);
    keeper_remove_dir(directory);
}

/* It got no order yet, and so no time limit: without one, it would be waited for for ever. */
static void guardian_stopped_before_the_grant(void **state)
{
    struct child *holder = hold("lock", "g");
    struct child *waiter = START("lock", "g", "--ttl", "4", "echo", "mine");
    pid_t guardian;

    (void)state;
    assert_true(probe_wait_children(probe, LOCKS "g", 2, SOON));
    guardian = command_guardian(child_pid(waiter));
    assert_true(guardian > 0);
    kill(guardian, SIGSTOP);
    let_go(holder);
    command_expect(waiter, "lost");
    end_of(waiter, 75);
    assert_true(probe_wait_children(probe, LOCKS "g", 0, SOON));
}

/* ---- what is said ---- */

static void clear_words(void **state)
{
    struct child *child = START("lock", "-Xn", "u", "true");

    (void)state;
    command_expect(child, "no option '-X'");
    end_of(child, 64);
    child = command_start("127.0.0.1:1", "lock", "x", "-q", "true", NULL);
    command_expect(child, "can be reached");
    end_of(child, 69);
}

/* From the loss to the end. */
static int64_t end_with_grace(const char *grace)
{
    struct child *child = START("lock", "z", "--ttl", "20", "--grace", grace, "sh", "-c",
                                "trap '' TERM; echo ready; sleep 1000");
    int64_t began;

    command_expect(child, "ready");
    began = now_ns();
    assert_int_equal(probe_delete_tree(probe, LOCKS "z"), 0);
    end_of(child, 75);
    return (now_ns() - began) / 1000000;
}

/* None is not the same as none given, which is 2 seconds here. A busy machine gets a few tries. */
static void no_grace(void **state)
{
    int tries = 0;

    (void)state;
    while (end_with_grace("0") >= 1900)
        assert_true(++tries < 5);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main},
                                                {"careless", careless_main},
                                                {"script", script_main},
                                                {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_ignored),     cmocka_unit_test(closed_descriptors),
        cmocka_unit_test(children_from_before), cmocka_unit_test(nowhere_to_write),
        cmocka_unit_test(few_descriptors),      cmocka_unit_test(no_proc),
        cmocka_unit_test(service_manager),      cmocka_unit_test(guardian_stopped_before_the_grant),
        cmocka_unit_test(clear_words),          cmocka_unit_test(no_grace),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
