/*
 * The locks and elections of a namespace, and who contends for them: many are read at once, in
 * bounded time. What cannot be read hides nothing of the rest.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SURVEY_H
#define ZKCOORD_TOOLS_SURVEY_H

#include "lookup.h"

struct survey_row {
    enum claim_kind kind;
    const char *id;   /* NULL: it has none */
    const char *path; /* of its znode; NULL: not known */
    zkc_contenders *contenders;
    int error; /* ZKC_OK; ZKC_ETIMEDOUT: no answer; ZKC_EINVAL: a znode that is no id's */
};

struct survey {
    struct survey_row *rows; /* first locks, then elections; sorted by id, then by path */
    size_t count;
    bool all; /* of the namespace */
    zkc_ids *ids[2];
    char *directories[2];
};

/*
 * All that there is, or only what `word` names, as a user writes it: an id, or the path of a znode.
 * A ZKC_ code if nothing could be learned. End it with survey_free() in any case.
 */
int survey_take(struct survey *survey, struct lookup *lookup, const char *word);

/* The ids of the namespace only, not who contends for them. Likewise. */
int survey_names(struct survey *survey, struct lookup *lookup);

/*
 * What the row is called on a command line: its id; the path of its znode where the id begins as a
 * path does, or has more than one line.
 */
const char *survey_word(const struct survey_row *row);

/* "forbidden" and the like; NULL if nothing is wrong. */
const char *survey_trouble(const struct survey_row *row);

/* Says what is missing and returns the exit status. */
int survey_status(const struct survey *survey, const struct lookup *lookup);

void survey_free(struct survey *survey);

#endif
