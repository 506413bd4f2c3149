/* SPDX-License-Identifier: Apache-2.0 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>

#define CONTENDERS 4

struct servers *play_servers;
struct stage *play_stage;

const struct harness_role play_roles[] = {
    {"contender", contender_main},
    {NULL, NULL},
};

int play_start(void **state)
{
    (void)state;
    play_servers = stage_servers();
    return play_servers ? 0 : -1;
}

int play_stop(void **state)
{
    (void)state;
    servers_stop(play_servers);
    return 0;
}

int play_clean_up(void **state)
{
    (void)state;
    stage_free(play_stage);
    play_stage = NULL;
    faults_undo(play_servers);
    return servers_wait_serving(play_servers, STAGE_SOON) ? 0 : -1;
}

/* More of them, in a row, when chance is to have its way: $ZKC_ROUNDS. */
static int count_rounds(void)
{
    const char *given = getenv("ZKC_ROUNDS");

    return given ? atoi(given) : 1;
}

static void play(const struct fault *f, enum scene_kind kind)
{
    char title[128];
    int rounds = count_rounds();

    play_stage = stage_new(play_servers, kind, CONTENDERS, HONEST);
    for (int i = 0; i < rounds; i++) /* each has another session timeout */
        fault_play(f, play_stage, (int)(f - faults + (int)kind + i) % CONTENDERS);
    snprintf(title, sizeof(title), "%s (%s)", f->name, scene_kind_name(kind));
    stage_end(play_stage, title);
}

static void play_as_lock(void **state)
{
    play(*state, SCENE_LOCK);
}

static void play_as_leader(void **state)
{
    play(*state, SCENE_LEADER);
}

static void play_as_shared(void **state)
{
    play(*state, SCENE_READER);
}

/* Each as a lock and as an election, and some as a shared lock; with $ZKC_FAULTS_ONCE, by turns. */
size_t play_tests(struct CMUnitTest *tests, bool of_contenders)
{
    bool once = getenv("ZKC_FAULTS_ONCE") != NULL;
    size_t n = 0;

    for (int i = 0; i < fault_count; i++) {
        struct CMUnitTest test = {.name = faults[i].name,
                                  .teardown_func = play_clean_up,
                                  .initial_state = (void *)(uintptr_t)&faults[i]};
        if ((faults[i].target == ON_CONTENDER) != of_contenders)
            continue;
        test.test_func = play_as_lock;
        if (!once || i % 2 == 0)
            tests[n++] = test;
        test.test_func = play_as_leader;
        if (!once || i % 2 != 0)
            tests[n++] = test;
        test.test_func = play_as_shared;
        if (!once && i % 3 == 2)
            tests[n++] = test;
    }
    return n;
}
