/*
 * Intrusive hash map from text to entries; a key may occur several times. Growing is the only
 * allocation, and a map that cannot grow goes on working with longer chains.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_BASE_MAP_H
#define ZKC_BASE_MAP_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    struct list link; /* points to itself when in no map */
    const char *key;  /* owned by whoever owns the entry */
    size_t length;    /* of the key, if this entry is the one that counts for it; else 0 */
    uint64_t hash;
};

struct map {
    struct list *buckets; /* NULL until the first insert */
    struct list spare;    /* the only bucket while there is no memory for more */
    size_t bucket_count;  /* a power of two, or 0 */
    size_t count;
    size_t key_bytes; /* of all keys together, each counted once */
};

void map_init(struct map *map);
void map_clear(struct map *map); /* entries leave the map; buckets are freed */
void map_insert(struct map *map, struct map_entry *entry, const char *key);
void map_remove(struct map *map, struct map_entry *entry);

/* Any entry with this key, or NULL. */
struct map_entry *map_find(const struct map *map, const char *key);

/* Another one with the same key, after this one in the map, or NULL. */
struct map_entry *map_find_next(const struct map *map, const struct map_entry *entry);

/* Moves the links of all entries with this key to a list; they count as removed. */
void map_take(struct map *map, const char *key, struct list *ret_entries);
void map_take_all(struct map *map, struct list *ret_entries); /* likewise */

#endif
