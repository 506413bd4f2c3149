/*
 * TCP connections of clients: both ends, and what is under way between them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <stdlib.h>
#include <string.h>

enum { TO_SERVER_HANDSHAKE, TO_SERVER_REQUEST, TO_SERVER_END, TO_CLIENT };

struct peer *peer_of(struct machine *machine)
{
    struct peer *peer = cluster.peers;

    while (peer != NULL && peer->machine != machine)
        peer = peer->next;
    if (peer != NULL)
        return peer;
    peer = arena_alloc(sizeof *peer);
    peer->machine = machine;
    peer->next = cluster.peers;
    cluster.peers = peer;
    return peer;
}

/* ---- life ---- */

static void packet_free(struct packet *packet)
{
    free(packet->outcome.names);
    pool_put(&cluster.packets, packet);
}

static void drop(struct message *message)
{
    if (message->kind == TO_CLIENT)
        packet_free(message->body);
    message_free(message);
}

static void free_if_closed(struct connection *c)
{
    if (c->client_open || c->server_open)
        return;
    pipe_flush(&c->to_client);
    pipe_flush(&c->to_server);
    if (c->prev_here != NULL)
        c->prev_here->next_here = c->next_here;
    else
        c->peer->connections = c->next_here;
    if (c->next_here != NULL)
        c->next_here->prev_here = c->prev_here;
    else
        c->peer->newest = c->prev_here;
    pool_put(&cluster.connections, c);
    cluster.connection_count--;
}

static int64_t delay_of(const struct connection *c)
{
    return cluster_delay() + c->peer->extra[c->server->id];
}

static void push_to_client(struct connection *c, struct packet *packet)
{
    struct message *message = message_new(TO_CLIENT);

    message->body = packet;
    pipe_push(&c->to_client, message, delay_of(c));
}

static void push_to_server(struct connection *c, int kind, struct request *request)
{
    struct message *message = message_new(kind);

    message->body = request;
    pipe_push(&c->to_server, message, delay_of(c));
}

static void push_sign(struct connection *c, enum packet_kind kind)
{
    struct packet *packet = pool_get(&cluster.packets);

    packet->kind = kind;
    push_to_client(c, packet);
}

void connection_update(struct connection *c)
{
    enum link_fault fault = c->peer->faults[c->server->id];

    if (c->reset)
        return;
    pipe_block(&c->to_server,
               c->server->paused || fault == LINK_BLACKHOLE || fault == LINK_TO_SERVER);
    pipe_block(&c->to_client, fault == LINK_BLACKHOLE || fault == LINK_TO_CLIENT);
}

/* ---- the server's end ---- */

static void leave_server(struct connection *c)
{
    struct server *server = c->server;
    struct session *session = session_find(server, c->session);

    if (c->next != NULL)
        c->next->prev = c->prev;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        server->connections = c->next;
    if (session != NULL && session->connection == c)
        session->connection = NULL;
    serve_gone(c);
    watch_forget(server, c);
}

static void close_server_end(struct connection *c)
{
    if (!c->server_open)
        return;
    c->server_open = false;
    leave_server(c);
    pipe_flush(&c->to_server);
}

void connection_end(struct connection *c)
{
    close_server_end(c);
    if (c->client_open)
        push_sign(c, PACKET_END);
    free_if_closed(c);
}

void connection_reset(struct connection *c)
{
    c->reset = true;
    pipe_flush(&c->to_client);
    pipe_block(&c->to_client, false);
    connection_end(c);
}

void connections_end(struct server *server)
{
    while (server->connections != NULL)
        connection_end(server->connections);
    for (struct peer *peer = cluster.peers; peer != NULL; peer = peer->next)
        if (peer->stranded_at == server->id)
            peer->stranded = NULL;
}

static void refuse(struct connection *c)
{
    close_server_end(c);
    if (c->client_open)
        push_sign(c, PACKET_REFUSED);
    free_if_closed(c);
}

static bool is_of_user(const struct request *request)
{
    enum op op = request->operation.op;

    return op != OP_PING && op != OP_SET_WATCHES && op != OP_AUTH && op != OP_CLOSE_SESSION;
}

