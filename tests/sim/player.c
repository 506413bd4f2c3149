/* SPDX-License-Identifier: Apache-2.0 */
#include "player.h"

#include "cluster.h"

#include <zkcoord/zkcoord.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEATS 3
#define DRIFT_PPM 9900 /* the library allows for 1 % */

/* One contender; for elections, lock is NULL. */
struct seat {
    int place;
    zkc_lock *lock;
    zkc_leader *leader;
    zkc_elected *elected;
    int told;     /* revocations that the callback has told */
    bool listens; /* has a callback */
    int fd;       /* -1: never asked for */
    int64_t revoked_token;
};

struct player {
    struct machine *machine;
    struct game game;
    bool finish, done;
    const char *doing;
    zkc_sync *sync;
    struct seat seats[SEATS];
    int count;
};

static const char *const places[] = {"/g/lock/a", "/g/leader/a", "/g/lock/b"};

const char *player_place(int place)
{
    return places[place];
}

static bool of_leader(int place)
{
    return place == 1;
}

/* ---- calls with a deadline ---- */

#define SLACK (500 * SIM_MS)

/* Something that ends a call: a context, cancelled at a time that was drawn. */
struct limit {
    zkc_context *context;
    int64_t until; /* of the machine's clock; SIM_NEVER: none */
    bool cancels;
    uint64_t event;
    int64_t stood; /* machine_stood() when it began */
};

static void cancel(void *arg)
{
    struct limit *limit = arg;

    limit->event = 0;
    zkc_context_cancel(limit->context);
}

/* At the end of the game calls take as long as they need. */
static void limit_begin(struct player *player, struct limit *limit, bool wanted)
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

static void limit_end(struct player *player, struct limit *limit, int result)
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

struct outcome {
    int calls;
    int result;
    zkc_elected *elected;
};

static void done(void *arg, int result)
{
    struct outcome *outcome = arg;

    outcome->calls++;
    outcome->result = result;
    if (outcome->calls > 1)
        world_fail("a call completed %d times", outcome->calls);
    fiber_wake_all(outcome);
}

static void elected_done(void *arg, int result, zkc_elected *elected)
{
    ((struct outcome *)arg)->elected = elected;
    done(arg, result);
}

static bool completes(struct outcome *outcome, int64_t until)
{
    while (outcome->calls == 0)
        if (!fiber_wait(outcome, until) && outcome->calls == 0)
            return false;
    return true;
}

/* ---- seats ---- */

static bool is_held(const struct seat *seat)
{
    return seat->lock != NULL ? zkc_lock_is_held(seat->lock) : zkc_elected_is_valid(seat->elected);
}

static int64_t token_of(const struct seat *seat)
{
    return seat->lock != NULL ? zkc_lock_token(seat->lock) : zkc_elected_token(seat->elected);
}

static void revoked(void *arg, int reason)
{
    struct seat *seat = arg;

    seat->told++;
    if (reason != ZKC_ELEASE && reason != ZKC_EEXPIRED && reason != ZKC_EDELETED)
        world_fail("a revocation came with reason %d", reason);
    if (is_held(seat) && token_of(seat) == seat->revoked_token)
        world_fail("told of a revocation while it is held");
}

static int ignore(int result, const char *call)
{
    static const int known[] = {ZKC_OK,           ZKC_ENOMEM,   ZKC_ETIMEDOUT, ZKC_ECANCELED,
                                ZKC_EBUSY,        ZKC_ENOTHELD, ZKC_ECLOSED,   ZKC_ENOLEADER,
                                ZKC_EUNREACHABLE, ZKC_ESYSTEM};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (result == known[i])
            return result;
    world_fail("%s returned %d: %s", call, result, zkc_strerror(result));
    return result;
}

static bool seat_open(struct player *player, struct seat *seat, int place)
{
    zkc_lock_options lock;
    zkc_leader_options leader;
    int64_t ttl = world_chance(300) ? world_between(2, 6) * player->game.tick_ms : 0;
    int result;

    memset(seat, 0, sizeof *seat);
    seat->place = place;
    seat->fd = -1;
    if (of_leader(place)) {
        ZKC_INIT(&leader);
        leader.ttl_ms = ttl;
        result = zkc_leader_open(player->sync, "a", &leader, &seat->leader);
    } else {
        ZKC_INIT(&lock);
        lock.ttl_ms = ttl;
        result = zkc_lock_open(player->sync, place == 0 ? "a" : "b", &lock, &seat->lock);
    }
    ignore(result, "open");
    return result == ZKC_OK;
}

