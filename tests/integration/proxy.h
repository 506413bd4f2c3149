/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP proxy on loopback between ZooKeeper clients and one server. It understands the framing
 * of the client protocol, so that faults can be aimed at single requests:
 *
 *     struct proxy *p = proxy_start(server_address(servers, 0));
 *     int lost = proxy_on(p, PROXY_ANY_CREATE, 1, PROXY_RESET_AFTER);
 *     ... acquire through proxy_address(p) ...
 *     assert_true(proxy_wait_fired(p, lost, deadline_in_ms(5000)));
 *     assert_int_equal(proxy_requests(p, PROXY_DELETE), 1);
 *     proxy_stop(p);
 *
 * All proxies of a process share one thread; it lives from the first proxy_start() to the last
 * proxy_stop(). Every call may be made from any thread, and all but proxy_stop() and the waits
 * also from a rule's callback. Calls take effect before they return. Deadlines: harness.h.
 */
#ifndef ZKC_TESTS_PROXY_H
#define ZKC_TESTS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

/* ---- life ---- */

/* Listens on a free port and forwards to "127.0.0.1:port". NULL when there is no port. */
struct proxy *proxy_start(const char *target);

/* Resets what is open. Callbacks are over when it returns. */
void proxy_stop(struct proxy *p);

/* "127.0.0.1:port"; lives as long as the proxy. */
const char *proxy_address(const struct proxy *p);

/* Where new connections go. */
void proxy_set_target(struct proxy *p, const char *target);

/* Links between servers: bytes only; rules and counters by operation do nothing. */
enum proxy_protocol {
    PROXY_CLIENT,  /* ZooKeeper's client protocol; four letter words pass, too */
    PROXY_RAW,     /* anything */
    PROXY_ELECTION /* raw, but the sender's own address is taken out of the greeting (quorum.c) */
};
struct proxy *proxy_start_as(const char *target, enum proxy_protocol protocol);

/* ---- modes: for all connections of the proxy ---- */

/*
 * In a black hole connections stay open, and the proxy accepts new ones; bytes, and the end of a
 * connection, are kept back. They are delivered when the mode allows it again, just as TCP
 * repeats what a dead link swallowed: requests arrive late, even of a client that has hung up
 * meanwhile. At most 1 MiB per direction is kept, then the sender's socket fills up.
 */
enum proxy_mode {
    PROXY_PASS,
    PROXY_BLACKHOLE,           /* both ways */
    PROXY_BLACKHOLE_TO_SERVER, /* requests are lost, replies to earlier ones still arrive */
    PROXY_BLACKHOLE_TO_CLIENT, /* requests are applied, replies do not arrive */
    PROXY_IGNORE_NEW           /* open connections go on; new ones are accepted and not answered */
};
void proxy_set_mode(struct proxy *p, enum proxy_mode mode);

/* New connections are refused (ECONNREFUSED), as by a dead server. Open ones go on. */
void proxy_refuse(struct proxy *p, bool refuse);

/* No session is taken back: a new one is made instead, as by ClickHouse Keeper. */
void proxy_forget_sessions(struct proxy *p, bool forget);

/* RST to both ends of every connection, now. What was kept back is lost. */
void proxy_reset_all(struct proxy *p);

/* Delays what arrives from now on, each way. Order is kept, nothing is limited. */
void proxy_set_delay(struct proxy *p, int to_server_ms, int to_client_ms);

/* ---- rules: for single requests ---- */

enum proxy_op {
    PROXY_CONNECT, /* the handshake of a session, new or resumed */
    PROXY_CREATE,
    PROXY_CREATE2, /* libzookeeper: zoo_create2, and zoo_acreate2_ttl goes by CREATE_TTL */
    PROXY_CREATE_CONTAINER,
    PROXY_CREATE_TTL,
    PROXY_DELETE,
    PROXY_EXISTS,
    PROXY_GET_DATA,
    PROXY_SET_DATA,
    PROXY_GET_ACL,
    PROXY_SET_ACL,
    PROXY_GET_CHILDREN,
    PROXY_GET_CHILDREN2,
    PROXY_SYNC,
    PROXY_PING,
    PROXY_MULTI,
    PROXY_MULTI_READ,
    PROXY_CHECK_WATCHES,
    PROXY_REMOVE_WATCHES,
    PROXY_ADD_WATCH,
    PROXY_SET_WATCHES, /* watches renewed after a reconnection */
    PROXY_AUTH,
    PROXY_SASL,
    PROXY_CLOSE,        /* zookeeper_close: the session ends */
    PROXY_NOTIFICATION, /* a watch event; counts as a reply only */
    PROXY_OTHER,
    PROXY_OPS, /* how many there are; what follows are groups */

