/*
 * Faults, drawn from the seed: what, where, for how long.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "storm_parts.h"

#include "beliefs.h"
#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>

static struct machine *some_player(struct storm *storm)
{
    struct player *player = storm->players[world_below(storm->player_count)];

    return player == NULL ? NULL : player_machine(player);
}

/* Faults hurt most who holds. */
static struct machine *some_machine(struct storm *storm)
{
    struct belief belief;

    if (world_chance(storm->aim) && beliefs_some_holder(&belief))
        return belief.machine;
    return some_player(storm);
}

/* Often the one that serves a holder. */
static int some_server(const struct storm *storm)
{
    struct belief belief;
    int server = -1;

    if (world_chance(storm->aim) && beliefs_some_holder(&belief))
        server = cluster_server_of_session(belief.session);
    return server >= 0 ? server : (int)world_below(cluster_servers());
}

/* In a place of the game; how many were stored. */
static int some_nodes(const struct storm *storm, struct cluster_node *nodes, int most)
{
    const char *place = player_place((int)world_below(storm->game.places));
    int count = cluster_children(place, nodes, most);

    return count < most ? count : most;
}

/* From a moment to longer than any session lives, often about as long as a lease. */
static int64_t some_time(const struct storm *storm)
{
    int64_t most = storm->game.tick_ms * SIM_MS;
    struct belief belief;

    if (world_chance(storm->aim) && beliefs_some_holder(&belief))
        return world_below(belief.timeout * 3 / 2) + SIM_MS;
    most = world_chance(300) ? most / 4 : world_chance(500) ? 3 * most : 12 * most;
    return world_below(most) + SIM_MS;
}

struct machine *storm_some_machine(struct storm *storm)
{
    return some_machine(storm);
}

int64_t storm_some_time(const struct storm *storm)
{
    return some_time(storm);
}

/* ---- machines ---- */

static void resume(void *machine)
{
    machine_resume(machine);
}

static void pause_machine(struct storm *storm)
{
    struct machine *machine = some_machine(storm);

    if (machine == NULL || machine_paused(machine))
        return;
    machine_pause(machine);
    event_after(NULL, some_time(storm), resume, machine);
}

/* Beyond the end of its lease, with the answer to a beat perhaps in its socket already. */
static void pause_holder(struct storm *storm)
{
    struct belief belief;

    (void)storm;
    if (!beliefs_some_holder(&belief) || machine_paused(belief.machine))
        return;
    machine_pause(belief.machine);
    event_after(NULL, belief.remaining + world_below(belief.timeout / 8), resume, belief.machine);
}

struct rebirth {
    struct storm *storm;
    int place;
};

static void come_back(void *arg)
{
    struct rebirth *rebirth = arg;

    storm_new_player(rebirth->storm, rebirth->place);
    free(rebirth);
}

static void kill_machine(struct storm *storm)
{
    int place = (int)world_below(storm->player_count);
    struct player *player = storm->players[place];
    struct rebirth *rebirth;

    if (player == NULL || storm->machine_count > 40)
        return;
    storm->players[place] = NULL;
    beliefs_forget(player_machine(player));
    machine_kill(player_machine(player));
    player_free(player);
    rebirth = malloc(sizeof *rebirth);
    *rebirth = (struct rebirth){storm, place};
    event_after(NULL, some_time(storm), come_back, rebirth);
}

static void fail_allocation(struct storm *storm)
{
    struct machine *machine = some_machine(storm);

    if (machine != NULL)
        machine_fail_allocation(machine, (long)world_between(1, 30));
}

/* ---- links of clients ---- */

struct link {
    struct machine *machine;
    int server;
};

static void mend_link(void *arg)
{
    struct link *link = arg;

    if (!machine_dead(link->machine)) {
        cluster_link(link->machine, link->server, LINK_FINE);
        cluster_link_delay(link->machine, link->server, 0);
    }
    free(link);
}

static void cut_link(void *arg)
{
    struct link *link = arg;

    if (machine_dead(link->machine)) {
        free(link);
        return;
    }
    story("the link of %s is cut", machine_name(link->machine));
    cluster_link(link->machine, -1, LINK_BLACKHOLE);
    event_after(NULL, world_between(1, 20) * SIM_SECOND, mend_link, link);
}

static struct link *link_new(struct storm *storm)
{
    struct machine *machine = some_machine(storm);
    struct link *link;

    if (machine == NULL)
        return NULL;
    link = malloc(sizeof *link);
    link->machine = machine;
    link->server = world_chance(500) ? -1 : some_server(storm);
    return link;
}

