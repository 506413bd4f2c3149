/* SPDX-License-Identifier: Apache-2.0 */
/* What `ls` and `leader` show where servers are slow, and where others have left what they like. */
#define _GNU_SOURCE
#define THREADED /* the blocking calls of ZooKeeper's client */
#include <stdbool.h>
#include "harness.h"
#include "json_line.h"
#include "proxy.h"
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
#define LOCKS "/micro/sync/lock/"
#define ELECTIONS "/micro/sync/leader/"
#define MANY 200

/* ---- what is there ---- */

/* As a program in another language may have it. */
static void make_contender(const char *directory, const char *data)
{
    char path[1200];

    assert_int_equal(probe_make_path(probe, directory), ZOK);
    snprintf(path, sizeof path, "%s/x-lock-", directory);
    assert_int_equal(probe_create(probe, path, data, ZOO_EPHEMERAL | ZOO_SEQUENCE, NULL, 0), ZOK);
}

static int empty(void **state)
{
    (void)state;
    return probe_delete_tree(probe, "/micro") == ZOK &&
                   probe_make_path(probe, "/micro/sync/lock") == ZOK &&
                   probe_make_path(probe, "/micro/sync/leader") == ZOK
               ? 0
               : -1;
}

/* Nobody may look into it; or everybody, so that it can be removed. */
static void forbid(const char *path)
{
    struct ACL others = {ZOO_PERM_ALL & ~ZOO_PERM_READ, ZOO_ANYONE_ID_UNSAFE};
    struct ACL_vector acl = {1, &others};

    assert_int_equal(probe_make_path(probe, path), ZOK);
    assert_int_equal(zoo_set_acl(probe_handle(probe), path, -1, &acl), ZOK);
}

static void allow(const char *path)
{
    assert_int_equal(zoo_set_acl(probe_handle(probe), path, -1, &ZOO_OPEN_ACL_UNSAFE), ZOK);
}

/* ---- what is shown ---- */

/* Where `key` of a row is `text`. */
static const json_t *row_where(const json_t *rows, const char *key, const char *text)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *value = json_string_value(json_object_get(row, key));

        if (value != NULL && strcmp(value, text) == 0)
            return row;
    }
    fail_msg("no row has the %s %s", key, text);
    return NULL;
}

static void has_error(const json_t *rows, const char *key, const char *text, const char *error)
{
    const json_t *row = row_where(rows, key, text);
    const char *value = json_string_value(json_object_get(row, "error"));

    if (error == NULL)
        assert_null(value);
    else
        assert_string_equal(value, error);
}

/* ---- one bad entry ---- */

static void one_bad_entry_hides_no_other(void **state)
{
    char longest[sizeof LOCKS + 600];
    struct child *command;
    json_t *value, *locks;

    (void)state;
    snprintf(longest, sizeof longest, "%s%0600d", LOCKS, 0);
    make_contender(LOCKS "good", "");
    assert_int_equal(probe_make_path(probe, LOCKS "%zz"), ZOK);
    assert_int_equal(probe_make_path(probe, longest), ZOK);
    make_contender(LOCKS "%2F", "");
    make_contender(LOCKS "%2Fzookeeper", "");
    forbid(LOCKS "secret");
    command = START("ls");
    command_expect(command, "lock  " LOCKS "%2F  ");
    command_expect(command, "lock  " LOCKS "%2Fzookeeper  ");
    command_expect(command, "lock  good  ");
    command_expect(command, "lock  secret  ");
    command_expect(command, "(not an id)");
    command_finish(command, 0);
    command = START("ls", "--json");
    value = json_line(command);
    locks = json_object_get(value, "locks");
    has_error(locks, "id", "good", NULL);
    has_error(locks, "id", "/", NULL);
    has_error(locks, "id", "/zookeeper", NULL);
    has_error(locks, "id", "secret", "forbidden");
    has_error(locks, "path", LOCKS "%zz", "not an id");
    has_error(locks, "path", longest, "not an id");
    json_decref(value);
    command_finish(command, 0);
    assert_int_equal(RUN("ls", "secret"), 77);
    assert_int_equal(RUN("ls", "good"), 0);
    allow(LOCKS "secret");
}

