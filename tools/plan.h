/*
 * What to run, and what the process that runs it needs. Set up before anything else happens, and
 * shared with the guardian by the fork that makes it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_PLAN_H
#define ZKCOORD_TOOLS_PLAN_H

#include <signal.h>

struct plan {
    char **command;
    const char *id;
    int terminal;  /* the controlling terminal; -1: none */
    int notice;    /* the timer that the command gets as ZKCOORD_REVOKED_FD */
    int asked;     /* likewise, as ZKCOORD_ASKED_FD */
    sigset_t mask; /* the signal mask that the command gets */
};

#endif
