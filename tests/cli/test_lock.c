/* SPDX-License-Identifier: Apache-2.0 */
/* `zkcoord lock`: what a script sees of it. One server. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "keeper.h"
#include "scene.h"
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define LOCKS "/micro/sync/lock/"
#define CROWD 50

static void nobody_in_line(const char *id)
{
    char path[128];

    snprintf(path, sizeof path, LOCKS "%s", id);
    assert_true(probe_wait_children(probe, path, 0, SOON));
}

/* ---- outcomes ---- */

static void status_is_the_commands(void **state)
{
    (void)state;
    assert_int_equal(RUN("lock", "s", "--", "true"), 0);
    assert_int_equal(RUN("lock", "s", "sh", "-c", "exit 7"), 7);
    assert_int_equal(RUN("lock", "s", "sh", "-c", "kill -9 $$"), 128 + SIGKILL);
    assert_int_equal(RUN("lock", "s", "sh", "-c", "kill -TERM $$"), 128 + SIGTERM);
    assert_int_equal(RUN("lock", "s", "--", "/dev/null"), 126);
    assert_int_equal(RUN("lock", "s", "--", "no-such-command-anywhere"), 127);
    nobody_in_line("s");
}

static void usage(void **state)
{
    static const char *const wrong[][4] = {
        {"lock"},
        {"lock", "u"},
        {"lock", "--what", "u", "true"},
        {"lock", "u", "-w"},
        {"lock", "u", "-w", "soon"},
        {"lock", "u", "-E", "256"},
        {"lock", "u", "--nodes", "a b"},
        {"lock", "u", "--auth", "secret"},
        {"elect", "u"},
        {"nothing"},
        {"help", "nothing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *const *w = wrong[i];
        bool complete = w[3] != NULL; /* then a command is all it lacks */

        if (RUN(w[0], w[1], w[2], w[3], complete ? "true" : NULL) != 64)
            fail_msg("%s %s %s", w[0], w[1] ? w[1] : "", w[2] ? w[2] : "");
    }
    assert_int_equal(RUN("lock", "u", "-n", "-w", "1", "true"), 64);
    assert_int_equal(RUN("lock", "u", "--ttl", "1", "--session-timeout", "1", "true"), 64);
    assert_int_equal(RUN("lock", "u", "--ttl", "2", "--grace", "1", "true"), 64);
    assert_int_equal(RUN("lock", "", "true"), 64);
    assert_int_equal(RUN("version"), 0);
    assert_int_equal(RUN("--version"), 0);
    assert_int_equal(RUN("help", "lock"), 0);
    assert_int_equal(RUN("lock", "--help"), 0);
}

/* Runs it, and wants its first line to contain a text. */
static void says(const char *text, int status, struct child *command)
{
    char line[1024];

    assert_true(child_read_line(command, line, sizeof line, SOON));
    if (strstr(line, text) == NULL)
        fail_msg("not '%s' but '%s'", text, line);
    assert_int_equal(command_end(command), status);
    child_free(command);
}

/* In the words of the command line, and once. */
static void what_is_wrong(void **state)
{
    struct child *command;
    char line[1024];

    (void)state;
    says("--wait: 'soon' is not a time", 64, START("lock", "u", "-w", "soon", "true"));
    says("--conflict-exit-code: '300' is not an exit status", 64,
         START("lock", "u", "-E", "300", "true"));
    says("--dialect: 'Kazoo' is not a dialect: lock, latch, kazoo or", 64,
         START("lock", "/u", "--dialect", "Kazoo", "true"));
    says("--dialect: '' is not a dialect: lock, latch, kazoo or", 64,
         START("elect", "/u", "--dialect=", "true"));
    says("'' is not an ID", 64, START("lock", "", "true"));
    says("'/zookeeper/x' is not an ID", 64, START("lock", "/zookeeper/x", "true"));
    says("'' is not an ID", 64, START("probe", ""));
    says("'/u/' is not an ID", 64, START("ls", "/u/"));
    says("session timeout is 100 ms to 24 h", 64, START("lock", "u", "--ttl", "1ms", "true"));
    says("session timeout is 100 ms to 24 h", 64, START("ls", "--session-timeout", "2d"));
    says("--ttl: '0' is not in range: a session timeout", 64,
         START("lock", "u", "--ttl", "0", "true"));
    says("--session-timeout: '0' is not in range", 64, START("ls", "--session-timeout", "0"));
    says("servers: ", 64, START("ls", "--nodes", "a b"));
    command = START("ls", "--namespace", "relative");
    command_expect(command, "zkcoord: namespace: not an absolute znode path");
    assert_false(child_read_line(command, line, sizeof line, SOON)); /* no second time */
    child_free(command);
    command = START("lock", "u");
    command_expect(command, "Try 'zkcoord help lock'.");
    child_free(command);
    command = START("lock", "u", "--nodes", "no-such-host.invalid", "true");
    command_expect(command, "no server name could be looked up: ");
    command_expect(command, "lock 'u': no ZooKeeper server can be reached");
    assert_int_equal(command_end(command), 69);
    child_free(command);
}

static void not_obtained(void **state)
{
    struct child *holder = hold("lock", "n"), *silent;
    char line[256];

    (void)state;
    assert_int_equal(RUN("lock", "n", "-n", "true"), 1);
    assert_int_equal(RUN("lock", "n", "-w", "0", "true"), 1);
    assert_int_equal(RUN("lock", "n", "-n", "-E", "42", "true"), 42);
    assert_int_equal(RUN("lock", "n", "-w", "3", "-E", "0", "true"), 0);
    silent = START("lock", "n", "-nq", "true");
    assert_int_equal(command_end(silent), 1);
    assert_false(child_read_line(silent, line, sizeof line, deadline_in_ms(1000)));
    child_free(silent);
    assert_int_equal(RUN("lock", "other", "-n", "true"), 0);
    let_go(holder);
    assert_int_equal(RUN("lock", "n", "-n", "true"), 0);
}

static void unreachable(void **state)
{
    (void)state;
    assert_int_equal(command_run("127.0.0.1:1", "lock", "x", "-w", "0.5", "true", NULL), 69);
    says("no ZooKeeper server can be reached", 69, /* -q is for what is expected */
         command_start("127.0.0.1:1", "lock", "x", "-nq", "true", NULL));
}

/* A path behind the servers is put before every other. */
static void chroot_of_the_servers(void **state)
{
    struct child *holder;
    char below[200];

    (void)state;
    snprintf(below, sizeof below, "%s/below", nodes);
    assert_int_equal(command_run(below, "lock", "/own/lock", "true", NULL), 0);
    assert_true(probe_exists(probe, "/below/own/lock"));
    holder = hold("lock", "/below/held");
    assert_int_equal(command_run(below, "probe", "/held", "-q", NULL), 1);
    assert_int_equal(RUN("probe", "/held", "-q", "--nodes", below), 1);
    let_go(holder);
    says("without a '/' at the end", 64, START("probe", "x", "--nodes", "a:2181/app/"));
    says("write commas", 64, START("probe", "x", "--nodes", "a:2181;b:2181"));
}

/* What the options tell, before anybody is asked; what the servers grant, before our turn. */
static void a_grace_that_is_too_long(void **state)
{
    struct child *holder = hold("lock", "grace");

    (void)state;
    says("grace of 3000 ms is too long", 64,
         command_start("127.0.0.1:1", "lock", "u", "--grace", "3", "true", NULL));
    says("grace of 3000 ms is too long", 64,
         command_start("127.0.0.1:1", "elect", "u", "--grace", "3", "true", NULL));
    says("grace of 1000 ms is too long", 64,
         command_start("127.0.0.1:1", "lock", "u", "--ttl", "4", "--grace", "1", "true", NULL));
    says("grace of 600000 ms is too long", 64,
         START("lock", "grace", "-q", "--ttl", "1h", "--grace", "10m", "true"));
    let_go(holder);
    nobody_in_line("grace");
}

static void denied(void **state)
{
    (void)state;
    assert_int_equal(
        RUN("lock", "a", "--namespace", "/private", "--auth", "digest:ann:secret", "true"), 0);
    assert_int_equal(
        RUN("lock", "a", "--namespace", "/private", "--auth", "digest:ann:secret", "true"), 0);
    assert_int_equal(
        RUN("lock", "a", "--namespace", "/private", "--auth", "digest:bob:secret", "true"), 77);
    says("forbids this; check credential and ACLs (ZooKeeper: NOAUTH, -102)", 77,
         START("lock", "a", "-q", "--namespace", "/private", "--auth", "digest:bob:b", "true"));
    assert_int_equal(RUN("lock", "a", "--auth", "nonsense:secret", "true"), 77);
    says("AUTHFAILED (-115)", 77, START("elect", "a", "--auth", "nonsense:secret", "true"));
    assert_int_equal(RUN("ls", "--auth", "nonsense:secret"), 77);
}

/* ---- what the command gets ---- */

static void environment(void **state)
{
    struct child *first = START("lock", "an id/%", "sh", "-c",
                                "echo id=$ZKCOORD_ID token=$ZKCOORD_TOKEN; "
                                "grep -c 'it_value: ([0-9]' /proc/self/fdinfo/$ZKCOORD_REVOKED_FD");
    char line[256], rest[256];
    long long token;

    (void)state;
    assert_true(child_read_line(first, line, sizeof line, SOON));
    assert_int_equal(sscanf(line, "id=an id/%% token=%lld", &token), 1);
    assert_true(token > 0);
    assert_true(child_read_line(first, rest, sizeof rest, SOON));
    assert_string_equal(rest, "1");
    assert_int_equal(command_end(first), 0);
    child_free(first);
}

/* ---- what others see of it ---- */

struct dialect {
    const char *option, *before, *after; /* what stands around the uuid */
    int uuid;                            /* its length: without dashes in one of them */
};

/* What others look for in a name: see zkcoord_interop(7). */
static void is_named_in(const struct dialect *dialect, const char *verb, const char *id,
                        const char *directory)
{
    struct child *holder =
        START(verb, id, dialect->option, "--", "sh", "-c", "echo held; exec cat");
    char node[512], wanted[64];
    int number = 0, end = 0;

    command_expect(holder, "held");
    assert_true(scene_nth_node(probe, directory, 0, node, sizeof node));
    snprintf(wanted, sizeof wanted, "%s%%*%d[0-9a-f-]%s%%10d%%n", dialect->before, dialect->uuid,
             dialect->after);
    if (sscanf(strrchr(node, '/') + 1, wanted, &number, &end) != 1 ||
        (size_t)end != strlen(strrchr(node, '/') + 1))
        fail_msg("%s %s: %s", verb, dialect->option, node);
    let_go(holder);
}

static void named_in_a_dialect(void **state)
{
    static const struct dialect dialects[] = {
        {"--dialect=lock", "_c_", "-lock-", 36},
        {"--dialect=latch", "_c_", "-latch-", 36},
        {"--dialect=kazoo", "", "__lock__", 32},
        {"--quiet", "_c_", "-lock-", 36},
    };

    (void)state;
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        is_named_in(&dialects[i], "lock", "/shared/lock", "/shared/lock");
        is_named_in(&dialects[i], "elect", "/shared/election", "/shared/election");
        is_named_in(&dialects[i], "lock", "named", LOCKS "named");
        is_named_in(&dialects[i], "elect", "named", "/micro/sync/leader/named");
    }
}

