/*
 * What a server does with its clients' requests. Those of one session are answered in order:
 * reads wait behind its own writes (CommitProcessor.java, FinalRequestProcessor.java).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <stdlib.h>
#include <string.h>

bool server_serves(const struct server *server)
{
    return server->role == ROLE_LEADING || server->role == ROLE_FOLLOWING;
}

static bool is_write(const struct request *request)
{
    return request->operation.op <= OP_ERROR;
}

static bool waits_for_leader(const struct connection *c, const struct request *request)
{
    return is_write(request) ||
           (request->operation.op == OP_SYNC && c->server->role != ROLE_LEADING);
}

/* ---- reading ---- */

static void list_names(const struct node *node, struct outcome *outcome)
{
    int count = 0;

    outcome->names = malloc(((size_t)node->children + 1) * sizeof *outcome->names);
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        int64_t other = world_below(count + 1); /* a set has no order */
        if (other < count)
            outcome->names[count] = outcome->names[other];
        outcome->names[other] = child->path->name;
        count++;
    }
    outcome->count = count;
}

static void read_found(const struct request *request, const struct node *node,
                       struct outcome *outcome)
{
    tree_stat(node, &outcome->stat);
    if (request->operation.op == OP_GET) {
        outcome->data = node->data;
        outcome->length = node->length;
    } else if (request->operation.op == OP_CHILDREN) {
        list_names(node, outcome);
    } else if (request->operation.op == OP_GET_ACL) {
        outcome->acl = node->acl;
    }
}

static bool may_read(const struct connection *c, const struct request *request,
                     const struct node *node)
{
    if (request->operation.op == OP_EXISTS)
        return true;
    if (request->operation.op == OP_GET_ACL)
        return acl_allows(node->acl, ZOO_PERM_READ | ZOO_PERM_ADMIN, c->identities);
    return acl_allows(node->acl, ZOO_PERM_READ, c->identities);
}

static void read_node(struct connection *c, const struct request *request, struct outcome *outcome)
{
    struct path *path = path_of_text(request->operation.path);
    const struct node *node = tree_find(&c->server->tree, path);
    bool lists = request->operation.op == OP_CHILDREN;

    outcome->rc = node == NULL ? ZNONODE : may_read(c, request, node) ? ZOK : ZNOAUTH;
    if (request->watch &&
        (outcome->rc == ZOK || (outcome->rc == ZNONODE && request->operation.op == OP_EXISTS)))
        watch_add(c->server, c, path, lists);
    if (outcome->rc == ZOK)
        read_found(request, node, outcome);
}

/* ---- answering ---- */

static void reply(struct connection *c, const struct request *request,
                  const struct outcome *outcome)
{
    struct packet *packet = pool_get(&cluster.packets);

    packet->kind = PACKET_REPLY;
    packet->xid = request->xid;
    packet->outcome = *outcome;
    connection_answer(c, packet);
}

static void sign(struct connection *c, enum packet_kind kind, int rc)
{
    struct packet *packet = pool_get(&cluster.packets);

    packet->kind = kind;
    packet->outcome.rc = rc;
    connection_answer(c, packet);
}

void connection_greet(struct connection *c, bool valid)
{
    struct packet *packet = pool_get(&cluster.packets);
    struct session *session;

    packet->kind = PACKET_GREETING;
    packet->timeout = c->timeout;
    if (valid) {
        session = session_add(c->server, c->session, c->timeout);
        session->connection = c;
        packet->session = c->session;
        session_password(c->session, packet->password);
        c->greeted = true;
    }
    connection_answer(c, packet);
    if (!valid)
        connection_end(c);
}

static void answer_read(struct connection *c, struct request *request)
{
    struct outcome outcome = {0};

    switch (request->operation.op) {
    case OP_PING:
        sign(c, PACKET_PONG, ZOK);
        return;
    case OP_SET_WATCHES:
        watch_renew(c->server, c, request);
        sign(c, PACKET_WATCHES_SET, ZOK);
        return;
    case OP_SYNC:
        break;
    case OP_REMOVE_WATCHES:
        outcome.rc =
            watch_remove(c->server, c, path_of_text(request->operation.path)) ? ZOK : ZNOWATCHER;
        break;
    default:
        read_node(c, request, &outcome);
        break;
    }
    reply(c, request, &outcome);
}

