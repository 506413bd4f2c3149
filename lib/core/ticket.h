/*
 * A place in the queue of a lock directory: from the wish to contend until our znode is known to be
 * gone. Source: the lock recipe of ZooKeeper's "Recipes and Solutions".
 *
 *   JOINING -> [ANCESTORS | RECOVERING -> ADOPTING] -> LISTING -> [SORTING] -> ARMING -> WAITING
 *        -> PROVING -> HELD -> LEAVING -> gone
 *
 * A ticket is made by ticket_join() and frees itself once it is gone. Every path out of it deletes
 * its node, however often a reply is lost, until the server confirms or the session ends.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_TICKET_H
#define ZKC_CORE_TICKET_H

#include "core/ancestors.h"
#include "core/shared_list.h"
#include "core/place.h"
#include "core/session.h"

enum ticket_event {
    TICKET_QUEUED, /* somebody is ahead of us */
    TICKET_GRANTED,
    TICKET_FAILED,  /* detail: a zkc_error; the ticket leaves by itself */
    TICKET_ASKED,   /* somebody wants the holder to give up */
    TICKET_REVOKED, /* detail: enum revocation; the ticket leaves by itself */
    TICKET_STUCK,   /* detail: a zkc_error; our node cannot be deleted for now */
    TICKET_GONE     /* our node is known to be gone; the ticket is freed after this */
};

struct ticket;
typedef void (*ticket_fn)(void *owner, struct ticket *ticket, enum ticket_event event, int detail);

enum ticket_phase {
    TICKET_JOINING,
    TICKET_ANCESTORS,
    TICKET_RECOVERING,
    TICKET_ADOPTING,
    TICKET_LISTING,
    TICKET_SORTING,
    TICKET_ARMING,
    TICKET_WAITING,
    TICKET_PROVING,
    TICKET_HELD,
    TICKET_LEAVING
};

/* What is needed until it holds: the name of our node, and where it stands in the queue. */
struct bid {
    struct list_waiter list;
    struct list_waiter look; /* while the predecessor still stands */
    struct request *search;
    struct request *check;
    struct request *arm;
    struct request *see_own; /* our own node, as the listing after it sees it */
    struct request *arm_lookahead;
    struct ancestors *ancestors;
    struct sorting *sorting;
    char *predecessor; /* the node we wait for */
    char *lookahead;   /* the node that we would wait for next */
    struct watcher predecessor_watcher;
    struct watcher lookahead_watcher;
    struct ticket *ticket;
    uint64_t armed_epoch; /* connection on which the predecessor was watched */
    bool next_in_line;
    bool unreadable;        /* the predecessor cannot be watched */
    bool lookahead_is_last; /* nobody else in our way but it and the predecessor */
    uint8_t rounds;         /* of creating ancestors, without success */
    size_t prefix_length;
    char path[]; /* our node; only its prefix until it exists */
};

/* Our own node in sight. */
struct own_watch {
    struct ticket *ticket;
    struct request *arm;
    uint64_t epoch; /* connection on which it was set; 0: not yet */
    struct watcher watcher;
    struct timer timer; /* when to look again without a watch */
    char path[];
};

/* One of these stands behind every lock held, so it is kept small. */
struct ticket {
    struct session *session;
    struct place *place;
    ticket_fn event; /* NULL once the owner has let go */
    void *owner;
    struct bid *bid;             /* NULL once it has held */
    struct own_watch *own_watch; /* NULL when our node is not in sight */
    struct request *life;        /* the create or the delete on its way, or kept for it */
    int64_t token;               /* czxid of our node */
    int64_t granted_end;         /* of the lease when it was granted */
    struct listener listener;
    union {
        struct map_entry holder; /* in session->holders, while held */
        struct timer timer;      /* at all other times */
    };
    uint8_t random[16]; /* of our node's name */
    int32_t sequence;   /* likewise, once it exists */
    enum ticket_phase phase : 8;
    bool try_only : 1;
    bool leaving : 1; /* wanted away, but it is not known yet whether there is a node */
    bool exists : 1;  /* our node was created and is not known to be gone */
    bool wants_own_watch : 1;
    bool asked : 1; /* to give up; known only while our own node is in sight */
};

/* Begins to contend. 0, or -1 without memory. path is copied into the ticket. */
int ticket_join(struct session *session, struct place *place, bool try_only, ticket_fn event,
                void *owner, struct ticket **ret_ticket);

/* Ends contending or holding. Events go on until TICKET_GONE unless the owner lets go. */
void ticket_leave(struct ticket *ticket);

/* Ends a hold from outside; TICKET_REVOKED is told. */
void ticket_revoke(struct ticket *ticket, enum revocation reason);

/* No more events. */
void ticket_let_go(struct ticket *ticket);

/* Hear at once when our node is deleted by somebody else, or asks us to give up. Idempotent. */
void ticket_watch_own(struct ticket *ticket);

/* Path of our node, while it exists: mem_alloc'd (NULL without memory), or into room for it. */
char *ticket_path(const struct ticket *ticket);
void ticket_write_path(const struct ticket *ticket, char *path);
size_t ticket_path_size(const struct place *place);

#endif
