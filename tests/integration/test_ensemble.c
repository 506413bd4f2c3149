/* SPDX-License-Identifier: Apache-2.0 */
/* Ensembles elect, lose and regain servers; cuts cut, and nothing goes past the proxies. */
#define _GNU_SOURCE
#include "harness.h"
#include "probe.h"
#include "servers.h"
#include "servers_internal.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(30000)
#define TICK_MS 200
#define SYNC_LIMIT 8

static struct servers *servers;

static int start_ensemble(void **state)
{
    struct servers_options o = {
        .count = 3, .tick_ms = TICK_MS, .sync_limit = SYNC_LIMIT, .proxied_quorum = true};

    (void)state;
    servers = servers_start(&o);
    return servers ? 0 : -1;
}

static int stop_ensemble(void **state)
{
    (void)state;
    servers_stop(servers);
    return 0;
}

static int all_well(void **state)
{
    (void)state;
    return servers_wait_serving(servers, SOON) ? 0 : -1;
}

static int third(int i, int j)
{
    return 3 - i - j;
}

/* ---- who talks to whom: /proc/net/tcp ---- */

static bool is_own_socket(unsigned long inode)
{
    char path[300], target[64], wanted[64];
    DIR *dir = opendir("/proc/self/fd");
    bool own = false;

    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    for (struct dirent *e = readdir(dir); e && !own; e = readdir(dir)) {
        snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        own = strcmp(target, wanted) == 0;
    }
    closedir(dir);
    return own;
}

static bool is_quorum_port(unsigned port)
{
    for (int i = 0; i < servers_count(servers); i++) {
        if (port == servers->at[i].ports[QUORUM_PORT] ||
            port == servers->at[i].ports[ELECTION_PORT])
            return true;
    }
    return false;
}

/* Connections to a quorum or election port: all of them, and those that are not a proxy's. */
static void count_links(int *all, int *strangers)
{
    FILE *f = fopen("/proc/net/tcp", "re");
    unsigned port, state;
    unsigned long inode;
    char line[400];

    *all = *strangers = 0;
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, " %*d: %*x:%*x %*x:%x %x %*s %*s %*s %*d %*d %lu", &port, &state,
                   &inode) != 3)
            continue;
        if (state != 1 || !is_quorum_port(port))
            continue;
        ++*all;
        *strangers += !is_own_socket(inode);
    }
    fclose(f);
}

static void assert_all_links_are_proxied(void)
{
    int all, strangers;

    count_links(&all, &strangers);
    assert_true(all >= 4); /* two followers' links to the leader, and votes */
    assert_int_equal(strangers, 0);
}

/* ---- tests ---- */

static void one_leader_two_followers(void **state)
{
    int leader = servers_leader_index(servers), followers = 0;
    struct probe *p = probe_open(servers_addresses(servers), 4000);

    (void)state;
    for (int i = 0; i < 3; i++)
        followers += server_mode(servers, i) == SERVER_FOLLOWER;
    assert_int_equal(followers, 2);
    assert_int_equal(server_mode(servers, leader), SERVER_LEADER);
    assert_int_equal(probe_make_path(p, "/first"), ZOK);
    probe_close(p);
    assert_all_links_are_proxied();
}

/*
 * The server with the lowest number may not keep an election link that it opened: the others hang
 * up and call it back. Without PROXY_ELECTION they would do so directly.
 */
static void lowest_server_is_called_back_by_proxy(void **state)
{
    (void)state;
    server_kill(servers, 0);
    assert_true(server_start_again(servers, 0));
    assert_true(servers_wait_serving(servers, SOON));
    assert_all_links_are_proxied();
}

static void killed_leader_is_replaced(void **state)
{
    int old = servers_leader_index(servers), leader;
    struct probe *p = probe_open(server_address(servers, (old + 1) % 3), 4000);

    (void)state;
    server_kill(servers, old);
    leader = servers_wait_leader(servers, old, SOON);
    assert_true(leader >= 0 && leader != old);
    assert_int_equal(servers_leader_index(servers), leader);
    assert_true(probe_wait_connected(p, SOON));
    assert_true(server_start_again(servers, old));
    assert_true(server_wait_mode(servers, old, SERVER_FOLLOWER, SOON));
    assert_int_equal(probe_make_path(p, "/second"), ZOK);
    probe_close(p);
    assert_all_links_are_proxied();
}

