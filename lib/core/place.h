/*
 * The directory that contenders share, and what they write into their nodes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PLACE_H
#define ZKC_CORE_PLACE_H

#include "core/name.h"

/* What the tickets of one lock share. Counted, because a ticket may outlive its lock. */
struct place {
    size_t references;
    zkc_dialect dialect;
    char *parent; /* directory of the contenders */
    void *data;   /* content of our node */
    size_t length;
};

struct place *place_new(const char *parent, const void *data, size_t length, zkc_dialect dialect);
struct place *place_ref(struct place *place);
void place_unref(struct place *place);

#endif
