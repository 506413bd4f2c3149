/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/mem.h"

#include <string.h>

/* FNV-1a. Keys hold random uuids, so nobody can aim at one chain from outside. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

void map_init(struct map *map)
{
    memset(map, 0, sizeof *map);
    list_init(&map->spare);
}

static struct list *bucket(const struct map *map, uint64_t hash)
{
    if (map->bucket_count == 0)
        return (struct list *)(uintptr_t)&map->spare;
    return &map->buckets[hash & (map->bucket_count - 1)];
}

static void take_all(struct map *map, struct list *ret_entries)
{
    list_move(ret_entries, &map->spare);
    for (size_t i = 0; i < map->bucket_count; i++)
        list_move(ret_entries, &map->buckets[i]);
}

void map_clear(struct map *map)
{
    struct list entries;

    list_init(&entries);
    take_all(map, &entries);
    while (list_pop(&entries) != NULL)
        ;
    mem_free(map->buckets);
    map_init(map);
}

static void grow(struct map *map)
{
    size_t count = map->bucket_count == 0 ? 16 : map->bucket_count * 2;
    struct list *buckets = mem_alloc(count * sizeof *buckets);
    struct list entries, *link;

    if (buckets == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        list_init(&buckets[i]);
    list_init(&entries);
    take_all(map, &entries);
    mem_free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = count;
    while ((link = list_pop(&entries)) != NULL) {
        struct map_entry *entry = container_of(link, struct map_entry, link);
        list_append(bucket(map, entry->hash), link);
    }
}

static bool matches(const struct map_entry *entry, uint64_t hash, const char *key)
{
    return entry->hash == hash && strcmp(entry->key, key) == 0;
}

/* In the rest of the bucket after this link. */
static struct map_entry *find_after(const struct list *head, const struct list *link, uint64_t hash,
                                    const char *key)
{
    for (link = link->next; link != head; link = link->next) {
        struct map_entry *entry = container_of(link, struct map_entry, link);
        if (matches(entry, hash, key))
            return entry;
    }
    return NULL;
}

static struct map_entry *find(const struct map *map, uint64_t hash, const char *key)
{
    const struct list *head = bucket(map, hash);

    return find_after(head, head, hash, key);
}

struct map_entry *map_find(const struct map *map, const char *key)
{
    return map->count == 0 ? NULL : find(map, hash_text(key), key);
}

struct map_entry *map_find_next(const struct map *map, const struct map_entry *entry)
{
    return find_after(bucket(map, entry->hash), &entry->link, entry->hash, entry->key);
}

void map_insert(struct map *map, struct map_entry *entry, const char *key)
{
    uint64_t hash = hash_text(key);
    bool known = find(map, hash, key) != NULL;

    if (map->count >= 2 * map->bucket_count) /* an empty bucket costs more than a step */
        grow(map);
    entry->key = key;
    entry->length = known ? 0 : strlen(key);
    entry->hash = hash;
    list_append(bucket(map, hash), &entry->link);
    map->count++;
    map->key_bytes += entry->length;
}

/* Another entry of the same key counts for it from now on. */
static void count_no_more(struct map *map, struct map_entry *entry)
{
    struct map_entry *other = find(map, entry->hash, entry->key);

    if (other != NULL)
        other->length = entry->length;
    else
        map->key_bytes -= entry->length;
    entry->length = 0;
}

void map_remove(struct map *map, struct map_entry *entry)
{
    if (list_empty(&entry->link))
        return;
    list_remove(&entry->link);
    map->count--;
    if (entry->length > 0)
        count_no_more(map, entry);
}

void map_take(struct map *map, const char *key, struct list *ret_entries)
{
    uint64_t hash = hash_text(key);
    struct list *head = bucket(map, hash);

    for (struct list *link = head->next, *next; link != head; link = next) {
        struct map_entry *entry = container_of(link, struct map_entry, link);
        next = link->next;
        if (matches(entry, hash, key)) {
            map_remove(map, entry);
            list_append(ret_entries, link);
        }
    }
}

void map_take_all(struct map *map, struct list *ret_entries)
{
    struct list entries;

    list_init(&entries);
    take_all(map, &entries);
    map->count = map->key_bytes = 0;
    for (struct list *link = entries.next; link != &entries; link = link->next)
        container_of(link, struct map_entry, link)->length = 0;
    list_move(ret_entries, &entries);
}
