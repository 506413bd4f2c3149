/*
 * What the files of the storm ask of each other. Nobody else includes this.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_STORM_PARTS_H
#define ZKC_SIM_STORM_PARTS_H

#include "player.h"
#include "world.h"

#define PLAYERS_MAX 6

struct storm {
    struct game game;
    struct player *players[PLAYERS_MAX]; /* NULL: none at this place */
    struct machine *machines[64];        /* all that ever were, also the killed */
    int machine_count;
    int player_count;
    int faults; /* a bit for each kind that this storm has */
    int64_t mean_pause;
    int aim;    /* per mille of the faults that are aimed at a holder */
    bool sharp; /* the faults know the leader's clock */
    bool over;
};

/* storm.c */
void storm_new_player(struct storm *storm, int place);

/* storm_access.c */
void storm_refuse_credentials(struct storm *storm);
void storm_forbid(struct storm *storm);
void storm_refuse_requests(struct storm *storm);
void storm_access_heal(struct storm *storm);

/* storm_faults.c: whom a fault strikes, and for how long. */
struct machine *storm_some_machine(struct storm *storm);
int64_t storm_some_time(const struct storm *storm);

/* One after the other, until the storm is over. */
void storm_faults_begin(struct storm *storm);

/* Everything works again, everybody goes on. */
void storm_heal(struct storm *storm);

#endif
