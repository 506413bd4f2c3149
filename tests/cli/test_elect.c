/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `zkcoord elect`: three instances, the active one killed again and again ($ZKC_KILLS, 20); turns,
 * pauses, and what the service manager is told.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "keeper.h"
#include "scene.h"
#include "server.h"
#include "worker.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define ELECTIONS "/micro/sync/leader/"
#define INSTANCES 3
#define SESSION "1"

static int start_quick_server(void **state)
{
    (void)state;
    return serve(400);
}

/* ---- an active one that is killed again and again ---- */

struct troupe {
    char directory[256], path[300];
    struct journal *journal;
    struct child *instances[INSTANCES];
};

static struct child *join(const struct troupe *troupe)
{
    return START("elect", "active", "--session-timeout", SESSION, "--backoff", "0.05",
                 command_self(), "--role=worker", troupe->path, "tgs");
}

/* The znode that comes first names the process in its data: "host-pid". */
static int active(const struct troupe *troupe)
{
    char node[512], data[512];
    pid_t pid = -1;
    const char *id;

    if (scene_nth_node(probe, ELECTIONS "active", 0, node, sizeof node) &&
        probe_get(probe, node, data, sizeof data) == 0 &&
        (id = strstr(data, "\"id\":\"")) != NULL) {
        const char *end = strchr(id + 6, '"');

        while (end != NULL && end > id && end[-1] >= '0' && end[-1] <= '9')
            end--;
        pid = end != NULL ? atoi(end) : -1;
    }
    for (int i = 0; i < INSTANCES; i++)
        if (child_pid(troupe->instances[i]) == pid)
            return i;
    return -1;
}

struct wanted {
    struct troupe *troupe;
    int turns, active;
};

static bool next_turn(void *arg)
{
    struct wanted *wanted = arg;

    if (journal_turns(wanted->troupe->journal) < wanted->turns)
        return false;
    wanted->active = active(wanted->troupe);
    return wanted->active >= 0;
}