static void break_link(struct storm *storm)
{
    static const char *const names[] = {"is fine", "is a black hole", "loses requests",
                                        "loses replies", "is refused"};
    struct link *link = link_new(storm);
    enum link_fault fault = (enum link_fault)world_between(LINK_BLACKHOLE, LINK_REFUSED);

    if (link == NULL)
        return;
    story("the link of %s to server %d %s", machine_name(link->machine), link->server,
          names[fault]);
    cluster_link(link->machine, link->server, fault);
    event_after(NULL, some_time(storm), mend_link, link);
}

static void slow_link(struct storm *storm)
{
    struct link *link = link_new(storm);
    int64_t delay = world_below(2 * storm->game.tick_ms * SIM_MS);

    if (link == NULL)
        return;
    story("the link of %s to server %d is slower by %lld ms", machine_name(link->machine),
          link->server, (long long)(delay / SIM_MS));
    cluster_link_delay(link->machine, link->server, delay);
    event_after(NULL, some_time(storm), mend_link, link);
}

/* A holder's link is slow, perhaps it connects anew, and then it hears nothing any more. */
static void cut_slow_link(struct storm *storm)
{
    struct belief belief;
    struct link *link;
    int64_t delay;

    (void)storm;
    if (!beliefs_some_holder(&belief))
        return;
    delay = world_below(belief.timeout * 7 / 10);
    story("the link of %s is slower by %lld ms, then cut", machine_name(belief.machine),
          (long long)(delay / SIM_MS));
    cluster_link_delay(belief.machine, -1, delay);
    if (world_chance(500))
        cluster_reset(belief.machine);
    link = malloc(sizeof *link);
    *link = (struct link){belief.machine, -1};
    event_after(NULL, 2 * delay + world_below(belief.timeout), cut_link, link);
}

static void heal_servers(void *arg)
{
    (void)arg;
    cluster_heal();
}

static void lose_connection(void *arg)
{
    struct link *link = arg;

    if (!machine_dead(link->machine))
        cluster_reset(link->machine);
    free(link);
}

/* The one that serves this client now. */
static void cut_off_its_server(void *arg)
{
    struct link *link = arg;
    int64_t session =
        machine_dead(link->machine) ? 0 : cluster_session_of(link->machine, (int)world_below(2));
    int server = cluster_server_of_session(session);

    free(link);
    if (server < 0)
        return;
    story("server %d is cut off from the others", server);
    cluster_isolate(server);
}

static void later(int64_t delay, event_fn act, struct machine *machine)
{
    struct link *link = malloc(sizeof *link);

    *link = (struct link){machine, -1};
    event_after(NULL, delay, act, link);
}

/* A holder loses its connection then, its server the others, and it all servers. */
static void strike_at(struct machine *machine, int64_t reset, int64_t isolation, int64_t cut)
{
    later(reset, lose_connection, machine);
    later(isolation, cut_off_its_server, machine);
    later(cut, cut_link, machine);
}

/*
 * A holder connects anew, often over a slow link; then its server loses the others before it has
 * handed over what it heard, and the holder all servers.
 */
static void strike_anywhen(const struct storm *storm, const struct belief *belief)
{
    int64_t delay = world_chance(300) ? 0 : world_below(belief->timeout * 15 / 100);
    int64_t when = world_below(belief->timeout / 4);
    int64_t isolation =
        when + (world_chance(300) ? -world_below(when + 1)
                                  : 2 * delay + world_below(3 * delay + belief->timeout / 8));

    cluster_link_delay(belief->machine, -1, delay);
    strike_at(belief->machine, when, isolation, when + delay + world_below(belief->timeout / 4));
    event_after(NULL, belief->timeout / 4 + some_time(storm), heal_servers, NULL);
}

/*
 * The same, so that the leader's touch at the reconnection is the last one, and lasts no longer
 * than it must: no other handle has begun yet, and one write has gone through.
 */
static void strike_sharply(const struct belief *belief)
{
    int64_t timeout = belief->timeout, rest = timeout / 60;
    int64_t delay = world_below(timeout * 4 / 100), when = world_below(timeout / 4);
    int64_t written;

    when += cluster_until_expiries(world_now() + when + rest + delay + timeout) -
            world_below(delay / 2 + SIM_MS);
    written = when + rest + 3 * delay;
    cluster_link_delay(belief->machine, -1, delay);
    strike_at(belief->machine, when, written + world_below(timeout / 8),
              written + delay + world_below(timeout / 4));
    event_after(NULL, when + timeout * 3 / 2, heal_servers, NULL);
}