#define LIST "ls /proc/self/fd | wc -l"

static int bare_main(int argc, char **argv)
{
    (void)argc;
    execvp(argv[0], argv);
    return 99;
}

static int number_from(struct child *child)
{
    char line[256];

    assert_true(child_read_line(child, line, sizeof line, SOON));
    return atoi(line);
}

/* Its input, and two descriptors more than without zkcoord. */
static void input_and_descriptors(void **state)
{
    struct child *bare = child_start("bare", "sh", "-c", LIST, NULL);
    struct child *child = START("lock", "i", "sh", "-c",
                                LIST "; test -e /proc/self/fd/$ZKCOORD_REVOKED_FD && "
                                     "test -e /proc/self/fd/$ZKCOORD_ASKED_FD && echo there; "
                                     "read a; echo got $a");

    (void)state;
    assert_non_null(bare);
    assert_int_equal(number_from(child), number_from(bare) + 2);
    command_expect(child, "there");
    assert_true(child_write_line(child, "this"));
    command_expect(child, "got this");
    assert_int_equal(command_end(child), 0);
    child_free(child);
    child_free(bare);
}

static void signals_are_forwarded(void **state)
{
    static const int signals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGINT, SIGQUIT, SIGTERM};
    struct child *child =
        START("lock", "f", "bash", "-c",
              "for s in HUP USR1 USR2 WINCH INT QUIT TERM; do "
              "trap \"echo got $s; n=\\$((n + 1))\" $s; done; "
              "echo ready; until [ \"$n\" = 7 ]; do sleep 0.1 & wait $!; done; exit 3");
    static const char *const names[] = {"HUP", "USR1", "USR2", "WINCH", "INT", "QUIT", "TERM"};

    (void)state;
    command_expect(child, "ready");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        char text[32];

        child_signal(child, signals[i]);
        snprintf(text, sizeof text, "got %s", names[i]);
        command_expect(child, text);
    }
    assert_int_equal(command_end(child), 3);
    child_free(child);
}

