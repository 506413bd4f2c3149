/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#ifdef ZKC_TEST_ALLOC

#include <stdatomic.h>

static struct {
    atomic_long countdown; /* the allocation that takes it from 1 to 0 fails */
    atomic_bool failed;
    atomic_long live;
} counters;

void mem_fail_after(long n)
{
    atomic_store(&counters.failed, false);
    atomic_store(&counters.countdown, n > 0 ? n : 0);
}

bool mem_failed(void)
{
    return atomic_load(&counters.failed);
}

long mem_live(void)
{
    return atomic_load(&counters.live);
}

static bool must_fail(void)
{
    bool now = atomic_fetch_sub(&counters.countdown, 1) == 1;

    if (now)
        atomic_store(&counters.failed, true);
    return now;
}

static void *count(void *block)
{
    if (block != NULL)
        atomic_fetch_add(&counters.live, 1);
    return block;
}

void *mem_alloc(size_t size)
{
    return must_fail() ? NULL : count(malloc(size > 0 ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return must_fail() ? NULL : count(calloc(1, size > 0 ? size : 1));
}

void *mem_realloc(void *block, size_t size)
{
    if (block == NULL)
        return mem_alloc(size);
    return must_fail() ? NULL : realloc(block, size > 0 ? size : 1);
}

void mem_free(void *block)
{
    if (block != NULL)
        atomic_fetch_sub(&counters.live, 1);
    free(block);
}

#endif
