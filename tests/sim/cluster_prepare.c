/*
 * The leader makes a transaction of a request, on the tree as it will be when all that is proposed
 * is applied (PrepRequestProcessor.java). A request that fails becomes a transaction, too.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <stdio.h>
#include <string.h>

#define EPOCH_OF_CLOCK INT64_C(1700000000000)

int64_t wall_clock_ms(void)
{
    return EPOCH_OF_CLOCK + world_now() / SIM_MS;
}

static struct txn *begin(struct server *leader, enum op op, int64_t session)
{
    struct txn *txn = arena_alloc(sizeof *txn);

    txn->op = op;
    txn->zxid = ++leader->zxid;
    txn->time = wall_clock_ms();
    txn->session = session;
    txn->origin = -1;
    return txn;
}

/* ---- single operations: 0, or the error ---- */

/* The tree never lets the counter fall, so it sticks at its end; what is proposed on top of each
 * other counts on and wraps (DataTree.createNode, PrepRequestProcessor). */
static int32_t counter_of(struct server *leader, struct node *parent)
{
    const struct node *committed;

    if (parent->pending != 0 && parent->pending <= leader->applied) {
        committed = tree_find(&leader->tree, parent->path);
        if (committed != NULL)
            parent->cversion = committed->cversion;
        parent->pending = 0;
    }
    return parent->cversion;
}

static struct path *name_of(const struct operation *operation, int32_t counter)
{
    char number[16];
    size_t length = strlen(operation->path);
    char *text;

    if ((operation->flags & ZOO_SEQUENCE) == 0 || operation->flags == ZOO_CONTAINER)
        return path_of(operation->path, length);
    snprintf(number, sizeof number, "%010d", counter);
    text = arena_alloc(length + sizeof number);
    memcpy(text, operation->path, length);
    memcpy(text + length, number, strlen(number));
    return path_of_text(text);
}

static struct node *parent_of(struct server *leader, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL || slash == path ? 1 : (size_t)(slash - path);

    return tree_find(&leader->ahead, path_of(path, length));
}

static int prepare_create(struct server *leader, const struct operation *operation,
                          const struct identity *who, struct txn *txn)
{
    struct node *parent = parent_of(leader, operation->path);
    int32_t counter;

    if (operation->flags == ZOO_CONTAINER && cluster.options.no_containers)
        return ZUNIMPLEMENTED;
    txn->acl = acl_resolve(operation->acl, who);
    if (txn->acl == NULL)
        return ZINVALIDACL;
    if (parent == NULL)
        return ZNONODE;
    if (!acl_allows(parent->acl, ZOO_PERM_CREATE, who))
        return ZNOAUTH;
    counter = counter_of(leader, parent);
    txn->path = name_of(operation, counter);
    if (tree_find(&leader->ahead, txn->path) != NULL)
        return ZNODEEXISTS;
    if (parent->owner != 0)
        return ZNOCHILDRENFOREPHEMERALS;
    txn->data = operation->data;
    txn->length = operation->length;
    txn->flags = operation->flags;
    txn->cversion = (int32_t)((uint32_t)counter + 1);
    parent->pending = txn->zxid;
    return ZOK;
}

static bool is_version(const struct node *node, int version)
{
    return version == -1 || version == node->version;
}

static int prepare_delete(struct server *leader, const struct operation *operation,
                          const struct identity *who, struct txn *txn)
{
    const struct node *parent = parent_of(leader, operation->path);
    const struct node *node;

    txn->path = path_of_text(operation->path);
    node = tree_find(&leader->ahead, txn->path);
    if (parent == NULL)
        return ZNONODE;
    if (!acl_allows(parent->acl, ZOO_PERM_DELETE, who))
        return ZNOAUTH;
    if (node == NULL)
        return ZNONODE;
    if (!is_version(node, operation->version))
        return ZBADVERSION;
    return node->children > 0 ? ZNOTEMPTY : ZOK;
}

static int prepare_on_node(struct server *leader, const struct operation *operation,
                           const struct identity *who, struct txn *txn, int permission)
{
    const struct node *node;

    txn->path = path_of_text(operation->path);
    node = tree_find(&leader->ahead, txn->path);
    if (node == NULL)
        return ZNONODE;
    if (!acl_allows(node->acl, permission, who))
        return ZNOAUTH;
    if (permission != ZOO_PERM_ADMIN && !is_version(node, operation->version))
        return ZBADVERSION;
    txn->data = operation->data;
    txn->length = operation->length;
    txn->cversion = node->version + 1;
    return ZOK;
}

static int prepare_operation(struct server *leader, const struct operation *operation,
                             const struct identity *who, struct txn *txn)
{
    switch (operation->op) {
    case OP_CREATE:
        return prepare_create(leader, operation, who, txn);
    case OP_DELETE:
        return prepare_delete(leader, operation, who, txn);
    case OP_SET:
        return prepare_on_node(leader, operation, who, txn, ZOO_PERM_WRITE);
    case OP_SET_ACL:
        txn->acl = acl_resolve(operation->acl, who);
        return txn->acl == NULL ? ZINVALIDACL
                                : prepare_on_node(leader, operation, who, txn, ZOO_PERM_ADMIN);
    case OP_CHECK:
        return prepare_on_node(leader, operation, who, txn, ZOO_PERM_READ);
    default:
        return ZUNIMPLEMENTED;
    }
}

