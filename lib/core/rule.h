/*
 * What a recipe says of its queue: for whom a contender waits. Pure. The engine knows nothing else
 * of a recipe.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_RULE_H
#define ZKC_CORE_RULE_H

#include "core/roster.h"

struct rule {
    /*
     * The nearest contender ahead of below that me waits for; ROSTER_NOBODY: me may hold. To look
     * further ahead, below is the blocker that was found before; otherwise it is me.
     */
    size_t (*blocker)(const struct roster *roster, size_t me, size_t below);

    /* Whether these two may not hold at once. */
    bool (*conflicts)(enum mode a, enum mode b);
};

/* Each contender waits for the one directly ahead of it, and the first holds alone. */
extern const struct rule rule_queue;

#endif
