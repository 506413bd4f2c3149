/*
 * The directory that contenders share, and what they write into their nodes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PLACE_H
#define ZKC_CORE_PLACE_H

#include "core/rule.h"

/* What the tickets of one lock share. Counted, because a ticket may outlive its lock. One block. */
struct place {
    const struct rule *rule;
    const void *data; /* content of our node: behind the texts, or of somebody who outlives us */
    unsigned references;
    uint32_t length;
    zkc_dialect dialect : 8;
    enum mode mode : 8;
    uint16_t id;   /* where in the text it begins */
    char parent[]; /* directory of the contenders; behind it the id, where that is no part of it */
};

/* id is NULL where the parent is what its user calls it. data is copied. NULL without memory. */
struct place *place_new(const char *parent, const char *id, const void *data, size_t length);

/* The same with data that is not copied and outlives all references. */
struct place *place_borrow(const char *parent, const char *id, const void *data, size_t length);

/* Gives a new place the names of our nodes and the rule of their queue. */
void place_set(struct place *place, zkc_dialect dialect, enum mode mode, const struct rule *rule);

struct place *place_ref(struct place *place);
void place_unref(struct place *place);

static inline const char *place_id(const struct place *place)
{
    return place->parent + place->id;
}

#endif
