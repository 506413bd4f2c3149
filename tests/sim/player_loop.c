/*
 * Half of the players are programs with an event loop: a thread that polls the client's descriptor
 * and dispatches. Their callbacks run there, or where something is closed, and nowhere else.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "player_parts.h"

static void loop(void *arg)
{
    struct player *player = arg;

    while (!player->loop_stop) {
        sim_alarm_poll(player->loop_fd);
        if (player->loop_stop)
            break;
        player->may_run++;
        expect(player, zkc_sync_dispatch(player->sync) < 0 ? ZKC_EINVAL : ZKC_OK, "dispatch");
        player->may_run--;
    }
    player->loop_over = true;
    fiber_wake_all(&player->loop_over);
}

void loop_start(struct player *player)
{
    player->loop_stop = player->loop_over = false;
    player->loop_fd = world_chance(400) ? zkc_sync_fd(player->sync) : -1;
    if (player->loop_fd >= 0)
        fiber_start(player->machine, "loop", loop, player);
}

/* Before the client is closed: nobody may dispatch afterwards. */
void loop_end(struct player *player)
{
    if (player->loop_fd < 0)
        return;
    player->loop_stop = true;
    sim_alarm_interrupt(player->loop_fd);
    while (!player->loop_over)
        fiber_wait(&player->loop_over, SIM_NEVER);
}

/* What is closed runs its last callbacks beside those of others. */
static bool closes(const struct player *player)
{
    return player->may_run > (player->loop_fd >= 0 ? 1 : 0);
}

/* Some callbacks take their time. */
void callback_begin(struct player *player)
{
    if (player->inside > 0 && !closes(player))
        world_fail("%s: two callbacks run at a time", machine_name(player->machine));
    if (fiber_current() == NULL)
        world_fail("%s: a callback runs on libzookeeper's thread", machine_name(player->machine));
    if (player->loop_fd >= 0 && player->may_run == 0)
        world_fail("%s: a callback runs outside of its event loop", machine_name(player->machine));
    player->inside++;
    if (world_chance(20))
        fiber_sleep(world_below(5 * SIM_MS));
}

void callback_end(struct player *player)
{
    player->inside--;
}
