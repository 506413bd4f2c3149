/*
 * Logs and disks. The leader appends and proposes; who has flushed a transaction acknowledges it;
 * what a quorum has flushed is committed, and applied at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <stdlib.h>
#include <string.h>

#define DISK_LEAST (SIM_MS / 20)
#define DISK_MOST SIM_MS

int64_t log_newest(const struct server *server)
{
    return server->length > 0 ? server->log[server->length - 1]->zxid : 0;
}

static void append(struct server *server, struct txn *txn)
{
    if (server->length == server->capacity) {
        server->capacity = server->capacity > 0 ? 2 * server->capacity : 256;
        server->log = realloc(server->log, (size_t)server->capacity * sizeof *server->log);
        if (server->log == NULL)
            abort();
    }
    server->log[server->length++] = txn;
}

/* ---- the disk: one flush at a time, of all that has come meanwhile ---- */

void log_flush(struct server *server)
{
    if (server->tickets[DUTY_DISK] != 0 || server->owed[DUTY_DISK])
        return;
    server->flushing = server->length;
    duty_after(server, DUTY_DISK, world_between(DISK_LEAST, DISK_MOST) + server->slow);
}

/* The epoch is entered when its log is safe. What was on its way to the disk before that log came
 * is nobody's business. */
void log_acknowledge(struct server *follower)
{
    if (follower->joining_epoch == 0)
        return;
    if (follower->durable >= follower->joining_length)
        follower->epoch = follower->joining_epoch;
    peer_send_leader(follower, PEER_ACK, follower->durable, NULL);
}

void log_flushed(struct server *server)
{
    server->durable = server->flushing;
    if (server->durable < server->length)
        log_flush(server);
    if (server->role == ROLE_LEADING || server->role == ROLE_GATHERING)
        peers_acked(server);
    else if (server->role == ROLE_FOLLOWING || server->role == ROLE_JOINING)
        log_acknowledge(server);
}

void log_append(struct server *server, struct txn *txn)
{
    append(server, txn);
    log_flush(server);
}

/* ---- the leader ---- */

void log_propose(struct server *leader, struct txn *txn)
{
    log_append(leader, txn);
    for (int i = 0; i < cluster.count; i++)
        if (leader->learners[i].has_log)
            peer_send_learner(leader, i, PEER_PROPOSE, 0, txn);
}

/* How many transactions are on the disks of a quorum. */
static int count_safe(const struct server *leader)
{
    int safe = 0;

    for (int i = 0; i < cluster.count; i++) {
        int mine = i == leader->id ? leader->durable : leader->learners[i].acked;
        int others = 0;
        for (int j = 0; j < cluster.count; j++) {
            int acked = j == leader->id ? leader->durable : leader->learners[j].acked;
            others += acked >= mine;
        }
        if (others > cluster.count / 2 && mine > safe)
            safe = mine;
    }
    return safe;
}

static void answer_syncs(struct server *leader)
{
    while (leader->syncs != NULL && leader->syncs->count <= leader->committed) {
        const struct pending_sync *sync = leader->syncs;
        leader->syncs = sync->next;
        if (leader->learners[sync->server].generation == sync->generation)
            peer_send_learner(leader, sync->server, PEER_SYNCED, 0, sync->request);
    }
}

void log_count_acks(struct server *leader)
{
    int safe = count_safe(leader);

    if (safe <= leader->committed)
        return;
    log_commit(leader, safe);
    for (int i = 0; i < cluster.count; i++)
        if (leader->learners[i].in_step)
            peer_send_learner(leader, i, PEER_COMMIT, safe, NULL);
    answer_syncs(leader);
}

/* ---- commits ---- */

static void announce(const struct server *server, struct path *path, enum cluster_cause cause)
{
    const struct node *node = tree_find(&server->tree, path);

    if (node != NULL && node->owner != 0)
        cluster.removed(path->text, node->czxid, node->owner, cause);
}

static void announce_all(const struct server *server, const struct txn *txn)
{
    if (txn->op == OP_DELETE)
        announce(server, txn->path, CAUSE_DELETED);
    for (int i = 0; txn->op == OP_CLOSE_SESSION && i < txn->count; i++)
        announce(server, txn->doomed[i], txn->cause);
    for (int i = 0; txn->op == OP_MULTI && i < txn->count; i++)
        announce_all(server, &txn->parts[i]);
}

static void keep_sessions(struct server *server, const struct txn *txn)
{
    struct session *session;

    if (txn->op == OP_OPEN_SESSION) {
        session = session_add(server, txn->session, txn->timeout);
        session->known = true;
        session->machine = txn->machine;
    } else if (txn->op == OP_CLOSE_SESSION) {
        session = session_find(server, txn->session);
        serve_session_closed(server, txn->session, txn->origin == server->id ? txn->request : NULL);
        if (session != NULL)
            session_remove(server, session);
    }
}

static void tell(const struct txn *txn, const struct server *server)
{
    if (txn->op == OP_CREATE)
        story("server %d: created %s", server->id, txn->path->text);
    else if (txn->op == OP_DELETE)
        story("server %d: deleted %s", server->id, txn->path->text);
    else if (txn->op == OP_CLOSE_SESSION)
        story("server %d: session %llx is over, %d nodes go", server->id,
              (unsigned long long)txn->session, txn->count);
}

/* The simulator's own safety: what is committed anywhere is so everywhere, for ever. */
static void record(const struct server *server, const struct txn *txn)
{
    void **table = (void **)cluster.history;
    uint32_t at = (uint32_t)server->committed;

    table_reach(&table, &cluster.history_capacity, at);
    cluster.history = (const struct txn **)table;
    if (cluster.history[at] == NULL)
        cluster.history[at] = txn;
    else if (cluster.history[at] != txn)
        world_fail("simulator: server %d commits what others have not", server->id);
}

static void commit_one(struct server *server, struct txn *txn)
{
    struct outcome outcome = {0};
    bool mine =
        txn->origin == server->id && txn->request != NULL && txn->request->connection != NULL;

    record(server, txn);
    if (!txn->announced) {
        txn->announced = true;
        if (cluster.removed != NULL)
            announce_all(server, txn);
        tell(txn, server);
    }
    server->applied = txn->zxid;
    server->committed++;
    apply(&server->tree, server, txn, mine ? &outcome : NULL);
    keep_sessions(server, txn);
    if (mine)
        serve_applied(txn, &outcome);
}

void log_commit(struct server *server, int count)
{
    while (server->committed < count && server->committed < server->length)
        commit_one(server, server->log[server->committed]);
}

void log_replace(struct server *server, int common, struct txn *const *rest, int count)
{
    if (common < server->committed)
        world_fail("simulator: server %d loses what is committed", server->id);
    server->length = common;
    if (server->durable > common)
        server->durable = common;
    if (server->flushing > common)
        server->flushing = common;
    for (int i = 0; i < count; i++)
        append(server, rest[i]);
    log_flush(server);
}
