/* SPDX-License-Identifier: Apache-2.0 */
#include "player_parts.h"

#include <stdlib.h>

#define DRIFT_PPM 9900 /* the library allows for 1 % */

/* Everybody has the same credential, or nobody has one; with it go nodes that are closed to others.
 */
static void set_credential(const struct player *player, zkc_options *options)
{
    if (!player->game.credential)
        return;
    options->auth_scheme = "digest";
    options->auth = "player:secret";
}

/*
 * A lone server orders all that the old connection had handed on before the write of the search.
 * Where there are others the session may move away and back: then the leader takes what the first
 * had handed on before, for it owns the session again.
 */
static void look_for_strays(void *arg, zkc_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    if (strstr(message, "after all") != NULL && cluster_servers() == 1 && !cluster_has_stranded())
        world_fail("a create was given up too soon: %s", message);
}

static bool open_client(struct player *player)
{
    zkc_options options;
    int result;

    ZKC_INIT(&options);
    options.nodes = cluster_addresses();
    options.name_space = "/g";
    options.session_timeout_ms = world_between(2, 6) * player->game.tick_ms;
    options.connect_timeout_ms = world_chance(500) ? -1 : world_between(1, 4000);
    options.log = look_for_strays;
    options.log_level = ZKC_LOG_WARNING;
    set_credential(player, &options);
    result = zkc_sync_open(&options, NULL, &player->sync);
    return expect(player, result, "open") == ZKC_OK;
}

static void open_all(struct player *player)
{
    player->doing = "opens its client";
    while (!open_client(player))
        fiber_sleep(world_below(100 * SIM_MS) + SIM_MS);
    loop_start(player);
    player->count = 1 + (int)world_below(SEATS);
    for (int i = 0; i < player->count; i++) {
        seat_open(player, &player->seats[i], (int)world_below(player->game.places));
        view_open(&player->seats[i]);
    }
}

static void close_all(struct player *player)
{
    bool sync_first = world_chance(300);
    int64_t start = world_now(), stood = machine_stood(player->machine);

    player->doing = "closes its client";
    loop_end(player);
    player->may_run++;
    if (!sync_first)
        view_close(player);
    for (int i = 0; i < player->count && !sync_first; i++)
        seat_close(&player->seats[i]);
    expect(player, zkc_sync_close(player->sync), "close");
    player->sync = NULL;
    if (sync_first)
        view_close(player);
    for (int i = 0; i < player->count && sync_first; i++)
        seat_close(&player->seats[i]);
    player->may_run--;
    if (world_now() - start - (machine_stood(player->machine) - stood) > 2500 * SIM_MS)
        world_fail("%s: closing took %lld ms", machine_name(player->machine),
                   (long long)((world_now() - start) / SIM_MS));
}

static void play_once(struct player *player)
{
    struct seat *seat = &player->seats[world_below(player->count)];
    int result;

    player->doing = "takes";
    if (world_chance(100))
        list_contenders(seat);
    result = world_chance(500) ? seat_take_async(seat) : seat_take(seat, true);
    if (result == ZKC_OK) {
        player->doing = "holds";
        seat_hold(seat);
        player->doing = "leaves";
        seat_leave(seat);
    }
    seat_drop_elected(seat);
    /* Who is refused does not ask again at once. */
    fiber_sleep(world_below((result == ZKC_EACCES || result == ZKC_EAUTH ? 400 : 20) * SIM_MS));
}

/* The faults are over: everybody must be served. */
static void play_out(struct player *player)
{
    for (int i = 0; i < player->count; i++) {
        struct seat *seat = &player->seats[i];
        player->doing = player_place(seat->place);
        while (seat_take(seat, false) != ZKC_OK)
            fiber_sleep(world_between(SIM_MS, 50 * SIM_MS));
        seat_hold(seat);
        seat_leave(seat);
    }
}

static void play(void *arg)
{
    struct player *player = arg;

    open_all(player);
    while (!player->finish) {
        play_once(player);
        if (world_chance(player->game.close_per_mille) && !player->finish) {
            close_all(player);
            open_all(player);
        }
    }
    play_out(player);
    close_all(player);
    player->done = true;
}

struct player *player_start(const char *name, const struct game *game)
{
    struct player *player = calloc(1, sizeof *player);

    player->machine = machine_new(name, world_between(1, 100000) * SIM_MS,
                                  (int)world_between(-DRIFT_PPM, DRIFT_PPM));
    player->game = *game;
    player->doing = "starts";
    fiber_start(player->machine, "player", play, player);
    return player;
}

void player_finish(struct player *player)
{
    player->finish = true;
}

bool player_done(const struct player *player)
{
    return player->done;
}

struct machine *player_machine(const struct player *player)
{
    return player->machine;
}

const char *player_doing(const struct player *player)
{
    return player->doing;
}

void player_free(struct player *player)
{
    free(player);
}