    PROXY_ANY_CREATE,   /* the four kinds of create, not inside multi */
    PROXY_ANY_CHILDREN, /* both kinds of list */
    PROXY_ANY           /* whatever a caller asks for: not connect, ping, set-watches, close */
};

enum proxy_action {
    PROXY_RESET_BEFORE,   /* not forwarded, never applied; the connection is reset */
    PROXY_SILENCE_BEFORE, /* not forwarded, never applied; the connection is dead but open */
    PROXY_RESET_AFTER,    /* applied, its reply lost; the connection is reset */
    PROXY_SILENCE_AFTER,  /* applied, its reply lost; the connection is dead but open */
    PROXY_HOLD_REQUEST,   /* kept back with all that follows, until proxy_release() */
    PROXY_HOLD_REPLY,     /* applied; its reply is kept back with all that follows, likewise */
    PROXY_CALL_BEFORE,    /* call(p, arg), then forwarded */
    PROXY_CALL_AFTER,     /* applied; call(p, arg), then its reply is passed on */
    PROXY_SPOIL_NAME      /* of the one name that a list of children answers nothing is passed on */
};

struct proxy_rule {
    enum proxy_op op;
    unsigned nth;   /* the nth such request from now on; 0 means 1, the next */
    unsigned times; /* act on so many requests in a row, beginning with that; 0 means once */
    enum proxy_action action;
    const char *containing; /* only requests with these bytes inside: a path, say; or NULL */
    void (*call)(struct proxy *p, void *arg); /* on the proxies' thread: must not wait */
    void *arg;
};

/*
 * Return the rule's number. Where several rules fit a request the oldest acts, but all count it.
 * A reset or silence concerns only the connection of that request: requests before it are
 * forwarded, and the client may connect anew. Where the server sees the new connection before it
 * has read them, it ends the old one without reading: whoever needs them applied refuses new
 * connections until they are. A silent connection stays silent.
 */
int proxy_on(struct proxy *p, enum proxy_op op, unsigned nth, enum proxy_action action);
int proxy_add(struct proxy *p, struct proxy_rule rule);

/* Rules that wait for a reply already forget it, too. What is held stays held. */
void proxy_clear_rules(struct proxy *p);

/* How often the rule has acted: for ..._AFTER and HOLD_REPLY, at the reply. */
unsigned proxy_fired(struct proxy *p, int rule);
bool proxy_wait_fired(struct proxy *p, int rule, int64_t deadline);

/* Lets go all requests and replies that rules hold back. */
void proxy_release(struct proxy *p);

/* ---- counters ---- */

/* What arrived at the proxy, forwarded or not. Groups are sums. */
unsigned proxy_requests(struct proxy *p, enum proxy_op op);
unsigned proxy_replies(struct proxy *p, enum proxy_op op);
void proxy_reset_counters(struct proxy *p);

/* Wait until the counter is at least n. */
bool proxy_wait_requests(struct proxy *p, enum proxy_op op, unsigned n, int64_t deadline);
bool proxy_wait_replies(struct proxy *p, enum proxy_op op, unsigned n, int64_t deadline);

/* Clients' connections: open now, and ever accepted. */
unsigned proxy_open(struct proxy *p);
unsigned proxy_accepted(struct proxy *p);
bool proxy_wait_open(struct proxy *p, unsigned n, int64_t deadline); /* exactly n */
bool proxy_wait_accepted(struct proxy *p, unsigned n, int64_t deadline);

/* ---- sessions seen in handshakes ---- */

struct proxy_session {
    int64_t id;
    char password[16];
    int timeout_ms; /* negotiated */
};

/* The session that was established or resumed last. False: none yet. */
bool proxy_last_session(struct proxy *p, struct proxy_session *session);

/* All, without repetition, the last one last; returns how many there are (64 are remembered). */
int proxy_sessions(struct proxy *p, struct proxy_session *sessions, int max);

#endif
