/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy.c         the calls of proxy.h
 * proxy_engine.c  the thread, the sockets, the two flows of bytes of each connection
 * proxy_rules.c   frames, operations, rules, counters
 *
 * One mutex guards everything. The thread holds it except while it waits for events and while a
 * rule's callback runs. Whoever holds it may change anything and close any connection, but only
 * the thread frees memory, at the end of a round, when no event of that round can still point to
 * it: until then closed connections and stopped proxies are merely marked.
 */
#ifndef ZKC_TESTS_PROXY_INTERNAL_H
#define ZKC_TESTS_PROXY_INTERNAL_H

#include "proxy.h"

#include <pthread.h>

#define MAX_SESSIONS 64
#define MAX_QUEUED (1u << 20)

/* A piece of one flow: a frame, or raw bytes. */
struct chunk {
    struct chunk *next;
    int64_t due;
    bool held; /* by a rule, until proxy_release() */
    size_t size, sent;
    char data[];
};

struct flow {
    struct chunk *first, **last;
    size_t queued;
    char *part; /* the beginning of a frame */
    size_t part_size, part_room;
    bool greeted; /* the first frame has passed */
    bool raw;
    bool ended;   /* the sender has closed, or reset, the connection */
    bool aborted; /* it was a reset */
    int64_t end_due;
};

/* What an epoll event points to. */
struct source {
    enum source_kind { LISTENER, SIDE } kind;
};

struct side {
    struct source source; /* first */
    struct conn *conn;
    int fd;
    uint32_t events; /* registered with epoll; 0: not registered */
    bool connecting;
    bool blocked; /* its socket buffer is full */
    bool shut;    /* we have sent a FIN */
};

/* A request whose reply is expected. */
struct pending {
    struct pending *next;
    int32_t xid;
    enum proxy_op op;
    int rule; /* acts on the reply, or -1 */
};

struct conn {
    struct conn *next;
    struct proxy *proxy;
    struct side client, server;
    struct flow up, down; /* to the server, to the client */
    struct pending *pending;
    bool silent; /* by a rule, for ever */
    bool parked; /* accepted under PROXY_IGNORE_NEW */
    bool dead;   /* to be freed at the end of the round */
};

struct rule {
    struct proxy_rule what;
    char *containing;
    unsigned seen, acted, fired;
    bool cleared;
};

struct proxy {
    struct source source; /* first */
    struct proxy *next;
    char address[32], target[32];
    int listener;
    bool refusing;
    bool forgetful; /* handshakes ask for a new session */
    bool stopping;  /* proxy_stop() waits until the thread has seen this */
    bool stopped;
    enum proxy_protocol protocol;
    enum proxy_mode mode;
    int64_t delay_up, delay_down; /* ns */
    struct conn *conns;
    struct rule **rules; /* never moved nor freed before the proxy is */
    int rule_count;
    unsigned requests[PROXY_OPS], replies[PROXY_OPS];
    unsigned accepted;
    struct proxy_session sessions[MAX_SESSIONS]; /* the last one last */
    int session_count;
};

/* ---- proxy_engine.c ---- */

extern pthread_mutex_t proxy_lock;
extern pthread_cond_t proxy_changed; /* CLOCK_MONOTONIC; broadcast when any state changes */

bool engine_add(struct proxy *p);    /* starts the thread for the first one */
void engine_remove(struct proxy *p); /* waits for the thread; ends it after the last one */
void engine_poke(void);              /* a round, please */
void engine_listen(struct proxy *p, bool on);

/* RST to both ends. */
void conn_abort(struct conn *c);

/* RST to the client; the server gets what is on the way, then an orderly end. */
void conn_reset_client(struct conn *c);

/* Puts bytes into a flow. */
void flow_push(struct conn *c, struct flow *f, const char *data, size_t size, bool held);

/* ---- proxy_rules.c ---- */

/* Takes bytes as they come from the sender of a flow. */
void frames_receive(struct conn *c, struct flow *f, const char *data, size_t size);

bool op_in(enum proxy_op op, enum proxy_op group);
void pending_free(struct conn *c);

#endif
