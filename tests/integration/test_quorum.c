/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server is cut off from its quorum and does not know it: it goes on answering its clients, while
 * the others give away what those clients hold. In every run the old holder has stopped to believe
 * before the next one is granted.
 */
#define _GNU_SOURCE
#include "harness.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(60000)
#define SHORTLY deadline_in_ms(5000)
#define PAIRS 6
#define SYNC_LIMIT 5       /* ticks until the server notices; longer than the sessions live */
#define INIT_LIMIT 5       /* ticks until a failed election is repeated */
#define TRIES 30           /* to find a quiet moment */
#define LOOK_NS 50000000LL /* an umpire who looked less often says nothing of a margin */

/* Session timeouts in ticks. Two is the least that a server grants. */
static const int session_ticks[PAIRS] = {2, 2, 2, 2, 3, 4};

struct run {
    int tick_ms;
    struct servers *servers;
    struct probe *probe; /* never on the server that is cut off */
    int64_t worst_ns;    /* least margin of all */
    int granted;
};

/* Each pair contends for a lock or an election of its own. */
struct pair {
    zkc_sync *holders_sync, *rivals_sync;
    struct scene_seat holder, rival;
    int64_t timeout_ms;
};

struct cut {
    struct run *run;
    int victim;
    struct probe *inside; /* on the victim */
    char others[64];
    struct pair pairs[PAIRS];
    struct scene_umpire umpire;
    bool open;
};

static struct cut cut;

static int start_ensemble(void **state, int tick_ms)
{
    static struct run run;
    struct servers_options o = {.count = 3,
                                .tick_ms = tick_ms,
                                .sync_limit = SYNC_LIMIT,
                                .init_limit = INIT_LIMIT,
                                .proxied_quorum = true,
                                .extra = "fastleader.maxNotificationInterval=400\n"};

    run = (struct run){.tick_ms = tick_ms, .worst_ns = INT64_MAX};
    *state = &run;
    run.servers = servers_start(&o);
    if (!run.servers)
        return -1;
    run.probe = probe_open(servers_addresses(run.servers), 20 * tick_ms);
    return run.probe ? 0 : -1;
}

static int start_quick(void **state)
{
    return start_ensemble(state, 500);
}

static int start_slow(void **state)
{
    return start_ensemble(state, 1000);
}

static int stop_ensemble(void **state)
{
    struct run *run = *state;

    probe_close(run->probe);
    servers_stop(run->servers);
    return 0;
}

/* ---- pairs ---- */

static void open_pair(struct cut *c, int i)
{
    struct pair *p = &c->pairs[i];
    struct scene how = {.nodes = server_address(c->run->servers, c->victim),
                        .session_ms = session_ticks[i] * c->run->tick_ms,
                        .quiet = true};
    char id[32];

    snprintf(id, sizeof(id), "pair-%d", i);
    p->holders_sync = scene_open_as(&how);
    how.nodes = c->others;
    p->rivals_sync = scene_open_as(&how);
    p->timeout_ms = zkc_sync_session_timeout_ms(p->holders_sync);
    assert_int_equal(p->timeout_ms, session_ticks[i] * c->run->tick_ms);
    scene_seat_open(&p->holder, p->holders_sync, i % 2 ? SCENE_LEADER : SCENE_LOCK, id);
    scene_seat_open(&p->rival, p->rivals_sync, i % 2 ? SCENE_LEADER : SCENE_LOCK, id);
    scene_umpire_add(&c->umpire, &p->holder);
    scene_umpire_add(&c->umpire, &p->rival);
}

static void close_pair(struct pair *p)
{
    scene_seat_close(&p->holder);
    scene_seat_close(&p->rival);
    zkc_sync_close(p->holders_sync);
    zkc_sync_close(p->rivals_sync);
}

static bool all_are_held(void *arg)
{
    struct cut *c = arg;

    for (int i = 0; i < PAIRS; i++) {
        if (!scene_seat_is_held(&c->pairs[i].holder))
            return false;
    }
    return true;
}

