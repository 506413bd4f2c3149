/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands that look, the one that breaks, and the one that starts servers. */
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(60000)

static void names_process(const json_t *contender, const struct child *child)
{
    const char *id = json_string_value(json_object_get(json_object_get(contender, "node"), "id"));
    char suffix[32];

    assert_non_null(id);
    snprintf(suffix, sizeof suffix, "-%d", (int)child_pid(child));
    assert_non_null(strstr(id, suffix));
}

/* ---- probe ---- */

static void probing(void **state)
{
    struct child *holder, *leader;

    (void)state;
    assert_int_equal(RUN("probe", "p"), 0);
    holder = hold("lock", "p");
    assert_int_equal(RUN("probe", "p"), 1);
    assert_int_equal(RUN("probe", "p", "-e"), 0);
    let_go(holder);
    assert_int_equal(RUN("probe", "p", "-q"), 0);
    leader = hold("elect", "p");
    assert_int_equal(RUN("probe", "p", "-e"), 1);
    let_go(leader);
    assert_int_equal(command_run("127.0.0.1:1", "probe", "p", NULL), 69);
    assert_int_equal(RUN("probe"), 64);
    assert_int_equal(RUN("probe", "a", "b"), 64);
}

/* ---- leader ---- */

static void who_leads(void **state)
{
    struct child *leader, *command;
    json_t *value;

    (void)state;
    assert_int_equal(RUN("leader", "l"), 1);
    leader = hold("elect", "l");
    assert_int_equal(RUN("leader", "l"), 0);
    command = START("leader", "l", "--json");
    value = json_line(command);
    names_process(value, leader);
    assert_true(json_integer_value(json_object_get(value, "token")) > 0);
    assert_int_equal(json_integer_value(json_object_get(value, "position")), 0);
    json_decref(value);
    assert_int_equal(command_end(command), 0);
    child_free(command);
    let_go(leader);
}

static void every_change(void **state)
{
    struct child *watcher = START("leader", "w", "--watch", "--json"), *leader;
    json_t *value = json_line(watcher);

    (void)state;
    assert_true(json_is_null(value));
    json_decref(value);
    leader = hold("elect", "w");
    value = json_line(watcher);
    names_process(value, leader);
    json_decref(value);
    let_go(leader);
    value = json_line(watcher);
    assert_true(json_is_null(value));
    json_decref(value);
    child_signal(watcher, SIGINT);
    assert_int_equal(command_end(watcher), 128 + SIGINT);
    child_free(watcher);
}

/* ---- ls ---- */

static void a_table(void **state)
{
    struct child *holder = hold("lock", "one two"), *waiter = START("lock", "one two", "true");
    struct child *leader = hold("elect", "three"), *command;

    (void)state;
    assert_true(probe_wait_children(probe, "/micro/sync/lock/one two", 2, SOON));
    command = START("ls");
    command_expect(command, "KIND      ID       PLACE  NODE");
    command_expect(command, "lock      one two  holds  ");
    command_expect(command, "lock      one two  1      ");
    command_expect(command, "election  three    leads  ");
    assert_int_equal(command_end(command), 0);
    child_free(command);
    child_signal(waiter, SIGTERM);
    command_end(waiter);
    child_free(waiter);
    let_go(holder);
    let_go(leader);
}

static void as_json(void **state)
{
    struct child *holder = hold("lock", "j"), *command = START("ls", "j", "--json");
    json_t *value = json_line(command), *locks = json_object_get(value, "locks"), *one;

    (void)state;
    assert_int_equal(json_array_size(locks), 1);
    assert_int_equal(json_array_size(json_object_get(value, "elections")), 0);
    one = json_array_get(locks, 0);
    assert_string_equal(json_string_value(json_object_get(one, "id")), "j");
    names_process(json_array_get(json_object_get(one, "contenders"), 0), holder);
    json_decref(value);
    child_free(command);
    let_go(holder);
}

