/*
 * The holders of a lock or the leader of an election, for subcommands that act on each.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_HOLDER_H
#define ZKCOORD_TOOLS_HOLDER_H

#include "lookup.h"

struct holder {
    enum claim_kind kind;
    const char *id;

    /* What is to be done to one: returns the exit status. */
    int (*act)(const struct holder *holder, struct lookup *lookup, const zkc_contender *one);
};

/* Connects, finds the holders, and prints of each who it is, and acts. Returns the first exit
 * status that is not 0. */
int holder_visit(const struct holder *holder, const struct common *common);

/* The exit status for what the library says of the deed. */
int holder_result(const struct holder *holder, struct lookup *lookup, int error);

#endif
