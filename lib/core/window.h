/*
 * How many requests may be without an answer at once. What is sent queues up in the server and on
 * the way there, and a beat can go ahead only of what was not sent yet: thousands in flight would
 * cost a session the lease on what it holds. So the number grows while nothing queues up, and is
 * halved when something does. What queues up is seen by how much longer than the quickest of its
 * kind a request takes, so that a distant leader or a slow disk is not taken for a busy one. A
 * server answers a session's requests in their order: what was sent after a write waits for it,
 * too. Pure arithmetic. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_WINDOW_H
#define ZKC_CORE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum window_kind {
    WINDOW_READ,  /* any server answers it by itself */
    WINDOW_SYNC,  /* the leader does, from memory */
    WINDOW_WRITE, /* a quorum has written it to its disks */
    WINDOW_KINDS
};

struct window {
    size_t most;
    int64_t quickest[WINDOW_KINDS]; /* answer on this connection; 0: none yet */
    int64_t answered_at[WINDOW_KINDS];
    int64_t halved_at;
};

/* A new connection. */
void window_init(struct window *window);

/* A request sent at this time was answered now while others were in flight. */
void window_answered(struct window *window, enum window_kind kind, size_t others, int64_t sent,
                     int64_t now, int64_t timeout);

#endif
