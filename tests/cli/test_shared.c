/* SPDX-License-Identifier: Apache-2.0 */
/* `zkcoord lock --shared`: some hold together, others alone, and the subcommands show it. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "json_line.h"
#include "keeper.h"
#include "scene.h"
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(60000)
#define A_WHILE deadline_in_ms(500) /* in which nothing happens */
#define LOCKS "/micro/sync/lock/"
#define PAIRS 12

static struct child *share(const char *id)
{
    struct child *holder = START("lock", "-s", id, HOLDING);

    command_expect(holder, "held");
    return holder;
}

/* Waits until so many are in line. */
static void in_line(const char *id, int count)
{
    char path[128];

    snprintf(path, sizeof path, LOCKS "%s", id);
    assert_true(probe_wait_children(probe, path, count, SOON));
}

/* Both go on: what they read they print. */
static void runs(struct child *holder)
{
    assert_true(child_write_line(holder, "alive"));
    command_expect(holder, "alive");
}

static void says_nothing(struct child *command)
{
    char line[256];

    if (child_read_line(command, line, sizeof line, A_WHILE))
        fail_msg("%s", line);
}

static void has_line(const char *text, struct child *command)
{
    command_expect(command, text);
    command_end(command);
    child_free(command);
}

/* ---- who holds ---- */

static void several_at_once(void **state)
{
    struct child *one = share("several"), *two = share("several");

    (void)state;
    runs(one);
    runs(two);
    assert_int_equal(RUN("lock", "several", "--shared", "-n", "true"), 0);
    assert_int_equal(RUN("lock", "several", "-n", "true"), 1);
    let_go(one);
    let_go(two);
    in_line("several", 0);
}

/* The one that holds alone waits for both, and then nobody shares. */
static void alone_after_all(void **state)
{
    struct child *one = share("alone"), *two = share("alone");
    struct child *writer = START("lock", "alone", HOLDING);

    (void)state;
    in_line("alone", 3);
    let_go(one);
    says_nothing(writer);
    runs(two);
    let_go(two);
    command_expect(writer, "held");
    has_line("somebody holds it alone, or waits to",
             START("lock", "-s", "alone", "-n", "--", "true"));
    assert_int_equal(RUN("lock", "-s", "alone", "-w", "0.3", "-E", "9", "true"), 9);
    let_go(writer);
}

static void behind_one_that_waits(void **state)
{
    struct child *reader = share("behind"), *writer, *late;

    (void)state;
    writer = START("lock", "behind", HOLDING);
    in_line("behind", 2);
    late = START("lock", "-s", "behind", HOLDING);
    in_line("behind", 3);
    assert_int_equal(RUN("lock", "-s", "behind", "-n", "true"), 1);
    says_nothing(late);
    runs(reader);
    let_go(reader);
    command_expect(writer, "held");
    says_nothing(late);
    let_go(writer);
    command_expect(late, "held");
    let_go(late);
}

static void a_lost_one_costs_no_other(void **state)
{
    struct child *one = share("lost"), *two = share("lost");
    char node[512];

    (void)state;
    assert_true(scene_nth_node(probe, LOCKS "lost", 0, node, sizeof node));
    assert_int_equal(probe_delete(probe, node), ZOK);
    command_expect(one, "zkcoord: lock 'lost' is lost: ");
    command_finish(one, 75);
    runs(two);
    assert_int_equal(RUN("lock", "lost", "-n", "true"), 1);
    let_go(two);
    assert_int_equal(RUN("lock", "lost", "-n", "true"), 0);
}

/* Writers count in a file that nothing else protects; readers see no writer, when they begin and
 * when they end. */
static void a_crowd(void **state)
{
    static const char write[] = "cd %s && : >writing && n=$(cat count 2>/dev/null); "
                                "echo $((n + 1)) >count; rm writing",
                      read[] = "cd %s && [ ! -e writing ] && { cat count; [ ! -e writing ]; }";
    struct child *crowd[2 * PAIRS], *count;
    char directory[256], script[600];

    (void)state;
    assert_int_equal(keeper_make_dir(directory, sizeof directory), 0);
    for (int i = 0; i < 2 * PAIRS; i++) {
        bool writes = i % 2 == 0;

        snprintf(script, sizeof script, writes ? write : read, directory);
        crowd[i] = START("lock", "crowd", "-w", "60", writes ? "--" : "-s", "sh", "-c", script);
    }
    for (int i = 0; i < 2 * PAIRS; i++)
        command_finish(crowd[i], 0);
    snprintf(script, sizeof script, "echo $(cat %s/count) times", directory);
    count = START("lock", "-s", "crowd", "sh", "-c", script);
    snprintf(script, sizeof script, "%d times", PAIRS);
    has_line(script, count);
    keeper_remove_dir(directory);
    in_line("crowd", 0);
}

/* ---- what is shown ---- */

