/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, child processes, the keeper, and one server; nothing is left behind. */
#define _GNU_SOURCE
#include "child.h"
#include "harness.h"
#include "keeper.h"
#include "ports.h"
#include "probe.h"
#include "servers.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(10000)
#define SHORTLY deadline_in_ms(100)

/* ---- roles ---- */

static int role_echo(int argc, char **argv)
{
    char line[200];

    for (int i = 0; i < argc; i++)
        printf("argument %s\n", argv[i]);
    while (fgets(line, sizeof(line), stdin))
        printf("heard %s", line);
    return 7;
}

/* Starts a server and then dies without a word: nobody stops the server. */
static int role_careless(int argc, char **argv)
{
    struct servers *s = servers_start(NULL);

    (void)argc;
    (void)argv;
    if (!s)
        return 1;
    printf("%s\n", servers_dir(s));
    raise(SIGKILL);
    return 0;
}

/* Dies in the middle of its last line. */
static int role_cut_short(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("a line that is long\nshort\n 12");
    fflush(stdout);
    raise(SIGKILL);
    return 0;
}

static const struct harness_role roles[] = {
    {"cut-short", role_cut_short},
    {"echo", role_echo},
    {"careless", role_careless},
    {NULL, NULL},
};

/* ---- time ---- */

static bool never(void *arg)
{
    ++*(int *)arg;
    return false;
}

static void waiting_ends_at_the_deadline(void **state)
{
    int64_t deadline = deadline_in_ms(500);
    int tries = 0;

    (void)state;
    assert_true(deadline_left_ms(deadline) > 0);
    assert_false(wait_until(never, &tries, deadline));
    assert_true(deadline_passed(deadline));
    assert_int_equal(deadline_left_ms(deadline), 0);
    assert_true(tries > 3);
    assert_false(holds_until(never, &tries, SOON));
}

static void random_numbers_follow_the_seed(void **state)
{
    bool differ = false;

    (void)state;
    for (int i = 0; i < 100; i++) {
        uint32_t n = harness_random(10);
        assert_true(n < 10);
        differ = differ || n != harness_random(10);
    }
    assert_true(differ);
}

static void reserved_ports_are_ours(void **state)
{
    int fds[50];
    uint16_t ports[50];

    (void)state;
    for (int i = 0; i < 50; i++) {
        fds[i] = port_reserve(&ports[i]);
        assert_true(fds[i] >= 0);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(ports[i], ports[j]);
    }
    for (int i = 0; i < 50; i++)
        close(fds[i]);
}

/* ---- children ---- */

static void children_talk(void **state)
{
    struct child *c = child_start("echo", "one", "two", NULL);
    char line[100];
    int status;

    (void)state;
    assert_non_null(c);
    assert_true(child_read_line(c, line, sizeof(line), SOON));
    assert_string_equal(line, "argument one");
    assert_true(child_write_line(c, "hello"));
    assert_true(child_wait_line(c, "heard hello", SOON));
    assert_false(child_read_line(c, line, sizeof(line), SHORTLY));
    assert_false(child_wait(c, &status, SHORTLY));
    child_kill(c);
    assert_true(child_wait(c, &status, SOON));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_false(child_read_line(c, line, sizeof(line), SOON));
    child_free(c);
}

static void stopped_children_are_silent(void **state)
{
    struct child *c = child_start("echo", "ready", NULL);
    char line[100];

    (void)state;
    assert_true(child_wait_line(c, "argument ready", SOON));
    child_stop(c);
    assert_true(child_write_line(c, "hello"));
    assert_false(child_read_line(c, line, sizeof(line), SHORTLY));
    child_cont(c);
    assert_true(child_wait_line(c, "heard hello", SOON));
    child_free(c);
}

/* "12" could be the beginning of "123", and "a line" that of what does not fit. */
static void a_part_of_a_line_is_none(void **state)
{
    struct child *c = child_start("cut-short", NULL);
    char line[10];

    (void)state;
    assert_non_null(c);
    assert_false(child_read_line(c, line, sizeof(line), SOON));
    assert_true(child_read_line(c, line, sizeof(line), SOON));
    assert_string_equal(line, "short");
    assert_false(child_read_line(c, line, sizeof(line), SOON));
    assert_true(child_wait(c, NULL, SOON));
    child_free(c);
}

static void unknown_roles_end(void **state)
{
    struct child *c = child_start("no-such-role", NULL);
    int status;

    (void)state;
    assert_true(child_wait(c, &status, SOON));
    assert_int_equal(WEXITSTATUS(status), 127);
    child_free(c);
}

/* ---- a server ---- */

static bool is_gone(void *arg)
{
    return access(arg, F_OK) != 0 && count_processes(arg) == 0;
}

static void server_starts_and_leaves_nothing(void **state)
{
    int fds = count_fds(), threads = count_threads();
    struct servers *s = servers_start(NULL);
    char dir[200];

    (void)state;
    assert_non_null(s);
    assert_int_equal(server_mode(s, 0), SERVER_STANDALONE);
    assert_int_equal(servers_leader_index(s), 0);
    assert_string_equal(server_address(s, 0), servers_addresses(s));
    snprintf(dir, sizeof(dir), "%s", servers_dir(s));
    assert_int_equal(count_processes(dir), 1);
    servers_stop(s);
    assert_true(is_gone(dir));
    assert_int_equal(count_fds(), fds);
    assert_int_equal(count_threads(), threads);
}

