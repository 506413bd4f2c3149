/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define FLAPS 6

static bool is_so(void *arg)
{
    (void)arg;
    return true;
}

void faults_pass(int64_t ms)
{
    holds_until(is_so, NULL, deadline_in_ms(ms));
}

static int random_ms(int bound)
{
    return (int)harness_random((uint32_t)bound);
}

static void nothing(struct stage *s, int target)
{
    (void)s;
    (void)target;
}

/* ---- of a contender ---- */

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

    stage_delay(s, who, 0, session_ms / 2 + random_ms(session_ms / 2));
}

static void delay_requests(struct stage *s, int who)
{
    int session_ms = s->players[who].session_ms;

    stage_delay(s, who, session_ms / 2 + random_ms(session_ms / 2), 0);
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
    faults_pass(random_ms(s->players[who].session_ms));
    stage_links(s, who, PROXY_PASS);
}

/* Silence comes and goes. */
static void flap(struct stage *s, int who)
{
    int session_ms = s->players[who].session_ms;

    for (int i = 0; i < FLAPS; i++) {
        stage_links(s, who, PROXY_BLACKHOLE);
        faults_pass(random_ms(session_ms / 2));
        stage_links(s, who, PROXY_PASS);
        faults_pass(random_ms(session_ms / 4));
    }
}

/* From one server to the next: the session moves. */
static void drive(struct stage *s, int who)
{
    for (int i = 0; i < FLAPS; i++) {
        stage_tie(s, who, (who + i) % STAGE_SERVERS);
        faults_pass(random_ms(s->players[who].session_ms / 2));
    }
    stage_tie(s, who, -1);
}

/* ---- of servers ---- */

static void cut(struct stage *s, int server)
{
    servers_cut(s->servers, server);
}

static void heal(struct stage *s, int server)
{
    servers_heal(s->servers, server);
}

/* Both still reach the third one. */
static void cut_from_leader(struct stage *s, int server)
{
    int leader = servers_leader_index(s->servers);

    if (leader >= 0 && leader != server)
        servers_cut_pair(s->servers, server, leader);
}

static void pause_server(struct stage *s, int server)
{
    server_pause(s->servers, server);
}

static void resume_server(struct stage *s, int server)
{
    server_resume(s->servers, server);
}

/* Too short for the others to notice; sessions may be overdue when it goes on. */
static void stall(struct stage *s, int server)
{
    server_pause(s->servers, server);
    faults_pass(STAGE_TICK_MS + random_ms(3 * STAGE_TICK_MS));
    server_resume(s->servers, server);
}

static void slow_down(struct stage *s, int server)
{
    servers_delay(s->servers, server, 20 + random_ms(STAGE_TICK_MS));
}

static void speed_up(struct stage *s, int server)
{
    servers_delay(s->servers, server, 0);
}

static void kill_server(struct stage *s, int server)
{
    server_kill(s->servers, server);
}

static void restart_server(struct stage *s, int server)
{
    assert_true(server_start_again(s->servers, server));
}

static void kill_all(struct stage *s, int server)
{
    (void)server;
    for (int i = 0; i < STAGE_SERVERS; i++)
        server_kill(s->servers, i);
}

static void restart_all(struct stage *s, int server)
{
    (void)server;
    for (int i = 0; i < STAGE_SERVERS; i++)
        restart_server(s, i);
}

const struct fault faults[] = {
    {"holder blackholed", ON_CONTENDER, true, false, blackhole, pass_again},
    {"requests lost", ON_CONTENDER, true, false, lose_requests, pass_again},
    {"replies lost", ON_CONTENDER, false, false, lose_replies, pass_again},
    {"requests delayed", ON_CONTENDER, false, false, delay_requests, delay_no_more},
    {"replies delayed", ON_CONTENDER, false, false, delay_replies, delay_no_more},
    {"links flap", ON_CONTENDER, false, false, flap, nothing},
    {"session moves", ON_CONTENDER, false, false, drive, nothing},
    {"connections reset", ON_CONTENDER, false, false, stage_reset, stage_reset},
    {"holder stopped, link alive", ON_CONTENDER, true, false, stop_process, continue_process},
    {"holder stopped, link dead", ON_CONTENDER, true, false, stop_and_cut, continue_and_heal},
    {"holder killed", ON_CONTENDER, true, false, stage_replace, nothing},
    {"follower cut off", ON_FOLLOWER, true, true, cut, heal},
    {"follower cut from leader", ON_FOLLOWER, true, true, cut_from_leader, heal},
    {"leader cut off", ON_LEADER, true, true, cut, heal},
    {"follower stopped", ON_FOLLOWER, true, true, pause_server, resume_server},
    {"leader stopped", ON_LEADER, true, true, pause_server, resume_server},
    {"leader stalls", ON_LEADER, false, false, stall, stall},
    {"follower slow", ON_FOLLOWER, false, true, slow_down, speed_up},
    {"leader slow", ON_LEADER, false, false, slow_down, speed_up},
    {"follower killed", ON_FOLLOWER, false, false, kill_server, restart_server},
    {"leader killed", ON_LEADER, false, false, kill_server, restart_server},
    {"all servers down", ON_SERVERS, false, false, kill_all, restart_all},
};
const int fault_count = (int)(sizeof(faults) / sizeof(faults[0]));

/* ---- playing ---- */

int fault_choose(const struct fault *f, struct stage *s, int who)
{
    int server;

    if (f->target == ON_CONTENDER)
        return who;
    if (f->target == ON_FOLLOWER)
        server = servers_follower_index(s->servers);
    else
        server = servers_leader_index(s->servers);
    return server < 0 ? 0 : server;
}

/*
 * Beats, pings and ticks stand differently to each other each time. On a busy machine the holder
 * may lose its session meanwhile.
 */
static void keep_for_a_while(struct stage *s, int who)
{
    do {
        stage_keep(s, who);
        faults_pass(random_ms(s->players[who].session_ms));
    } while (!stage_keeps(s, who));
}

void fault_play(const struct fault *f, struct stage *s, int who)
{
    int session_ms = s->players[who].session_ms, target;
    int64_t since;

    assert_true(servers_wait_serving(s->servers, STAGE_SOON));
    target = fault_choose(f, s, who);
    if (f->tied)
        stage_tie(s, who, target);
    keep_for_a_while(s, who);
    since = now_ns();
    f->begin(s, target);
    if (f->takeover)
        stage_taken_over(s, who, since);
    else
        faults_pass(2 * session_ms);
    faults_pass(random_ms(session_ms));
    f->end(s, target);
    stage_tie(s, who, -1);
    stage_go(s, who);
    stage_heal(s);
}

void faults_undo(struct servers *servers)
{
    servers_heal_all(servers);
    for (int i = 0; i < STAGE_SERVERS; i++) {
        servers_delay(servers, i, 0);
        if (server_pid(servers, i))
            server_resume(servers, i);
        else
            server_start_again(servers, i);
    }
}