/* The descriptor of a leadership goes with it. */
static void elected_close(struct seat *seat)
{
    if (seat->elected != NULL)
        seat->fd = -1;
    zkc_elected_close(seat->elected);
    seat->elected = NULL;
}

static void seat_close(struct seat *seat)
{
    zkc_lock_close(seat->lock);
    zkc_leader_close(seat->leader);
    zkc_elected_close(seat->elected);
    seat->lock = NULL;
    seat->leader = NULL;
    seat->elected = NULL;
}

/* ---- taking ---- */

static int take_blocking(struct player *player, struct seat *seat, bool limited)
{
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
    return ignore(result, "acquire");
}

static int start_taking(struct seat *seat, int64_t wait_ms, struct outcome *outcome)
{
    if (seat->leader != NULL)
        return zkc_leader_elect_async(seat->leader, wait_ms, elected_done, outcome);
    if (world_chance(150))
        return zkc_lock_try_acquire_async(seat->lock, wait_ms, done, outcome);
    return zkc_lock_acquire_async(seat->lock, wait_ms, done, outcome);
}

static void stop_taking(struct player *player, struct seat *seat, struct outcome *outcome)
{
    if (world_chance(300)) {
        int place = seat->place;
        seat_close(seat);
        if (outcome->calls != 1)
            world_fail("close did not complete what was in progress");
        if (outcome->elected != NULL)
            zkc_elected_close(outcome->elected);
        outcome->elected = NULL;
        outcome->result = ZKC_ECLOSED; /* what was granted just before is gone, too */
        while (!seat_open(player, seat, place))
            fiber_sleep(SIM_MS);
    } else {
        ignore(seat->lock != NULL ? zkc_lock_cancel(seat->lock) : zkc_leader_cancel(seat->leader),
               "cancel");
        if (!completes(outcome, world_now() + 60 * SIM_SECOND))
            world_fail("%s: a cancelled call did not complete", machine_name(player->machine));
    }
}

static int take_async(struct player *player, struct seat *seat)
{
    struct outcome outcome = {0};
    int64_t wait_ms = world_between(1, 8 * player->game.tick_ms);
    int64_t patience = world_chance(300) ? world_below(2 * wait_ms * SIM_MS) : 2000 * SIM_SECOND;
    int64_t start = machine_clock(player->machine), stood = machine_stood(player->machine);
    int result = ignore(start_taking(seat, wait_ms, &outcome), "acquire_async");

    if (result != ZKC_OK)
        return result;
    if (!completes(&outcome, world_now() + patience))
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
    return ignore(outcome.result, "acquire_async");
}

/* ---- holding ---- */

static void listen(struct seat *seat)
{
    int result = seat->lock != NULL ? zkc_lock_on_revoked(seat->lock, revoked, seat)
                                    : zkc_elected_on_revoked(seat->elected, revoked, seat);

    seat->revoked_token = token_of(seat);
    seat->listens = result == ZKC_OK;
    ignore(result, "on_revoked");
}

static void ask_for_fd(struct seat *seat)
{
    int fd = seat->lock != NULL ? zkc_lock_revoked_fd(seat->lock)
                                : zkc_elected_revoked_fd(seat->elected);

    if (fd >= 0)
        seat->fd = fd;
    else
        ignore(fd, "revoked_fd");
}

/* "No" is for ever, and whoever polls hears it too. */
static void is_over(struct seat *seat)
{
    int64_t token = token_of(seat);

    if (seat->fd >= 0 && !sim_alarm_readable(seat->fd))
        world_fail("token %llx is not held, and its descriptor is not readable",
                   (unsigned long long)token);
    fiber_sleep(world_below(50 * SIM_MS));
    if (is_held(seat) && token_of(seat) == token)
        world_fail("token %llx is held again", (unsigned long long)token);
    if (seat->fd >= 0 && !sim_alarm_readable(seat->fd))
        world_fail("the descriptor of token %llx is not readable any more",
                   (unsigned long long)token);
}

static void hold(struct player *player, struct seat *seat)
{
    int64_t most = player->finish ? player->game.tick_ms : player->game.work_ms;
    int64_t until = world_now() + world_below(most * SIM_MS);
    struct limit limit;
    int result;

    if (world_chance(300))
        listen(seat);
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
        if (ignore(result, "wait_revoked") == ZKC_OK && is_held(seat))
            world_fail("waited for a revocation, and it is held");
    }
    while (world_now() < until && is_held(seat)) {
        int64_t step = world_below(until - world_now()) + SIM_MS;
        fiber_sleep(step < SIM_SECOND ? step : SIM_SECOND);
        if (player->finish)
            break;
    }
    if (!is_held(seat))
        is_over(seat);
}