static bool none_is_granted(void *arg)
{
    struct cut *c = arg;

    for (int i = 0; i < PAIRS; i++) {
        if (scene_seat_decided(&c->pairs[i].rival))
            return false;
    }
    return true;
}

static bool some_is_granted(void *arg)
{
    return !none_is_granted(arg);
}

static bool nobody_believes(void *arg)
{
    struct cut *c = arg;

    for (int i = 0; i < PAIRS; i++) {
        if (scene_umpire_belief(&c->umpire, &c->pairs[i].holder).over == 0)
            return false;
    }
    return true;
}

/* False: a holder lost its place before its rival came. */
static bool hold_and_queue(struct cut *c)
{
    for (int i = 0; i < PAIRS; i++) {
        assert_int_equal(scene_seat_take(&c->pairs[i].holder, NULL), ZKC_OK);
        scene_seat_take_async(&c->pairs[i].rival, 0);
    }
    for (int i = 0; i < PAIRS; i++)
        if (!scene_wait_count(c->run->probe, c->pairs[i].holder.path, 2, SHORTLY))
            return false;
    return true;
}

/* ---- the cut ---- */

static void choose_victim(struct cut *c, bool leader)
{
    struct servers *s = c->run->servers;
    int a, b;

    assert_true(servers_wait_serving(s, SOON));
    c->victim = leader ? servers_leader_index(s) : servers_follower_index(s);
    assert_true(c->victim >= 0);
    a = (c->victim + 1) % 3;
    b = (c->victim + 2) % 3;
    snprintf(c->others, sizeof(c->others), "%s,%s", server_address(s, a), server_address(s, b));
    probe_close(c->run->probe);
    c->run->probe = probe_open(c->others, 20 * c->run->tick_ms);
    assert_non_null(c->run->probe);
    c->inside = probe_open(server_address(s, c->victim), 20 * c->run->tick_ms);
    assert_non_null(c->inside);
}

static bool open_all(struct cut *c)
{
    scene_umpire_init(&c->umpire);
    for (int i = 0; i < PAIRS; i++)
        open_pair(c, i);
    scene_umpire_start(&c->umpire);
    c->open = true;
    return hold_and_queue(c);
}

static void judge(struct cut *c, int i, int64_t cut_at)
{
    struct pair *p = &c->pairs[i];
    struct scene_belief b;
    int64_t margin, least;

    assert_int_equal(scene_seat_result(&p->rival, SOON), ZKC_OK);
    b = scene_umpire_belief(&c->umpire, &p->holder);
    assert_true(b.over != 0);
    margin = p->rival.granted_at - b.last;
    least = p->rival.granted_at - b.over;
    print_message("  session %4lld ms: believed %6.1f ms on, granted after %6.1f ms, margin %6.1f "
                  "ms\n",
                  (long long)p->timeout_ms, (double)(b.last - cut_at) / 1e6,
                  (double)(p->rival.granted_at - cut_at) / 1e6, (double)least / 1e6);
    assert_true(margin > 0);
    assert_false(scene_seat_is_held(&p->holder));
    if (b.over - b.last < LOOK_NS && least < c->run->worst_ns)
        c->run->worst_ns = least;
    c->run->granted++;
}

/* The server that was cut off still answers, and shows the old holder's node: that is the trap. */
static void is_a_trap(struct cut *c)
{
    char node[256];

    assert_true(wait_until(some_is_granted, c, SOON));
    for (int i = 0; i < PAIRS; i++) {
        if (!scene_seat_decided(&c->pairs[i].rival))
            continue;
        assert_true(probe_connected(c->inside));
        assert_true(scene_nth_node(c->inside, c->pairs[i].holder.path, 0, node, sizeof(node)));
        assert_int_equal(scene_count(c->inside, c->pairs[i].holder.path), 2);
        return;
    }
}