static void watching(void **state)
{
    struct child *watcher = START("ls", "v", "--watch"), *holder;

    (void)state;
    command_expect(watcher, "KIND");
    holder = hold("lock", "v");
    command_expect(watcher, "lock  v   holds  ");
    let_go(holder);
    command_expect(watcher, "KIND");
    child_signal(watcher, SIGINT);
    assert_int_equal(command_end(watcher), 128 + SIGINT);
    child_free(watcher);
}

static void names_only(void **state)
{
    struct child *command;

    (void)state;
    assert_int_equal(RUN("lock", "n/1", "true"), 0);
    command = START("ls", "--names");
    command_expect(command, "n/1");
    assert_int_equal(command_end(command), 0);
    child_free(command);
    assert_int_equal(RUN("ls", "--names", "n/1"), 64);
    assert_int_equal(RUN("ls", "--names", "--json"), 64);
}

static void names_once(void **state)
{
    struct child *holder = hold("lock", "both"), *leader = hold("elect", "both"), *command;
    char line[256];

    (void)state;
    assert_int_equal(RUN("elect", "after", "--once", "true"), 0);
    command = START("ls", "--names");
    command_expect(command, "after");
    command_expect(command, "both");
    while (child_read_line(command, line, sizeof line, SOON))
        assert_string_not_equal(line, "both");
    child_free(command);
    let_go(holder);
    let_go(leader);
}

static void help_fits(void **state)
{
    struct child *command = START("help", "version");
    char line[256];

    (void)state;
    assert_true(child_read_line(command, line, sizeof line, SOON));
    assert_string_equal(line, "Usage: zkcoord version");
    child_free(command);
    command = START("help", "ls");
    command_expect(command, "[--json | --names]");
    command_expect(command, "--nodes");
    child_free(command);
    command = START("help", "dev");
    command_expect(command, "--auth are allowed and change nothing");
    child_free(command);
    assert_int_equal(RUN("version", "now"), 64);
    assert_int_equal(RUN("help", "lock", "elect"), 64);
}

/* Another program's node may hold anything: also what would steer a terminal. */
static void strangers(void **state)
{
    struct child *command;

    (void)state;
    assert_int_equal(probe_make_path(probe, "/micro/sync/lock/strange"), ZOK);
    assert_int_equal(probe_create(probe, "/micro/sync/lock/strange/x-lock-", "\033[2J\n",
                                  ZOO_EPHEMERAL | ZOO_SEQUENCE, NULL, 0),
                     ZOK);
    command = START("ls", "strange");
    command_expect(command, "x-lock-0000000000");
    child_free(command);
    command = START("ls", "strange", "--json");
    command_expect(command, "\"data\":\"\\u001B[2J\\n\"");
    child_free(command);
    assert_int_equal(probe_delete_tree(probe, "/micro/sync/lock/strange"), ZOK);
}

/* ---- ask ---- */

#define HEARS \
    "read -t 0 -u $ZKCOORD_ASKED_FD && echo too early; echo holds; " UNTIL_ASKED "; echo yes"

/* It says whom it asked; who is asked hears of it, holds on, and ends when it likes. */
static void asks(const char *verb, const char *id, const char *flag, const char *noun)
{
    struct child *holder = START(verb, id, "--", "bash", "-c", HEARS "; read line; exit 3");
    struct child *command;
    char text[64];

    command_expect(holder, "holds");
    command = START("ask", id, flag);
    snprintf(text, sizeof text, "%s '%s': the %s is ", noun, id,
             strcmp(noun, "lock") == 0 ? "holder" : "leader");
    command_expect(command, text);
    command_expect(command, "It is asked to give up.");
    assert_int_equal(command_end(command), 0);
    child_free(command);
    snprintf(text, sizeof text, "zkcoord: %s '%s': somebody asks us to give up", noun, id);
    command_expect(holder, text);
    command_expect(holder, "yes");
    assert_int_equal(RUN("ask", id, flag), 0);                    /* a second time */
    snprintf(text, sizeof text, "-%d  ", (int)child_pid(holder)); /* it is still told who holds */
    command = START("ls", id);
    command_expect(command, text);
    child_free(command);
    assert_int_equal(RUN("probe", id, flag), 1);
    child_signal(holder, SIGTERM);
    assert_int_equal(command_end(holder), 128 + SIGTERM);
    child_free(holder);
    assert_int_equal(RUN("ask", id, flag), 1);
}

