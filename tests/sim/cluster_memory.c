/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)256 * 1024)
#define PATH_BUCKETS 4096

/* ---- the arena; its chunks stay for the next world ---- */

struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

static struct chunk *chunks;
static struct chunk *spare;
static struct path *buckets[PATH_BUCKETS];
static uint32_t path_count;

static void out_of_memory(void)
{
    fputs("simulation: out of memory\n", stderr);
    abort();
}

static void add_chunk(size_t size)
{
    size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    struct chunk *chunk = room == CHUNK_SIZE ? spare : NULL;

    if (chunk != NULL)
        spare = chunk->next;
    else
        chunk = malloc(sizeof *chunk + room);
    if (chunk == NULL)
        out_of_memory();
    chunk->next = chunks;
    chunk->used = 0;
    chunk->size = room;
    chunks = chunk;
}

static char *take(size_t size, size_t alignment)
{
    struct chunk *chunk = chunks;
    size_t start;

    if (chunk != NULL) {
        start = (chunk->used + alignment - 1) & ~(alignment - 1);
        if (start + size <= chunk->size) {
            chunk->used = start + size;
            return (char *)chunk->bytes + start;
        }
    }
    add_chunk(size);
    chunks->used = size;
    return (char *)chunks->bytes;
}

void *arena_alloc(size_t size)
{
    return memset(take(size, sizeof(void *)), 0, size);
}

const char *arena_copy(const char *data, int length)
{
    char *copy;

    if (data == NULL || length < 0)
        return NULL;
    copy = take((size_t)length + 1, 1);
    memcpy(copy, data, (size_t)length);
    copy[length] = '\0';
    return copy;
}

void memory_begin(void)
{
    memset(buckets, 0, sizeof buckets);
    path_count = 0;
    path_of("/", 1);
}

void memory_end(void)
{
    while (chunks != NULL) {
        struct chunk *next = chunks->next;
        if (chunks->size == CHUNK_SIZE) {
            chunks->next = spare;
            spare = chunks;
        } else {
            free(chunks);
        }
        chunks = next;
    }
}

/* ---- pools ---- */

void *pool_get(struct pool *pool)
{
    void *block = pool->unused;

    if (block == NULL)
        return arena_alloc(pool->size);
    memcpy(&pool->unused, block, sizeof pool->unused);
    return memset(block, 0, pool->size);
}

void pool_put(struct pool *pool, void *block)
{
    memcpy(block, &pool->unused, sizeof pool->unused);
    pool->unused = block;
}

void table_reach(void ***table, uint32_t *capacity, uint32_t id)
{
    uint32_t wanted = *capacity > 0 ? *capacity : 64;
    void **larger;

    if (id < *capacity)
        return;
    while (wanted <= id)
        wanted *= 2;
    larger = realloc(*table, wanted * sizeof *larger);
    if (larger == NULL)
        out_of_memory();
    memset(larger + *capacity, 0, (wanted - *capacity) * sizeof *larger);
    *table = larger;
    *capacity = wanted;
}

/* ---- paths ---- */

static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

static size_t parent_length(const char *text, size_t length)
{
    while (length > 0 && text[length - 1] != '/')
        length--;
    return length > 1 ? length - 1 : 1;
}

struct path *path_of(const char *text, size_t length)
{
    uint32_t hash = hash_of(text, length);
    struct path **bucket = &buckets[hash % PATH_BUCKETS];
    struct path *path = *bucket;

    for (; path != NULL; path = path->next)
        if (path->hash == hash && strncmp(path->text, text, length) == 0 &&
            path->text[length] == '\0')
            return path;
    path = arena_alloc(sizeof *path);
    path->text = arena_copy(text, (int)length);
    path->hash = hash;
    path->id = path_count++;
    path->next = *bucket;
    *bucket = path;
    path->name = strrchr(path->text, '/');
    path->name = path->name != NULL ? path->name + 1 : path->text;
    if (length > 1)
        path->parent = path_of(text, parent_length(text, length));
    return path;
}

struct path *path_of_text(const char *text)
{
    return path_of(text, strlen(text));
}

uint32_t path_id(const struct path *path)
{
    return path->id;
}
