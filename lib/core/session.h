/*
 * One ZooKeeper session: it is opened, kept, lost and opened again by itself. It sends requests
 * while connected, keeps its lease fresh while something is held, and tells its tickets and
 * followers what happens to it.
 *
 *   IDLE --start--> OPENING --connected--> LIVE <--> SUSPENDED
 *                      ^                     |           |
 *                      '------ RETRYING <----'--expired--'      any --stop--> STOPPED
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SESSION_H
#define ZKC_CORE_SESSION_H

#include "core/core.h"
#include "core/lease.h"
#include "core/pace.h"
#include "core/request.h"
#include "core/watch.h"

#include <stdatomic.h>

enum session_state {
    SESSION_IDLE,
    SESSION_OPENING,
    SESSION_LIVE,
    SESSION_SUSPENDED,
    SESSION_RETRYING,
    SESSION_REFUSED, /* the credential was; the next request tries again */
    SESSION_STOPPED
};

enum session_event {
    SESSION_CONNECTED, /* for the first time or again; the same session if its id is the same */
    SESSION_DISCONNECTED,
    SESSION_LOST,        /* the session and all it owned are gone */
    SESSION_AUTH_REFUSED /* every pending wish fails */
};

enum revocation { REVOKED_LEASE, REVOKED_EXPIRED, REVOKED_DELETED };

struct session;

struct follower;

struct follower_ops {
    void (*event)(struct follower *follower, enum session_event event);

    /* Of those whose node must stay proven: a holder, or who is next in line. */
    struct request *(*beat)(struct follower *follower); /* has the path; NULL without memory */
    void (*checked)(struct follower *follower, enum answer answer); /* outcome of such a beat */
    void (*lapsed)(struct follower *follower);                      /* the lease has run out */
};

/* Somebody who lives on a session and hears of its events. */
struct follower {
    struct list link;
    struct list keeping; /* among those whose node must stay proven */
    const struct follower_ops *ops;
};

/* Somebody who wants to know whenever the lease has moved. */
struct prover {
    struct list link;
    void (*proven)(struct prover *prover);
};

struct session {
    struct list link;      /* core->sessions */
    struct list attention; /* core->attention */
    struct core *core;
    enum session_state state;
    int64_t wanted_timeout; /* nanoseconds */
    int64_t timeout;        /* negotiated; 0 before the first connection */
    int64_t id;
    uint64_t generation; /* counts sessions */
    uint64_t epoch;      /* counts connections */

    void *handle;        /* the host's client handle, NULL if none */
    bool open_wanted;    /* host: open a handle and set it */
    bool drop_wanted;    /* host: let go of the handle */
    bool recheck_wanted; /* host: have the servers moved to other addresses? */
    int64_t opened_at;

    struct list queue;  /* requests not sent yet */
    struct list flight; /* requests without an answer yet */
    size_t in_flight;
    struct pace pace;
    int64_t lost_at;   /* when it was suspended */
    int64_t led_at;    /* newest send of what only the leader answers */
    int64_t beaten_at; /* newest send of a write beat */

    struct lease lease;
    _Atomic int64_t deadline; /* end of the lease, read without a lock by whoever asks "held?" */
    _Atomic int64_t lapsed;   /* newest deadline that a reader has seen pass, set without a lock */
    int64_t lapse_handled;    /* up to where that was acted upon */
    struct map watches;
    struct map holders; /* tickets that hold, by directory */
    struct map musters; /* listings that are shared, by directory */
    struct list followers;
    struct list keepers; /* the followers whose node must stay proven */
    struct list provers;
    struct request *beat;      /* a beat without an answer yet */
    struct follower *beat_for; /* whose node it checks; NULL when it has gone meanwhile */
    bool closing;              /* nothing more is sent: the session's end takes its nodes along */
    bool stalled;              /* the client takes no requests until it reports a change */
    unsigned attempts;         /* to open, without success */
    struct timer open_timer;
    struct timer beat_timer;
    struct timer lapse_timer;
    struct timer pause_timer;
};

void session_init(struct session *session, struct core *core, int64_t timeout_ms);
void session_start(struct session *session);

/* Fails what is pending with ANSWER_EXPIRED and wants the handle dropped. Nothing happens after. */
void session_stop(struct session *session);

/* ---- what the owners ask ---- */

/* Allocates and submits; NULL without memory. path and data are borrowed until sent or cancelled.
 */
struct request *session_ask(struct session *session, enum verb verb, const char *path,
                            answer_fn answered, void *owner);
struct request *session_ask_watch(struct session *session, enum verb verb, const char *path,
                                  answer_fn answered, void *owner);

struct request *request_new(void);
struct request *request_with_room(size_t size);

/* Inside the answer callback: the request is not freed but belongs to the owner again. */
bool request_keep(struct request *request);
void request_free(struct request *request);

/* Submits a request from request_new() with verb, path and the rest set. */
void session_submit(struct session *session, struct request *request);

/* Nobody wants the answer any more; unsent requests are not sent. *request becomes NULL. */
void session_cancel(struct request **request);

/* Takes away all watches on a path unless somebody in the table still wants them. */
void session_unwatch(struct session *session, const char *path);

void session_follow(struct session *session, struct follower *follower);
void session_keep(struct session *session, struct follower *follower);
void session_keep_no_more(struct session *session, struct follower *follower);
void session_on_proof(struct session *session, struct prover *prover);
void follower_init(struct follower *follower, const struct follower_ops *ops);
void prover_init(struct prover *prover, void (*proven)(struct prover *));

/* Whether requests reach a server at this moment. */
bool session_connected(const struct session *session);

/* Whether the lease is good for beginning a hold now. */
bool session_grantable(const struct session *session);

/* ---- what the host tells ---- */

void session_connected_event(struct session *session, int64_t id, int64_t timeout_ms);
void session_disconnected_event(struct session *session);
void session_expired_event(struct session *session);
void session_auth_event(struct session *session);

/* The servers have other addresses than those that the handle tries in vain. */
void session_moved_event(struct session *session);

/* The handle was made in this very step. */
void session_opened(struct session *session, void *handle);

/* The handle could not be made. */
void session_open_failed(struct session *session);

/* The next request to send; NULL if none may be sent now. It counts as sent at core->now. */
struct request *session_next_request(struct session *session);

/* The client would not take a request: it goes back to the head of the queue. */
void session_stall(struct session *session, struct request *request);

/* The client answered; frees the request unless it was kept or submitted again. */
void request_answered(struct request *request, const struct reply *reply);

#endif