static void asking_who_holds(void **state)
{
    (void)state;
    assert_int_equal(RUN("ask", "a"), 1);
    asks("lock", "a", NULL, "lock");
    asks("elect", "a", "--election", "election");
    assert_int_equal(RUN("ask"), 64);
    assert_int_equal(RUN("ask", "a", "b"), 64);
    assert_int_equal(RUN("ask", ""), 64);
    assert_int_equal(command_run("127.0.0.1:1", "ask", "a", NULL), 69);
}

/* Curator's Revoker writes so, too; with -q the command alone hears of it. Each turn begins
 * unasked.
 */
static void asked_in_each_turn(void **state)
{
    struct child *leader =
        START("elect", "/asked/turns", "-q", "--backoff", "0.05", "--", "bash", "-c", HEARS);
    char node[512], line[256];

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(child_read_line(leader, line, sizeof line, SOON));
        assert_string_equal(line, "holds");
        assert_true(scene_nth_node(probe, "/asked/turns", 0, node, sizeof node));
        assert_int_equal(probe_set(probe, node, "__REVOKE__"), ZOK);
        assert_true(child_read_line(leader, line, sizeof line, SOON));
        assert_string_equal(line, "yes");
    }
    child_signal(leader, SIGTERM);
    command_end(leader);
    child_free(leader);
}

/* Who may not write its znode cannot ask. */
static void asking_in_vain(void **state)
{
    struct child *holder = START("lock", "vain", "--auth", "digest:ann:secret", "--namespace",
                                 "/vain", "--", "sh", "-c", "echo held; exec cat");

    (void)state;
    command_expect(holder, "held");
    assert_int_equal(RUN("ask", "vain", "--namespace", "/vain", "--auth", "digest:bob:secret"), 77);
    let_go(holder);
}

/* ---- break ---- */

static void breaking(void **state)
{
    struct child *holder, *next;

    (void)state;
    assert_int_equal(RUN("break", "b", "--yes"), 1);
    holder = hold("lock", "b");
    assert_int_equal(RUN("break", "b"), 64); /* nobody to ask */
    next = START("lock", "b", "echo", "mine");
    assert_true(probe_wait_children(probe, "/micro/sync/lock/b", 2, SOON));
    assert_int_equal(RUN("break", "b", "--yes"), 0);
    command_expect(next, "mine");
    assert_int_equal(command_end(next), 0);
    assert_int_equal(command_end(holder), 75);
    child_free(next);
    child_free(holder);
}

#define FULL "/micro/sync/lock/full/x%s-lock-0000000000"

/* ZooKeeper's own word for it, and what to do; what others called it does not steer a terminal. */
static void breaking_what_has_children(void **state)
{
    struct child *command;
    char path[128], text[128];

    (void)state;
    snprintf(path, sizeof path, FULL "/below", "\xe2\x80\xae");
    snprintf(text, sizeof text, "there are znodes below " FULL ": delete", "?");
    assert_int_equal(probe_make_path(probe, path), ZOK);
    command = START("break", "full", "--yes");
    command_expect(command, text);
    command_expect(command, "NOTEMPTY, -111");
    assert_int_equal(command_end(command), 70);
    child_free(command);
    assert_int_equal(probe_delete_tree(probe, "/micro/sync/lock/full"), ZOK);
}

/* ---- examples ---- */

static int bash_main(int argc, char **argv)
{
    if (argc < 2)
        return 99;
    setenv("ZKCOORD_NODES", argv[0], 1);
    execlp("bash", "bash", "-uc", argv[1], NULL);
    return 99;
}

/* In bash, with $examples, $Z and zkcoord in the search path. */
static struct child *script(const char *text)
{
    const char *top = getenv("top_srcdir");
    char whole[4096];

    snprintf(whole, sizeof whole,
             "examples='%s/examples'; export Z='%s'; PATH=$(dirname $Z):$PATH; %s",
             top ? top : "..", command_path(), text);
    return child_start("bash", nodes, whole, NULL);
}