/* A moved session is an error of the connection: FinalRequestProcessor. */
static void answer(struct connection *c, struct request *request)
{
    enum op op = request->operation.op;

    if (request->outcome.rc == ZSESSIONMOVED) {
        connection_end(c);
    } else if (op == OP_OPEN_SESSION) {
        connection_greet(c, true);
    } else if (waits_for_leader(c, request)) {
        reply(c, request, &request->outcome);
        if (op == OP_CLOSE_SESSION && c->server_open)
            connection_end(c);
    } else {
        answer_read(c, request);
    }
}

/* The client's end is open, or else the connection may be gone after any answer. */
static void drain(struct connection *c)
{
    while (c->first != NULL) {
        struct request *request = c->first;
        bool last;
        if (waits_for_leader(c, request) && !request->done)
            return;
        c->first = request->next;
        if (c->first == NULL)
            c->last = NULL;
        last = request->operation.op == OP_CLOSE_SESSION || request->outcome.rc == ZSESSIONMOVED ||
               c->peer->reset_with == request;
        answer(c, request);
        if (last)
            return;
        request->connection = NULL;
    }
}

void serve_done(struct request *request)
{
    request->done = true;
    if (request->connection != NULL)
        drain(request->connection);
}

void serve_applied(const struct txn *txn, const struct outcome *outcome)
{
    txn->request->outcome = *outcome;
    serve_done(txn->request);
}

void serve_gone(struct connection *c)
{
    for (struct request *request = c->first; request != NULL; request = request->next)
        request->connection = NULL;
    c->first = c->last = NULL;
    if (c->handshake != NULL)
        c->handshake->connection = NULL;
    if (c->peer->reset_with != NULL && c->peer->reset_with->connection == c)
        c->peer->reset_with = NULL;
}

void serve_session_closed(struct server *server, int64_t session, const struct request *by)
{
    const struct session *closed = session_find(server, session);
    struct connection *c = closed != NULL ? closed->connection : NULL;

    if (c != NULL && (by == NULL || by->connection != c))
        connection_end(c);
}

/* ---- taking requests ---- */

static void append(struct connection *c, struct request *request)
{
    request->connection = c;
    request->of_session = c->session;
    request->identities = c->identities;
    request->next = NULL;
    request->done = false;
    if (c->last != NULL)
        c->last->next = request;
    else
        c->first = request;
    c->last = request;
}

static void submit(struct connection *c, struct request *request)
{
    struct server *server = c->server;

    append(c, request);
    if (server->role != ROLE_LEADING) {
        if (waits_for_leader(c, request))
            peer_send_leader(server, PEER_REQUEST, 0, request);
    } else if (is_write(request)) {
        log_propose(server, prepare(server, request, server->id, OWNER_SELF));
    } else {
        request->outcome.rc =
            session_check(session_find(server, c->session), OWNER_SELF) == ZSESSIONMOVED
                ? ZSESSIONMOVED
                : ZOK;
    }
    drain(c);
}

static void identify(struct connection *c, const struct request *request)
{
    const struct operation *auth = &request->operation;
    struct identity *identity;

    if (strcmp(auth->path, "digest") != 0 || cluster.auth_refused) {
        sign(c, PACKET_AUTH, ZAUTHFAILED);
        connection_end(c);
        return;
    }
    identity = arena_alloc(sizeof *identity);
    identity->scheme = "digest";
    identity->id = acl_digest(auth->data);
    identity->next = c->identities;
    c->identities = identity;
    sign(c, PACKET_AUTH, ZOK);
}

static bool is_known(const struct request *request)
{
    int unknown = cluster.options.hangs_up_at;

    switch (request->operation.op) {
    case OP_CREATE:
        return (unknown & (request->operation.flags == ZOO_CONTAINER ? UNKNOWN_CONTAINER
                                                                     : UNKNOWN_CREATE2)) == 0;
    case OP_REMOVE_WATCHES:
        return (unknown & UNKNOWN_REMOVE_WATCHES) == 0;
    case OP_SYNC:
        return (unknown & UNKNOWN_SYNC) == 0;
    default:
        return true;
    }
}

