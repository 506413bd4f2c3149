/*
 * The library's memory (lib/base/mem.h): counted for each machine, gone with it, and failing when
 * the storm wants it to.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_parts.h"

#include "base/mem.h"

struct block {
    struct list link;
    struct machine *machine;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

static struct block *block_of(void *bytes)
{
    return container_of(bytes, struct block, bytes);
}

static bool must_fail(struct machine *machine)
{
    return machine->countdown > 0 && --machine->countdown == 0;
}

void *mem_alloc(size_t size)
{
    struct machine *machine = machine_current();
    struct block *block;

    if (machine == NULL)
        abort(); /* the library runs on machines only */
    if (must_fail(machine))
        return NULL;
    block = malloc(sizeof *block + size);
    block->machine = machine;
    block->size = size;
    list_init(&block->link);
    list_append(&machine->blocks, &block->link);
    machine->live++;
    return block->bytes;
}

void *mem_zalloc(size_t size)
{
    void *bytes = mem_alloc(size);

    return bytes == NULL ? NULL : memset(bytes, 0, size);
}

void *mem_realloc(void *bytes, size_t size)
{
    void *grown = mem_alloc(size);

    if (grown == NULL || bytes == NULL)
        return grown;
    memcpy(grown, bytes, block_of(bytes)->size < size ? block_of(bytes)->size : size);
    mem_free(bytes);
    return grown;
}

void mem_free(void *bytes)
{
    struct block *block;

    if (bytes == NULL)
        return;
    block = block_of(bytes);
    list_remove(&block->link);
    block->machine->live--;
    free(block);
}

void memory_drop(struct machine *machine)
{
    struct list *link;

    while ((link = list_pop(&machine->blocks)) != NULL)
        free(container_of(link, struct block, link));
    machine->live = 0;
}
