/*
 * One ZooKeeper session: it is opened, kept, lost and opened again by itself. It sends requests
 * while connected, keeps its lease fresh while something is held, and tells its tickets and
 * listeners what happens to it.
 *
 *   IDLE --start--> OPENING --connected--> LIVE <--> SUSPENDED
 *                      ^                     |           |
 *                      '------ RETRYING <----'--expired--'      any --stop--> STOPPED
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SESSION_H
#define ZKC_CORE_SESSION_H

#include "core/core.h"
#include "core/dial.h"
#include "core/lease.h"
#include "core/listener.h"
#include "core/patrol.h"
#include "core/queue.h"
#include "core/silence.h"
#include "core/strays.h"
#include "core/suspicion.h"
#include "core/unwatch.h"
#include "core/watch.h"

#include <stdatomic.h>

enum session_state {
    SESSION_IDLE,
    SESSION_OPENING,
    SESSION_LIVE,
    SESSION_SUSPENDED,
    SESSION_RETRYING,
    SESSION_REFUSED, /* the credential was, or one is missing; the next request tries again */
    SESSION_STOPPED
};

enum revocation { REVOKED_LEASE, REVOKED_EXPIRED, REVOKED_DELETED };

struct session;

/* Somebody who wants to know whenever the lease has moved. */
struct prover {
    struct list link;
    void (*proven)(struct prover *prover);
};

#define SESSION_PASSWORD 16

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

    char password[SESSION_PASSWORD]; /* with the id, what resumes the session elsewhere */
    struct dial dial;
    int64_t newest;         /* zxid that an answer showed */
    struct silence silence; /* of the server, while a beat or the fence is in flight */

    struct queue queue;
    int64_t lost_at;       /* when it was suspended */
    int64_t led_at;        /* newest send of what only the leader answers */
    int64_t beaten_at;     /* newest send of a write beat */
    uint64_t beaten_epoch; /* on which connection that was */
    int64_t resume_sent;   /* the next connection is not asked for before, see lease.h */

    struct lease lease;
    _Atomic int64_t deadline; /* end of the lease, read without a lock by whoever asks "held?" */
    _Atomic int64_t lapsed;   /* newest deadline that a reader has seen pass, set without a lock */
    int64_t lapse_handled;    /* up to where that was acted upon */
    struct map watches;
    struct leftovers leftovers;
    struct accusation accusation;
    struct map holders;      /* tickets that hold, by directory */
    struct map shared_lists; /* listings that are shared, by directory */
    struct strays strays;
    struct list listeners;
    struct patrol patrol;
    struct list provers;
    struct request *beat;      /* a beat without an answer yet */
    struct listener *beat_for; /* whose node it checks; NULL when it has gone meanwhile */
    bool closing;              /* nothing more is sent: the session's end takes its nodes along */
    unsigned attempts;         /* to open, without success */
    enum answer refusal;       /* why it was refused */
    struct timer open_timer;
    struct timer beat_timer;
    struct timer lapse_timer;
};

/* The suspicion is the client's. */
void session_init(struct session *session, struct core *core, struct suspicion *suspicion,
                  int64_t timeout_ms);
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

/* Submits a request from request_new() with verb, path and the rest set. */
static inline void session_submit(struct session *session, struct request *request)
{
    queue_submit(&session->queue, request);
}

static inline struct session *session_of_request(const struct request *request)
{
    return container_of(request->queue, struct session, queue);
}

/* Takes away all watches on a path unless somebody in the table still wants them; later, where it
 * could cost the session. */
void session_unwatch(struct session *session, const char *path);

void session_listen(struct session *session, struct listener *listener);
void session_keep(struct session *session, struct listener *listener);
void session_keep_no_more(struct session *session, struct listener *listener);
void session_unguarded(struct session *session, struct listener *listener); /* no watch any more */
void session_on_proof(struct session *session, struct prover *prover);
void prover_init(struct prover *prover, void (*proven)(struct prover *));

/* Whether requests reach a server at this moment. */
bool session_connected(const struct session *session);

/* Revokes what is over by the clock of this step or of a reader. Whoever enters the core asks this
 * first: nobody acts upon a hold that has been called over already. */
void session_ask_clock(struct session *session);

/* Whether the lease is good for beginning a hold now. */
bool session_grantable(const struct session *session);

/* ---- what the host tells ---- */

/* A server answers this connection; the password has SESSION_PASSWORD bytes. */
void session_connected_event(struct session *session, struct connection *connection, int64_t id,
                             const char *password, int64_t timeout_ms);
void session_disconnected_event(struct session *session, struct connection *connection);
void session_expired_event(struct session *session, struct connection *connection);
void session_auth_event(struct session *session, struct connection *connection);

/* The handle that takes requests now; NULL if none does. */
void *session_handle(const struct session *session);

#endif