/* ---- several at once ---- */

static bool only_checks(const struct request *request)
{
    for (int i = 0; i < request->count; i++)
        if (request->operations[i].op != OP_CHECK)
            return false;
    return true;
}

/* Those before the one that failed report success, those behind it an inconsistency. */
static void fail_parts(struct txn *txn, int failed, int rc)
{
    for (int i = 0; i < txn->count; i++) {
        txn->parts[i].op = OP_ERROR;
        txn->parts[i].error = i < failed ? ZOK : i == failed ? rc : ZRUNTIMEINCONSISTENCY;
    }
}

static void prepare_part(struct txn *part, const struct txn *whole, enum op op)
{
    part->op = op;
    part->zxid = whole->zxid;
    part->time = whole->time;
    part->session = whole->session;
    part->origin = -1;
}

static void prepare_multi(struct server *leader, const struct request *request, struct txn *txn,
                          int rc)
{
    const struct identity *who = request->identities;
    bool simple = only_checks(request);
    struct tree before = {0};
    int done = 0;

    txn->count = request->count;
    txn->parts = arena_alloc((size_t)request->count * sizeof *txn->parts);
    if (!simple)
        tree_copy(&before, &leader->ahead);
    for (; done < request->count && rc == ZOK; done++) {
        struct txn *part = &txn->parts[done];
        prepare_part(part, txn, request->operations[done].op);
        rc = prepare_operation(leader, &request->operations[done], who, part);
        if (rc == ZOK)
            apply(&leader->ahead, NULL, part, NULL);
    }
    if (rc != ZOK) {
        fail_parts(txn, done > 0 ? done - 1 : 0, rc);
        if (!simple)
            tree_copy(&leader->ahead, &before);
    }
    tree_end(&before);
}

/* ---- requests ---- */

static void track(struct server *leader, const struct request *request, int64_t owner)
{
    struct session *session = session_add(leader, request->of_session, request->timeout);

    session->owner = owner;
    session_touch(leader, session);
}

static void doom(struct server *leader, struct txn *txn)
{
    int count = 0;

    for (const struct node *node = leader->ahead.owned_first; node != NULL; node = node->owned_next)
        count += node->owner == txn->session;
    txn->doomed = arena_alloc((size_t)count * sizeof(struct path *));
    for (struct node *node = leader->ahead.owned_first; node != NULL; node = node->owned_next)
        if (node->owner == txn->session)
            txn->doomed[txn->count++] = node->path;
}

struct txn *prepare_end(struct server *leader, struct session *session, enum cluster_cause cause)
{
    struct txn *txn = begin(leader, OP_CLOSE_SESSION, session->id);

    txn->cause = cause;
    doom(leader, txn);
    session->closing = true;
    apply(&leader->ahead, NULL, txn, NULL);
    return txn;
}

struct txn *prepare_container(struct server *leader, struct path *path)
{
    struct txn *txn = begin(leader, OP_DELETE, 0);

    txn->path = path;
    apply(&leader->ahead, NULL, txn, NULL);
    return txn;
}

static struct txn *prepare_close(struct server *leader, const struct request *request)
{
    struct session *session = session_find(leader, request->of_session);

    if (session != NULL)
        return prepare_end(leader, session, CAUSE_CLOSED);
    return begin(leader, OP_CLOSE_SESSION, request->of_session);
}

static struct txn *prepare_write(struct server *leader, struct request *request, int64_t owner)
{
    const struct operation *operation = &request->operation;
    struct txn *txn = begin(leader, operation->op, request->of_session);
    struct session *session = session_find(leader, request->of_session);
    int rc = request->of_session != 0 ? session_check(session, owner) : ZOK;

    if (operation->op == OP_MULTI) {
        prepare_multi(leader, request, txn, rc);
        return txn;
    }
    if (rc == ZOK)
        rc = prepare_operation(leader, operation, request->identities, txn);
    if (rc == ZOK) {
        apply(&leader->ahead, NULL, txn, NULL);
    } else {
        txn->op = OP_ERROR;
        txn->error = rc;
    }
    return txn;
}

struct txn *prepare(struct server *leader, struct request *request, int origin, int64_t owner)
{
    struct txn *txn;

    if (request->operation.op == OP_OPEN_SESSION) {
        track(leader, request, owner);
        txn = begin(leader, OP_OPEN_SESSION, request->of_session);
        txn->timeout = request->timeout;
        txn->machine = request->connection != NULL ? request->connection->peer->machine : NULL;
    } else if (request->operation.op == OP_CLOSE_SESSION) {
        txn = prepare_close(leader, request);
    } else {
        txn = prepare_write(leader, request, owner);
    }
    txn->request = request;
    txn->origin = origin;
    return txn;
}
