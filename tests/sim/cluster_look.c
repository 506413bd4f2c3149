/*
 * Strangers, who act at the leader as another client would, and observers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <string.h>

static struct server *newest_leader(void)
{
    struct server *newest = NULL;

    for (int i = 0; i < cluster.count; i++) {
        struct server *server = &cluster.servers[i];
        if (server->role == ROLE_LEADING && !server->paused &&
            (newest == NULL || server->epoch > newest->epoch))
            newest = server;
    }
    return newest;
}

int cluster_leader(void)
{
    const struct server *leader = newest_leader();

    return leader != NULL ? leader->id : -1;
}

int cluster_serving(void)
{
    int count = 0;

    for (int i = 0; i < cluster.count; i++)
        count += server_serves(&cluster.servers[i]) && !cluster.servers[i].paused;
    return count;
}

/* The leader's state, or that of who has seen most. */
static struct server *best_view(void)
{
    struct server *best = newest_leader();

    for (int i = 0; best == NULL && i < cluster.count; i++)
        best = &cluster.servers[i];
    for (int i = 0; newest_leader() == NULL && i < cluster.count; i++)
        if (cluster.servers[i].applied > best->applied)
            best = &cluster.servers[i];
    return best;
}

/* ---- strangers ---- */

static bool act(const struct operation *operation)
{
    struct server *leader = newest_leader();
    struct request *request;
    struct txn *txn;

    if (leader == NULL)
        return false;
    request = arena_alloc(sizeof *request);
    request->operation = *operation;
    txn = prepare(leader, request, -1, 0);
    log_propose(leader, txn);
    return txn->op != OP_ERROR;
}

static const char *own(const char *text)
{
    return arena_copy(text, (int)strlen(text));
}

bool cluster_delete(const char *path)
{
    return act(&(struct operation){.op = OP_DELETE, .path = own(path), .version = -1});
}

bool cluster_create(const char *path, const char *data, bool sequential)
{
    return act(&(struct operation){.op = OP_CREATE,
                                   .path = own(path),
                                   .data = own(data),
                                   .length = (int)strlen(data),
                                   .acl = &acl_open,
                                   .flags = sequential ? ZOO_PERSISTENT_SEQUENTIAL : 0});
}

bool cluster_set(const char *path, const char *data)
{
    return act(&(struct operation){.op = OP_SET,
                                   .path = own(path),
                                   .data = own(data),
                                   .length = (int)strlen(data),
                                   .version = -1});
}

/* Administrators are not asked for permission. */
bool cluster_forbid(const char *path, int permissions)
{
    struct server *leader = newest_leader();
    struct acl_entry *entry = arena_alloc(sizeof *entry);
    struct acl *acl = arena_alloc(sizeof *acl);
    struct node *node;

    if (leader == NULL || (node = tree_find(&leader->ahead, path_of_text(path))) == NULL)
        return false;
    *entry = (struct acl_entry){permissions, "world", "anyone"};
    *acl = (struct acl){1, entry};
    node->acl = &acl_open;
    return act(&(struct operation){.op = OP_SET_ACL, .path = own(path), .acl = acl});
}

bool cluster_expire(int64_t id)
{
    struct server *leader = newest_leader();
    struct session *session = leader != NULL ? session_find(leader, id) : NULL;

    if (session == NULL || session->closing)
        return false;
    log_propose(leader, prepare_end(leader, session, CAUSE_EXPIRED));
    return true;
}

/* ---- observers ---- */

int cluster_children(const char *path, struct cluster_node *nodes, int max)
{
    const struct node *node = tree_find(&best_view()->tree, path_of_text(path));
    int count = 0;

    if (node == NULL)
        return 0;
    for (const struct node *child = node->first; child != NULL; child = child->next, count++)
        if (count < max)
            nodes[count] =
                (struct cluster_node){child->path->text, child->czxid, child->owner, child->data,
                                      child->length > 0 ? (size_t)child->length : 0};
    return count;
}

bool cluster_exists(const char *path)
{
    return tree_find(&best_view()->tree, path_of_text(path)) != NULL;
}

int cluster_watches(void)
{
    int count = 0;

    for (int i = 0; i < cluster.count; i++)
        count += cluster.servers[i].watch_count;
    return count;
}

int cluster_sessions(void)
{
    int count = 0;

    for (const struct session *s = best_view()->first_session; s != NULL; s = s->next)
        count += s->known;
    return count;
}

int64_t cluster_session_of(struct machine *machine, int nth)
{
    for (const struct session *s = best_view()->first_session; s != NULL; s = s->next)
        if (s->known && !s->closing && s->machine == machine && nth-- == 0)
            return s->id;
    return 0;
}

int cluster_server_of_session(int64_t id)
{
    for (int i = 0; i < cluster.count; i++) {
        const struct session *session = session_find(&cluster.servers[i], id);
        if (session != NULL && session->connection != NULL)
            return i;
    }
    return -1;
}

int64_t cluster_expiry_of_session(int64_t id)
{
    int leader = cluster_leader();
    const struct session *session = NULL;

    if (leader >= 0)
        session = session_find(&cluster.servers[leader], id);
    return session != NULL && !session->closing ? session->expiry : 0;
}

int cluster_connections(void)
{
    return cluster.connection_count;
}

void cluster_on_removal(void (*removed)(const char *path, int64_t czxid, int64_t owner,
                                        enum cluster_cause cause))
{
    cluster.removed = removed;
}