static void is_over(struct cut *c)
{
    for (int i = 0; i < PAIRS; i++)
        assert_int_equal(scene_seat_leave(&c->pairs[i].rival, NULL), ZKC_OK);
    for (int i = 0; i < PAIRS; i++) {
        struct pair *p = &c->pairs[i];
        assert_int_equal(scene_seat_take(&p->holder, NULL), ZKC_OK); /* on a new session */
        assert_true(scene_seat_token(&p->holder) >
                    scene_umpire_belief(&c->umpire, &p->rival).token);
        assert_int_equal(scene_seat_leave(&p->holder, NULL), ZKC_OK);
        assert_true(scene_wait_count(c->run->probe, p->holder.path, 0, SOON));
    }
    assert_true(scene_wait_watches(c->run->servers, 0, SOON));
    assert_int_equal(scene_umpire_fouls(&c->umpire), 0);
}

/* Returns the number of fouls. */
static unsigned close_all(struct cut *c)
{
    unsigned fouls;

    if (!c->open)
        return 0;
    c->open = false;
    fouls = scene_umpire_stop(&c->umpire);
    for (int i = 0; i < PAIRS; i++)
        close_pair(&c->pairs[i]);
    return fouls;
}

/* Also after a test that failed half-way. */
static int clean_up(void **state)
{
    struct run *run = *state;
    unsigned fouls;

    servers_heal_all(run->servers);
    fouls = close_all(&cut);
    probe_close(cut.inside);
    cut.inside = NULL;
    return fouls ? -1 : 0;
}

/* Beats, pings and ticks stand differently to each other each time. */
static bool everybody_holds_a_while(struct cut *c)
{
    uint32_t ms = harness_random(2 * (uint32_t)c->run->tick_ms);

    memset(c->pairs, 0, sizeof(c->pairs));
    return open_all(c) && holds_until(all_are_held, c, deadline_in_ms(ms)) && none_is_granted(c);
}

/* These sessions are so short that a busy machine can lose one before anything was cut. */
static void settle(struct cut *c)
{
    for (int i = 0; !everybody_holds_a_while(c); i++) {
        assert_true(i < TRIES);
        print_message("a lease ran out before the cut: once more\n");
        assert_int_equal(close_all(c), 0);
    }
}

static void cut_off(struct run *run, bool leader)
{
    struct cut *c = &cut;
    int64_t cut_at;

    memset(c, 0, sizeof(*c));
    c->run = run;
    choose_victim(c, leader);
    settle(c);
    print_message("cut off the %s, tick %d ms\n", leader ? "leader" : "follower", run->tick_ms);
    cut_at = now_ns();
    servers_cut(run->servers, c->victim);
    if (!leader)
        is_a_trap(c);
    assert_true(wait_until(nobody_believes, c, SOON));
    for (int i = 0; i < PAIRS; i++)
        judge(c, i, cut_at);
    servers_heal(run->servers, c->victim);
    assert_true(servers_wait_serving(run->servers, SOON));
    is_over(c);
}

static void follower_cut_off(void **state)
{
    cut_off(*state, false);
}

static void leader_cut_off(void **state)
{
    cut_off(*state, true);
}

static void margins_are_positive(void **state)
{
    struct run *run = *state;

    print_message("least of %d margins with ticks of %d ms: %.1f ms\n", run->granted, run->tick_ms,
                  (double)run->worst_ns / 1e6);
    assert_true(run->worst_ns > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest quick[] = {
        cmocka_unit_test_teardown(follower_cut_off, clean_up),
        cmocka_unit_test_teardown(leader_cut_off, clean_up),
        cmocka_unit_test_teardown(follower_cut_off, clean_up),
        cmocka_unit_test_teardown(leader_cut_off, clean_up),
        cmocka_unit_test_teardown(follower_cut_off, clean_up),
        cmocka_unit_test(margins_are_positive),
    };
    const struct CMUnitTest slow[] = {
        cmocka_unit_test_teardown(follower_cut_off, clean_up),
        cmocka_unit_test_teardown(leader_cut_off, clean_up),
        cmocka_unit_test(margins_are_positive),
    };
    int failed;

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    failed = cmocka_run_group_tests(quick, start_quick, stop_ensemble);
    return failed + cmocka_run_group_tests(slow, start_slow, stop_ensemble);
}
