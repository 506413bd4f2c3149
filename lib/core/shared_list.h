/*
 * Listings of a directory, shared by all contenders of one session: a waiter that asks while a
 * listing is under way gets the next one, together with all others that asked meanwhile. That costs
 * no latency: all but the first of a session's contenders wait behind another of the same session.
 * Those that may hold together ask in a burst seldom, and pay one round trip for it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SHARED_LIST_H
#define ZKC_CORE_SHARED_LIST_H

#include "core/roster.h"
#include "core/session.h"

struct shared_list;
struct list_waiter;

/* roster: the contenders, shared by all that asked, if answer is ANSWER_OK; it may not be kept. */
typedef void (*list_waiter_fn)(struct list_waiter *list_waiter, enum answer answer,
                               const struct roster *roster);

/* It asks for a listing. */
struct list_waiter {
    struct list link; /* points to itself when nothing is asked for */
    struct shared_list *shared_list;
    list_waiter_fn found;
};

void list_waiter_init(struct list_waiter *list_waiter, list_waiter_fn found);
bool list_waiter_waits(const struct list_waiter *list_waiter);

/*
 * The listing will be of a moment after the answers to all that was submitted before. 0, or -1
 * without memory. parent is copied. One that waits already goes on waiting.
 */
int shared_list_ask(struct session *session, const char *parent, struct list_waiter *list_waiter);

/* Nobody wants the answer any more. Harmless where nothing is asked for. */
void shared_list_cancel(struct list_waiter *list_waiter);

/* The other one, which does not wait, gets what this one has asked for. */
void shared_list_pass(struct list_waiter *list_waiter, struct list_waiter *other);

#endif
