/*
 * Reads a lock directory: who contends, in the order of the queue, with the content of their nodes.
 * Once, or again and again whenever who is first changes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PEEK_H
#define ZKC_CORE_PEEK_H

#include "core/roster.h"
#include "core/session.h"

struct seat {
    char *path;
    struct node_stat stat;
    void *data; /* never NULL */
    size_t length;
    bool gone;
    size_t position; /* by sequence, then name */
    struct peek *peek;
    struct request *request;
};

struct peek;

/*
 * result: ZKC_OK or a zkc_error. The seats are sorted and may be read, or their path and data taken
 * (set to NULL), until the function returns. Called once, or for every change when following; a
 * peek that follows goes on after it. Not 0: there was no memory to take it in, read again later.
 */
typedef int (*peek_fn)(void *owner, int result, struct seat *seats, size_t count);

struct peek {
    struct session *session;
    const char *parent; /* borrowed while the peek lasts */
    bool first_only;
    bool following;
    bool stopped;
    bool dirty;     /* something fired while we were reading */
    bool ambiguous; /* the names do not tell the order */
    bool blind;     /* the first one's content is forbidden, and with it its events */
    peek_fn result;
    void *owner;
    struct request *list;
    struct seat *seats;
    size_t count;
    size_t pending;
    int error;
    char *watched; /* the first contender's node */
    struct watcher node_watcher;
    struct watcher parent_watcher;
    struct listener listener;
    struct timer retry;
};

/* The peek is the owner's memory. Without following it is over when result is called, and the owner
 * may free it there. */
void peek_start(struct peek *peek, struct session *session, const char *parent, bool first_only,
                bool following, peek_fn result, void *owner);

/* Nothing is called any more; no watch is left behind. Idempotent. */
void peek_stop(struct peek *peek);

#endif
