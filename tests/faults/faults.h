/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The faults: one row each in faults.c. Every program that plays faults takes them from there.
 */
#ifndef ZKC_TESTS_FAULTS_H
#define ZKC_TESTS_FAULTS_H

#include "stage.h"

enum fault_target {
    ON_CONTENDER, /* the one who holds */
    ON_LEADER,    /* the server that leads */
    ON_FOLLOWER,
    ON_SERVERS /* all */
};

struct fault {
    const char *name;
    enum fault_target target;
    bool takeover; /* somebody else is granted it while the fault lasts */
    bool tied;     /* the holder can reach the server in question only */
    /* `target`: the number of the contender or server. Random things come from harness_random(). */
    void (*begin)(struct stage *s, int target);
    void (*end)(struct stage *s, int target);
};

extern const struct fault faults[];
extern const int fault_count;

/* A server for the fault; for ON_CONTENDER, the contender. */
int fault_choose(const struct fault *f, struct stage *s, int who);

/* Contender `who` holds, the fault comes and goes, everybody has a turn. */
void fault_play(const struct fault *f, struct stage *s, int who);

/* Whatever was done to servers is undone; they may still have to start. */
void faults_undo(struct servers *servers);

/* Lets time pass. */
void faults_pass(int64_t ms);

#endif
