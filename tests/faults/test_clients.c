/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of the one who holds, and of its links to the servers. And somebody who lies. */
#include "play.h"

#include <stdio.h>

#define PLAYS 64

/* The first one lies. If it keeps until all others wait, somebody believes while it lies. */
static void contend(enum lie lie, int keeper)
{
    int64_t start;

    play_stage = stage_new(play_servers, SCENE_LOCK, 3, lie);
    stage_keep(play_stage, keeper);
    start = now_ns();
    stage_go(play_stage, keeper);
    stage_taken_over(play_stage, keeper, start);
    stage_heal(play_stage);
}

/* The very same contenders, journals and judge find a contender that believes too long. */
static void liar_who_overlaps_is_found(void **state)
{
    struct verdict v;

    (void)state;
    contend(LIE_OVERLAP, 0);
    v = stage_judge(play_stage, "a liar");
    assert_int_not_equal(v.overlaps, 0);
    assert_int_equal(v.disorders + v.starved + v.ghosts + v.errors, 0);
    assert_true(v.least_takeover < 0 || v.least_release < 0);
}

static void liar_whose_tokens_fall_is_found(void **state)
{
    struct verdict v;

    (void)state;
    contend(LIE_TOKEN, 1);
    v = stage_judge(play_stage, "a liar");
    assert_int_not_equal(v.disorders, 0);
    assert_int_equal(v.overlaps + v.starved + v.ghosts + v.errors, 0);
}

static void contender_who_starves_is_found(void **state)
{
    struct verdict v;
    int64_t start;

    (void)state;
    play_stage = stage_new(play_servers, SCENE_LOCK, 2, LIE_STARVED);
    start = now_ns();
    stage_taken_over(play_stage, 0, start);
    judge_healed(play_stage->judge, start, now_ns() - start);
    v = stage_judge(play_stage, "one who starves");
    assert_int_equal(v.starved, 1);
    assert_int_equal(verdict_wrongs(&v), 1);
}

static void ghost_is_found(void **state)
{
    char node[128];
    struct verdict v;
    struct probe *p;

    (void)state;
    contend(HONEST, 1);
    p = probe_open(servers_addresses(play_servers), 20 * STAGE_TICK_MS);
    assert_non_null(p);
    snprintf(node, sizeof(node), "%s/_c_0-lock-9999999999", play_stage->path);
    assert_int_equal(probe_create(p, node, "", 0, NULL, 0), 0);
    v = stage_judge(play_stage, "a ghost");
    assert_int_equal(v.ghosts, 1);
    assert_int_equal(verdict_wrongs(&v), 1);
    assert_int_equal(probe_delete(p, node), 0);
    probe_close(p);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[PLAYS] = {
        cmocka_unit_test_teardown(liar_who_overlaps_is_found, play_clean_up),
        cmocka_unit_test_teardown(liar_whose_tokens_fall_is_found, play_clean_up),
        cmocka_unit_test_teardown(contender_who_starves_is_found, play_clean_up),
        cmocka_unit_test_teardown(ghost_is_found, play_clean_up),
    };

    harness_start(argc, argv, play_roles);
    if (!servers_available())
        return 77;
    assert_true(4 + play_tests(tests + 4, true) <= PLAYS);
    return cmocka_run_group_tests(tests, play_start, play_stop);
}
