/*
 * What the files of the player ask of each other. Nobody else includes this.
 *
 *   player.c        its life
 *   player_calls.c  calls with a deadline, asynchronous calls; which results are in order
 *   player_seat.c   taking, holding and leaving a lock or a leadership
 *   player_loop.c   its own event loop, and where callbacks may run
 *   player_view.c   following an election, listing who contends
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_PLAYER_PARTS_H
#define ZKC_SIM_PLAYER_PARTS_H

#include "cluster.h"
#include "player.h"

#include <zkcoord/zkcoord.h>

#define SEATS 3
#define SLACK (500 * SIM_MS) /* of a call that ends by its time */

/* One contender; for elections, lock is NULL. */
struct seat {
    struct player *player;
    int place;
    zkc_lock *lock;
    zkc_leader *leader;
    zkc_elected *elected;
    bool listens; /* has a callback */
    int fd;       /* -1: never asked for */
    int64_t revoked_token;
};

/* What somebody who follows an election was told last. */
struct view {
    struct player *player;
    zkc_observer *observer; /* NULL: does not follow */
    int told;
    int64_t token; /* 0: nobody leads */
};

struct player {
    struct machine *machine;
    struct game game;
    bool finish, done;
    const char *doing;
    zkc_sync *sync;
    struct seat seats[SEATS];
    int count;
    struct view view;
    int loop_fd; /* of its own event loop; -1: callbacks come on a thread of the library's */
    bool loop_stop, loop_over;
    int may_run; /* calls under way inside of which an event loop's callbacks may run */
    int inside;  /* callbacks */
};

/* ---- calls ---- */

/* Something that ends a call: a context, cancelled at a time that was drawn. */
struct limit {
    zkc_context *context;
    int64_t until; /* of the machine's clock; SIM_NEVER: none */
    bool cancels;
    uint64_t event;
    int64_t stood; /* machine_stood() when it began */
};
void limit_begin(struct player *player, struct limit *limit, bool wanted);
void limit_end(struct player *player, struct limit *limit, int result);

struct outcome {
    struct player *player;
    int calls;
    int result;
    zkc_elected *elected;
};
void outcome_done(void *arg, int result);
void outcome_elected(void *arg, int result, zkc_elected *elected);
bool outcome_comes(struct outcome *outcome, int64_t until);

/* The result, if a call may have it at all. */
int expect(const struct player *player, int result, const char *call);

/* ---- event loops, callbacks ---- */

void loop_start(struct player *player);
void loop_end(struct player *player);
void callback_begin(struct player *player);
void callback_end(struct player *player);

/* ---- seats ---- */

bool seat_is_leader(const struct seat *seat);
bool seat_is_held(const struct seat *seat);
int64_t seat_token(const struct seat *seat);
void seat_open(struct player *player, struct seat *seat, int place); /* until it succeeds */
void seat_close(struct seat *seat);
void seat_drop_elected(struct seat *seat);
int seat_take(struct seat *seat, bool limited);
int seat_take_async(struct seat *seat);
void seat_hold(struct seat *seat);
void seat_leave(struct seat *seat);

/* ---- looking ---- */

void view_open(struct seat *seat);
void view_close(struct player *player);

/* After the storm: who follows is told that its own player leads, and then that it does not. */
void view_must_show(struct seat *seat);
void view_must_not_show(struct seat *seat, int64_t token);
void list_contenders(struct seat *seat);

#endif
