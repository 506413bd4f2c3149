/*
 * What the simulated client (fake_zoo.c) and the simulated servers say to each other, and the TCP
 * connection between them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_CLUSTER_CLIENT_H
#define ZKC_SIM_CLUSTER_CLIENT_H

#include "world.h"

#define THREADED
#include <zookeeper/zookeeper.h>

#include <stddef.h>

struct path;
struct acl;
struct connection;

enum op {
    /* writes */
    OP_CREATE,
    OP_DELETE,
    OP_SET,
    OP_CHECK,
    OP_MULTI,
    OP_SET_ACL,
    OP_OPEN_SESSION,
    OP_CLOSE_SESSION,
    OP_DELETE_CONTAINER, /* the leader's own */
    OP_ERROR,            /* a write that failed */
    /* the rest */
    OP_SYNC,
    OP_GET,
    OP_EXISTS,
    OP_CHILDREN,
    OP_GET_ACL,
    OP_REMOVE_WATCHES,
    OP_SET_WATCHES,
    OP_PING,
    OP_AUTH
};

struct operation {
    enum op op;
    const char *path;
    const char *data;
    int length; /* -1: NULL */
    const struct acl *acl;
    int flags; /* ZOO_EPHEMERAL and so on */
    int version;
};

/* What came of an operation. */
struct outcome {
    int rc;
    const char *path;
    struct Stat stat;
    const char *data;
    int length;
    int count;             /* of names, or of parts */
    const char **names;    /* malloc'ed by whoever made the outcome */
    struct outcome *parts; /* of the arena */
    const struct acl *acl;
};

enum watch_table { WATCH_DATA, WATCH_EXIST, WATCH_CHILD, WATCH_TABLES };

/* A request. It lives as long as the world. */
struct request {
    struct operation operation;
    int count; /* of a multi */
    struct operation *operations;
    int32_t xid;
    bool watch;
    /* the handshake, and SetWatches, where the paths follow one another */
    int64_t session;
    int64_t timeout;
    int64_t last_zxid;
    char password[16];
    struct path **watched[WATCH_TABLES];
    int watched_count[WATCH_TABLES];

    /* The server's. */
    struct request *next;
    struct connection *connection; /* NULL: nobody waits for the answer */
    const void *identities;
    int64_t of_session;
    bool done; /* committed, waits for its turn to be answered */
    struct outcome outcome;
};

enum packet_kind {
    PACKET_REFUSED,  /* nobody listens there */
    PACKET_GREETING, /* session 0: it has expired */
    PACKET_REPLY,
    PACKET_EVENT,
    PACKET_PONG,
    PACKET_AUTH,
    PACKET_WATCHES_SET,
    PACKET_END
};

struct packet {
    enum packet_kind kind;
    int32_t xid;
    int64_t zxid;
    int64_t session;
    int64_t timeout;
    char password[16];
    int event;
    const char *path;
    struct outcome outcome;
};

/* Called on the client's machine; the packet goes when it returns. */
typedef void (*connection_fn)(void *owner, struct packet *packet);

/* Begins a connection; the answer is a greeting, a refusal, an end, or none. */
struct connection *connection_open(struct machine *machine, int server, struct request *handshake,
                                   connection_fn receive, void *owner);
void connection_send(struct connection *c, struct request *request);

/* The client hangs up. Lossy: with replies unread, so that the server may lose what it has not
 * read yet. The connection must not be used any more. */
void connection_close(struct connection *c, bool lossy);

/* Something has arrived already. */
bool connection_readable(const struct connection *c);
int connection_server(const struct connection *c);

/* Does not read what comes to any more, but tells. */
int cluster_server_of(const char *address);             /* -1: nobody has it */
bool cluster_submission_fails(struct machine *machine); /* by chance, see cluster_refuse() */
int64_t cluster_sluggishness(void);

const char *arena_copy(const char *data, int length);
void *arena_alloc(size_t size);
const struct acl *acl_of(const struct ACL_vector *vector);
struct path *path_of_text(const char *text);
uint32_t path_id(const struct path *path);

/* fake_zoo.c: frees all handles, at the end of the world. */
void fake_zoo_end(void);

#endif
