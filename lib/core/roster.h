/*
 * A listing of a lock directory turned into a queue. Pure.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_ROSTER_H
#define ZKC_CORE_ROSTER_H

#include "core/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROSTER_NOBODY SIZE_MAX

struct roster_entry {
    char *name; /* owned by the roster, in the block of the entries */
    int64_t sequence;
    enum mode mode;
    int64_t czxid; /* 0 until the caller sets it */
};

struct roster {
    struct roster_entry *at; /* sorted: the first holds */
    size_t count;
    bool ambiguous; /* as built, numbers repeat, are negative or near 2^31-1: sort by czxid first */
};

/*
 * Copies the contenders among names, sorted by sequence, then name. What roster held before is
 * overwritten, not freed. 0, or -1 without memory (roster is empty).
 */
int roster_build(struct roster *roster, const char *const *names, size_t count);

/* 0, or -1 without memory. What copy held before is overwritten. */
int roster_copy(struct roster *copy, const struct roster *roster);

/* Index of the name, or ROSTER_NOBODY. */
size_t roster_find(const struct roster *roster, const char *name);

/* An entry whose znode is known to be gone leaves the roster. ROSTER_NOBODY is harmless. */
void roster_remove(struct roster *roster, size_t index);

/* Sorts by czxid, then sequence, then name (one multi gives its nodes one czxid). Every czxid must
 * be set. */
void roster_sort_by_czxid(struct roster *roster);

void roster_clear(struct roster *roster); /* frees; a zeroed roster is a valid empty one */

#endif
