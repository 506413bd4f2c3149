/*
 * Following an election, and listing who contends.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "player_parts.h"

#include <string.h>

/* In calm, after the storm: sessions may have to be made again first. */
#define NEWS (60 * SIM_SECOND)

static void changed(void *arg, const zkc_contender *leader)
{
    struct view *view = arg;

    callback_begin(view->player);
    view->told++;
    view->token = leader == NULL ? 0 : leader->token;
    if (leader != NULL && (leader->position != 0 || leader->token == 0 || leader->data == NULL ||
                           strncmp(leader->path, player_place(1), strlen(player_place(1))) != 0))
        world_fail("an observer is shown %s as the leader", leader->path);
    callback_end(view->player);
    fiber_wake_all(view);
}

/* Of a few; one for each player. */
void view_open(struct seat *seat)
{
    struct player *player = seat->player;
    int result;

    if (!seat_is_leader(seat) || player->view.observer != NULL || !world_chance(400))
        return;
    player->view = (struct view){.player = player};
    result = zkc_leader_observe(seat->leader, changed, &player->view, &player->view.observer);
    if (expect(player, result, "observe") != ZKC_OK)
        player->view.observer = NULL;
}

void view_close(struct player *player)
{
    int told;

    player->may_run++;
    zkc_observer_close(player->view.observer);
    player->may_run--;
    player->view.observer = NULL;
    told = player->view.told;
    if (world_chance(100))
        fiber_sleep(SIM_MS);
    if (player->view.told != told)
        world_fail("an observer is told of changes after its end");
}

static bool shows(const struct view *view, int64_t token)
{
    return view->told > 0 && view->token == token;
}

void view_must_show(struct seat *seat)
{
    struct view *view = &seat->player->view;
    int64_t until = world_now() + NEWS, token = seat_token(seat);

    if (view->observer == NULL || !seat_is_leader(seat))
        return;
    while (!shows(view, token) && seat_is_held(seat) && world_now() < until)
        fiber_wait(view, world_now() + SIM_SECOND);
    if (!shows(view, token) && seat_is_held(seat))
        world_fail("%s leads with token %llx, and its observer does not hear of it",
                   machine_name(seat->player->machine), (unsigned long long)token);
}

void view_must_not_show(struct seat *seat, int64_t token)
{
    struct view *view = &seat->player->view;
    int64_t until = world_now() + NEWS;

    if (view->observer == NULL || !seat_is_leader(seat))
        return;
    while ((shows(view, token) || view->told == 0) && world_now() < until)
        fiber_wait(view, world_now() + SIM_SECOND);
    if (shows(view, token) || view->told == 0)
        world_fail("%s leads no more with token %llx, and its observer does not hear of it",
                   machine_name(seat->player->machine), (unsigned long long)token);
}

/* ---- who contends ---- */

static void in_order(const zkc_contenders *found)
{
    for (size_t i = 0; i < zkc_contenders_count(found); i++) {
        const zkc_contender *contender = zkc_contenders_at(found, i);
        if (contender->position != (int64_t)i)
            world_fail("contender %zu says it is at %lld", i, (long long)contender->position);
        if (i > 0 && contender->token <= zkc_contenders_at(found, i - 1)->token)
            world_fail("contenders are listed out of order");
    }
}

/* A stranger may have deleted the node just before the calm, and the news be still on its way. */
static bool holds_on(const struct seat *seat, int64_t token)
{
    int64_t until = world_now() + NEWS;

    while (seat_is_held(seat) && seat_token(seat) == token && world_now() < until)
        fiber_sleep(SIM_SECOND);
    return seat_is_held(seat) && seat_token(seat) == token;
}

/* In calm whoever holds sees itself at the head. */
static bool shown_to_hold(const zkc_contenders *found, int64_t token)
{
    for (size_t i = 0; i < zkc_contenders_count(found); i++)
        if (zkc_contenders_at(found, i)->token == token)
            return zkc_contenders_at(found, i)->holds == 1;
    return false;
}

void list_contenders(struct seat *seat)
{
    struct player *player = seat->player;
    bool held = seat_is_held(seat) && player->finish;
    int64_t token = held ? seat_token(seat) : 0;
    zkc_contenders *found = NULL;
    struct limit limit;
    int result;

    limit_begin(player, &limit, !player->finish);
    result = seat->lock != NULL  ? zkc_lock_contenders(seat->lock, limit.context, &found)
             : world_chance(500) ? zkc_leader_contenders(seat->leader, limit.context, &found)
                                 : zkc_leader_current(seat->leader, limit.context, &found);
    limit_end(player, &limit, result);
    expect(player, result, "contenders");
    in_order(found);
    if (held && result == ZKC_OK && !shown_to_hold(found, token) && holds_on(seat, token))
        world_fail("%s holds with token %llx and the list does not say so",
                   machine_name(player->machine), (unsigned long long)token);
    zkc_contenders_free(found);
}