static void strike_reconnection(struct storm *storm)
{
    struct belief belief;

    if (!beliefs_some_holder(&belief))
        return;
    story("%s is to lose its connection, and then its server", machine_name(belief.machine));
    if (storm->sharp)
        strike_sharply(&belief);
    else
        strike_anywhen(storm, &belief);
}

static void reset(struct storm *storm)
{
    struct machine *machine = some_machine(storm);

    if (machine == NULL)
        return;
    story("connections of %s are reset", machine_name(machine));
    cluster_reset(machine);
}

static void lose_reply(struct storm *storm)
{
    struct machine *machine = some_machine(storm);

    if (machine != NULL)
        cluster_reset_at_next(machine, world_chance(700));
}

static void hand_on(void *arg)
{
    cluster_unstrand(arg);
}

/* A request outlives its connection in the hands of a server's thread. */
static void strand_request(struct storm *storm)
{
    struct machine *machine = some_machine(storm);

    if (machine == NULL)
        return;
    cluster_strand_next(machine);
    event_after(NULL, some_time(storm), hand_on, machine);
}

/* ---- servers ---- */

static int leader_or_any(const struct storm *storm)
{
    int leader = cluster_leader();

    return leader >= 0 && world_chance(500) ? leader : some_server(storm);
}

static void isolate(struct storm *storm)
{
    int server = leader_or_any(storm);

    story("server %d is cut off from the others", server);
    cluster_isolate(server);
    event_after(NULL, some_time(storm), heal_servers, NULL);
}

static void cut_pair(struct storm *storm)
{
    int a = some_server(storm), b = some_server(storm);

    if (a == b)
        return;
    story("servers %d and %d are cut off from one another", a, b);
    cluster_cut(a, b);
    event_after(NULL, some_time(storm), heal_servers, NULL);
}

/* One way only, as TCP can when it waits to repeat what was lost: writes get through, pings not. */
static void stall_leader(struct storm *storm)
{
    int leader = cluster_leader(), server = some_server(storm);

    if (leader < 0 || leader == server)
        return;
    story("nothing comes from leader %d to server %d", leader, server);
    cluster_stall(leader, server);
    event_after(NULL, some_time(storm), heal_servers, NULL);
}

static int64_t until_about_expiry(const struct storm *storm, int64_t session)
{
    int64_t tick = storm->game.tick_ms * SIM_MS;
    int64_t shift = world_chance(500) ? world_below(tick / 16) : -world_below(tick / 4);

    return cluster_expiry_of_session(session) - world_now() + shift;
}

/* Until right before the leader expires a session whose touches it has not heard of, or right after
 * it was taken out to be closed. */
static void stall_until_expiry(struct storm *storm)
{
    struct machine *machine = some_player(storm);
    int64_t session = machine == NULL ? 0 : cluster_session_of(machine, 0);
    int leader = cluster_leader(), server = cluster_server_of_session(session);
    int64_t time = until_about_expiry(storm, session);

    if (time <= 0 || server < 0 || server == leader)
        return;
    story("the leader is silent until session %llx is about to expire",
          (unsigned long long)session);
    if (world_chance(300))
        cluster_pause(leader);
    else
        cluster_stall(leader, server);
    event_after(NULL, time, heal_servers, NULL);
}

/* The same of a client's links: it comes back when its session is about to be closed, or right
 * after it was taken out for that. */
static void cut_until_expiry(struct storm *storm)
{
    struct machine *machine = some_player(storm);
    int64_t session = machine == NULL ? 0 : cluster_session_of(machine, 0);
    int64_t time = until_about_expiry(storm, session);

    if (session == 0 || time <= 0)
        return;
    story("%s is cut off until session %llx is about to expire", machine_name(machine),
          (unsigned long long)session);
    cluster_link(machine, -1, LINK_BLACKHOLE);
    later(time, mend_link, machine);
}

static void crash(struct storm *storm)
{
    int server = leader_or_any(storm);

    story("server %d crashes", server);
    cluster_crash(server);
    if (world_chance(300)) {
        cluster_restart(server);
        return;
    }
    event_after(NULL, some_time(storm), heal_servers, NULL);
}

static void crash_all(struct storm *storm)
{
    story("all servers crash");
    for (int i = 0; i < cluster_servers(); i++)
        cluster_crash(i);
    event_after(NULL, some_time(storm), heal_servers, NULL);
}

