/*
 * Intrusive doubly linked list. A node that is in no list points to itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_BASE_LIST_H
#define ZKC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

#define container_of(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->next = list->previous = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_append(struct list *list, struct list *node)
{
    /* The analyzer loses count of map.c's buckets: all of them went through list_init(). */
    node->previous = list->previous; /* NOLINT(clang-analyzer-core.uninitialized.Assign) */
    node->next = list;
    list->previous->next = node;
    list->previous = node;
}

static inline void list_prepend(struct list *list, struct list *node)
{
    list_append(list->next, node);
}

/* Harmless for a node that is in no list. */
static inline void list_remove(struct list *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

/* Takes the first node out, or returns NULL. */
static inline struct list *list_pop(struct list *list)
{
    struct list *first = list->next;

    if (first == list)
        return NULL;
    list->next = first->next;
    first->next->previous = list;
    list_init(first);
    return first;
}

/* Moves all nodes of from to the end of to. */
static inline void list_move(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}

#endif
