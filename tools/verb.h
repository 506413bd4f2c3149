/*
 * A subcommand, as the table in main.c has it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_VERB_H
#define ZKCOORD_TOOLS_VERB_H

#include "options.h"

struct verb {
    const char *name;
    const char *usage;   /* what follows the name */
    const char *summary; /* one line */
    const char *help;    /* its own options; may be NULL */
    int (*run)(struct words *words, struct common *common);
    bool connects; /* to the servers that are named: the common options matter */
};

extern const struct verb verb_ask;
extern const struct verb verb_break;
extern const struct verb verb_dev;
extern const struct verb verb_elect;
extern const struct verb verb_leader;
extern const struct verb verb_lock;
extern const struct verb verb_ls;
extern const struct verb verb_probe;

/* Prints the help of a subcommand; returns 0. */
int verb_help(const struct verb *verb);

/*
 * For most: options, an id if ret_id is not NULL, options, and the rest. Completes the common
 * options. True: go on. False: *ret_status says how to exit, for help was printed or something is
 * wrong.
 */
bool verb_begin(const struct verb *verb, struct words *words, const struct option_entry *own,
                size_t count, struct common *common, const char **ret_id, int *ret_status);

/* Likewise, but there need be no id: *ret_id is NULL then. */
bool verb_begin_any(const struct verb *verb, struct words *words, const struct option_entry *own,
                    size_t count, struct common *common, const char **ret_id, int *ret_status);

#endif
