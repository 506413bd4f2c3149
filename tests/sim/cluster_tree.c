/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_parts.h"

#include <stdlib.h>
#include <string.h>

struct node *tree_find(const struct tree *tree, const struct path *path)
{
    return path != NULL && path->id < tree->capacity ? tree->nodes[path->id] : NULL;
}

static void append_child(struct node *parent, struct node *node)
{
    node->parent = parent;
    node->prev = parent->last;
    if (parent->last != NULL)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->children++;
}

static void remove_child(struct node *node)
{
    struct node *parent = node->parent;

    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        parent->first = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    else
        parent->last = node->prev;
    parent->children--;
}

static void own(struct tree *tree, struct node *node)
{
    node->owned_prev = tree->owned_last;
    if (tree->owned_last != NULL)
        tree->owned_last->owned_next = node;
    else
        tree->owned_first = node;
    tree->owned_last = node;
}

static void disown(struct tree *tree, struct node *node)
{
    if (node->owned_prev != NULL)
        node->owned_prev->owned_next = node->owned_next;
    else
        tree->owned_first = node->owned_next;
    if (node->owned_next != NULL)
        node->owned_next->owned_prev = node->owned_prev;
    else
        tree->owned_last = node->owned_prev;
}

/* The caller fills in the rest. */
struct node *tree_add(struct tree *tree, struct path *path, int64_t owner)
{
    struct node *node = pool_get(&cluster.nodes);
    void **table = (void **)tree->nodes;

    table_reach(&table, &tree->capacity, path->id);
    tree->nodes = (struct node **)table;
    tree->nodes[path->id] = node;
    tree->count++;
    node->path = path;
    node->acl = &acl_open;
    node->length = -1;
    node->owner = owner;
    if (path->parent != NULL)
        append_child(tree_find(tree, path->parent), node);
    if (owner != 0)
        own(tree, node);
    return node;
}

void tree_remove(struct tree *tree, struct node *node)
{
    if (node->owner != 0)
        disown(tree, node);
    if (node->parent != NULL)
        remove_child(node);
    tree->nodes[node->path->id] = NULL;
    tree->count--;
    pool_put(&cluster.nodes, node);
}

static const char *const built_in[] = {"/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"};

void tree_begin(struct tree *tree)
{
    memset(tree, 0, sizeof *tree);
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        tree_add(tree, path_of_text(built_in[i]), 0);
    tree_find(tree, path_of_text("/"))->cversion = cluster.options.first_sequence;
}

static void remove_below(struct tree *tree, struct node *node)
{
    while (node->first != NULL)
        remove_below(tree, node->first);
    tree_remove(tree, node);
}

void tree_end(struct tree *tree)
{
    if (tree->nodes != NULL)
        remove_below(tree, tree_find(tree, path_of_text("/")));
    free(tree->nodes);
    memset(tree, 0, sizeof *tree);
}

static void copy_below(struct tree *tree, const struct node *from)
{
    for (const struct node *child = from->first; child != NULL; child = child->next) {
        struct node *node = tree_find(tree, child->path);
        struct node shape;
        if (node == NULL)
            node = tree_add(tree, child->path, child->owner);
        shape = *node;
        *node = *child;
        node->parent = shape.parent;
        node->first = shape.first;
        node->last = shape.last;
        node->prev = shape.prev;
        node->next = shape.next;
        node->owned_prev = shape.owned_prev;
        node->owned_next = shape.owned_next;
        node->children = shape.children;
        copy_below(tree, child);
    }
}

void tree_copy(struct tree *tree, const struct tree *from)
{
    const struct path *root = path_of_text("/");
    const struct node *old = tree_find(from, root);
    struct node *new;

    tree_end(tree);
    tree_begin(tree);
    new = tree_find(tree, root);
    new->cversion = old->cversion;
    new->pzxid = old->pzxid;
    new->acl = old->acl;
    new->mzxid = old->mzxid;
    new->version = old->version;
    new->pending = old->pending;
    copy_below(tree, old);
}

/* What clients call cversion counts deletions, too. */
void tree_stat(const struct node *node, struct Stat *stat)
{
    memset(stat, 0, sizeof *stat);
    stat->czxid = node->czxid;
    stat->mzxid = node->mzxid;
    stat->pzxid = node->pzxid;
    stat->ctime = node->ctime;
    stat->mtime = node->mtime;
    stat->version = node->version;
    stat->aversion = node->aversion;
    stat->cversion = (int32_t)((uint32_t)node->cversion * 2 - (uint32_t)node->children);
    stat->ephemeralOwner = node->owner;
    stat->dataLength = node->length > 0 ? node->length : 0;
    stat->numChildren = node->children;
}
