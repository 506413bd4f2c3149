/*
 * What zkcoord and the guardian of its command tell each other, one message a packet.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_ORDERS_H
#define ZKCOORD_TOOLS_ORDERS_H

#include <stdint.h>

/* When a command must have ended; all on CLOCK_BOOTTIME in nanoseconds, in this order. */
struct limits {
    int64_t term; /* SIGTERM, if there is no new order until then */
    int64_t kill; /* SIGKILL, to everything */
    int64_t last; /* the kernel kills the guardian, and with it the command's group */
};

enum order_kind { ORDER_RUN, ORDER_LIMITS, ORDER_SIGNAL, ORDER_END, ORDER_LEAVE };

struct order {
    int32_t kind;
    int32_t number;       /* SIGNAL: which; RUN: whether the command gets the terminal at once */
    int64_t token;        /* RUN */
    int64_t grace;        /* RUN: from SIGTERM to SIGKILL where there is more time, in ns */
    struct limits limits; /* RUN, LIMITS */
};

enum report_kind {
    REPORT_READY,   /* the first; number: the guardian's process id, or -errno: it cannot prepare */
    REPORT_STARTED, /* number: process id, and process group; exec may be under way */
    REPORT_FAILED,  /* number: errno of fork, or, after STARTED, of exec: nothing has run */
    REPORT_STOPPED, /* number: the signal that stopped the command */
    REPORT_EXITED,  /* number: as from waitpid() */
    REPORT_REFUSED, /* number: the command, which we may not send the signal that was to end it */
    REPORT_LEFT,    /* number: a process that SIGKILL does not end */
    REPORT_ENDING,  /* the time was over: SIGTERM has been sent */
    REPORT_KILLED,  /* SIGKILL has been sent to all, once */
    REPORT_EMPTY    /* nothing of the command is left; also after FAILED */
};

struct report {
    int32_t kind;
    int32_t number;
};

#endif