static void a_forbidden_directory_hides_no_other(void **state)
{
    struct child *command;

    (void)state;
    make_contender(ELECTIONS "open", "");
    forbid("/micro/sync/lock");
    command = START("ls");
    command_expect(command, "lock      /micro/sync/lock  (forbidden)");
    command_expect(command, "election  open  ");
    command_expect(command, "/micro/sync/lock: ZooKeeper forbids this");
    command_finish(command, 77);
    command = START("ls", "--names");
    command_expect(command, "open");
    command_finish(command, 77);
    allow("/micro/sync/lock");
}

/* The id, not the path; and by the path of its znode it is found. */
static void an_id_that_begins_with_a_slash_is_no_path(void **state)
{
    struct child *command;
    const json_t *row;
    json_t *value;

    (void)state;
    make_contender("/abc", "of the path");
    make_contender(LOCKS "%2Fabc", "of the id");
    command = START("ls");
    command_expect(command, "lock  " LOCKS "%2Fabc  holds");
    command_finish(command, 0);
    command = START("ls", "--json");
    value = json_line(command);
    row = row_where(json_object_get(value, "locks"), "id", "/abc");
    assert_string_equal(json_string_value(json_object_get(row, "path")), LOCKS "%2Fabc");
    row = json_array_get(json_object_get(row, "contenders"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "data")), "of the id");
    json_decref(value);
    command_finish(command, 0);
    command = START("ls", "--json", "/abc");
    value = json_line(command);
    row = json_array_get(json_object_get(value, "locks"), 0);
    assert_true(json_is_null(json_object_get(row, "id")));
    assert_string_equal(json_string_value(json_object_get(row, "path")), "/abc");
    json_decref(value);
    command_finish(command, 0);
    assert_int_equal(RUN("probe", LOCKS "%2Fabc"), 1);
    assert_int_equal(probe_delete_tree(probe, "/abc"), ZOK);
}

static void names_are_printed_once_each_on_a_line(void **state)
{
    static const char *const expected[] = {LOCKS "a%0Ab", "both"};
    struct child *command;
    char line[256];

    (void)state;
    assert_int_equal(probe_make_path(probe, LOCKS "a%0Ab"), ZOK);
    assert_int_equal(probe_make_path(probe, LOCKS "both"), ZOK);
    assert_int_equal(probe_make_path(probe, ELECTIONS "both"), ZOK);
    assert_int_equal(probe_make_path(probe, LOCKS "b%6Fth"), ZOK); /* read back it is "both" */
    command = START("ls", "--names");
    for (int i = 0; i < 2; i++) {
        assert_true(child_read_line(command, line, sizeof line, SOON));
        assert_string_equal(line, expected[i]);
    }
    assert_false(child_read_line(command, line, sizeof line, SOON));
    command_finish(command, 0);
}

static void a_forbidden_election_is_said(void **state)
{
    struct child *command;
    char line[512];

    (void)state;
    forbid(ELECTIONS "closed");
    command = START("leader", "closed", "--watch");
    command_expect(command, "closed: ZooKeeper forbids this");
    command_finish(command, 77);
    make_contender(ELECTIONS "later", "");
    command = START("leader", "later", "--watch", "--json");
    assert_true(child_read_line(command, line, sizeof line, SOON));
    forbid(ELECTIONS "later");
    assert_int_equal(probe_delete(probe, ELECTIONS "later/x-lock-0000000000"), ZOK);
    command_expect(command, "later: ZooKeeper forbids this");
    command_finish(command, 77);
    allow(ELECTIONS "closed");
    allow(ELECTIONS "later");
}

/* The servers tell nobody of it, not even that it is there. */
static void an_election_made_for_others_only_is_said(void **state)
{
    struct ACL others = {ZOO_PERM_ALL & ~ZOO_PERM_READ, ZOO_ANYONE_ID_UNSAFE};
    struct ACL_vector acl = {1, &others};
    struct child *command;

    (void)state;
    assert_int_equal(probe_make_path(probe, "/micro/sync/leader"), ZOK);
    command = START("leader", "mine", "--watch");
    command_expect(command, "nobody");
    assert_int_equal(zoo_create(probe_handle(probe), ELECTIONS "mine", "", 0, &acl, 0, NULL, 0),
                     ZOK);
    command_expect(command, "mine: ZooKeeper forbids this");
    command_finish(command, 77);
    allow(ELECTIONS "mine");
}

