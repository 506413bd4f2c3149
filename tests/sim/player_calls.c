/* SPDX-License-Identifier: Apache-2.0 */
#include "player_parts.h"

#include <zookeeper/zookeeper.h>

#include <string.h>

/* ---- calls with a deadline ---- */

static void cancel(void *arg)
{
    struct limit *limit = arg;

    limit->event = 0;
    zkc_context_cancel(limit->context);
}

/* At the end of the game calls take as long as they need. */
void limit_begin(struct player *player, struct limit *limit, bool wanted)
{
    int64_t ms = world_between(0, 6 * player->game.tick_ms);

    memset(limit, 0, sizeof *limit);
    limit->until = SIM_NEVER;
    limit->stood = machine_stood(player->machine);
    if (!wanted || zkc_context_new(player->sync, &limit->context) != ZKC_OK)
        return;
    limit->until = machine_clock(player->machine) + ms * SIM_MS;
    limit->cancels = world_chance(300);
    if (limit->cancels)
        limit->event = event_after(player->machine, ms * SIM_MS, cancel, limit);
    else
        zkc_context_set_timeout_ms(limit->context, ms);
}

void limit_end(struct player *player, struct limit *limit, int result)
{
    int64_t now = machine_clock(player->machine);
    int64_t stood = machine_stood(player->machine) - limit->stood;

    event_cancel(&limit->event);
    zkc_context_free(limit->context);
    if (limit->until != SIM_NEVER && now - stood > limit->until + SLACK)
        world_fail("%s: a call outlived its deadline by %lld ms, result %d",
                   machine_name(player->machine),
                   (long long)((now - stood - limit->until) / SIM_MS), result);
    if (result == ZKC_ETIMEDOUT && (limit->until == SIM_NEVER || limit->cancels))
        world_fail("%s: a call timed out without a deadline", machine_name(player->machine));
    if (result == ZKC_ECANCELED && !limit->cancels)
        world_fail("%s: a call was cancelled by nobody", machine_name(player->machine));
}

/* ---- asynchronous calls ---- */

void outcome_done(void *arg, int result)
{
    struct outcome *outcome = arg;

    callback_begin(outcome->player);
    outcome->calls++;
    outcome->result = result;
    if (outcome->calls > 1)
        world_fail("a call completed %d times", outcome->calls);
    callback_end(outcome->player);
    fiber_wake_all(outcome);
}

void outcome_elected(void *arg, int result, zkc_elected *elected)
{
    ((struct outcome *)arg)->elected = elected;
    outcome_done(arg, result);
}

bool outcome_comes(struct outcome *outcome, int64_t until)
{
    while (outcome->calls == 0)
        if (!fiber_wait(outcome, until) && outcome->calls == 0)
            return false;
    return true;
}

/* ---- results ---- */

int expect(const struct player *player, int result, const char *call)
{
    static const int known[] = {ZKC_OK,           ZKC_ENOMEM,   ZKC_ETIMEDOUT, ZKC_ECANCELED,
                                ZKC_EBUSY,        ZKC_ENOTHELD, ZKC_ECLOSED,   ZKC_ENOLEADER,
                                ZKC_EUNREACHABLE, ZKC_ESYSTEM};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (result == known[i])
            return result;
    if (result == ZKC_EAUTH && player->game.credential)
        return result;
    if (result == ZKC_EACCES && player->game.forbidding)
        return result;
    /* There the loss of each session's first create looks like that. */
    if (result == ZKC_ESERVER && player->game.forgetful &&
        zkc_sync_server_error(player->sync) == ZUNIMPLEMENTED)
        return result;
    world_fail("%s returned %d: %s", call, result, zkc_strerror(result));
    return result;
}