static void the_units(void **state)
{
    struct child *child =
        script("d=$(mktemp -d); trap 'rm -r $d' EXIT; for f in scheduler zkcoord@; do "
               "sed \"s|/usr/bin/zkcoord|$Z|; s|/usr/bin/scheduler|$(command -v true)|\" "
               "$examples/$f.service >$d/$f.service; grep -q \"=$Z elect\" $d/$f.service || exit; "
               "done; if ! command -v systemd-analyze >/dev/null; then echo there is none; "
               "elif systemd-analyze verify --man=no $d/*.service; then echo fine; fi");
    char line[256];

    (void)state;
    assert_non_null(child);
    assert_true(child_read_line(child, line, sizeof line, SOON));
    if (strcmp(line, "there is none") == 0)
        print_message("systemd-analyze is not installed: the units were not verified\n");
    else
        assert_string_equal(line, "fine");
    child_free(child);
}

#define CRON_LINE                                                                               \
    "line=$(sed -n 's|^0 3 \\* \\* \\* root ||p' $examples/nightly.cron); "                     \
    "line=${line/'/usr/local/bin/nightly'/echo ran}; [ -n \"$line\" ] && eval \"$line\"; echo " \
    "status $?"

static void the_cron_table(void **state)
{
    struct child *holder, *child = script("grep ^PATH= $examples/nightly.cron; " CRON_LINE);
    char line[256];

    (void)state;
    assert_non_null(child);
    command_expect(child, "PATH=/usr/local/bin:"); /* cron's own is without it */
    command_expect(child, "ran");
    command_expect(child, "status 0");
    child_free(child);
    holder = hold("lock", "nightly");
    child = script(CRON_LINE);
    assert_non_null(child);
    assert_true(child_read_line(child, line, sizeof line, SOON));
    assert_string_equal(line, "status 0");
    child_free(child);
    let_go(holder);
}

static void the_migration(void **state)
{
    struct child *child =
        script("$examples/migrate sh -c 'echo migrating; exit 3'; echo status $?");
    char line[256];

    (void)state;
    assert_non_null(child);
    command_expect(child, "migrating");
    command_expect(child, "status 3");
    child_free(child);
    child = script("$examples/migrate false 2>&1; echo status $?");
    assert_non_null(child);
    do {
        assert_true(child_read_line(child, line, sizeof line, SOON));
        assert_null(strstr(line, "another machine"));
    } while (strcmp(line, "status 1") != 0);
    child_free(child);
}

/* ---- dev ---- */

static char scratch[256];

static int open_scratch(void **state)
{
    (void)state;
    return keeper_make_dir(scratch, sizeof scratch);
}

/* zkcoord with its servers' data below argv[1]: others on this machine may have some, too. */
static int below_main(int argc, char **argv)
{
    if (argc < 2 || setenv("TMPDIR", argv[1], 1) != 0)
        return 99;
    argv[1] = argv[0];
    return command_main(argc - 1, argv + 1);
}

static int close_scratch(void **state)
{
    (void)state;
    keeper_remove_dir(scratch);
    return 0;
}

static void a_throwaway_server(void **state)
{
    char script[600];
    struct child *command;

    (void)state;
    snprintf(script, sizeof script, "echo $ZKCOORD_NODES; %s lock d -- true && exit 6",
             command_path());
    command = child_start("below", nodes, scratch, "dev", "--", "sh", "-c", script, NULL);
    assert_non_null(command);
    command_expect(command, "127.0.0.1:");
    assert_int_equal(command_end(command), 6);
    child_free(command);
    command_nobody(scratch);
    assert_int_equal(rmdir(scratch), 0); /* nothing is left there */
}

static void an_ensemble(void **state)
{
    char script[600];
    struct child *command;

    (void)state;
    snprintf(script, sizeof script, "echo $ZKCOORD_NODES; %s lock d -- echo works", command_path());
    command = START("dev", "--servers", "3", "sh", "-c", script);
    command_expect(command, ",127.0.0.1:");
    command_expect(command, "works");
    assert_int_equal(command_end(command), 0);
    child_free(command);
    assert_int_equal(RUN("dev", "--servers", "100", "true"), 64);
}

