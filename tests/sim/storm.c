/* SPDX-License-Identifier: Apache-2.0 */
#include "storm.h"
#include "storm_parts.h"

#include "beliefs.h"
#include "cluster.h"

#include <stdio.h>
#include <string.h>

/* After the storm: elections of servers, sessions of the dead, then everybody's turn. */
#define SETTLE (240 * SIM_SECOND)

void storm_new_player(struct storm *storm, int place)
{
    char name[16];

    snprintf(name, sizeof name, "p%d", storm->machine_count);
    storm->players[place] = player_start(name, &storm->game);
    storm->machines[storm->machine_count++] = player_machine(storm->players[place]);
    if (storm->over)
        player_finish(storm->players[place]);
}

/*
 * A write that is forwarded crosses six links. Where that takes longer than an eighth of the
 * session timeout, two ticks at the least, no lease is ever long enough and nothing is granted.
 */
static void draw_delays(struct cluster_options *options)
{
    int64_t most = options->tick * 2 / (6 * 8);

    options->least_delay = world_between(20, 500) * 1000;
    options->most_delay = world_chance(200) ? most : options->least_delay + 2 * SIM_MS;
    if (options->most_delay > most)
        options->most_delay = most;
}

/* Like an older ClickHouse Keeper. */
static void draw_what_is_unknown(struct cluster_options *options)
{
    options->hangs_up_at =
        world_chance(500) ? UNKNOWN_CONTAINER | UNKNOWN_REMOVE_WATCHES : UNKNOWN_REMOVE_WATCHES;
    options->forgets_sessions = world_chance(500);
}

/* One storm in eight of each kind; without a draw, so that all other seeds keep their stories. */
static void choose_kind(struct storm *storm, struct cluster_options *options, uint64_t seed)
{
    uint64_t kind = seed * UINT64_C(0x9e3779b97f4a7c15) >> 61;

    storm->sharp = kind == 0 || kind == 6;
    options->balanced = kind == 0;
    options->sluggish = kind == 6 ? options->tick / 8 : 0;
}

static void draw_servers(struct storm *storm, uint64_t seed)
{
    struct cluster_options options = {0};

    storm->game.tick_ms = world_chance(500) ? 500 : world_between(200, 2000);
    options.servers = world_chance(150) ? 1 : world_chance(850) ? 3 : 5;
    options.tick = storm->game.tick_ms * SIM_MS;
    options.sync_limit = (int)world_between(2, 6);
    options.closing = world_chance(300) ? 0 : options.tick / 16;
    draw_delays(&options);
    if (world_chance(100))
        options.first_sequence = INT32_MAX - (int32_t)world_below(30);
    options.repair = world_chance(500) ? 0 : world_below(2 * SIM_SECOND);
    options.no_containers = world_chance(100);
    options.container_check = world_chance(300) ? world_between(1, 10) * SIM_SECOND : 0;
    options.reads_forbidden_are_silent = world_chance(500);
    if (options.no_containers && world_chance(500))
        draw_what_is_unknown(&options);
    choose_kind(storm, &options, seed);
    storm->game.silent = options.reads_forbidden_are_silent;
    storm->game.forgetful = options.forgets_sessions;
    cluster_begin(&options);
}

static void draw(struct storm *storm, uint64_t seed)
{
    memset(storm, 0, sizeof *storm);
    draw_servers(storm, seed);
    storm->game.sharing = seed >= STORM_SHARING;
    storm->game.places = (int)world_between(1, 3);
    storm->game.work_ms = (int)world_between(1, (world_chance(300) ? 40 : 6) * storm->game.tick_ms);
    storm->game.close_per_mille = world_chance(500) ? 0 : (int)world_below(300);
    storm->game.credential = world_chance(300);
    storm->game.forbidding = world_chance(300);
    storm->player_count = (int)world_between(2, PLAYERS_MAX - 1);
    for (int i = 0; i < storm->player_count; i++)
        storm_new_player(storm, i);
    storm_faults_begin(storm);
}

static void run_until(int64_t limit)
{
    while (world_step(limit))
        ;
}

static bool all_done(const struct storm *storm)
{
    for (int i = 0; i < storm->player_count; i++)
        if (storm->players[i] == NULL || !player_done(storm->players[i]))
            return false;
    return true;
}

static void everybody_is_served(struct storm *storm)
{
    int64_t limit = world_now() + SETTLE;

    for (int i = 0; i < storm->player_count; i++)
        if (storm->players[i] != NULL)
            player_finish(storm->players[i]);
    while (!all_done(storm) && world_step(limit))
        ;
    for (int i = 0; i < storm->player_count; i++)
        if (storm->players[i] == NULL || !player_done(storm->players[i]))
            world_fail("%s does not get on: %s",
                       storm->players[i] == NULL ? "?"
                                                 : machine_name(player_machine(storm->players[i])),
                       storm->players[i] == NULL ? "?" : player_doing(storm->players[i]));
}

static void no_contender_is_left(int place)
{
    struct cluster_node nodes[8];
    int count = cluster_children(player_place(place), nodes, 8);

    for (int i = 0; i < count && i < 8; i++)
        if (nodes[i].owner != 0)
            world_fail("a ghost is left: %s of session %llx", nodes[i].path,
                       (unsigned long long)nodes[i].owner);
}

static void nothing_is_left(struct storm *storm)
{
    run_until(world_now() + 60 * SIM_SECOND);
    for (int i = 0; i < storm->game.places; i++)
        no_contender_is_left(i);
    if (cluster_watches() != 0)
        world_fail("%d watches are left", cluster_watches());
    if (cluster_sessions() != 0)
        world_fail("%d sessions are left", cluster_sessions());
    for (int i = 0; i < storm->machine_count; i++) {
        const struct machine *machine = storm->machines[i];
        if (machine_blocks(machine) != 0)
            world_fail("%s leaks %ld blocks of memory", machine_name(machine),
                       machine_blocks(machine));
        if (machine_alarms(machine) != 0)
            world_fail("%s leaks %d descriptors", machine_name(machine), machine_alarms(machine));
    }
}

static struct storm_result play(uint64_t seed)
{
    struct storm storm;
    struct storm_result result = {0};

    world_begin(seed);
    draw(&storm, seed);
    beliefs_begin();
    run_until(world_between(5, 40) * SIM_SECOND);
    storm_heal(&storm);
    everybody_is_served(&storm);
    nothing_is_left(&storm);
    beliefs_end();
    result.failed = world_failure() != NULL;
    if (result.failed)
        snprintf(result.why, sizeof result.why, "%s", world_failure());
    result.digest = world_digest();
    result.grants = beliefs_grants();
    result.virtual_ms = world_now() / SIM_MS;
    for (int i = 0; i < storm.player_count; i++)
        if (storm.players[i] != NULL)
            player_free(storm.players[i]);
    cluster_end();
    world_end();
    return result;
}

struct storm_result storm_run(uint64_t seed, enum storm_story how)
{
    struct storm_result result;

    story_keep(how == STORM_TELL || how == STORM_KEPT);
    result = play(seed);
    if (how == STORM_TELL)
        story_print();
    if (how == STORM_IF_FAILED && result.failed) {
        story_keep(true);
        play(seed);
        story_print();
        story_keep(false);
    }
    return result;
}