/* As nohup does it: the signal is not passed on either. */
static void ignored_signals_stay_ignored(void **state)
{
    struct child *child =
        child_start("bare", "sh", "-c",
                    "trap '' HUP; ZKCOORD_NODES=$1 exec $0 lock h -- bash -c 'echo ready; read a; "
                    "echo alive'",
                    command_path(), nodes, NULL);

    (void)state;
    assert_non_null(child);
    command_expect(child, "ready");
    child_signal(child, SIGHUP);
    assert_true(child_write_line(child, "go on"));
    command_expect(child, "alive");
    assert_int_equal(command_end(child), 0);
    child_free(child);
}

/* ---- what is left ---- */

static void the_background_ends_with_it(void **state)
{
    struct child *child;
    char text[256];
    const char *mark = command_mark();

    (void)state;
    snprintf(text, sizeof text,
             "sleep %s & setsid sleep %s & (trap '' TERM; exec sleep %s) & "
             "sh -c 'sleep %s & exit' ; exit 5",
             mark, mark, mark, mark);
    child = START("lock", "b", "sh", "-c", text);
    assert_int_equal(command_end(child), 5);
    assert_int_equal(count_processes(mark), 0); /* at once: before the lock was given up */
    child_free(child);
    nobody_in_line("b");
}

