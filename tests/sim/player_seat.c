/* SPDX-License-Identifier: Apache-2.0 */
#include "player_parts.h"

#include <string.h>

static const char *const places[] = {"/g/lock/a", "/g/leader/a", "/g/lock/b"};

const char *player_place(int place)
{
    return places[place];
}

static bool of_leader(int place)
{
    return place == 1;
}

bool seat_is_leader(const struct seat *seat)
{
    return of_leader(seat->place);
}

/* ---- seats ---- */

bool seat_is_held(const struct seat *seat)
{
    return seat->lock != NULL ? zkc_lock_is_held(seat->lock) : zkc_elected_is_valid(seat->elected);
}

int64_t seat_token(const struct seat *seat)
{
    return seat->lock != NULL ? zkc_lock_token(seat->lock) : zkc_elected_token(seat->elected);
}

static void revoked(void *arg, int reason)
{
    struct seat *seat = arg;

    callback_begin(seat->player);
    if (reason != ZKC_ELEASE && reason != ZKC_EEXPIRED && reason != ZKC_EDELETED)
        world_fail("a revocation came with reason %d", reason);
    if (seat_is_held(seat) && seat_token(seat) == seat->revoked_token)
        world_fail("told of a revocation while it is held");
    callback_end(seat->player);
}

/* Readers have Curator's names; half of the others have its writer's. */
static void draw_sharing(zkc_lock_options *lock)
{
    lock->shared = world_chance(600);
    if (lock->shared)
        lock->dialect = world_chance(500) ? ZKC_DIALECT_LOCK : ZKC_DIALECT_READ_WRITE;
    else if (world_chance(500))
        lock->dialect = ZKC_DIALECT_READ_WRITE;
}

static bool open_once(struct player *player, struct seat *seat, int place)
{
    zkc_lock_options lock;
    zkc_leader_options leader;
    int64_t dialect = world_between(ZKC_DIALECT_LOCK, ZKC_DIALECT_KAZOO);
    int64_t ttl = world_chance(300) ? world_between(2, 6) * player->game.tick_ms : 0;
    int result;

    memset(seat, 0, sizeof *seat);
    seat->player = player;
    seat->place = place;
    seat->fd = -1;
    if (of_leader(place)) {
        ZKC_INIT(&leader);
        leader.ttl_ms = ttl;
        leader.dialect = dialect;
        result = zkc_leader_open(player->sync, "a", &leader, &seat->leader);
    } else {
        ZKC_INIT(&lock);
        lock.ttl_ms = ttl;
        lock.dialect = dialect;
        if (player->game.sharing)
            draw_sharing(&lock);
        result = zkc_lock_open(player->sync, place == 0 ? "a" : "b", &lock, &seat->lock);
    }
    expect(seat->player, result, "open");
    return result == ZKC_OK;
}

void seat_open(struct player *player, struct seat *seat, int place)
{
    while (!open_once(player, seat, place))
        fiber_sleep(SIM_MS);
}

/* The descriptor of a leadership goes with it. */
void seat_drop_elected(struct seat *seat)
{
    if (seat->elected == NULL)
        return;
    seat->fd = -1;
    seat->player->may_run++;
    zkc_elected_close(seat->elected);
    seat->player->may_run--;
    seat->elected = NULL;
}

void seat_close(struct seat *seat)
{
    struct player *player = seat->player;

    player->may_run++;
    zkc_lock_close(seat->lock);
    zkc_leader_close(seat->leader);
    zkc_elected_close(seat->elected);
    player->may_run--;
    seat->lock = NULL;
    seat->leader = NULL;
    seat->elected = NULL;
}

/* ---- taking ---- */

