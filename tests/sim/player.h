/*
 * A process that uses the library: it opens a client, takes and leaves locks and elections in every
 * way that the public interface has, and at the end takes each once more, leaves and closes
 * everything.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_PLAYER_H
#define ZKC_SIM_PLAYER_H

#include "world.h"

struct player;

/* Where the players meet, and how they play. */
struct game {
    int64_t tick_ms;     /* of the servers */
    int places;          /* how many locks and elections there are, 1 to 3 */
    int work_ms;         /* how long a hold lasts, at the most */
    int close_per_mille; /* how often a player closes its client and begins anew */
    bool credential;     /* everybody has the same; servers may refuse it at times */
    bool forbidding;     /* ACLs may forbid things at times */
    bool silent;         /* servers send no events without the right to read */
    bool forgetful;      /* servers take no session back, as some that hang up at create2 */
    bool sharing;        /* many want to share a lock with others */
};

/* Starts on a machine of its own; ends by itself after player_finish(). */
struct player *player_start(const char *name, const struct game *game);
void player_finish(struct player *player);
bool player_done(const struct player *player);
struct machine *player_machine(const struct player *player);
const char *player_doing(const struct player *player);
void player_free(struct player *player);

/* Directories of a place: for looking at what is left. */
const char *player_place(int place);

#endif
