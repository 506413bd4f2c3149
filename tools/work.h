/*
 * The cycle of `lock` and `elect`: stand in line, run the command while it is our turn, give it up.
 * One thread and one loop; nothing in it waits but poll().
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_WORK_H
#define ZKCOORD_TOOLS_WORK_H

#include "claim.h"
#include "options.h"

/* What was asked for. Times in milliseconds. */
struct task {
    const struct common *common;
    enum claim_kind kind;
    const char *id;
    struct manner manner;
    char **command;
    bool quiet;
    bool nonblock;
    bool waits;       /* wait_ms is given */
    int64_t wait_ms;  /* longest wait */
    int64_t grace_ms; /* from SIGTERM to SIGKILL; -1: a part of the session timeout */
    int conflict_status;
    bool repeats;       /* stand again when a turn is over */
    int64_t backoff_ms; /* pause before that; doubled after short turns */
};

/* Returns the exit status, or does not return: ends as the signal that ended the command. */
int work_on(const struct task *task);

#endif