static void strand(struct connection *c, struct request *request)
{
    story("fault: reset while a thread has a request in its hands");
    cluster.has_stranded = true;
    c->peer->strand_next = false;
    c->peer->stranded = request;
    c->peer->stranded_at = c->server->id;
    request->of_session = c->session;
    request->identities = c->identities;
    connection_reset(c);
}

static void take_request(struct connection *c, struct request *request)
{
    if (c->peer->strand_next && is_of_user(request)) {
        strand(c, request);
        return;
    }
    if (c->peer->reset_at_next && is_of_user(request)) {
        c->peer->reset_at_next = false;
        story("fault: reset %s a request is applied", c->peer->reset_applied ? "after" : "before");
        if (!c->peer->reset_applied) {
            connection_reset(c);
            return;
        }
        c->peer->reset_with = request;
    }
    serve_request(c, request);
}

static bool is_refused(const struct connection *c)
{
    return c->server->role == ROLE_DOWN || c->peer->barred ||
           c->peer->faults[c->server->id] == LINK_REFUSED;
}

static void deliver_to_server(void *owner, struct message *message)
{
    struct connection *c = owner;
    int kind = message->kind;
    struct request *request = message->body;

    message_free(message);
    if (kind == TO_SERVER_END) {
        close_server_end(c);
        free_if_closed(c);
    } else if (kind == TO_SERVER_REQUEST) {
        take_request(c, request);
    } else if (is_refused(c)) {
        refuse(c);
    } else {
        serve_handshake(c, request);
    }
}

static bool is_lost_reply(const struct connection *c, const struct packet *packet)
{
    const struct request *request = c->peer->reset_with;

    return request != NULL && packet->kind == PACKET_REPLY && request->connection == c &&
           request->xid == packet->xid;
}

void connection_answer(struct connection *c, struct packet *packet)
{
    packet->zxid = c->server->applied;
    if (!c->client_open || !c->server_open) {
        packet_free(packet);
    } else if (is_lost_reply(c, packet)) {
        c->peer->reset_with = NULL;
        packet_free(packet);
        connection_reset(c);
    } else {
        push_to_client(c, packet);
    }
}

/* ---- the client's end ---- */

static void deliver_to_client(void *owner, struct message *message)
{
    struct connection *c = owner;
    struct packet *packet = message->body;

    message_free(message);
    if (c->client_open)
        c->receive(c->owner, packet);
    packet_free(packet);
}

static struct connection *new_connection(struct peer *peer, struct server *server)
{
    struct connection *c = pool_get(&cluster.connections);

    c->peer = peer;
    c->server = server;
    c->to_server = (struct pipe){.deliver = deliver_to_server, .drop = drop, .owner = c};
    c->to_client = (struct pipe){
        .machine = peer->machine, .deliver = deliver_to_client, .drop = drop, .owner = c};
    c->prev_here = peer->newest;
    if (peer->newest != NULL)
        peer->newest->next_here = c;
    else
        peer->connections = c;
    peer->newest = c;
    c->next = server->connections;
    if (c->next != NULL)
        c->next->prev = c;
    server->connections = c;
    cluster.connection_count++;
    return c;
}

struct connection *connection_open(struct machine *machine, int server, struct request *handshake,
                                   connection_fn receive, void *owner)
{
    struct connection *c;

    if (cluster.options.balanced)
        server = (int)world_below(cluster.count);
    c = new_connection(peer_of(machine), &cluster.servers[server]);
    c->client_open = c->server_open = true;
    c->receive = receive;
    c->owner = owner;
    connection_update(c);
    push_to_server(c, TO_SERVER_HANDSHAKE, handshake);
    return c;
}

int connection_server(const struct connection *c)
{
    return c->server->id;
}

void connection_send(struct connection *c, struct request *request)
{
    if (c->server_open)
        push_to_server(c, TO_SERVER_REQUEST, request);
}

bool connection_readable(const struct connection *c)
{
    return pipe_readable(&c->to_client);
}

void connection_close(struct connection *c, bool lossy)
{
    c->client_open = false;
    pipe_flush(&c->to_client);
    if (lossy && world_chance(500))
        pipe_flush(&c->to_server);
    if (c->server_open)
        push_to_server(c, TO_SERVER_END, NULL);
    free_if_closed(c);
}
