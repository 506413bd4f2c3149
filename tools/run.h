/*
 * One run of the command, under something that is held: keeps the guardian's limits up to date,
 * passes signals on, lends the terminal, and notes how it ended.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_RUN_H
#define ZKCOORD_TOOLS_RUN_H

#include "claim.h"
#include "guard.h"
#include "terminal.h"

struct run {
    struct guard *guard;
    const struct plan *plan;
    struct claim *claim;
    int64_t session_ms;
    int64_t grace_ms;
    int64_t end; /* of the lease, as the guardian knows it */
    struct limits limits;
    pid_t group;   /* 0: not started yet */
    bool borrowed; /* it has, or had, the terminal */
    struct terminal_modes modes;
    bool lost;       /* what was held was revoked, or nearly ran out */
    bool killed;     /* the guardian has sent SIGKILL */
    int64_t deaf_at; /* when a guardian that has not counts as stopped, once it is lost */
    bool ended;      /* the command itself has; what it left may live */
    bool empty;      /* nothing of it is left: the run is over */
    pid_t left;      /* a process of it that cannot be killed; 0: none is known */
    int error;       /* errno: it could not be executed */
    int status;      /* as from waitpid() */
};

/* The members down to grace_ms are set. eager: it gets the terminal before it asks for it. */
void run_start(struct run *run, bool eager);

/* Looks for a renewal; returns when to call it again (nanoseconds, CLOCK_BOOTTIME). */
int64_t run_tick(struct run *run);

void run_signal(struct run *run, int signal);
void run_report(struct run *run, const struct report *report);

/* Somebody asks for what is held. */
void run_asked(struct run *run);

/* What is held has been revoked. */
void run_revoked(struct run *run);

/* The guardian was killed, and with it the command. */
void run_abandon(struct run *run);

/* Puts back what was lent; after it, the struct may be used anew. */
void run_finish(struct run *run);

#endif