/* ---- leaving ---- */

static int leave_async(struct seat *seat)
{
    struct outcome outcome = {0};
    int result = seat->lock != NULL ? zkc_lock_release_async(seat->lock, done, &outcome)
                                    : zkc_elected_resign_async(seat->elected, done, &outcome);

    if (ignore(result, "release_async") != ZKC_OK)
        return result;
    if (is_held(seat))
        world_fail("held after release");
    completes(&outcome, SIM_NEVER);
    return ignore(outcome.result, "release_async");
}

static int leave_blocking(struct player *player, struct seat *seat, bool limited)
{
    struct limit limit;
    int result;

    limit_begin(player, &limit, limited);
    result = seat->lock != NULL ? zkc_lock_release(seat->lock, limit.context)
                                : zkc_elected_resign(seat->elected, limit.context);
    limit_end(player, &limit, result);
    return ignore(result, "release");
}

static void leave(struct player *player, struct seat *seat)
{
    int place = seat->place;

    if (world_chance(100) && !player->finish) {
        seat_close(seat);
        while (!seat_open(player, seat, place))
            fiber_sleep(SIM_MS);
        return;
    }
    if (world_chance(300))
        leave_async(seat);
    else
        leave_blocking(player, seat, !player->finish);
    if (is_held(seat))
        world_fail("held after release");
    elected_close(seat);
}

/* ---- who contends ---- */

static void list(struct player *player, struct seat *seat)
{
    zkc_contenders *found = NULL;
    struct limit limit;
    int result;

    limit_begin(player, &limit, !player->finish);
    result = seat->lock != NULL  ? zkc_lock_contenders(seat->lock, limit.context, &found)
             : world_chance(500) ? zkc_leader_contenders(seat->leader, limit.context, &found)
                                 : zkc_leader_current(seat->leader, limit.context, &found);
    limit_end(player, &limit, result);
    for (size_t i = 1; i < zkc_contenders_count(found); i++)
        if (zkc_contenders_at(found, i)->token <= zkc_contenders_at(found, i - 1)->token)
            world_fail("contenders are listed out of order");
    zkc_contenders_free(found);
    ignore(result, "contenders");
}

/* ---- playing ---- */

static bool open_client(struct player *player)
{
    zkc_options options;
    int result;

    ZKC_INIT(&options);
    options.nodes = cluster_addresses();
    options.name_space = "/g";
    options.session_timeout_ms = world_between(2, 6) * player->game.tick_ms;
    options.connect_timeout_ms = world_chance(500) ? -1 : world_between(1, 4000);
    result = zkc_sync_open(&options, NULL, &player->sync);
    return ignore(result, "open") == ZKC_OK;
}

static void open_all(struct player *player)
{
    player->doing = "opens its client";
    while (!open_client(player))
        fiber_sleep(world_below(100 * SIM_MS) + SIM_MS);
    player->count = 1 + (int)world_below(SEATS);
    for (int i = 0; i < player->count; i++)
        while (!seat_open(player, &player->seats[i], (int)world_below(player->game.places)))
            fiber_sleep(SIM_MS);
}

static void close_all(struct player *player)
{
    bool sync_first = world_chance(300);
    int64_t start = world_now(), stood = machine_stood(player->machine);

    player->doing = "closes its client";
    for (int i = 0; i < player->count && !sync_first; i++)
        seat_close(&player->seats[i]);
    ignore(zkc_sync_close(player->sync), "close");
    player->sync = NULL;
    for (int i = 0; i < player->count && sync_first; i++)
        seat_close(&player->seats[i]);
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
        list(player, seat);
    result = world_chance(500) ? take_async(player, seat) : take_blocking(player, seat, true);
    if (result == ZKC_OK) {
        player->doing = "holds";
        hold(player, seat);
        player->doing = "leaves";
        leave(player, seat);
    }
    elected_close(seat);
    fiber_sleep(world_below(20 * SIM_MS));
}

/* The faults are over: everybody must be served. */
static void play_out(struct player *player)
{
    for (int i = 0; i < player->count; i++) {
        struct seat *seat = &player->seats[i];
        player->doing = places[seat->place];
        while (take_blocking(player, seat, false) != ZKC_OK)
            fiber_sleep(SIM_MS);
        hold(player, seat);
        leave(player, seat);
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
