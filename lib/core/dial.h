/*
 * Finding a server: which addresses are tried, when, and what becomes of those that lose.
 *
 * A connection is one handle of libzookeeper with one address, so that what one address costs in
 * time is ours to say. Addresses are tried staggered, side by side (as RFC 8305 has it): the first
 * that answers is used. For a new session the losers are closed. A session that exists already is
 * resumed on another address in the same way, by its id: a loser is then abandoned, for closing it
 * would end the session that the winner carries. Its handle forgets the session once the handshake
 * that it had begun has come to nothing, or after a fifth of the timeout, and is closed when it is
 * seen without a connection after that.
 * Libzookeeper does not tell that an attempt has failed, so the host looks now and then.
 *
 * Libzookeeper waits for the answer to a handshake for two thirds of the timeout that it asks for.
 * Servers with much to do need longer to make a session than a short timeout allows, and would
 * never be waited for. So beside a handle whose server has been asked and does not answer for a
 * while comes a patient one, which asks the same server for a longer timeout. If it is the first
 * that brings a session, that has the longer timeout.
 *
 * A handle that loses its connection asks for its session again at once. If another handle has
 * taken the session over just now, it would take it back before that one has its answer, and that
 * one would do the same: for ever, where a round trip takes longer than the stagger. So as long as
 * there are others that may bring the session, the current handle does not know its id.
 *
 * Pure: the host opens, looks, disowns and closes as the flags say.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_DIAL_H
#define ZKC_CORE_DIAL_H

#include "core/core.h"

enum connection_state {
    CONNECTION_WANTED, /* host: open a handle */
    CONNECTION_TRYING,
    CONNECTION_FAILED, /* refused or lost; its handle, if it has one, tries again by itself */
    CONNECTION_UP,
    CONNECTION_ABANDONED
};

/* The host sees this of a handle from outside. */
enum sight {
    SIGHT_TRYING,
    SIGHT_ASKING,  /* its server has been asked for the session, and has not answered */
    SIGHT_UNBEGUN, /* has no connection, nor had one */
    SIGHT_BETWEEN, /* has no connection at this moment, or will never have one */
    SIGHT_CONNECTED
};

struct dial;
struct request;

struct connection {
    struct list link; /* dial->connections */
    struct dial *dial;
    void *handle; /* the host's, NULL if none */
    struct request *fence;
    enum connection_state state;
    bool disown_wanted; /* host: make the handle forget the session */
    bool own_wanted;    /* host: give it back, for the session goes on here */
    bool close_wanted;  /* host: close the handle, then connection_closed() */
    bool stays;         /* after that, as one that has failed */
    bool retries;       /* its handle, which has failed, tries again by itself */
    bool disowned;      /* its handle does not know the session */
    bool patient;       /* beside another handle with this address */
    int64_t began;      /* not after anything that it sent */
    int64_t failed_at;  /* or was abandoned */
    char address[];
};

struct dial {
    struct core *core;
    struct list connections;
    struct connection *current; /* what the session talks through, or did last */
    struct timer timer;
    bool dialing;
    bool resuming;     /* a session that exists */
    bool look_wanted;  /* host: connection_seen() for each handle */
    bool names_wanted; /* host: look names up anew */
    int64_t timeout;   /* of the session */
    int64_t took;      /* the newest handshake on a new handle, from the handle's making on */
    int64_t next_try;
    int64_t look_at;
    int64_t look_pause;
    int64_t names_at;
    size_t turn;                       /* whose is next */
    void (*wishes)(struct dial *dial); /* the host has something to do */
};

void dial_init(struct dial *dial, struct core *core, void (*wishes)(struct dial *dial));

/* Looks for a server, for a new session or for one with this id; other addresses than the current
 * connection's first. Again: nothing changes. */
void dial_begin(struct dial *dial, bool resuming, int64_t timeout);

/* One is no longer needed; what was begun is abandoned. */
void dial_end(struct dial *dial);

/* This connection has a session: it is the current one, and all others lose. */
void dial_up(struct dial *dial, struct connection *connection);

/* It lost its server, or never had one. */
void dial_failed(struct dial *dial, struct connection *connection);

/* The server there is none of ours, or its session is not ours. */
void dial_refuse(struct dial *dial, struct connection *connection);

/* The session is over, and whatever carries it may be closed. */
void dial_close_all(struct dial *dial);

/* Whether any handle is there that may find a server. */
bool dial_tries(const struct dial *dial);

/* core->endpoints has changed. */
void dial_names_changed(struct dial *dial);

/* ---- what the host tells ---- */

void connection_opened(struct connection *connection, void *handle);
void connection_open_failed(struct connection *connection);
void connection_seen(struct connection *connection, enum sight sight);

/* The handle has lost its server already, and does not know the session. */
void connection_not_owned(struct connection *connection);

/* The session timeout that it asks for. */
int64_t connection_timeout(const struct connection *connection);

/* The request that the connection keeps for its fence, or a new one; NULL without memory. */
struct request *connection_take_fence(struct connection *connection);

/* The handle is closed, or will be without telling any more. Frees most connections. */
void connection_closed(struct connection *connection);

#endif
