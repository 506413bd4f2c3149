/*
 * Whether the nodes of what is kept still stand, within a quarter of the timeout whatever their
 * number: one that is kept for longer than a moment is watched, which costs one request and no
 * more; those for which there is no room in the session's packet of watches are checked many at a
 * time.
 *
 * Ticks are a sixteenth of the timeout apart, and there are none while all is watched. A keeper
 * that is new at one tick is young at the next and watched at the one after, so that short holds
 * cost nothing. A round of checks begins three ticks after the one before, each check as soon as
 * the one before is answered: that leaves a sixteenth for the answers.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PATROL_H
#define ZKC_CORE_PATROL_H

#include "core/lease.h"
#include "core/listener.h"
#include "core/queue.h"

/* How the node of a keeper is looked after. */
enum keeper_list {
    KEEPER_NEW,
    KEEPER_YOUNG,
    KEEPER_DUE,   /* for a check, for want of a watch */
    KEEPER_ASKED, /* for, in the order of the checks */
    KEEPER_DONE,
    KEEPER_WATCHED,
    KEEPER_LISTS
};

struct patrol {
    struct queue *queue;
    const struct lease *lease;
    bool (*connected)(struct patrol *patrol); /* whether a server answers now */
    struct list keepers[KEEPER_LISTS];        /* the listeners whose node must stay proven */
    struct request *request;                  /* checks of KEEPER_ASKED without an answer yet */
    size_t most;                              /* nodes in one of them */
    int64_t began;                            /* when the newest round of them did */
    struct timer timer;
};

void patrol_init(struct patrol *patrol, struct queue *queue, const struct lease *lease,
                 bool (*connected)(struct patrol *patrol));
void patrol_clear(struct patrol *patrol); /* the session is over */
bool patrol_empty(const struct patrol *patrol);
void patrol_begin(struct patrol *patrol, struct listener *listener);

/* The keeper whose node to look at now: they take turns; NULL: there is none. */
struct listener *patrol_next(struct patrol *patrol);

#endif
