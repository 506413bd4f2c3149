/*
 * A listener lives on a session and hears of its events: a ticket, say.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_LISTENER_H
#define ZKC_CORE_LISTENER_H

#include "base/list.h"
#include "core/request.h"

enum session_event {
    SESSION_CONNECTED, /* for the first time or again; the same session if its id is the same */
    SESSION_DISCONNECTED,
    SESSION_LOST,        /* the session and all it owned are gone */
    SESSION_AUTH_REFUSED /* every pending wish fails */
};

struct listener;

struct listener_ops {
    void (*event)(struct listener *listener, enum session_event event);

    /* Of those whose node must stay proven: a holder, or who is next in line. */
    size_t (*path)(struct listener *listener, char *room); /* writes it; NULL: says what it needs */
    bool (*owns)(struct listener *listener, const char *path);
    bool (*guard)(struct listener *listener); /* has its node watched, if possible; whether it is */
    void (*checked)(struct listener *listener, enum answer answer); /* outcome of a check of it */
    /* A lease that ended then is over; what was granted later is not concerned. */
    void (*lapsed)(struct listener *listener, int64_t end);
};

struct listener {
    struct list link;
    struct list keeping; /* among those whose node must stay proven */
    const struct listener_ops *ops;
};

void listener_init(struct listener *listener, const struct listener_ops *ops);

/* A listener that is told may add and remove others. */
void listeners_tell(struct list *listeners, enum session_event event);

#endif
