/*
 * Intrusive pairing heap ordered by a 64-bit key. Never allocates, so arming a timer cannot fail.
 * Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_BASE_HEAP_H
#define ZKC_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    struct heap_node *child;
    struct heap_node *sibling;
    struct heap_node **back; /* what points at us; NULL when in no heap */
    int64_t key;
};

struct heap {
    struct heap_node *root;
};

static inline bool heap_contains(const struct heap_node *node)
{
    return node->back != NULL;
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);
void heap_remove(struct heap *heap, struct heap_node *node); /* harmless when in no heap */

#endif