static void pause_server(struct storm *storm)
{
    int server = leader_or_any(storm);

    story("server %d is paused", server);
    cluster_pause(server);
    event_after(NULL, some_time(storm), heal_servers, NULL);
}

static void slow_server(struct storm *storm)
{
    int server = some_server(storm);

    cluster_slow(server, world_chance(500) ? 0 : world_below(storm->game.tick_ms * SIM_MS));
}

/* ---- strangers ---- */

static void delete_holders_node(void)
{
    struct belief belief;

    if (!beliefs_some_holder(&belief))
        return;
    story("a stranger deletes %s", belief.node);
    beliefs_rob_node(belief.node);
    cluster_delete(belief.node);
}

static void delete_some_node(struct storm *storm)
{
    struct cluster_node nodes[32];
    int count = some_nodes(storm, nodes, 32);
    const struct cluster_node *node;

    if (count == 0)
        return;
    node = &nodes[world_below(count)];
    story("a stranger deletes %s", node->path);
    beliefs_rob_node(node->path);
    cluster_delete(node->path);
}

static void delete_node(struct storm *storm)
{
    if (world_chance(storm->aim))
        delete_holders_node();
    else
        delete_some_node(storm);
}

static void end_session(struct storm *storm)
{
    struct machine *machine = some_machine(storm);
    int64_t session = machine == NULL ? 0 : cluster_session_of(machine, 0);

    if (session == 0)
        return;
    story("a stranger ends session %llx", (unsigned long long)session);
    beliefs_rob_session(session);
    cluster_expire(session);
}

static void foreign_child(struct storm *storm)
{
    static const char *const names[] = {"hello", "-", "x", "lock-", "__lock__", "42", "%2F"};
    char path[100];

    snprintf(path, sizeof path, "%s/%s", player_place((int)world_below(storm->game.places)),
             names[world_below(sizeof names / sizeof names[0])]);
    if (cluster_exists(path))
        cluster_delete(path);
    else
        cluster_create(path, "{", false);
}

static void touch_node(struct storm *storm)
{
    struct cluster_node nodes[32];
    int count = some_nodes(storm, nodes, 32);

    if (count > 0)
        cluster_set(nodes[world_below(count)].path, world_chance(500) ? "changed" : "__REVOKE__");
}

/* ---- the storm ---- */

static void (*const kinds[])(struct storm *) = {
    pause_machine,      pause_holder,
    cut_slow_link,      kill_machine,
    fail_allocation,    break_link,
    slow_link,          reset,
    lose_reply,         isolate,
    cut_pair,           crash,
    crash_all,          pause_server,
    slow_server,        delete_node,
    end_session,        foreign_child,
    touch_node,         stall_leader,
    stall_until_expiry, strike_reconnection,
    cut_until_expiry,   storm_refuse_credentials,
    storm_forbid,       storm_refuse_requests,
    strand_request,
};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

static void strike(void *arg)
{
    struct storm *storm = arg;
    int kind = (int)world_below(KINDS);

    if (storm->over)
        return;
    if (storm->sharp && world_chance(300))
        strike_reconnection(storm);
    else if ((storm->faults & 1 << kind) != 0)
        kinds[kind](storm);
    event_after(NULL, world_below(2 * storm->mean_pause), strike, storm);
}

/* Some storms have all kinds of faults, some only a few, one after the other. */
void storm_faults_begin(struct storm *storm)
{
    int few = world_chance(500);

    for (int i = 0; i < KINDS; i++)
        if (world_chance(few ? 200 : 800))
            storm->faults |= 1 << i;
    storm->mean_pause = world_chance(300)
                            ? world_between(5, 200) * SIM_MS
                            : world_between(1, 20) * storm->game.tick_ms * SIM_MS / 10;
    storm->aim = world_chance(700) ? 800 : 100;
    event_after(NULL, world_below(2 * SIM_SECOND), strike, storm);
}

void storm_heal(struct storm *storm)
{
    story("the storm is over");
    storm->over = true;
    cluster_heal();
    storm_access_heal(storm);
    for (int i = 0; i < cluster_servers(); i++)
        cluster_slow(i, 0);
    for (int i = 0; i < storm->machine_count; i++) {
        struct machine *machine = storm->machines[i];
        if (machine_dead(machine))
            continue;
        machine_fail_allocation(machine, 0);
        machine_resume(machine);
        cluster_link(machine, -1, LINK_FINE);
        cluster_link_delay(machine, -1, 0);
    }
}
