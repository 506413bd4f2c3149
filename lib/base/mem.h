/*
 * Every allocation of the library goes through here, so that test builds (ZKC_TEST_ALLOC) can fail
 * any of them and count what is alive. A size of 0 gives a block, not NULL.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_BASE_MEM_H
#define ZKC_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef ZKC_TEST_ALLOC

/* The nth allocation from now on fails, once; 0 or negative: none does. */
extern void mem_fail_after(long n);

/* Whether it has failed. */
bool mem_failed(void);

/* Blocks that are allocated and not freed. */
long mem_live(void);

void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *block, size_t size);
void mem_free(void *block);

#else

static inline void *mem_alloc(size_t size)
{
    return malloc(size > 0 ? size : 1);
}

static inline void *mem_zalloc(size_t size)
{
    return calloc(1, size > 0 ? size : 1);
}

static inline void *mem_realloc(void *block, size_t size)
{
    return realloc(block, size > 0 ? size : 1);
}

static inline void mem_free(void *block)
{
    free(block);
}

#endif

/* Copies at most length bytes, up to a NUL, and terminates the copy. */
static inline char *mem_strndup(const char *text, size_t length)
{
    const char *end = memchr(text, '\0', length);
    size_t used = end != NULL ? (size_t)(end - text) : length;
    char *copy = mem_alloc(used + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, text, used);
    copy[used] = '\0';
    return copy;
}

static inline char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

#endif
