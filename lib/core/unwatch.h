/*
 * Watches that nobody wants any more. They are taken away, but not at the price of the session:
 * there are servers that hang up at the request (suspicion.h). So until one has answered it, it is
 * asked for only while the session has nothing to lose. What is left meanwhile costs little: it
 * goes with its node, and there are no more of them than nodes that live.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_UNWATCH_H
#define ZKC_CORE_UNWATCH_H

#include "core/queue.h"
#include "core/suspicion.h"
#include "core/watch.h"

struct leftovers {
    struct queue *queue;
    struct map *watches;
    struct suspicion *suspicion;
    struct list list; /* those in the table that nobody wants any more */
    size_t count;
    struct timer timer;
    bool (*harmless)(struct leftovers *leftovers); /* nobody would mind the end of the session */
};

void leftovers_init(struct leftovers *leftovers, struct queue *queue, struct map *watches,
                    struct suspicion *suspicion, bool (*harmless)(struct leftovers *leftovers));
void leftovers_clear(struct leftovers *leftovers); /* the session is over */

/* Takes away all watches on a path, unless somebody in the table still wants them: now or later. */
void leftovers_unwatch(struct leftovers *leftovers, const char *path);

/* Asks for those that are left, if it may be done now. */
void leftovers_ask(struct leftovers *leftovers);

#endif
