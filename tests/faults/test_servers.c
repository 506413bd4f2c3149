/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of the servers, and of the links between them. */
#include "agreement.h"
#include "play.h"
#include "probe.h"

#include <zookeeper/zookeeper.h>

#define PLAYS 64
#define WAITERS 20

/* Whatever happens to the holder: the others keep their turns on the servers that are left. */
static void leader_killed_with_twenty_waiters(void **state)
{
    struct stage *s;
    int leader;

    (void)state;
    s = play_stage = stage_new(play_servers, SCENE_LOCK, 1 + WAITERS, HONEST);
    stage_keep(s, 2);
    leader = servers_leader_index(play_servers);
    assert_true(leader >= 0);
    server_kill(play_servers, leader);
    assert_true(servers_wait_leader(play_servers, leader, STAGE_SOON) >= 0);
    print_message("the holder %s\n", stage_keeps(s, 2) ? "holds on" : "was revoked");
    stage_go(s, 2);
    stage_turns(s);
    assert_true(server_start_again(play_servers, leader));
    stage_heal(s);
    stage_end(s, "leader killed with 20 waiters");
}

/* A follower that is cut off shows the past, like one that has lost transactions. */
static void disagreement_is_found(void **state)
{
    int leader = servers_leader_index(play_servers),
        follower = servers_follower_index(play_servers);
    struct agreement *a = agreement_open(play_servers);
    struct probe *p = probe_open(server_address(play_servers, leader), 20 * STAGE_TICK_MS);

    (void)state;
    assert_int_equal(probe_make_path(p, "/agreement/one"), ZOK);
    assert_true(agreement_reached(a, "/agreement", STAGE_SOON));
    servers_cut(play_servers, follower);
    assert_int_equal(probe_delete(p, "/agreement/one"), ZOK);
    assert_false(agreement_reached(a, "/agreement", deadline_in_ms(100)));
    servers_heal(play_servers, follower);
    assert_true(agreement_reached(a, "/agreement", STAGE_SOON));
    probe_close(p);
    agreement_close(a);
}

/* Contenders take their turns all the time. */
static void restarted_one_by_one(enum scene_kind kind, const char *title)
{
    struct stage *s;

    s = play_stage = stage_new(play_servers, kind, 4, HONEST);
    stage_heal(s);
    for (int i = 0; i < STAGE_SERVERS; i++) {
        server_kill(play_servers, i);
        faults_pass(harness_random(3 * STAGE_TICK_MS));
        assert_true(server_start_again(play_servers, i));
        stage_heal(s);
    }
    stage_end(s, title);
}

static void rolling_restart_of_lock(void **state)
{
    (void)state;
    restarted_one_by_one(SCENE_LOCK, "rolling restart (lock)");
}

static void rolling_restart_of_leader(void **state)
{
    (void)state;
    restarted_one_by_one(SCENE_LEADER, "rolling restart (leader)");
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[PLAYS] = {
        cmocka_unit_test_teardown(disagreement_is_found, play_clean_up),
        cmocka_unit_test_teardown(leader_killed_with_twenty_waiters, play_clean_up),
        cmocka_unit_test_teardown(rolling_restart_of_lock, play_clean_up),
        cmocka_unit_test_teardown(rolling_restart_of_leader, play_clean_up),
    };

    harness_start(argc, argv, play_roles);
    if (!servers_available())
        return 77;
    assert_true(4 + play_tests(tests + 4, false) <= PLAYS);
    return cmocka_run_group_tests(tests, play_start, play_stop);
}
