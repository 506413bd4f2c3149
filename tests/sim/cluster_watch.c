/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_parts.h"

/* ---- the table: by path, and by connection ---- */

static struct watch **slot(struct server *server, const struct path *path)
{
    void **table = (void **)server->watches;

    table_reach(&table, &server->watch_capacity, path->id);
    server->watches = (struct watch **)table;
    return &server->watches[path->id];
}

static struct watch **find(struct server *server, const struct connection *c,
                           const struct path *path, bool child)
{
    struct watch **at = slot(server, path);

    while (*at != NULL && ((*at)->connection != c || (*at)->child != child))
        at = &(*at)->next;
    return at;
}

void watch_add(struct server *server, struct connection *c, struct path *path, bool child)
{
    struct watch **end = find(server, c, path, child);
    struct watch *watch;

    if (*end != NULL)
        return;
    watch = pool_get(&cluster.watches);
    watch->connection = c;
    watch->path = path;
    watch->child = child;
    watch->mine_next = c->watches;
    if (c->watches != NULL)
        c->watches->mine_prev = watch;
    c->watches = watch;
    *end = watch;
    server->watch_count++;
}

static void take_from_connection(struct watch *watch)
{
    if (watch->mine_prev != NULL)
        watch->mine_prev->mine_next = watch->mine_next;
    else
        watch->connection->watches = watch->mine_next;
    if (watch->mine_next != NULL)
        watch->mine_next->mine_prev = watch->mine_prev;
}

static void remove_at(struct server *server, struct watch **at)
{
    struct watch *watch = *at;

    *at = watch->next;
    take_from_connection(watch);
    server->watch_count--;
    pool_put(&cluster.watches, watch);
}

static bool remove_one(struct server *server, struct connection *c, struct path *path, bool child)
{
    struct watch **at = find(server, c, path, child);

    if (*at == NULL)
        return false;
    remove_at(server, at);
    return true;
}

bool watch_remove(struct server *server, struct connection *c, struct path *path)
{
    bool node = remove_one(server, c, path, false);
    bool child = remove_one(server, c, path, true);

    return node || child;
}

void watch_forget(struct server *server, struct connection *c)
{
    while (c->watches != NULL)
        remove_one(server, c, c->watches->path, c->watches->child);
}

/* ---- firing ---- */

static void notify(struct connection *c, const struct path *path, int event)
{
    struct packet *packet = pool_get(&cluster.packets);

    packet->kind = PACKET_EVENT;
    packet->event = event;
    packet->path = path->text;
    connection_answer(c, packet);
}

static bool may_see(const struct connection *c, const struct acl *acl)
{
    return !cluster.options.reads_forbidden_are_silent ||
           acl_allows(acl, ZOO_PERM_READ, c->identities);
}

static bool has_just_heard(struct connection *const *heard, int count, const struct connection *c)
{
    for (int i = 0; i < count; i++)
        if (heard[i] == c)
            return true;
    return false;
}

/* Who watches both a node and its children hears once of its deletion. */
#define HEARD_MAX 64

void watch_fire(struct server *server, struct path *path, int event, const struct acl *acl)
{
    struct connection *heard[HEARD_MAX];
    int count = 0;
    struct watch **at;

    if (path == NULL || path->id >= server->watch_capacity)
        return;
    for (int child = 0; child <= 1; child++) {
        if (child != (event == ZOO_CHILD_EVENT) && event != ZOO_DELETED_EVENT)
            continue;
        at = &server->watches[path->id];
        while (*at != NULL) {
            struct connection *c = (*at)->connection;
            if ((*at)->child != (child == 1)) {
                at = &(*at)->next;
                continue;
            }
            if (!has_just_heard(heard, count, c) && may_see(c, acl))
                notify(c, path, event);
            if (count < HEARD_MAX && child == 0)
                heard[count++] = c;
            remove_at(server, at);
        }
    }
}

/* ---- after a reconnection ---- */

static void renew_one(struct server *server, struct connection *c, struct path *path,
                      enum watch_table table, int64_t seen)
{
    const struct node *node = tree_find(&server->tree, path);

    if (table == WATCH_EXIST && node != NULL)
        notify(c, path, ZOO_CREATED_EVENT);
    else if (table != WATCH_EXIST && node == NULL)
        notify(c, path, ZOO_DELETED_EVENT);
    else if (table == WATCH_DATA && node->mzxid > seen)
        notify(c, path, ZOO_CHANGED_EVENT);
    else if (table == WATCH_CHILD && node->pzxid > seen)
        notify(c, path, ZOO_CHILD_EVENT);
    else
        watch_add(server, c, path, table == WATCH_CHILD);
}

void watch_renew(struct server *server, struct connection *c, const struct request *request)
{
    for (int table = 0; table < WATCH_TABLES; table++)
        for (int i = 0; i < request->watched_count[table]; i++)
            renew_one(server, c, request->watched[table][i], (enum watch_table)table,
                      request->last_zxid);
}
