/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (b->key < a->key) {
        struct heap_node *swap = a;
        a = b;
        b = swap;
    }
    b->sibling = a->child;
    if (b->sibling != NULL)
        b->sibling->back = &b->sibling;
    a->child = b;
    b->back = &a->child;
    return a;
}

/* The two passes: meld pairs from the left, then the results from the right. */
static struct heap_node *meld_children(struct heap_node *first)
{
    struct heap_node *pairs = NULL;
    struct heap_node *root = NULL;

    while (first != NULL) {
        struct heap_node *a = first;
        struct heap_node *b = a->sibling;
        first = b != NULL ? b->sibling : NULL;
        a->sibling = NULL;
        if (b != NULL)
            b->sibling = NULL;
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct heap_node *next = pairs->sibling;
        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void set_root(struct heap *heap, struct heap_node *root)
{
    heap->root = root;
    if (root != NULL) {
        root->sibling = NULL;
        root->back = &heap->root;
    }
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
    node->child = node->sibling = NULL;
    node->key = key;
    set_root(heap, meld(heap->root, node));
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *children;

    if (!heap_contains(node))
        return;
    *node->back = node->sibling;
    if (node->sibling != NULL)
        node->sibling->back = node->back;
    children = meld_children(node->child);
    node->child = node->sibling = NULL;
    node->back = NULL;
    set_root(heap, meld(heap->root, children));
}