int seat_take(struct seat *seat, bool limited)
{
    struct player *player = seat->player;
    struct limit limit;
    int result;

    limit_begin(player, &limit, limited);
    if (seat->lock != NULL && limited && world_chance(150))
        result = zkc_lock_try_acquire(seat->lock, limit.context);
    else if (seat->lock != NULL)
        result = zkc_lock_acquire(seat->lock, limit.context);
    else
        result = zkc_leader_elect(seat->leader, limit.context, &seat->elected);
    limit_end(player, &limit, result);
    return expect(seat->player, result, "acquire");
}

static int start_taking(struct seat *seat, int64_t wait_ms, struct outcome *outcome)
{
    if (seat->leader != NULL)
        return zkc_leader_elect_async(seat->leader, wait_ms, outcome_elected, outcome);
    if (world_chance(150))
        return zkc_lock_try_acquire_async(seat->lock, wait_ms, outcome_done, outcome);
    return zkc_lock_acquire_async(seat->lock, wait_ms, outcome_done, outcome);
}

static void stop_taking(struct player *player, struct seat *seat, struct outcome *outcome)
{
    if (world_chance(300)) {
        int place = seat->place;
        seat_close(seat);
        if (outcome->calls != 1)
            world_fail("close did not complete what was in progress");
        player->may_run++;
        zkc_elected_close(outcome->elected);
        player->may_run--;
        outcome->elected = NULL;
        outcome->result = ZKC_ECLOSED; /* what was granted just before is gone, too */
        seat_open(player, seat, place);
    } else {
        expect(seat->player,
               seat->lock != NULL ? zkc_lock_cancel(seat->lock) : zkc_leader_cancel(seat->leader),
               "cancel");
        if (!outcome_comes(outcome, world_now() + 60 * SIM_SECOND))
            world_fail("%s: a cancelled call did not complete", machine_name(player->machine));
    }
}

int seat_take_async(struct seat *seat)
{
    struct player *player = seat->player;
    struct outcome outcome = {.player = seat->player};
    int64_t wait_ms = world_between(1, 8 * player->game.tick_ms);
    int64_t patience = world_chance(300) ? world_below(2 * wait_ms * SIM_MS) : 2000 * SIM_SECOND;
    int64_t start = machine_clock(player->machine), stood = machine_stood(player->machine);
    int result = expect(seat->player, start_taking(seat, wait_ms, &outcome), "acquire_async");

    if (result != ZKC_OK)
        return result;
    if (!outcome_comes(&outcome, world_now() + patience))
        stop_taking(player, seat, &outcome);
    if (machine_clock(player->machine) - (machine_stood(player->machine) - stood) >
        start + wait_ms * SIM_MS + SLACK)
        world_fail("%s: an asynchronous call outlived its deadline, result %d",
                   machine_name(player->machine), outcome.result);
    seat->elected = seat->leader != NULL ? outcome.elected : NULL;
    if (seat->leader == NULL && seat->lock == NULL)
        return ZKC_ECLOSED;
    if (outcome.result == ZKC_OK && seat->leader != NULL && seat->elected == NULL)
        return ZKC_ECLOSED; /* it was closed just now */
    return expect(seat->player, outcome.result, "acquire_async");
}

/* ---- holding ---- */

static void asked(void *arg)
{
    struct seat *seat = arg;

    callback_begin(seat->player);
    callback_end(seat->player);
}

static void listen_to_pleas(struct seat *seat)
{
    int result = seat->lock != NULL ? zkc_lock_on_asked(seat->lock, asked, seat)
                                    : zkc_elected_on_asked(seat->elected, asked, seat);

    expect(seat->player, result, "on_asked");
}

static void listen(struct seat *seat)
{
    int result = seat->lock != NULL ? zkc_lock_on_revoked(seat->lock, revoked, seat)
                                    : zkc_elected_on_revoked(seat->elected, revoked, seat);

    seat->revoked_token = seat_token(seat);
    seat->listens = result == ZKC_OK;
    expect(seat->player, result, "on_revoked");
}