static void cut_follower_answers_but_commits_nothing(void **state)
{
    int leader = servers_leader_index(servers), cut = servers_follower_index(servers);
    struct probe *inside = probe_open(server_address(servers, cut), 4000);
    struct probe *outside = probe_open(server_address(servers, leader), 4000);
    struct probe_later w;
    int64_t start;

    (void)state;
    servers_cut(servers, cut);
    start = now_ns();
    assert_int_equal(probe_create_later(inside, "/from-inside", &w), ZOK);
    assert_int_equal(probe_make_path(outside, "/from-outside"), ZOK);
    assert_true(holds_until(probe_is_pending, &w, deadline_in_ms(SYNC_LIMIT * TICK_MS / 3)));
    assert_int_equal(server_mode(servers, cut), SERVER_FOLLOWER); /* believes */
    assert_true(probe_connected(inside));
    assert_false(probe_exists(outside, "/from-inside"));

    assert_true(server_wait_mode(servers, cut, SERVER_DOWN, SOON)); /* notices */
    print_message("a cut follower noticed after %d ms\n", (int)((now_ns() - start) / 1000000));
    assert_true(wait_until(probe_is_done, &w, SOON));
    assert_int_not_equal(w.rc, ZOK);
    assert_int_equal(servers_leader_index(servers), leader);
    assert_false(probe_exists(outside, "/from-inside"));

    servers_heal(servers, cut);
    assert_true(server_wait_mode(servers, cut, SERVER_FOLLOWER, SOON));
    assert_true(probe_wait_connected(inside, SOON));
    assert_true(probe_exists(inside, "/from-outside"));
    probe_close(inside);
    probe_close(outside);
    assert_all_links_are_proxied();
}

/* Reads do not need the leader: the follower answers them although it is cut off. */
static void cut_follower_shows_the_past(void **state)
{
    int leader = servers_leader_index(servers), cut = servers_follower_index(servers);
    struct probe *inside = probe_open(server_address(servers, cut), 4000);
    struct probe *outside = probe_open(server_address(servers, leader), 4000);

    (void)state;
    servers_cut(servers, cut);
    assert_int_equal(probe_make_path(outside, "/news"), ZOK);
    assert_true(probe_exists(inside, "/first"));
    assert_false(probe_exists(inside, "/news"));
    servers_heal(servers, cut); /* in time: the link has only been slow */
    assert_true(probe_wait_exists(inside, "/news", SOON));
    probe_close(inside);
    probe_close(outside);
}

static void cut_leader_answers_but_commits_nothing(void **state)
{
    int cut = servers_leader_index(servers), leader;
    struct probe *inside = probe_open(server_address(servers, cut), 4000);
    struct probe *outside;
    struct probe_later w;
    int64_t start;

    (void)state;
    servers_cut(servers, cut);
    start = now_ns();
    assert_int_equal(probe_create_later(inside, "/from-old-leader", &w), ZOK);
    assert_true(holds_until(probe_is_pending, &w, deadline_in_ms(SYNC_LIMIT * TICK_MS / 3)));
    assert_int_equal(server_mode(servers, cut), SERVER_LEADER);

    leader = servers_wait_leader(servers, cut, SOON);
    print_message("a new leader after %d ms\n", (int)((now_ns() - start) / 1000000));
    assert_true(leader >= 0);
    outside = probe_open(server_address(servers, leader), 4000);
    assert_int_equal(probe_make_path(outside, "/from-new-leader"), ZOK);
    assert_true(server_wait_mode(servers, cut, SERVER_DOWN, SOON));
    print_message("the cut leader gave up after %d ms\n", (int)((now_ns() - start) / 1000000));
    assert_int_equal(server_mode(servers, third(cut, leader)), SERVER_FOLLOWER);

    servers_heal(servers, cut);
    assert_true(server_wait_mode(servers, cut, SERVER_FOLLOWER, SOON));
    assert_true(wait_until(probe_is_done, &w, SOON));
    assert_true(probe_wait_connected(inside, SOON));
    assert_true(probe_exists(inside, "/from-new-leader"));
    assert_true(w.rc == ZOK || !probe_exists(outside, "/from-old-leader"));
    probe_close(inside);
    probe_close(outside);
    assert_all_links_are_proxied();
}

static void all_cut_then_healed(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        servers_cut(servers, i);
    for (int i = 0; i < 3; i++)
        assert_true(server_wait_mode(servers, i, SERVER_DOWN, SOON));
    assert_int_equal(servers_leader_index(servers), -1);
    servers_heal_all(servers);
    assert_true(servers_wait_serving(servers, SOON));
    assert_all_links_are_proxied();
}

