/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of the one who holds, and of its links to the servers. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define CONTENDERS 4
#define ROUNDS 2

static struct servers *servers;
static struct stage *stage;

struct fault {
    const char *name;
    void (*begin)(struct stage *s, int who);
    void (*end)(struct stage *s, int who);
    bool takeover; /* somebody else is granted it while the fault lasts */
};

static int start(void **state)
{
    (void)state;
    servers = stage_servers();
    return servers ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    servers_stop(servers);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    stage_free(stage);
    stage = NULL;
    return 0;
}

/* ---- one round ---- */

static bool is_so(void *arg)
{
    (void)arg;
    return true;
}

static void pass(int64_t ms)
{
    holds_until(is_so, NULL, deadline_in_ms(ms));
}

static int64_t random_ms(int session_ms)
{
    return harness_random((uint32_t)session_ms);
}

/* Beats, pings and ticks stand differently to each other each time. */
static void keep_for_a_while(struct stage *s, int who)
{
    do {
        stage_keep(s, who);
        pass(random_ms(s->players[who].session_ms));
    } while (!stage_keeps(s, who)); /* a busy machine may have cost it the session */
}

static void round_of(struct stage *s, const struct fault *f, int who)
{
    int session_ms = s->players[who].session_ms;
    int64_t since;

    keep_for_a_while(s, who);
    since = now_ns();
    f->begin(s, who);
    if (f->takeover)
        stage_taken_over(s, who, since);
    else
        pass(3 * session_ms);
    pass(random_ms(session_ms));
    f->end(s, who);
    stage_go(s, who);
    stage_heal(s);
}

static void play(const struct fault *f, enum scene_kind kind)
{
    char title[128];

    stage = stage_new(servers, kind, CONTENDERS, HONEST);
    for (int i = 0; i < ROUNDS; i++)
        round_of(stage, f, (ROUNDS * (int)kind + i) % 3); /* each session timeout comes */
    snprintf(title, sizeof(title), "%s (%s)", f->name, kind == SCENE_LOCK ? "lock" : "leader");
    stage_end(stage, title);
}

/* ---- faults ---- */

static void pass_again(struct stage *s, int who)
{
    stage_links(s, who, PROXY_PASS);
}

static void blackhole(struct stage *s, int who)
{
    stage_links(s, who, PROXY_BLACKHOLE);
}

static void lose_requests(struct stage *s, int who)
{
    stage_links(s, who, PROXY_BLACKHOLE_TO_SERVER);
}

static void lose_replies(struct stage *s, int who)
{
    stage_links(s, who, PROXY_BLACKHOLE_TO_CLIENT);
}

static void delay_replies(struct stage *s, int who)
{
    int session_ms = s->players[who].session_ms;

    stage_delay(s, who, 0, session_ms / 2 + (int)random_ms(session_ms / 2));
}

static void delay_no_more(struct stage *s, int who)
{
    stage_delay(s, who, 0, 0);
}

static void stop_process(struct stage *s, int who)
{
    child_stop(s->players[who].child);
}

static void continue_process(struct stage *s, int who)
{
    child_cont(s->players[who].child);
}

static void stop_and_cut(struct stage *s, int who)
{
    stage_links(s, who, PROXY_BLACKHOLE);
    child_stop(s->players[who].child);
}

/* The process goes on first: it learns nothing from the servers. */
static void continue_and_heal(struct stage *s, int who)
{
    child_cont(s->players[who].child);
    pass(random_ms(s->players[who].session_ms));
    stage_links(s, who, PROXY_PASS);
}

static const struct fault faults[] = {
    {"holder blackholed", blackhole, pass_again, true},
    {"requests lost", lose_requests, pass_again, true},
    {"replies lost", lose_replies, pass_again, false},
    {"replies delayed", delay_replies, delay_no_more, false},
    {"holder stopped, link alive", stop_process, continue_process, true},
    {"holder stopped, link dead", stop_and_cut, continue_and_heal, true},
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static void as_lock(void **state)
{
    play(*state, SCENE_LOCK);
}

static void as_leader(void **state)
{
    play(*state, SCENE_LEADER);
}

static const struct harness_role roles[] = {
    {"contender", contender_main},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    struct CMUnitTest tests[2 * FAULTS];

    harness_start(argc, argv, roles);
    if (!servers_available())
        return 77;
    for (size_t i = 0; i < FAULTS; i++) {
        struct CMUnitTest lock = {faults[i].name, as_lock, NULL, clean_up,
                                  (void *)(uintptr_t)&faults[i]};
        struct CMUnitTest leader = {faults[i].name, as_leader, NULL, clean_up,
                                    (void *)(uintptr_t)&faults[i]};
        tests[2 * i] = lock;
        tests[2 * i + 1] = leader;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
