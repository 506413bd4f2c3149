/*
 * What the core asks of a ZooKeeper server, what comes back, and who owns a request until when.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_REQUEST_H
#define ZKC_CORE_REQUEST_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Those that only the leader answers come first. */
enum verb {
    VERB_CREATE_CONTENDER, /* ephemeral sequential */
    VERB_CREATE_CONTAINER,
    VERB_CREATE_PLAIN,
    VERB_DELETE,
    VERB_SET,
    VERB_CHECK, /* a multi of one check or more: a quorum write without side effect */
    VERB_SYNC,  /* nothing is logged */
    VERB_EXISTS,
    VERB_GET,
    VERB_CHILDREN,
    VERB_UNWATCH /* all watches on the path */
};

enum answer {
    ANSWER_OK,
    ANSWER_NO_NODE,
    ANSWER_NODE_EXISTS,
    ANSWER_NO_AUTH,     /* the ACL forbids it */
    ANSWER_UNSUPPORTED, /* this server does not know the operation */
    ANSWER_NO_WATCH,
    ANSWER_AUTH_REQUIRED, /* this server serves nobody without a credential of some scheme */
    ANSWER_QUOTA,
    ANSWER_OTHER,       /* the server's own code says what */
    ANSWER_REFUSED,     /* not applied, may be sent again */
    ANSWER_LOST,        /* unknown whether applied */
    ANSWER_EXPIRED,     /* the session is gone */
    ANSWER_AUTH_FAILED, /* the credential was refused */
    ANSWER_NO_MEMORY    /* never sent */
};

struct node_stat {
    int64_t czxid;
    int64_t mzxid;
    int64_t owner;
    int64_t created_ms;
};

/* Everything is borrowed for the duration of the call. */
struct reply {
    enum answer answer;
    int code;         /* ZooKeeper's own */
    bool proof;       /* the answer to a write that a quorum has logged */
    bool led;         /* the leader's answer: to such a write or a sync */
    bool decided;     /* a server answered, whatever it said */
    bool hung_up;     /* no answer: the other end closed the connection */
    size_t failed;    /* of several checks, the first that failed: those before it did not */
    const char *path; /* of a created node */
    const void *data;
    size_t length;
    const struct node_stat *stat;
    const char *const *names;
    size_t count;
};

struct queue;
struct request;
typedef void (*answer_fn)(void *owner, struct request *request, const struct reply *reply);

struct request {
    struct list link; /* in its queue, waiting or in flight */
    enum verb verb;
    bool watch;
    bool fences; /* a write that goes ahead of the fence and serves as one */
    bool in_flight;
    bool dead;        /* its queue has let go of it: it is freed when the client answers */
    const char *path; /* borrowed until answered or cancelled */
    size_t count;     /* of a check: so many paths lie there, one behind the other; 0: one */
    const void *data; /* borrowed until sent or cancelled */
    size_t length;
    bool answering; /* its owner is being told */
    bool kept;      /* the owner took it back while it was answered */
    int64_t sent_at;
    struct queue *queue;
    answer_fn answered; /* NULL: nobody wants the answer */
    void *owner;
    char room[]; /* for a path of its own */
};

struct request *request_new(void);
struct request *request_with_room(size_t size);

/* Inside the answer callback: the request is not freed but belongs to the owner again. */
bool request_keep(struct request *request);
void request_free(struct request *request);

/* Nobody wants the answer any more; unsent requests are not sent. *request becomes NULL. */
void session_cancel(struct request **request);

/* Calls the owner, and frees what the owner did not take back. */
void request_answer(struct request *request, const struct reply *reply);
void request_fail(struct request *request, enum answer answer); /* likewise, without a server */

#endif