static void cut_pair_leaves_the_third(void **state)
{
    int leader = servers_leader_index(servers), a = servers_follower_index(servers);
    int b = third(leader, a);
    struct probe *p = probe_open(server_address(servers, b), 4000);

    (void)state;
    servers_cut_pair(servers, leader, a);
    assert_true(server_wait_mode(servers, a, SERVER_DOWN, SOON));
    assert_int_equal(probe_make_path(p, "/of-two"), ZOK);
    servers_heal_all(servers);
    assert_true(servers_wait_serving(servers, SOON));
    probe_close(p);
}

static void slow_links_make_slow_commits(void **state)
{
    int leader = servers_leader_index(servers);
    struct probe *p = probe_open(server_address(servers, leader), 4000);
    int64_t start;

    (void)state;
    servers_delay(servers, leader, 150);
    start = now_ns();
    assert_int_equal(probe_make_path(p, "/slow"), ZOK);
    assert_true(now_ns() - start >= 2 * 150 * 1000000LL);
    servers_delay(servers, leader, 0);
    probe_close(p);
}

struct acquaintance {
    struct servers *servers;
    int server;
    int64_t session;
};

static bool is_known(void *arg)
{
    const struct acquaintance *a = arg;

    return server_knows_session(a->servers, a->server, a->session);
}

/* A server says what it has applied; the answer to a create may be quicker. */
static bool wait_known(struct servers *s, int server, int64_t session)
{
    struct acquaintance a = {s, server, session};

    return wait_until(is_known, &a, SOON);
}

/*
 * In an ensemble of its own, where a cut is noticed late enough (12 s) for a slow machine to see
 * what happens between the end of the session (3 s) and that.
 */
static void a_follower_reaps_ephemeral_nodes_late(void **state)
{
    struct servers *s = servers_start(&(struct servers_options){
        .count = 3, .tick_ms = TICK_MS, .sync_limit = 60, .proxied_quorum = true});
    int leader = servers_leader_index(s), cut = servers_follower_index(s);
    struct probe *holder = probe_open(server_address(s, cut), 15 * TICK_MS);
    struct probe *outside = probe_open(server_address(s, leader), 4000);
    bool believed;

    (void)state;
    assert_int_equal(probe_create(holder, "/mine", NULL, ZOO_EPHEMERAL, NULL, 0), ZOK);
    assert_true(wait_known(s, leader, probe_session(holder)));
    assert_true(wait_known(s, cut, probe_session(holder)));
    servers_cut(s, cut);
    assert_true(probe_wait_gone(outside, "/mine", SOON));
    believed = probe_connected(holder) && probe_exists(holder, "/mine");
    print_message("the holder behind the cut %s its node\n", believed ? "still sees" : "lost");
    assert_true(believed); /* the fault that leases are for */
    servers_heal(s, cut);
    assert_true(probe_wait_expired(holder, SOON));
    probe_close(holder);
    probe_close(outside);
    servers_stop(s);
}

static bool is_gone(void *arg)
{
    return access(arg, F_OK) != 0 && count_processes(arg) == 0;
}

static void an_ensemble_without_proxies_leaves_nothing(void **state)
{
    int fds = count_fds(), threads = count_threads();
    struct servers *s = servers_start(&(struct servers_options){.count = 3});
    char dir[200];

    (void)state;
    assert_non_null(s);
    assert_int_equal(count_threads(), threads);
    snprintf(dir, sizeof(dir), "%s", servers_dir(s));
    assert_int_equal(count_processes(dir), 3);
    servers_stop(s);
    assert_true(is_gone(dir));
    assert_int_equal(count_fds(), fds);
}

#define WHEN_WELL(f) cmocka_unit_test_setup(f, all_well)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WHEN_WELL(one_leader_two_followers),
        WHEN_WELL(lowest_server_is_called_back_by_proxy),
        WHEN_WELL(killed_leader_is_replaced),
        WHEN_WELL(cut_follower_answers_but_commits_nothing),
        WHEN_WELL(cut_follower_shows_the_past),
        WHEN_WELL(cut_leader_answers_but_commits_nothing),
        WHEN_WELL(all_cut_then_healed),
        WHEN_WELL(cut_pair_leaves_the_third),
        WHEN_WELL(slow_links_make_slow_commits),
        cmocka_unit_test(a_follower_reaps_ephemeral_nodes_late),
        WHEN_WELL(an_ensemble_without_proxies_leaves_nothing),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_ensemble, stop_ensemble);
}
