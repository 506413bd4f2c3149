/*
 * Options of the subcommands: a table for each, over getopt_long.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_OPTIONS_H
#define ZKCOORD_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zkcoord/zkcoord.h>

/* What every subcommand takes. NULL and 0: not given. */
struct common {
    const char *nodes;
    const char *name_space;
    char *auth; /* SCHEME:CREDENTIAL */
    const char *auth_file;
    int64_t session_timeout_ms;
    bool pass_auth; /* the command inherits $ZKCOORD_AUTH */
    bool help;
};

enum option_kind {
    OPTION_FLAG,    /* bool: becomes true */
    OPTION_TEXT,    /* const char * */
    OPTION_SECRET,  /* char *: a copy; the argument itself is wiped */
    OPTION_TIME,    /* int64_t: milliseconds */
    OPTION_TIMEOUT, /* int64_t: likewise, of a session */
    OPTION_STATUS,  /* int: 0 to 255 */
    OPTION_NUMBER,  /* int: at least 1 */
    OPTION_DIALECT  /* zkc_dialect */
};

struct option_entry {
    const char *name;
    int letter; /* 0: none */
    enum option_kind kind;
    void *value;
};

/* The words of the command line that are still to be read. */
struct words {
    int count;
    char **at;
    bool closed; /* "--" was seen: no more options */
};

/*
 * Takes options, those of the table and the common ones, up to the first word that is none. `own`
 * may be NULL. False: refused, and said why.
 */
bool options_take(struct words *words, const struct option_entry *own, size_t count,
                  struct common *common);

/* The next word; NULL if there is none. */
char *words_take(struct words *words);

/* Seconds with decimals, or with a unit: ms, s, m, h, d. False if it is nothing of the kind. */
bool time_parse(const char *text, int64_t *ret_ms);

/* $ZKCOORD_NAMESPACE where no option was given. The library reads $ZKCOORD_NODES, and secret.h has
 * $ZKCOORD_AUTH. */
void common_complete(struct common *common);

#endif
