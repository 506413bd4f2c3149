/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the journals of all contenders for one thing, and says what was wrong:
 *
 *   overlap   somebody was seen to believe after somebody else, whom it excludes, was seen to
 *             believe with a larger token, or the same one (proven: it does not rest on how often
 *             was looked)
 *   disorder  a belief's token is not larger than those of all beliefs that began before it and
 *             that it excludes
 *   starved   a living contender had no turn in time after the faults were over
 *   ghost     a node was left
 *   error     a call failed that must not; a journal is missing, unreadable or says nothing
 *
 * A margin is the time between the end of the beliefs before and the beginning of the next one.
 * Both are known only from looks: it is at least from the last look that still found the old belief
 * to the last look that did not find the new one yet, and at most to the first that found it.
 */
#ifndef ZKC_TESTS_JUDGE_H
#define ZKC_TESTS_JUDGE_H

#include "journal.h"

struct judge;

struct verdict {
    unsigned overlaps, disorders, starved, ghosts, errors;
    unsigned contenders, beliefs;
    unsigned takeovers;     /* changes of the holder that was not a release */
    int64_t least_takeover; /* margins, at most; INT64_MAX without any */
    int64_t median_takeover;
    int64_t sure_takeover; /* the least of what the margins are at least */
    unsigned releases;     /* the same for handing over by a release */
    int64_t least_release;
    int64_t median_release;
    int64_t longest_wait; /* for a turn, after the faults were over */
};

struct judge *judge_new(void);
void judge_free(struct judge *j);

/* When a contender was started and killed; died is 0 if it lives, or ended as it was told to. */
struct life {
    int64_t born, died;
    bool shares; /* what it holds, with others that do */
};

void judge_add(struct judge *j, const char *name, const char *journal, struct life life);

/* Faults were over then; whoever lived all that time had a turn. */
void judge_healed(struct judge *j, int64_t at, int64_t bound);

/* A node that was found where nothing should be. */
void judge_left(struct judge *j, const char *node);

/* Each thing that is wrong is a line on stderr. */
struct verdict judge_decide(struct judge *j);

/* The sum of all that is wrong. */
unsigned verdict_wrongs(const struct verdict *v);
void verdict_print(const struct verdict *v, const char *title);

#endif
