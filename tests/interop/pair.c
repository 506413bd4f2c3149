/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "pair.h"

#include "keeper.h"
#include "peer.h"
#include "probe.h"
#include "servers.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define HANDOVERS 500
#define HANDOVERS_MAX 100000
#define SHORTLY deadline_in_ms(100)
#define PATH "/shared/by-all"

/* In the order in which they queue up. */
enum { OURS, THEIRS, OURS_TOO, THEIRS_TOO, SEATS };

static struct servers *servers;
static struct probe *probe;

struct table {
    const struct pair *pair;
    struct peer *seats[SEATS]; /* NULL: nobody sits there */
    int others;                /* children that are no contenders */
};

/* ---- one server for a program, a table for each pair ---- */

static const struct harness_role roles[] = {{"ours", peer_ours}, {NULL, NULL}};

void pairs_start(int argc, char **argv)
{
    harness_start(argc, argv, roles);
    servers = servers_start(&(struct servers_options){.tick_ms = 2000});
    if (servers == NULL)
        exit(77);
    probe = probe_open(server_address(servers, 0), PEER_SESSION_MS);
    if (probe == NULL)
        exit(1);
}

int pairs_stop(void)
{
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

static struct peer *sit(const struct pair *pair, int seat)
{
    const char *language = pair->language, *kind = pair->theirs;

    if (seat == OURS || seat == OURS_TOO) {
        language = "c";
        kind = seat == OURS_TOO && pair->ours_too != NULL ? pair->ours_too : pair->ours;
    } else if (seat == THEIRS_TOO && pair->third != NULL) {
        language = pair->third_language;
        kind = pair->third;
    }
    return peer_start(language, kind, server_address(servers, 0), PATH);
}

static const struct pair *current;

/* The directory is a plain node: Kazoo does not bear that it vanishes (test_kazoo.c). */
static int lay_table(void **state, int seats)
{
    static struct table table;

    table = (struct table){.pair = current};
    *state = &table;
    print_message("our %s and the %s of %s\n", current->ours, current->theirs, current->language);
    if (probe_make_path(probe, PATH) != ZOK)
        return -1;
    for (int i = 0; i < seats; i++)
        table.seats[i] = sit(current, i);
    for (int i = 0; i < seats; i++)
        peer_says(table.seats[i], "ready");
    return 0;
}

static int lay_for_two(void **state)
{
    return lay_table(state, 2);
}

static int lay_for_three(void **state)
{
    return lay_table(state, 3);
}

static int lay_for_all(void **state)
{
    return lay_table(state, SEATS);
}

static bool cleared;

static int clear_table(void **state)
{
    struct table *table = *state;

    for (int i = 0; i < SEATS; i++)
        peer_free(table->seats[i]);
    cleared = probe_delete_tree(probe, PATH) == ZOK;
    return cleared ? 0 : -1;
}

/* ---- what everybody can do ---- */

/* Who is there, for whoever must find out why it is nobody's turn. */
static void show_queue(void)
{
    struct probe_list list;

    if (probe_children(probe, PATH, &list) != ZOK)
        return;
    for (int i = 0; i < list.count; i++) {
        char path[1024];
        snprintf(path, sizeof path, PATH "/%s", list.names[i]);
        print_message("%s of session %llx\n", path, (unsigned long long)probe_owner(probe, path));
    }
    probe_list_free(&list);
}

static void wait_queued(const struct table *table, int contenders)
{
    if (!probe_wait_children(probe, PATH, table->others + contenders, PEER_SOON)) {
        show_queue();
        fail_msg("not %d contenders", contenders);
    }
}

static void takes(struct peer *peer)
{
    peer_tell(peer, "acquire");
    peer_says(peer, "acquired");
}

static void gives_up(struct peer *peer)
{
    peer_tell(peer, "release");
    peer_says(peer, "released");
}

static void hands_over(struct peer *from, struct peer *to)
{
    gives_up(from);
    peer_says(to, "acquired");
}

/* And its session ends, which would take as long as its timeout. */
static void dies(struct peer *peer)
{
    peer_kill(peer);
    peer_expire(peer, server_address(servers, 0));
}

/* Behind those who are there. */
static void queues_up(const struct table *table, struct peer *peer, int contenders)
{
    peer_tell(peer, "acquire");
    wait_queued(table, contenders);
}

static void both_are_silent(struct peer *one, struct peer *other)
{
    int64_t shortly = SHORTLY;

    peer_is_silent(one, shortly);
    peer_is_silent(other, shortly);
}

/* ---- mutual exclusion ---- */

struct workplace {
    char directory[256];
    int fd;
};

static void make_file(const struct workplace *place, const char *name, const char *content)
{
    int fd = openat(place->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static int read_file(const struct workplace *place, const char *name, char *content, size_t size)
{
    int fd = openat(place->fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, content, size - 1);

    assert_in_range(length, 0, size - 2);
    content[length] = '\0';
    close(fd);
    return (int)length;
}

static bool has_changed_hands(void *arg)
{
    static char log[HANDOVERS_MAX];
    int length = read_file(arg, "log", log, sizeof log);
    int mixed = 0;

    for (int i = 1; i < length; i++)
        mixed += log[i] != log[i - 1];
    return mixed >= HANDOVERS;
}

static void open_workplace(struct workplace *place)
{
    assert_int_equal(keeper_make_dir(place->directory, sizeof place->directory), 0);
    place->fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_file(place, "counter", "0");
    make_file(place, "log", "");
}

static bool shares(const struct table *table, int seat)
{
    return table->pair->ours_too != NULL && (seat == OURS_TOO || seat == THEIRS_TOO);
}

/* Nobody's turn was lost, which it would be if two of them had worked at once. */
static void everybody_counted(struct table *table, const struct workplace *place)
{
    static char log[HANDOVERS_MAX];
    char counter[32];
    int turns = 0, counted = 0;

    for (int i = 0; i < SEATS; i++) {
        int worked = peer_worked(table->seats[i]);
        turns += worked;
        if (!shares(table, i))
            counted += worked;
    }
    print_message("%d turns, %d of them alone\n", turns, counted);
    read_file(place, "counter", counter, sizeof counter);
    assert_int_equal(atoi(counter), counted);
    assert_int_equal(read_file(place, "log", log, sizeof log), turns);
}

static void exclude_each_other(void **state)
{
    struct table *table = *state;
    struct workplace place;

    open_workplace(&place);
    for (int i = 0; i < SEATS; i++)
        peer_tell(table->seats[i], "work %s", place.directory);
    if (!wait_until(has_changed_hands, &place, PEER_SOON)) {
        show_queue();
        fail_msg("it did not change hands often enough");
    }
    make_file(&place, "stop", "");
    everybody_counted(table, &place);
    wait_queued(table, 0);
    close(place.fd);
    keeper_remove_dir(place.directory);
}

/* ---- order ---- */

static void take_turns_in_order(struct table *table)
{
    for (int i = 0; i < SEATS; i++)
        queues_up(table, table->seats[i], i + 1);
    for (int i = 0; i < SEATS; i++) {
        int64_t shortly;
        peer_says(table->seats[i], "acquired");
        shortly = SHORTLY;
        for (int later = i + 1; later < SEATS; later++)
            peer_is_silent(table->seats[later], shortly);
        gives_up(table->seats[i]);
    }
    wait_queued(table, 0);
}

static void keep_the_order(void **state)
{
    take_turns_in_order(*state);
}

static const char *hostile_path(const struct table *table, int i)
{
    static char path[1024];

    snprintf(path, sizeof path, PATH "/%s", table->pair->hostile[i]);
    return path;
}

static void bear_hostile_names(void **state)
{
    struct table *table = *state;

    for (int i = 0; table->pair->hostile[i] != NULL; i++, table->others++)
        assert_int_equal(probe_create(probe, hostile_path(table, i), "", 0, NULL, 0), ZOK);
    take_turns_in_order(table);
    while (table->others > 0)
        assert_int_equal(probe_delete(probe, hostile_path(table, --table->others)), ZOK);
}

/* ---- elections ---- */

#define OUR_JSON "{\"id\":\"ours\",\"address\":\"\",\"port\":0,\"metadata\":{}}"

static void read_who_leads(void **state)
{
    struct table *table = *state;
    char words[64];

    takes(table->seats[OURS]);
    peer_tell(table->seats[THEIRS_TOO], "leader");
    peer_says(table->seats[THEIRS_TOO], "leader " OUR_JSON);
    peer_tell(table->seats[THEIRS], "acquire");
    wait_queued(table, 2);
    hands_over(table->seats[OURS], table->seats[THEIRS]);
    peer_tell(table->seats[OURS], "leader");
    snprintf(words, sizeof words, "leader %s", table->pair->leads);
    peer_says(table->seats[OURS], words);
    gives_up(table->seats[THEIRS]);
    wait_queued(table, 0);
}

/* ---- the end of sessions and processes ---- */

/* The heir is granted what the holder loses, when its session ends and not before. */
static void inherits(struct table *table, int holder, int heir, bool killed)
{
    takes(table->seats[holder]);
    queues_up(table, table->seats[heir], 2);
    if (killed)
        peer_kill(table->seats[holder]);
    peer_is_silent(table->seats[heir], SHORTLY);
    peer_expire(table->seats[holder], server_address(servers, 0));
    peer_says(table->seats[heir], "acquired");
    gives_up(table->seats[heir]);
    wait_queued(table, 0);
}

static void inherit_from_our_session(void **state)
{
    struct table *table = *state;

    inherits(table, OURS, THEIRS, false);
    peer_tell(table->seats[OURS], "watch");
    peer_says(table->seats[OURS], "revoked");
    takes(table->seats[OURS]);
    gives_up(table->seats[OURS]);
}

static void inherit_from_their_session(void **state)
{
    inherits(*state, THEIRS, OURS, false);
}

static void inherit_from_our_dead(void **state)
{
    inherits(*state, OURS_TOO, THEIRS_TOO, true);
}

static void inherit_from_their_dead(void **state)
{
    inherits(*state, THEIRS_TOO, OURS, true);
}

/* ---- asking to give up ---- */

static void asks(struct peer *who, struct peer *holder)
{
    takes(holder);
    peer_tell(holder, "asked");
    peer_is_silent(holder, SHORTLY);
    peer_tell(who, "ask");
    peer_says(who, "done");
    peer_says(holder, "asked");
    gives_up(holder);
}

static void ask_each_other(void **state)
{
    struct table *table = *state;

    asks(table->seats[THEIRS], table->seats[OURS]);
    asks(table->seats[OURS], table->seats[THEIRS]);
}

/* ---- shared locks: the first two hold alone, the others share ---- */

static void share_with_each_other(void **state)
{
    struct table *table = *state;

    takes(table->seats[OURS_TOO]);
    takes(table->seats[THEIRS_TOO]);
    queues_up(table, table->seats[OURS], 3);
    queues_up(table, table->seats[THEIRS], 4);
    gives_up(table->seats[OURS_TOO]);
    both_are_silent(table->seats[OURS], table->seats[THEIRS]);
    hands_over(table->seats[THEIRS_TOO], table->seats[OURS]);
    peer_is_silent(table->seats[THEIRS], SHORTLY);
    hands_over(table->seats[OURS], table->seats[THEIRS]);
    gives_up(table->seats[THEIRS]);
    wait_queued(table, 0);
}

/* Both who share wait for the one who holds alone, and are granted together. */
static void all_share_after(struct table *table, int holder)
{

    takes(table->seats[holder]);
    queues_up(table, table->seats[OURS_TOO], 2);
    queues_up(table, table->seats[THEIRS_TOO], 3);
    both_are_silent(table->seats[OURS_TOO], table->seats[THEIRS_TOO]);
    hands_over(table->seats[holder], table->seats[OURS_TOO]);
    peer_says(table->seats[THEIRS_TOO], "acquired");
    gives_up(table->seats[THEIRS_TOO]);
    gives_up(table->seats[OURS_TOO]);
    wait_queued(table, 0);
}

static void share_after_ours(void **state)
{
    all_share_after(*state, OURS);
}

static void share_after_theirs(void **state)
{
    all_share_after(*state, THEIRS);
}

/* Whoever would share does not pass one that waits to hold alone. */
static void stays_behind(struct table *table, int holder, int waiter, int late)
{
    takes(table->seats[holder]);
    queues_up(table, table->seats[waiter], 2);
    queues_up(table, table->seats[late], 3);
    peer_is_silent(table->seats[late], SHORTLY);
    hands_over(table->seats[holder], table->seats[waiter]);
    peer_is_silent(table->seats[late], SHORTLY);
    hands_over(table->seats[waiter], table->seats[late]);
    gives_up(table->seats[late]);
    wait_queued(table, 0);
}

static void pass_nobody(void **state)
{
    stays_behind(*state, THEIRS_TOO, OURS, OURS_TOO);
    stays_behind(*state, THEIRS_TOO, THEIRS, OURS_TOO);
    stays_behind(*state, OURS_TOO, OURS, THEIRS_TOO);
    stays_behind(*state, OURS_TOO, THEIRS, THEIRS_TOO);
}

static void inherit_from_those_who_share(void **state)
{
    struct table *table = *state;

    takes(table->seats[OURS_TOO]);
    takes(table->seats[THEIRS_TOO]);
    queues_up(table, table->seats[OURS], 3);
    dies(table->seats[THEIRS_TOO]);
    peer_is_silent(table->seats[OURS], SHORTLY);
    hands_over(table->seats[OURS_TOO], table->seats[OURS]);
    gives_up(table->seats[OURS]);
    takes(table->seats[OURS_TOO]);
    queues_up(table, table->seats[THEIRS], 2);
    dies(table->seats[OURS_TOO]);
    peer_says(table->seats[THEIRS], "acquired");
    gives_up(table->seats[THEIRS]);
}

/* We wait for the one who holds, and have our turn. */
static void wait_for_theirs(struct table *table)
{
    queues_up(table, table->seats[OURS], 2);
    peer_is_silent(table->seats[OURS], SHORTLY);
    hands_over(table->seats[THEIRS], table->seats[OURS]);
    gives_up(table->seats[OURS]);
    wait_queued(table, 0);
}

/* They have taken it alone, and share it now. */
static void wait_for_who_shares_now(void **state)
{
    struct table *table = *state;

    takes(table->seats[THEIRS]);
    wait_for_theirs(table);
}

/* ---- unsound pairs ---- */

/* They do not see us, but we see them. */
static void barge_in(void **state)
{
    struct table *table = *state;

    takes(table->seats[OURS]);
    takes(table->seats[THEIRS]);
    peer_tell(table->seats[OURS], "held");
    peer_says(table->seats[OURS], "held yes");
    gives_up(table->seats[OURS]);
    wait_for_theirs(table);
}

static void fail_at_our_node(void **state)
{
    struct table *table = *state;

    takes(table->seats[OURS]);
    peer_tell(table->seats[THEIRS], "acquire");
    peer_says_with(table->seats[THEIRS], "failed ");
    wait_queued(table, 2);
    gives_up(table->seats[OURS]);
    queues_up(table, table->seats[OURS], 2);
    peer_is_silent(table->seats[OURS], SHORTLY);
    dies(table->seats[THEIRS]);
    peer_says(table->seats[OURS], "acquired");
    gives_up(table->seats[OURS]);
}

static void wait_for_who_is_behind(void **state)
{
    struct table *table = *state;

    takes(table->seats[OURS]);
    queues_up(table, table->seats[THEIRS], 2);
    queues_up(table, table->seats[OURS_TOO], 3);
    gives_up(table->seats[OURS]);
    wait_queued(table, 2);
    both_are_silent(table->seats[THEIRS], table->seats[OURS_TOO]);
    dies(table->seats[OURS_TOO]);
    peer_says(table->seats[THEIRS], "acquired");
}

/* An empty container vanishes by itself, some time after it became empty. */
static void miss_the_directory(void **state)
{
    struct table *table = *state;

    takes(table->seats[THEIRS]);
    gives_up(table->seats[THEIRS]);
    assert_int_equal(probe_delete(probe, PATH), ZOK);
    peer_tell(table->seats[THEIRS], "acquire");
    peer_says_with(table->seats[THEIRS], "failed ");
    takes(table->seats[OURS]);
    gives_up(table->seats[OURS]);
}

/* ---- all of it ---- */

/* cmocka does not count a table that could not be cleared. */
static int run(const struct pair *pair, const struct CMUnitTest *tests, size_t count,
               int (*lay)(void **state))
{
    int failed;

    current = pair;
    cleared = false;
    failed = _cmocka_run_group_tests("pair", tests, count, lay, clear_table);
    return failed + !cleared;
}

int pair_test(const struct pair *pair)
{
    /* The first is for elections. The last four end somebody who sits at the table. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_who_leads),           cmocka_unit_test(exclude_each_other),
        cmocka_unit_test(keep_the_order),           cmocka_unit_test(bear_hostile_names),
        cmocka_unit_test(inherit_from_our_session), cmocka_unit_test(inherit_from_their_session),
        cmocka_unit_test(inherit_from_our_dead),    cmocka_unit_test(inherit_from_their_dead),
    };
    size_t first = pair->leads != NULL ? 0 : 1;

    return run(pair, tests + first, sizeof tests / sizeof tests[0] - first, lay_for_all);
}

int pair_test_sharing(const struct pair *pair)
{
    /* The last ends those who share. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exclude_each_other), cmocka_unit_test(share_with_each_other),
        cmocka_unit_test(share_after_ours),   cmocka_unit_test(share_after_theirs),
        cmocka_unit_test(pass_nobody),        cmocka_unit_test(inherit_from_those_who_share),
    };

    return run(pair, tests, sizeof tests / sizeof tests[0], lay_for_all);
}

int pair_test_downgrading(const struct pair *pair)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wait_for_who_shares_now)};

    return run(pair, tests, 1, lay_for_two);
}

int pair_test_asking(const struct pair *pair)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ask_each_other)};

    return run(pair, tests, 1, lay_for_two);
}

int pair_test_barging(const struct pair *pair)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(barge_in)};

    return run(pair, tests, 1, lay_for_two);
}

int pair_test_failing(const struct pair *pair)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fail_at_our_node)};

    return run(pair, tests, 1, lay_for_two);
}

int pair_test_tangling(const struct pair *pair)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wait_for_who_is_behind)};

    return run(pair, tests, 1, lay_for_three);
}

int pair_test_without_directory(const struct pair *pair)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(miss_the_directory)};

    return run(pair, tests, 1, lay_for_two);
}
