/*
 * Creates that were given up as not created: neither a quorum write nor the listing after it showed
 * the node, but a server's thread may still have the request in its hands, read from a connection
 * that is gone, and hand it on when the session has come back to that very server. Such a node
 * would belong to a session that lives and to no ticket: it would be in everybody's way until the
 * session ends. So the uuids are remembered for as long as the session lives, and whatever listing
 * of the directory shows one, whoever asked for it, has the node deleted. Where nobody asks we look
 * ourselves, ever more seldom.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_STRAYS_H
#define ZKC_CORE_STRAYS_H

#include "base/map.h"
#include "core/core.h"
#include "core/place.h"
#include "core/queue.h"

#include <stdint.h>

/* More than these are not remembered: the oldest is forgotten first. */
#define STRAYS_MAX 256

struct strays {
    struct map by_directory;
    struct list by_age;
    size_t count;
    struct queue *queue;
    int64_t id;         /* of the session */
    int64_t timeout;    /* likewise */
    struct timer timer; /* of looks into the directories, for perhaps nobody else will */
};

void strays_init(struct strays *strays, struct queue *queue);
void strays_connected(struct strays *strays, int64_t id, int64_t timeout);
void strays_clear(struct strays *strays); /* the session is over */

/* The create with this uuid is to be given up. 0; -1: there is no memory for it, so it must not be.
 */
int strays_add(struct strays *strays, struct place *place, const uint8_t random[16]);

/* A server has listed this directory. */
void strays_listed(struct strays *strays, const char *parent, const struct reply *reply);

#endif