static void is_so(const json_t *contenders, size_t place, bool shared, bool holds)
{
    const json_t *one = json_array_get(contenders, place);

    assert_int_equal(json_integer_value(json_object_get(one, "position")), (int)place);
    assert_true(json_is_boolean(json_object_get(one, "shared")));
    assert_int_equal(json_is_true(json_object_get(one, "shared")), shared);
    assert_int_equal(json_is_true(json_object_get(one, "holds")), holds);
}

static void listed_as_json(void)
{
    struct child *command = START("ls", "shown", "--json");
    json_t *value = json_line(command);
    const json_t *row = json_array_get(json_object_get(value, "locks"), 0);
    const json_t *contenders = json_object_get(row, "contenders");

    assert_int_equal(json_array_size(contenders), 4);
    is_so(contenders, 0, true, true);
    is_so(contenders, 1, true, true);
    is_so(contenders, 2, false, false);
    is_so(contenders, 3, true, false);
    json_decref(value);
    command_finish(command, 0);
}

static void all_are_listed(void **state)
{
    struct child *one = share("shown"), *two = share("shown"), *writer, *late, *command;

    (void)state;
    has_line("shared by ", START("probe", "shown"));
    has_line(" and 1 other", START("probe", "shown"));
    command = START("ls", "shown", "--watch");
    writer = START("lock", "shown", "--", "true");
    in_line("shown", 3);
    late = START("lock", "-s", "shown", "--", "true");
    in_line("shown", 4);
    command_expect(command, "lock  shown  3 shared  "); /* the last line of the last picture */
    child_free(command);
    command = START("ls", "shown");
    command_expect(command, "lock  shown  shares    ");
    command_expect(command, "lock  shown  shares    ");
    command_expect(command, "lock  shown  2         ");
    command_expect(command, "lock  shown  3 shared  ");
    command_finish(command, 0);
    listed_as_json();
    let_go(one);
    let_go(two);
    command_finish(writer, 0);
    command_finish(late, 0);
}

/* ---- ask and break ---- */

static struct child *share_until_asked(const char *id)
{
    struct child *holder = START("lock", "-s", id, "--", "bash", "-c", "echo held; " UNTIL_ASKED);

    command_expect(holder, "held");
    return holder;
}

static void all_are_asked(void **state)
{
    struct child *one = share_until_asked("asked"), *two = share_until_asked("asked");
    struct child *writer = START("lock", "asked", "--", "echo", "my turn"), *command;

    (void)state;
    in_line("asked", 3);
    command = START("ask", "asked");
    command_expect(command, "lock 'asked': 2 share it; 1 waiting");
    for (int i = 0; i < 2; i++) {
        command_expect(command, "one of them is ");
        command_expect(command, "It is asked to give up.");
    }
    command_finish(command, 0);
    command_finish(one, 0);
    command_finish(two, 0);
    command_expect(writer, "my turn");
    command_finish(writer, 0);
    one = share_until_asked("asked");
    has_line("and would share; 0 waiting", START("ask", "asked"));
    command_finish(one, 0);
}

static void all_are_put_out(void **state)
{
    struct child *one = share("broken"), *two = share("broken");
    struct child *writer = START("lock", "broken", "--", "echo", "my turn");

    (void)state;
    in_line("broken", 3);
    assert_int_equal(RUN("break", "broken", "--yes"), 0);
    command_expect(writer, "my turn");
    command_finish(writer, 0);
    command_finish(one, 75);
    command_finish(two, 75);
}

/* ---- options ---- */

/* No server is asked. */
static void refused(void **state)
{
    static const char nowhere[] = "127.0.0.1:1";

    (void)state;
    has_line("--shared goes with --dialect lock or read-write",
             command_start(nowhere, "lock", "-s", "/r", "--dialect", "kazoo", "true", NULL));
    assert_int_equal(
        command_run(nowhere, "lock", "/r", "-s", "--dialect", "latch", "--", "true", NULL), 64);
    has_line("--dialect read-write is for locks",
             command_start(nowhere, "elect", "/r", "--dialect", "read-write", "true", NULL));
    assert_int_equal(command_run(nowhere, "elect", "-s", "r", "true", NULL), 64);
}

static void is_named(const char *flag, const char *wanted)
{
    struct child *holder = START("lock", "/named/rw", "--dialect", "read-write", flag, HOLDING);
    char node[512];

    command_expect(holder, "held");
    assert_true(scene_nth_node(probe, "/named/rw", 0, node, sizeof node));
    assert_non_null(strstr(node, wanted));
    let_go(holder);
}

static void named_as_curator_does(void **state)
{
    (void)state;
    is_named("--shared", "-__READ__00000");
    is_named("--pass-auth", "-__WRIT__00000");
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(alone_after_all),
        cmocka_unit_test(behind_one_that_waits),
        cmocka_unit_test(a_lost_one_costs_no_other),
        cmocka_unit_test(a_crowd),
        cmocka_unit_test(all_are_listed),
        cmocka_unit_test(all_are_asked),
        cmocka_unit_test(all_are_put_out),
        cmocka_unit_test(refused),
        cmocka_unit_test(named_as_curator_does),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