/* ---- text of others ---- */

static void nothing_of_others_steers_a_terminal(void **state)
{
    static const char node[] = "{\"id\":\"a\\u0085b\\u202Ec\\u007fd\\u2066e\\u200f\","
                               "\"address\":\"h\\u001b[2J\",\"metadata\":{\"k\\u009b\":\"v\"}}";
    struct child *command;

    (void)state;
    make_contender(LOCKS "t\xe2\x80\xae", node);
    command = START("ls");
    command_expect(command, "lock  t?  holds  a?b?c?d?e?  h?[2J");
    command_finish(command, 0);
    command = START("ls", "--json");
    command_expect(command, "a\\u0085b\\u202Ec\\u007Fd\\u2066e\\u200F");
    command_finish(command, 0);
    command = START("ls", "--json");
    command_expect(command, "\"k\\u009B\":\"v\"");
    command_finish(command, 0);
    command = START("ls", "--json");
    command_expect(command, "\"id\":\"t\\u202E\"");
    command_finish(command, 0);
}

/* ---- slow and silent servers ---- */

static void make_many(int count)
{
    char path[64];

    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, LOCKS "many-%03d", i);
        make_contender(path, "");
    }
}

/* One after the other they would need three times the ten seconds that there are for one. */
static void many_are_listed_at_once(void **state)
{
    struct proxy *proxy = proxy_start(nodes);
    struct child *command;
    char text[64];

    (void)state;
    make_many(MANY);
    proxy_set_delay(proxy, 40, 40);
    command = command_start(proxy_address(proxy), "ls", NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "lock  many-%03d  holds", i);
        command_expect(command, text);
    }
    command_finish(command, 0);
    proxy_stop(proxy);
}

static void fall_silent(struct proxy *p, void *arg)
{
    (void)arg;
    proxy_set_mode(p, PROXY_BLACKHOLE_TO_SERVER);
}

/* ls shows the answers that it got, and says which it did not get. */
static void what_is_not_answered_is_said(void **state)
{
    struct proxy *proxy = proxy_start(nodes);
    struct child *command;

    (void)state;
    make_many(12);
    proxy_on(proxy, PROXY_GET_DATA, 5, PROXY_HOLD_REQUEST); /* those before it are answered */
    command = command_start(proxy_address(proxy), "ls", NULL);
    command_expect(command, "holds");
    command_expect(command, "(no answer)");
    command_expect(command, "of 12 locks and elections: no answer in time");
    command_finish(command, 69);
    proxy_stop(proxy);
}

static void a_watch_says_why_nothing_comes(void **state)
{
    struct proxy *proxy = proxy_start(nodes);
    struct child *command;

    (void)state;
    make_many(1);
    proxy_add(proxy, (struct proxy_rule){.op = PROXY_ANY_CHILDREN,
                                         .nth = 1,
                                         .action = PROXY_CALL_BEFORE,
                                         .call = fall_silent});
    command = command_start(proxy_address(proxy), "ls", "--watch", NULL);
    command_expect(command, "server can be reached");
    proxy_set_mode(proxy, PROXY_PASS);
    command_expect(command, "many-000");
    child_signal(command, SIGINT);
    command_finish(command, 128 + SIGINT);
    proxy_stop(proxy);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_bad_entry_hides_no_other, empty),
        cmocka_unit_test_setup(a_forbidden_directory_hides_no_other, empty),
        cmocka_unit_test_setup(an_id_that_begins_with_a_slash_is_no_path, empty),
        cmocka_unit_test_setup(names_are_printed_once_each_on_a_line, empty),
        cmocka_unit_test_setup(a_forbidden_election_is_said, empty),
        cmocka_unit_test_setup(an_election_made_for_others_only_is_said, empty),
        cmocka_unit_test_setup(nothing_of_others_steers_a_terminal, empty),
        cmocka_unit_test_setup(many_are_listed_at_once, empty),
        cmocka_unit_test_setup(what_is_not_answered_is_said, empty),
        cmocka_unit_test_setup(a_watch_says_why_nothing_comes, empty),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