static void killed_with_it(void **state)
{
    struct child *child;
    char text[128];

    (void)state;
    snprintf(text, sizeof text, "trap '' TERM; sleep %s & echo ready; wait; sleep %s",
             command_mark(), command_mark());
    child = START("lock", "k", "--", "sh", "-c", text);
    command_expect(child, "ready");
    child_kill(child);
    command_nobody(command_mark());
    command_end(child);
    child_free(child);
}

static void revoked_when_the_node_is_deleted(void **state)
{
    struct child *child = START(
        "lock", "d", "bash", "-c",
        "trap 'echo terminated' TERM; echo ready; "
        "python3 -c 'import select,os; select.select([int(os.environ[\"ZKCOORD_REVOKED_FD\"])]"
        ",[],[])' & while :; do wait || :; [ $(jobs -pr | wc -l) != 0 ] || sleep 1000 & done");

    (void)state;
    command_expect(child, "ready");
    assert_int_equal(probe_delete_tree(probe, LOCKS "d"), 0);
    command_expect(child, "terminated");
    command_expect(child, "lost");
    assert_int_equal(command_end(child), 75);
    child_free(child);
}

/* ---- waiting ---- */

static void leaving_the_queue(void **state)
{
    struct child *holder = hold("lock", "q"), *waiter = START("lock", "q", "true");

    (void)state;
    assert_true(probe_wait_children(probe, LOCKS "q", 2, SOON));
    child_signal(waiter, SIGINT);
    assert_int_equal(command_end(waiter), 128 + SIGINT);
    assert_int_equal(probe_count_children(probe, LOCKS "q"), 1); /* in good order: already gone */
    child_free(waiter);
    let_go(holder);
}

/* With the network dead the first signal waits for an answer, the second one does not. */
static void leaving_at_once(void **state)
{
    struct child *holder = hold("lock", "l"), *waiter = START("lock", "l", "true");

    (void)state;
    assert_true(probe_wait_children(probe, LOCKS "l", 2, SOON));
    server_pause(servers, 0);
    child_signal(waiter, SIGINT);
    child_signal(waiter, SIGINT);
    assert_int_equal(command_end(waiter), 128 + SIGINT);
    server_resume(servers, 0);
    child_free(waiter);
    child_kill(holder);
    command_end(holder);
    child_free(holder);
    nobody_in_line("l");
}

/* Fifty at once: a counter without any other protection comes out right. */
static void a_crowd(void **state)
{
    struct child *crowd[CROWD];
    char directory[256], script[600], text[16] = "";
    FILE *file;

    (void)state;
    assert_int_equal(keeper_make_dir(directory, sizeof directory), 0);
    snprintf(script, sizeof script,
             "cd %s && n=$(cat count 2>/dev/null); echo $((n + 1)) >count; echo done", directory);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = START("lock", "crowd", "--session-timeout", "10", "sh", "-c", script);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(command_end(crowd[i]), 0);
        child_free(crowd[i]);
    }
    snprintf(script, sizeof script, "%.250s/count", directory);
    file = fopen(script, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_int_equal(atoi(text), CROWD);
    keeper_remove_dir(directory);
    nobody_in_line("crowd");
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {
        {"zkcoord", command_main}, {"bare", bare_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_the_commands),
        cmocka_unit_test(usage),
        cmocka_unit_test(what_is_wrong),
        cmocka_unit_test(not_obtained),
        cmocka_unit_test(unreachable),
        cmocka_unit_test(chroot_of_the_servers),
        cmocka_unit_test(a_grace_that_is_too_long),
        cmocka_unit_test(denied),
        cmocka_unit_test(environment),
        cmocka_unit_test(named_in_a_dialect),
        cmocka_unit_test(input_and_descriptors),
        cmocka_unit_test(signals_are_forwarded),
        cmocka_unit_test(ignored_signals_stay_ignored),
        cmocka_unit_test(the_background_ends_with_it),
        cmocka_unit_test(killed_with_it),
        cmocka_unit_test(revoked_when_the_node_is_deleted),
        cmocka_unit_test(leaving_the_queue),
        cmocka_unit_test(leaving_at_once),
        cmocka_unit_test(a_crowd),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
