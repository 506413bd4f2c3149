/*
 * A pretended server for tests of the core: answers requests from a little tree, in order, at a
 * virtual time, and can lose, refuse or hold back what a test names.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_PRETEND_H
#define TEST_PRETEND_H

#include "core/place.h"
#include "core/exchange.h"

#define PRETEND_NODES 64

struct pretend_node {
    char *path;
    char data[64];
    size_t length;
    int64_t czxid;
    int64_t mzxid;
    int64_t owner;
    bool watched;
};

enum pretend_fault {
    PRETEND_NONE,
    PRETEND_LOSE_BEFORE, /* not applied, connection lost */
    PRETEND_LOSE_AFTER,  /* applied, connection lost */
    PRETEND_ANSWER       /* not applied, answered with fault_answer */
};

struct pretend {
    struct core core;
    struct suspicion suspicion;
    struct session session;
    struct pretend_node nodes[PRETEND_NODES];
    size_t count;
    int64_t zxid;
    int64_t sequence;
    bool connected;
    bool children_watched;
    bool deaf;                      /* requests stay in flight */
    bool unknown[VERB_UNWATCH + 1]; /* it hangs up at these */
    enum pretend_fault fault;
    enum verb fault_verb;
    enum answer fault_answer;
    int fault_skip; /* how many of the verb go well before */
    size_t asked[VERB_UNWATCH + 1];
    enum sight sight;       /* what a look at a handle shows */
    bool disowned_for_good; /* a handle has lost its server when it is given the session back */
    size_t opened, closed, names_asked;
    struct request *held[256];
    size_t held_count;
};

/* A session with a timeout of ten seconds that is not connected yet. */
void pretend_init(struct pretend *pretend);
void pretend_free(struct pretend *pretend);

/* A directory with a plain queue, in which ours is named as a lock's contender. */
struct place *pretend_place(const char *parent, const void *data, size_t length);

/* Where servers are: "10.0.0.1,10.0.0.2". One, unless a test says so. */
void pretend_addresses(struct pretend *pretend, const char *hosts);

/* The one that the session talks through, or the newest. */
struct connection *pretend_connection(struct pretend *pretend);

void pretend_connect_to(struct pretend *pretend, struct connection *connection, int64_t id);
void pretend_connect(struct pretend *pretend, int64_t id); /* another id: a new session */
void pretend_disconnect(struct pretend *pretend);
void pretend_expire(struct pretend *pretend);

/* Answers everything that is or becomes due now, timers included. */
void pretend_run(struct pretend *pretend);

/* Lets time pass in small steps, answering meanwhile. */
void pretend_pass(struct pretend *pretend, int64_t ns);

/* No longer deaf: answers what it had not. */
void pretend_hear(struct pretend *pretend);

struct pretend_node *pretend_add(struct pretend *pretend, const char *path, int64_t owner);
void pretend_remove(struct pretend *pretend, const char *path); /* fires its watch */
void pretend_write(struct pretend *pretend, const char *path, const char *text); /* likewise */
struct pretend_node *pretend_find(struct pretend *pretend, const char *path);
size_t pretend_children(struct pretend *pretend, const char *parent);

/* The next request of this verb, after skip others, meets the fault. */
void pretend_fail(struct pretend *pretend, enum verb verb, enum pretend_fault fault, int skip);
void pretend_answer(struct pretend *pretend, enum verb verb, enum answer answer);

#endif
