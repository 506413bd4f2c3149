/*
 * A transaction changes a tree; on a server that has clients, it fires their watches.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <stdlib.h>
#include <string.h>

static void fire(struct server *witness, struct path *path, int event, const struct acl *acl)
{
    if (witness != NULL && witness->watch_count > 0)
        watch_fire(witness, path, event, acl);
}

/* Never less than before: DataTree.createNode. */
static void count_child(struct node *parent, int32_t cversion, int64_t zxid, bool ahead)
{
    if (!ahead && cversion <= parent->cversion)
        return;
    parent->cversion = cversion;
    parent->pzxid = zxid;
}

static void apply_create(struct tree *tree, struct server *witness, const struct txn *txn,
                         struct outcome *outcome)
{
    bool ephemeral = txn->flags == ZOO_EPHEMERAL || txn->flags == ZOO_EPHEMERAL_SEQUENTIAL;
    struct node *node = tree_add(tree, txn->path, ephemeral ? txn->session : 0);

    node->acl = txn->acl;
    node->data = txn->data;
    node->length = txn->length;
    node->container = txn->flags == ZOO_CONTAINER;
    node->cversion = ephemeral ? 0 : cluster.options.first_sequence;
    node->czxid = node->mzxid = node->pzxid = txn->zxid;
    node->ctime = node->mtime = txn->time;
    count_child(node->parent, txn->cversion, txn->zxid, witness == NULL);
    if (outcome != NULL) {
        outcome->path = txn->path->text;
        tree_stat(node, &outcome->stat);
    }
    fire(witness, txn->path, ZOO_CREATED_EVENT, node->acl);
    fire(witness, txn->path->parent, ZOO_CHILD_EVENT, node->parent->acl);
}

static void remove_node(struct tree *tree, struct server *witness, struct path *path, int64_t zxid)
{
    struct node *node = tree_find(tree, path);
    struct node *parent;
    const struct acl *acl;

    if (node == NULL || node->parent == NULL)
        return;
    parent = node->parent;
    acl = node->acl;
    tree_remove(tree, node);
    if (zxid > parent->pzxid)
        parent->pzxid = zxid;
    fire(witness, path, ZOO_DELETED_EVENT, acl);
    fire(witness, path->parent, ZOO_CHILD_EVENT, parent->acl);
}

static void apply_set(struct tree *tree, struct server *witness, const struct txn *txn,
                      struct outcome *outcome)
{
    struct node *node = tree_find(tree, txn->path);

    if (txn->op == OP_SET_ACL) {
        node->acl = txn->acl;
        node->aversion++;
    } else {
        node->data = txn->data;
        node->length = txn->length;
        node->version = txn->cversion;
        node->mzxid = txn->zxid;
        node->mtime = txn->time;
        fire(witness, txn->path, ZOO_CHANGED_EVENT, node->acl);
    }
    if (outcome != NULL)
        tree_stat(node, &outcome->stat);
}

/* Of several failures the first real one counts: deserialize_multi() in zookeeper.c. */
static void apply_parts(struct tree *tree, struct server *witness, const struct txn *txn,
                        struct outcome *outcome)
{
    if (outcome != NULL && txn->count > 0) {
        outcome->count = txn->count;
        outcome->parts = arena_alloc((size_t)txn->count * sizeof *outcome->parts);
    }
    for (int i = 0; i < txn->count; i++) {
        struct outcome *part = outcome != NULL ? &outcome->parts[i] : NULL;
        apply(tree, witness, &txn->parts[i], part);
        if (part != NULL && outcome->rc == ZOK && part->rc != ZRUNTIMEINCONSISTENCY)
            outcome->rc = part->rc;
    }
}

void apply(struct tree *tree, struct server *witness, const struct txn *txn,
           struct outcome *outcome)
{
    switch (txn->op) {
    case OP_CREATE:
        apply_create(tree, witness, txn, outcome);
        break;
    case OP_DELETE:
        remove_node(tree, witness, txn->path, txn->zxid);
        break;
    case OP_SET:
    case OP_SET_ACL:
        apply_set(tree, witness, txn, outcome);
        break;
    case OP_MULTI:
        apply_parts(tree, witness, txn, outcome);
        break;
    case OP_CLOSE_SESSION:
        for (int i = 0; i < txn->count; i++)
            remove_node(tree, witness, txn->doomed[i], txn->zxid);
        break;
    default:
        if (outcome != NULL)
            outcome->rc = txn->error;
        break;
    }
}
