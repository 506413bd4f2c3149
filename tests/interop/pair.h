/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be true of our contenders and somebody else's at one path, whoever that is: two of
 * ours and two of theirs on a real server.
 */
#ifndef ZKC_TESTS_PAIR_H
#define ZKC_TESTS_PAIR_H

#include <stdbool.h>

struct pair {
    const char *ours;     /* a kind of ours.c */
    const char *ours_too; /* of shared locks: one that shares, as the last seat does */
    const char *language; /* of peers/run */
    const char *theirs;   /* a kind of their program */
    const char *leads;    /* of elections: what they write into their node */

    /* Who takes the last seat, if that is yet another. */
    const char *third_language, *third;

    /* Children that they take for no contender either; up to a NULL. */
    const char *hostile[8];
};

/* main() calls this first and this last. */
void pairs_start(int argc, char **argv);
int pairs_stop(void);

/* How many of its tests failed. */
int pair_test(const struct pair *pair);

/* Likewise of shared locks: those who share hold together, the others alone. */
int pair_test_sharing(const struct pair *pair);

/* They have taken it alone and share it now: we wait. */
int pair_test_downgrading(const struct pair *pair);

/* They ask us to give up, and we them. */
int pair_test_asking(const struct pair *pair);

/* Tests a pair that is not sound: they take the lock while we hold it; we wait for them. */
int pair_test_barging(const struct pair *pair);

/* Likewise: they fail while we hold it, and leave a node behind. */
int pair_test_failing(const struct pair *pair);

/* They wait for who is behind them, who waits for them. */
int pair_test_tangling(const struct pair *pair);

/* They fail when the directory, which they have used, is gone; we make it again. */
int pair_test_without_directory(const struct pair *pair);

#endif