/* A name that no format and no java may have to read; and a relative one. */
static void a_throwaway_server_anywhere(void **state)
{
    char odd[512], text[2048];
    struct child *command;

    (void)state;
    snprintf(odd, sizeof odd, "a b\\c#\xc3\xbc\xff-%0200d", 0);
    snprintf(text, sizeof text,
             "cd '%s' && mkdir '%s' && export TMPDIR='./%s'; $Z dev -- sh -c '$Z lock d -- echo "
             "works; ls -d ./*/zk*'; echo status $?; rmdir '%s'",
             scratch, odd, odd, odd);
    command = script(text);
    command_expect(command, "works");
    command_expect(command, "/zkcoord-dev-");
    command_expect(command, "status 0");
    assert_int_equal(command_end(command), 0);
    child_free(command);
}

/* As the page says of every command. */
static void ends_as_the_command_does(void **state)
{
    (void)state;
    assert_int_equal(RUN("dev", "sh", "-c", "exit 5"), 5);
    assert_int_equal(RUN("dev", "no-such-command-anywhere"), 127);
}

static void dies_as_the_command_does(void **state)
{
    struct child *command = START("dev", "sh", "-c", "kill -9 $$");
    int status;

    (void)state;
    assert_true(child_wait(command, &status, SOON));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    child_free(command);
}

/* The servers do not outlive it. */
static void killed(void **state)
{
    struct child *command =
        child_start("below", nodes, scratch, "dev", "sh", "-c", "echo ready; cat", NULL);

    (void)state;
    assert_non_null(command);
    command_expect(command, "ready");
    assert_true(count_processes(scratch) > 0);
    child_kill(command);
    command_nobody(scratch);
    command_end(command);
    child_free(command);
}

static int without_main(int argc, char **argv)
{
    setenv("ZOOKEEPER_HOME", "/nonexistent", 1);
    return command_main(argc, argv);
}

static int nowhere_main(int argc, char **argv)
{
    setenv("TMPDIR", "/nonexistent", 1);
    return command_main(argc, argv);
}

static void no_place_for_servers(void **state)
{
    struct child *command = child_start("nowhere", nodes, "dev", "true", NULL);

    (void)state;
    command_expect(command, "cannot start servers below /nonexistent: No such file");
    assert_int_equal(command_end(command), 69);
    child_free(command);
}

static void nothing_installed(void **state)
{
    struct child *command = child_start("without", nodes, "dev", "true", NULL);

    (void)state;
    command_expect(command, "ZOOKEEPER_HOME=/nonexistent");
    assert_int_equal(command_end(command), 69);
    child_free(command);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {
        {"zkcoord", command_main}, {"without", without_main}, {"below", below_main},
        {"nowhere", nowhere_main}, {"bash", bash_main},       {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probing),
        cmocka_unit_test(who_leads),
        cmocka_unit_test(every_change),
        cmocka_unit_test(a_table),
        cmocka_unit_test(as_json),
        cmocka_unit_test(watching),
        cmocka_unit_test(names_only),
        cmocka_unit_test(names_once),
        cmocka_unit_test(help_fits),
        cmocka_unit_test(strangers),
        cmocka_unit_test(asking_who_holds),
        cmocka_unit_test(asked_in_each_turn),
        cmocka_unit_test(asking_in_vain),
        cmocka_unit_test(breaking),
        cmocka_unit_test(breaking_what_has_children),
        cmocka_unit_test(the_units),
        cmocka_unit_test(the_cron_table),
        cmocka_unit_test(the_migration),

        cmocka_unit_test_setup_teardown(a_throwaway_server, open_scratch, close_scratch),
        cmocka_unit_test_setup_teardown(a_throwaway_server_anywhere, open_scratch, close_scratch),
        cmocka_unit_test(ends_as_the_command_does),
        cmocka_unit_test(dies_as_the_command_does),
        cmocka_unit_test(an_ensemble),
        cmocka_unit_test_setup_teardown(killed, open_scratch, close_scratch),
        cmocka_unit_test(no_place_for_servers),
        cmocka_unit_test(nothing_installed),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
