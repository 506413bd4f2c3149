/*
 * Who holds a lock or leads an election, for subcommands that do something to it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_HOLDER_H
#define ZKCOORD_TOOLS_HOLDER_H

#include "lookup.h"

struct holder {
    enum contest_kind kind;
    const char *id;

    /* What is to be done to it: returns the exit status. */
    int (*act)(const struct holder *holder, struct lookup *lookup, const zkc_contender *first);
};

/* Connects, finds the holder, prints who it is, and acts. Returns the exit status. */
int holder_visit(const struct holder *holder, const struct common *common);

/* The exit status for what the library says of the deed. */
int holder_result(const struct holder *holder, int error);

#endif