static void ask_for_fd(struct seat *seat)
{
    int fd = seat->lock != NULL ? zkc_lock_revoked_fd(seat->lock)
                                : zkc_elected_revoked_fd(seat->elected);

    if (fd >= 0)
        seat->fd = fd;
    else
        expect(seat->player, fd, "revoked_fd");
}

/* "No" is for ever, and whoever polls hears it too. */
static void is_over(struct seat *seat)
{
    int64_t token = seat_token(seat);

    if (seat->fd >= 0 && !sim_alarm_readable(seat->fd))
        world_fail("token %llx is not held, and its descriptor is not readable",
                   (unsigned long long)token);
    fiber_sleep(world_below(50 * SIM_MS));
    if (seat_is_held(seat) && seat_token(seat) == token)
        world_fail("token %llx is held again", (unsigned long long)token);
    if (seat->fd >= 0 && !sim_alarm_readable(seat->fd))
        world_fail("the descriptor of token %llx is not readable any more",
                   (unsigned long long)token);
}

void seat_hold(struct seat *seat)
{
    struct player *player = seat->player;
    int64_t most = player->finish ? player->game.tick_ms : player->game.work_ms;
    int64_t until = world_now() + world_below(most * SIM_MS);
    struct limit limit;
    int result;

    if (player->finish)
        view_must_show(seat);
    if (player->finish && world_chance(300))
        list_contenders(seat);
    if (world_chance(300))
        listen(seat);
    if (world_chance(200))
        listen_to_pleas(seat);
    if (world_chance(400))
        ask_for_fd(seat);
    if (world_chance(200)) {
        limit_begin(player, &limit, true);
        if (limit.context == NULL)
            result = ZKC_ENOMEM;
        else
            result = seat->lock != NULL ? zkc_lock_wait_revoked(seat->lock, limit.context)
                                        : zkc_elected_wait_revoked(seat->elected, limit.context);
        limit_end(player, &limit, result);
        if (expect(seat->player, result, "wait_revoked") == ZKC_OK && seat_is_held(seat))
            world_fail("waited for a revocation, and it is held");
    }
    while (world_now() < until && seat_is_held(seat)) {
        int64_t step = world_below(until - world_now()) + SIM_MS;
        fiber_sleep(step < SIM_SECOND ? step : SIM_SECOND);
        if (player->finish)
            break;
    }
    if (!seat_is_held(seat))
        is_over(seat);
}

/* ---- leaving ---- */

static int leave_async(struct seat *seat)
{
    struct outcome outcome = {.player = seat->player};
    int result = seat->lock != NULL
                     ? zkc_lock_release_async(seat->lock, outcome_done, &outcome)
                     : zkc_elected_resign_async(seat->elected, outcome_done, &outcome);

    if (expect(seat->player, result, "release_async") != ZKC_OK)
        return result;
    if (seat_is_held(seat))
        world_fail("held after release");
    outcome_comes(&outcome, SIM_NEVER);
    return expect(seat->player, outcome.result, "release_async");
}

static int leave_blocking(struct seat *seat, bool limited)
{
    struct player *player = seat->player;
    struct limit limit;
    int result;

    limit_begin(player, &limit, limited);
    result = seat->lock != NULL ? zkc_lock_release(seat->lock, limit.context)
                                : zkc_elected_resign(seat->elected, limit.context);
    limit_end(player, &limit, result);
    return expect(seat->player, result, "release");
}

void seat_leave(struct seat *seat)
{
    struct player *player = seat->player;
    int64_t token = seat_token(seat);
    int place = seat->place;

    if (world_chance(100) && !player->finish) {
        seat_close(seat);
        seat_open(player, seat, place);
        return;
    }
    if (world_chance(300))
        leave_async(seat);
    else
        leave_blocking(seat, !player->finish);
    if (seat_is_held(seat))
        world_fail("held after release");
    if (player->finish)
        view_must_not_show(seat, token);
    seat_drop_elected(seat);
}