static int smaller(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static void killed_again_and_again(void **state)
{
    const char *wanted_kills = getenv("ZKC_KILLS");
    int kills = wanted_kills ? atoi(wanted_kills) : 20, turns;
    int64_t *takeovers = calloc((size_t)kills, sizeof *takeovers);
    struct troupe troupe = {.journal = NULL};

    (void)state;
    assert_non_null(takeovers);
    assert_int_equal(keeper_make_dir(troupe.directory, sizeof troupe.directory), 0);
    snprintf(troupe.path, sizeof troupe.path, "%.250s/journal", troupe.directory);
    troupe.journal = journal_open(troupe.path);
    assert_non_null(troupe.journal);
    for (int i = 0; i < INSTANCES; i++)
        troupe.instances[i] = join(&troupe);
    for (int i = 0; i < kills; i++) {
        struct wanted wanted = {&troupe, journal_turns(troupe.journal), -1};
        int64_t killed;

        if (i == 0)
            wanted.turns = 1;
        assert_true(wait_until(next_turn, &wanted, SOON));
        wanted.turns = journal_turns(troupe.journal) + 1;
        killed = now_ns();
        child_free(troupe.instances[wanted.active]); /* with SIGKILL */
        troupe.instances[wanted.active] = join(&troupe);
        assert_true(wait_until(next_turn, &wanted, SOON));
        takeovers[i] = now_ns() - killed;
    }
    turns = journal_turns(troupe.journal);
    assert_true(turns > kills && turns <= JOURNAL_TURNS);
    for (int i = 0; i < INSTANCES; i++)
        child_free(troupe.instances[i]);
    command_nobody(troupe.path);
    assert_true(journal_margin(troupe.journal, turns) > 0);
    for (int i = 1; i < turns; i++)
        assert_true(atomic_load(&journal_turn(troupe.journal, i)->token) >
                    atomic_load(&journal_turn(troupe.journal, i - 1)->token));
    qsort(takeovers, (size_t)kills, sizeof *takeovers, smaller);
    printf("%d kills, %d turns: never two at once, %.1f ms between turns at the least; taken over "
           "within %.0f ms in the middle, %.0f ms at the most\n",
           kills, turns, (double)journal_margin(troupe.journal, turns) / 1e6,
           (double)takeovers[kills / 2] / 1e6, (double)takeovers[kills - 1] / 1e6);
    munmap(troupe.journal, sizeof *troupe.journal);
    keeper_remove_dir(troupe.directory);
    free(takeovers);
}

/* ---- turns ---- */

static void once(void **state)
{
    (void)state;
    assert_int_equal(RUN("elect", "o", "--once", "sh", "-c", "exit 4"), 4);
    assert_int_equal(RUN("elect", "o", "--", "no-such-command-anywhere"), 127);
    assert_true(probe_wait_children(probe, ELECTIONS "o", 0, SOON));
}

/* Another turn after the command has ended; the pause is at least the one that was asked for. */
static void again_after_a_pause(void **state)
{
    int64_t begin = now_ns();
    struct child *child =
        START("elect", "p", "--backoff", "0.3", "sh", "-c", "echo turn $ZKCOORD_TOKEN; exit 1");

    (void)state;
    command_expect(child, "turn");
    command_expect(child, "turn");
    command_expect(child, "turn");
    assert_true(now_ns() - begin >= INT64_C(900000000)); /* 0.3 s and 0.6 s */
    child_signal(child, SIGTERM);
    assert_in_range(command_end(child), 1, 128 + SIGTERM);
    child_free(child);
}

/* How the last command ended is not how zkcoord ends. */
static void told_to_end_in_the_pause(void **state)
{
    struct child *child =
        START("elect", "k", "--backoff", "1000", "sh", "-c", "echo turn; kill -KILL $$");

    (void)state;
    command_expect(child, "turn");
    assert_true(probe_wait_children(probe, ELECTIONS "k", 0, SOON));
    child_signal(child, SIGTERM);
    command_finish(child, 128 + SIGTERM);
}

/* SIGTERM ends the command, and then there is no other turn. */
static void told_to_end(void **state)
{
    struct child *child = START("elect", "t", "sh", "-c",
                                "trap 'echo cleaning; exit 9' TERM; echo ready; "
                                "while :; do sleep 0.1; done");
    struct child *standby;

    (void)state;
    command_expect(child, "ready");
    standby = START("elect", "t", "sh", "-c", "echo never");
    assert_true(probe_wait_children(probe, ELECTIONS "t", 2, SOON));
    child_signal(standby, SIGTERM);
    assert_int_equal(command_end(standby), 128 + SIGTERM);
    child_free(standby);
    child_signal(child, SIGTERM);
    command_expect(child, "cleaning");
    assert_int_equal(command_end(child), 9);
    child_free(child);
    assert_true(probe_wait_children(probe, ELECTIONS "t", 0, SOON));
}

/* Deposed, it ends the command and stands again. */
static void deposed(void **state)
{
    struct child *child =
        START("elect", "d", "--backoff", "0.05", "sh", "-c", "echo leads; sleep 1000");

    (void)state;
    command_expect(child, "leads");
    assert_int_equal(RUN("break", "d", "-e", "--yes"), 0);
    command_expect(child, "lost");
    command_expect(child, "leads");
    child_signal(child, SIGTERM);
    assert_int_equal(command_end(child), 128 + SIGTERM);
    child_free(child);
}

/* ---- the service manager ---- */

static int listen_at(char path[108])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(path, 108, "/tmp/zkc-notify-%ld", (long)getpid());
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static ssize_t next_word(int fd, char *got, size_t size)
{
    struct pollfd source = {.fd = fd, .events = POLLIN};
    ssize_t length;

    assert_int_equal(poll(&source, 1, 60000), 1);
    length = recv(fd, got, size - 1, 0);
    got[length > 0 ? length : 0] = '\0';
    return length;
}

static void hear(int fd, const char *text)
{
    char got[512];

    assert_true(next_word(fd, got, sizeof got) > 0);
    if (!strstr(got, text))
        fail_msg("heard '%s' instead of '%s'", got, text);
}

static void the_service_manager_is_told(void **state)
{
    char path[108], variable[140];
    int fd = listen_at(path);
    struct child *child;

    (void)state;
    snprintf(variable, sizeof variable, "NOTIFY_SOCKET=%s", path);
    child = child_start("with", variable, nodes, "elect", "n", "sh", "-c",
                        "echo socket=$NOTIFY_SOCKET; sleep 1000", NULL);
    assert_non_null(child);
    hear(fd, "READY=1\nSTATUS=standby since 2");
    hear(fd, "READY=1\nSTATUS=leader since 2");
    command_expect(child, "socket=");
    child_signal(child, SIGTERM);
    hear(fd, "STOPPING=1");
    assert_int_equal(command_end(child), 128 + SIGTERM);
    child_free(child);
    close(fd);
    unlink(path);
}

/* At half the time that it sets, and by us only. */
static void the_watchdog_is_answered(void **state)
{
    char path[108], variable[140], got[512];
    int fd = listen_at(path), answers = 0;
    struct child *child;

    (void)state;
    snprintf(variable, sizeof variable, "NOTIFY_SOCKET=%s", path);
    child = child_start("with", variable, "WATCHDOG_USEC=400000", nodes, "elect", "w", "sh", "-c",
                        "echo asked=$WATCHDOG_USEC.; sleep 1000", NULL);
    assert_non_null(child);
    command_expect(child, "asked=.");
    while (answers < 5) {
        ssize_t length = next_word(fd, got, sizeof got);

        assert_true(length > 0);
        answers += strcmp(got, "WATCHDOG=1") == 0;
    }
    child_signal(child, SIGTERM);
    assert_int_equal(command_end(child), 128 + SIGTERM);
    child_free(child);
    close(fd);
    unlink(path);
}

static void the_watchdog_of_others_is_not(void **state)
{
    char path[108], variable[140], got[512] = "";
    int fd = listen_at(path);
    struct child *child;

    (void)state;
    snprintf(variable, sizeof variable, "NOTIFY_SOCKET=%s", path);
    child = child_start("with", variable, "WATCHDOG_USEC=1000", "WATCHDOG_PID=1", nodes, "elect",
                        "w", "sh", "-c", "echo asked=$WATCHDOG_USEC.; sleep 1000", NULL);
    assert_non_null(child);
    command_expect(child, "asked=1000.");
    child_signal(child, SIGTERM);
    while (strcmp(got, "STOPPING=1") != 0) {
        assert_true(next_word(fd, got, sizeof got) > 0);
        assert_string_not_equal(got, "WATCHDOG=1");
    }
    assert_int_equal(command_end(child), 128 + SIGTERM);
    child_free(child);
    close(fd);
    unlink(path);
}

/* As "zkcoord", with more variables. */
static int with_main(int argc, char **argv)
{
    for (; argc > 0 && strchr(argv[0], '='); argc--, argv++)
        putenv(argv[0]);
    return command_main(argc, argv);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {
        {"zkcoord", command_main}, {"with", with_main}, {"worker", worker_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once),
        cmocka_unit_test(again_after_a_pause),
        cmocka_unit_test(told_to_end),
        cmocka_unit_test(told_to_end_in_the_pause),
        cmocka_unit_test(deposed),
        cmocka_unit_test(the_service_manager_is_told),
        cmocka_unit_test(the_watchdog_is_answered),
        cmocka_unit_test(the_watchdog_of_others_is_not),
        cmocka_unit_test(killed_again_and_again),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_quick_server, stop_server);
}