static void killed_server_comes_back_with_its_data(void **state)
{
    struct servers *s = servers_start(NULL);
    struct probe *p = probe_open(servers_addresses(s), 4000);
    char answer[100];

    (void)state;
    assert_int_equal(probe_make_path(p, "/a/b"), ZOK);
    server_kill(s, 0);
    assert_int_equal(server_mode(s, 0), SERVER_DOWN);
    assert_int_equal(server_command(s, 0, "ruok", answer, sizeof(answer)), -1);
    assert_true(probe_wait_disconnected(p, SOON));
    assert_true(server_start_again(s, 0));
    assert_true(servers_wait_serving(s, deadline_in_ms(30000)));
    assert_true(probe_wait_connected(p, SOON));
    assert_true(probe_exists(p, "/a/b"));
    probe_close(p);
    servers_stop(s);
}

static void paused_server_is_silent(void **state)
{
    struct servers *s = servers_start(&(struct servers_options){.tick_ms = 200});
    struct probe *p = probe_open(servers_addresses(s), 900);

    (void)state;
    server_pause(s, 0);
    assert_int_equal(server_mode(s, 0), SERVER_DOWN);
    assert_int_equal(probe_set(p, "/", "x"), ZOPERATIONTIMEOUT);
    server_resume(s, 0);
    assert_true(probe_wait_connected(p, SOON));
    probe_close(p);
    server_pause(s, 0); /* and can be stopped like that */
    servers_stop(s);
}

static void bad_configuration_is_noticed_early(void **state)
{
    int64_t deadline = deadline_in_ms(20000);
    struct servers_options o = {.extra = "tickTime=nonsense\n"};

    (void)state;
    print_message("(a server that does not start:)\n");
    assert_null(servers_start(&o));
    assert_false(deadline_passed(deadline));
}

static void super_user_is_accepted(void **state)
{
    struct servers *s = servers_start(NULL);
    struct probe *p = probe_open(servers_addresses(s), 4000);
    struct ACL nobody = {.perms = ZOO_PERM_ADMIN, .id = {.scheme = "digest", .id = "x:y"}};
    struct ACL_vector acl = {.count = 1, .data = &nobody};
    zhandle_t *zh = probe_handle(p);

    (void)state;
    assert_int_equal(probe_make_path(p, "/closed"), ZOK);
    assert_int_equal(zoo_set_acl(zh, "/closed", -1, &acl), ZOK);
    assert_int_equal(probe_set(p, "/closed", "x"), ZNOAUTH);
    assert_int_equal(
        zoo_add_auth(zh, "digest", SERVERS_SUPER, (int)strlen(SERVERS_SUPER), NULL, NULL), ZOK);
    assert_int_equal(probe_set(p, "/closed", "x"), ZOK);
    probe_close(p);
    servers_stop(s);
}

static void lists_and_trees(void **state)
{
    struct servers *s = servers_start(NULL);
    struct probe *p = probe_open(servers_addresses(s), 4000);
    struct probe_list list;
    char made[100];

    (void)state;
    assert_int_equal(probe_make_path(p, "/a/b"), ZOK);
    assert_int_equal(probe_create(p, "/a/z-", "data", ZOO_EPHEMERAL_SEQUENTIAL, made, sizeof(made)),
                     ZOK);
    assert_string_equal(made, "/a/z-0000000001");
    assert_true(probe_owner(p, made) == probe_session(p));
    assert_true(probe_czxid(p, made) > probe_czxid(p, "/a"));
    assert_int_equal(probe_children(p, "/a", &list), ZOK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.names[0], "b");
    probe_list_free(&list);
    assert_true(probe_wait_children(p, "/a", 2, SOON));
    assert_int_equal(probe_delete_tree(p, "/a"), ZOK);
    assert_true(probe_wait_gone(p, "/a", SOON));
    assert_int_equal(probe_owner(p, "/a"), ZNONODE);
    probe_close(p);
    servers_stop(s);
}

static void nothing_outlives_a_killed_test(void **state)
{
    struct child *c = child_start("careless", NULL);
    char dir[200];

    (void)state;
    assert_true(child_read_line(c, dir, sizeof(dir), deadline_in_ms(30000)));
    assert_true(child_wait(c, NULL, SOON));
    assert_true(wait_until(is_gone, dir, SOON));
    child_free(c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_ends_at_the_deadline),
        cmocka_unit_test(random_numbers_follow_the_seed),
        cmocka_unit_test(reserved_ports_are_ours),
        cmocka_unit_test(children_talk),
        cmocka_unit_test(stopped_children_are_silent),
        cmocka_unit_test(a_part_of_a_line_is_none),
        cmocka_unit_test(unknown_roles_end),
        cmocka_unit_test(server_starts_and_leaves_nothing),
        cmocka_unit_test(killed_server_comes_back_with_its_data),
        cmocka_unit_test(paused_server_is_silent),
        cmocka_unit_test(bad_configuration_is_noticed_early),
        cmocka_unit_test(super_user_is_accepted),
        cmocka_unit_test(lists_and_trees),
        cmocka_unit_test(nothing_outlives_a_killed_test),
    };

    harness_start(argc, argv, roles);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
