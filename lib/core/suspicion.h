/*
 * Servers that hang up at a request which they do not know, instead of answering that they do not:
 * to the client it looks like a reply that was lost, and repeating the request would go on for
 * ever. ClickHouse Keeper was like this before it learnt create2, createContainer and
 * removeWatches; it does not take sessions back after a reconnection, either.
 *
 * A request is told from a lost one by repetition. It is accused when the other end closes the
 * connection within T/8 of its sending: one point for its verb, once a connection. Any answer to
 * the verb acquits it, and for a minute it is not accused again. Points are of one minute; so many
 * convict:
 *
 *   createContainer  3  plain nodes instead, which are never wrong
 *   removeWatches    3  watches stay until their nodes change or the session ends
 *   create2         10  it is an error for a minute, then it is tried again
 *   anything else   12  it is said, once a minute
 *
 * A listing that goes out behind create2 is lost with it each time, and must not be convicted
 * first.
 *
 * The first two, which can be done without, get two points more if the session is found gone within
 * T/2: that is not ZooKeeper's way, and the next trial would cost another one. The others are
 * accused only where the connection was good for something before: it had begun the session, or
 * another request had been answered. A connection that is lost without one of them was lost for
 * another reason, and links that lose connections may have lost the others, too: its points go.
 *
 * What is known is kept for the life of the client, across its sessions: where they are not taken
 * back each trial costs one.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SUSPICION_H
#define ZKC_CORE_SUSPICION_H

#include "core/core.h"
#include "core/request.h"

struct suspect {
    unsigned points;
    int64_t since;    /* the first of them */
    int64_t until;    /* convicted until then; 0: not */
    int64_t answered; /* when a server last did */
    bool known;       /* and what to do */
};

/* Of a client, by verb. */
struct suspicion {
    struct core *core;
    struct suspect of[VERB_UNWATCH + 1];
};

/* Of a session: what its connection was lost with. */
struct accusation {
    struct suspicion *suspicion;
    int64_t timeout; /* of the session */
    bool resumed;    /* a connection of this session has been lost with a request before */
    bool begun;      /* this connection had begun the session */
    bool heard;      /* anything was answered on it */
    unsigned lost;   /* what was in flight: bits */
    unsigned verbs;  /* those of it that are accused */
};

void suspicion_init(struct suspicion *suspicion, struct core *core);

/* Whether the verb is not to be sent: the servers do not know it. */
bool suspicion_convicted(struct suspicion *suspicion, enum verb verb);

/* Whether a server has shown this client that it knows the verb. */
bool suspicion_known(const struct suspicion *suspicion, enum verb verb);

void accusation_init(struct accusation *accusation, struct suspicion *suspicion);

/* The session has its next connection: what was lost with the last one is known. */
void accusation_connected(struct accusation *accusation, bool new_session, int64_t timeout);

/* A request was answered or lost. */
void accusation_answered(struct accusation *accusation, const struct request *request,
                         const struct reply *reply);

/* No server knows the session any more, whose connection was lost at this time. */
void accusation_session_lost(const struct accusation *accusation, int64_t lost_at);

#endif