/* The leader says nothing to a request of a session that it is closing: ZooKeeperServer.touch(). */
void serve_request(struct connection *c, struct request *request)
{
    if (!c->greeted)
        return;
    if (request->operation.op == OP_AUTH)
        identify(c, request);
    else if (!is_known(request))
        connection_end(c);
    else if (session_touch(c->server, session_find(c->server, c->session)))
        submit(c, request);
}

/* Its connection is gone, its session may have come back: nobody looks at the connection. */
void serve_stranded(struct server *server, struct request *request)
{
    if (server->role == ROLE_LEADING)
        log_propose(server, prepare(server, request, server->id, OWNER_SELF));
    else if (server->role == ROLE_FOLLOWING)
        peer_send_leader(server, PEER_REQUEST, 0, request);
}

void serve_forwarded(struct server *leader, int from, struct request *request)
{
    const struct learner *learner = &leader->learners[from];
    struct pending_sync *sync, **end = &leader->syncs;

    if (leader->role != ROLE_LEADING)
        return;
    if (request->operation.op != OP_SYNC) {
        log_propose(leader, prepare(leader, request, from, learner->generation));
    } else if (leader->committed == leader->length) {
        peer_send_learner(leader, from, PEER_SYNCED, 0, request);
    } else {
        sync = arena_alloc(sizeof *sync);
        sync->request = request;
        sync->server = from;
        sync->generation = learner->generation;
        sync->count = leader->length;
        while (*end != NULL)
            end = &(*end)->next;
        *end = sync;
    }
}

/* ---- handshakes ---- */

static int64_t negotiate(int64_t timeout)
{
    int64_t least = 2 * cluster.options.tick, most = 20 * cluster.options.tick;

    return timeout < least ? least : timeout > most ? most : timeout;
}

static void open_session(struct connection *c, struct request *request)
{
    c->session = session_new_id(c->server);
    request->operation.op = OP_OPEN_SESSION;
    request->timeout = c->timeout;
    submit(c, request);
}

static bool has_password(const struct request *request)
{
    char password[16];

    session_password(request->session, password);
    return memcmp(password, request->password, sizeof password) == 0;
}

/* At once, also one that is not greeted yet (ZooKeeperServer.processConnectRequest). */
static void end_older_connections(const struct server *server, int64_t session)
{
    struct connection *next;

    for (struct connection *c = server->connections; c != NULL; c = next) {
        next = c->next;
        if (c->session == session)
            connection_end(c);
    }
}

static void reopen_session(struct connection *c, struct request *request)
{
    struct session *session = session_find(c->server, request->session);
    struct message *message;

    end_older_connections(c->server, request->session);
    c->session = request->session;
    c->handshake = request;
    request->connection = c;
    if (!has_password(request) || cluster.options.forgets_sessions) {
        connection_greet(c, false);
    } else if (c->server->role == ROLE_LEADING) {
        bool valid = session_touch(c->server, session);
        if (valid)
            session->owner = OWNER_SELF;
        connection_greet(c, valid);
    } else {
        message = message_new(PEER_VALIDATE);
        message->generation = c->server->joined;
        message->body = request;
        peer_send(c->server->id, c->server->leader, message);
    }
}

void serve_handshake(struct connection *c, struct request *request)
{
    if (!server_serves(c->server) || request->last_zxid > c->server->applied) {
        connection_end(c);
        return;
    }
    c->timeout = negotiate(request->timeout);
    if (request->session == 0)
        open_session(c, request);
    else
        reopen_session(c, request);
}

void serve_validate(struct server *leader, int from, struct message *message)
{
    const struct request *request = message->body;
    struct session *session = session_find(leader, request->session);
    bool valid;

    if (leader->role != ROLE_LEADING)
        return;
    valid = session_touch(leader, session);
    if (valid)
        session->owner = leader->learners[from].generation;
    peer_send_learner(leader, from, PEER_VALIDATED, valid, message->body);
}

void serve_validated(const struct message *message)
{
    const struct request *request = message->body;

    if (request->connection != NULL)
        connection_greet(request->connection, message->value != 0);
}
