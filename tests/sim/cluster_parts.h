/*
 * Inside the simulated ZooKeeper; cluster.h has its face, cluster_client.h its clients' side.
 *
 *   cluster.c           beginning and end, servers' life
 *   cluster_memory.c    memory of one world, names of paths
 *   cluster_pipe.c      messages on their way: FIFO, delayed, held back
 *   cluster_tree.c      nodes
 *   cluster_acl.c       who may do what
 *   cluster_prepare.c   the leader makes a transaction of a request
 *   cluster_apply.c     every server applies it
 *   cluster_watch.c     watches and what fires them
 *   cluster_session.c   sessions: touching, moving, expiring
 *   cluster_log.c       logs, disks, proposals, acknowledgements, commits
 *   cluster_peers.c     leading, following, looking for a leader
 *   cluster_link.c      connections of clients
 *   cluster_serve.c     requests of clients
 *   cluster_fault.c     faults
 *   cluster_look.c      strangers and observers
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_CLUSTER_PARTS_H
#define ZKC_SIM_CLUSTER_PARTS_H

#include "cluster.h"
#include "cluster_client.h"

/* ---- memory of this world: freed as a whole ---- */

void *arena_alloc(size_t size);                       /* zeroed */
const char *arena_copy(const char *data, int length); /* with a NUL behind */

/* Blocks of one size that are used again. */
struct pool {
    size_t size;
    void *unused;
};
void *pool_get(struct pool *pool); /* zeroed */
void pool_put(struct pool *pool, void *block);

/* ---- paths: each one exists once ---- */

struct path {
    const char *text;
    const char *name;    /* the last component */
    struct path *parent; /* NULL: the root */
    struct path *next;
    uint32_t hash;
    uint32_t id; /* 0, 1, 2…: an index for tables */
};
struct path *path_of(const char *text, size_t length);
struct path *path_of_text(const char *text);

/* Makes room for index `id` in a table of pointers. */
void table_reach(void ***table, uint32_t *capacity, uint32_t id);

/* ---- messages ---- */

struct message {
    struct message *next;
    int64_t due;
    int kind;
    int32_t number;
    int64_t generation;
    int64_t value;
    void *body;
};

struct pipe {
    struct message *first;
    struct message *last;
    int64_t newest;   /* when the last one is due */
    int64_t repaired; /* nothing arrives before */
    uint64_t ticket;
    struct machine *machine; /* of who reads; NULL: a server */
    bool blocked;
    void (*deliver)(void *owner, struct message *message); /* gives it back with message_free() */
    void (*drop)(struct message *message);                 /* it will never arrive */
    void *owner;
};
struct message *message_new(int kind);
void message_free(struct message *message);
void pipe_push(struct pipe *pipe, struct message *message, int64_t delay);
void pipe_block(struct pipe *pipe, bool blocked);
void pipe_flush(struct pipe *pipe); /* what is inside is lost */
bool pipe_readable(const struct pipe *pipe);

/* ---- ACLs ---- */

struct acl_entry {
    int permissions;
    const char *scheme;
    const char *id;
};
struct acl {
    int count;
    const struct acl_entry *at;
};
extern const struct acl acl_open;

/* Who a connection has shown itself to be. */
struct identity {
    struct identity *next;
    const char *scheme;
    const char *id;
};
bool acl_allows(const struct acl *acl, int permission, const struct identity *identities);

/* "auth" becomes who asks. NULL: nothing is left, which is invalid. */
const struct acl *acl_resolve(const struct acl *acl, const struct identity *identities);
const char *acl_digest(const char *user_and_password); /* user:base64(sha1(…)), in the arena */

/* ---- nodes ---- */

struct node {
    struct path *path;
    struct node *parent, *first, *last, *prev, *next; /* children in order of creation */
    struct node *owned_prev, *owned_next;             /* all ephemeral ones */
    const struct acl *acl;
    const char *data;
    int length; /* -1: NULL */
    int children;
    int32_t version, cversion, aversion;
    bool container;
    int64_t czxid, mzxid, pzxid, ctime, mtime, owner;
    int64_t pending; /* ahead of what is committed: the last creation below it */
};

struct tree {
    struct node **nodes; /* by path->id */
    uint32_t capacity;
    struct node *owned_first, *owned_last;
    int count;
};
void tree_begin(struct tree *tree);
void tree_end(struct tree *tree);
void tree_copy(struct tree *tree, const struct tree *from);
struct node *tree_find(const struct tree *tree, const struct path *path);
struct node *tree_add(struct tree *tree, struct path *path, int64_t owner);
void tree_remove(struct tree *tree, struct node *node);
struct Stat;
void tree_stat(const struct node *node, struct Stat *stat);

/* ---- transactions ---- */

struct txn {
    enum op op;
    int error; /* what a failed one failed with; nothing is changed */
    int64_t zxid;
    int64_t time; /* wall clock, ms */
    int64_t session;
    struct path *path;
    const char *data;
    int length;
    const struct acl *acl;
    int flags;
    int32_t cversion; /* of the parent, or the node's new version */
    int count;        /* of parts, or of the doomed */
    struct txn *parts;
    struct path **doomed; /* the session's nodes */
    int64_t timeout;
    struct machine *machine;
    int origin; /* the server that answers; -1: nobody */
    struct request *request;
    enum cluster_cause cause;
    bool announced; /* to cluster_on_removal() */
};

/* ---- sessions, as one server knows them ---- */

struct session {
    struct session *next_in_bucket;
    struct session *prev, *next; /* in order of appearance */
    struct session *next_touched;
    int64_t id;
    int64_t timeout;
    struct machine *machine;
    struct connection *connection; /* at this server */
    bool known;                    /* committed */
    bool touched;                  /* followers: the leader has not been told */
    int64_t touched_at;            /* followers: first since the last ping */
    bool due;                      /* leader: nothing saves it any more */
    bool closing;                  /* leader */
    int64_t expiry;
    int64_t owner; /* which link its requests may come from; 0: any */
};

#define SESSION_BUCKETS 64
#define OWNER_SELF (-1) /* no generation of a link */

/* ---- servers ---- */

enum role {
    ROLE_DOWN,
    ROLE_LOOKING,
    ROLE_GATHERING, /* elected, waits for a quorum to have its log */
    ROLE_LEADING,
    ROLE_JOINING, /* has a leader, is not in step yet */
    ROLE_FOLLOWING
};

enum duty {
    DUTY_LOOK,
    DUTY_BEAT,
    DUTY_EXPIRE,
    DUTY_CLOSE,
    DUTY_CONTAINERS,
    DUTY_SILENCE,
    DUTY_DISK,
    DUTIES
};

struct errand {
    struct server *server;
    enum duty duty;
};

/* Whom a leader leads. */
struct learner {
    int64_t generation; /* of the link; 0: none */
    bool promised;      /* to help in this epoch */
    bool has_log;       /* it was sent */
    bool in_step;       /* has acknowledged the log it began with */
    int acked;          /* transactions */
    int given;          /* with which it began */
    int64_t heard;
    int deadline; /* tick until which it counts */
};

struct pending_sync {
    struct pending_sync *next;
    struct request *request;
    int server;
    int64_t generation;
    int count; /* answered when so many are committed */
};

struct server {
    int id;
    enum role role;
    bool paused;
    bool owed[DUTIES]; /* came due while paused */
    uint64_t tickets[DUTIES];
    struct errand errands[DUTIES];
    int64_t slow; /* its disk */
    int64_t lag;  /* of what it hears */

    struct txn **log;
    int length, capacity;
    int durable;      /* survive a crash */
    int flushing;     /* on their way to the disk */
    int committed;    /* and applied */
    int64_t epoch;    /* the newest whose log it has had on its disk; survives crashes */
    int64_t promised; /* it helps nobody to begin this one or an older; likewise */

    struct tree tree;
    struct tree ahead; /* leader: with all that is proposed */
    int64_t applied;   /* zxid */
    int64_t zxid;      /* leader: the newest proposed */

    struct learner learners[CLUSTER_MAX];
    int64_t proposed;  /* epoch it is to lead */
    bool has_promises; /* of a quorum: logs may be sent */
    int ticks;
    bool half;
    int64_t phase;     /* of its expiry clock */
    int64_t closed_by; /* until then what is due is closed */
    struct pending_sync *syncs;

    int leader; /* follower: whom it follows */
    int64_t joined;
    int64_t joining_epoch; /* its log is on its way to the disk */
    int joining_length;
    int64_t heard;

    struct session *buckets[SESSION_BUCKETS];
    struct session *first_session, *last_session;
    struct session *touched;
    struct connection *connections;
    struct watch **watches; /* by path->id */
    uint32_t watch_capacity;
    int watch_count;
};

bool server_serves(const struct server *server);
void duty_after(struct server *server, enum duty duty, int64_t delay);
bool duty_awaited(const struct server *server, enum duty duty);
void duty_cancel(struct server *server, enum duty duty);

/* cluster_session.c */
struct session *session_find(const struct server *server, int64_t id);
struct session *session_add(struct server *server, int64_t id, int64_t timeout);
void session_remove(struct server *server, struct session *session);
void sessions_clear(struct server *server);
void sessions_restart(struct server *server); /* a new leader gives all the full timeout */
bool session_touch(struct server *server, struct session *session);
int session_check(struct session *session, int64_t owner);
void session_password(int64_t id, char password[16]);
int64_t session_new_id(const struct server *server);
void session_hand_over(struct server *server, struct message *message);
void session_take_over(struct server *server, struct message *message);
void session_forget_touched(struct server *server);
void session_expire_due(struct server *server);
void session_close_due(struct server *server);     /* some, the others later */
void session_close_all_due(struct server *server); /* at once */

/* cluster_prepare.c: a new transaction, logged by the leader */
struct txn *prepare(struct server *leader, struct request *request, int origin, int64_t owner);
struct txn *prepare_end(struct server *leader, struct session *session, enum cluster_cause cause);
struct txn *prepare_container(struct server *leader, struct path *path);
int64_t wall_clock_ms(void);

/* cluster_apply.c */
struct outcome; /* of cluster_client.h */
void apply(struct tree *tree, struct server *witness, const struct txn *txn,
           struct outcome *outcome);

/* cluster_watch.c */
struct watch {
    struct watch *next;                  /* of the path */
    struct watch *mine_prev, *mine_next; /* of the connection */
    struct connection *connection;
    struct path *path;
    bool child; /* watches children, not the node */
};
void watch_add(struct server *server, struct connection *c, struct path *path, bool child);
bool watch_remove(struct server *server, struct connection *c, struct path *path);
void watch_forget(struct server *server, struct connection *c);
void watch_fire(struct server *server, struct path *path, int event, const struct acl *acl);
void watch_renew(struct server *server, struct connection *c, const struct request *request);

/* cluster_log.c */
void log_append(struct server *server, struct txn *txn);
void log_propose(struct server *leader, struct txn *txn);
void log_commit(struct server *server, int count);
void log_count_acks(struct server *leader);
void log_flush(struct server *server);
void log_acknowledge(struct server *follower);
void log_flushed(struct server *server);
void log_replace(struct server *server, int common, struct txn *const *rest, int count);
int64_t log_newest(const struct server *server);

/* cluster_peers.c */
enum peer_message {
    PEER_FOLLOW,
    PEER_EPOCH,
    PEER_PROMISE,
    PEER_LOG,
    PEER_ACK,
    PEER_UP_TO_DATE,
    PEER_PROPOSE,
    PEER_COMMIT,
    PEER_PING,
    PEER_PONG,
    PEER_REQUEST,
    PEER_SYNCED,
    PEER_VALIDATE,
    PEER_VALIDATED,
    PEER_CLOSED
};
void peer_send(int from, int to, struct message *message);
void peer_send_learner(struct server *leader, int to, enum peer_message kind, int64_t value,
                       void *body);
void peer_send_leader(struct server *follower, enum peer_message kind, int64_t value, void *body);
void peers_look(struct server *server);
void peers_leave(struct server *server); /* gives up its role and looks for a leader */
void peers_stop(struct server *server);  /* the links end, as in a crash */
void peers_beat(struct server *server);
void peers_silence(struct server *server);
void peers_acked(struct server *leader); /* a learner may be in step now */
void peers_deliver(void *link, struct message *message);
void peers_drop(struct message *message);

/* cluster_link.c: one TCP connection of a client */
struct connection {
    struct connection *next, *prev;           /* of the server */
    struct connection *next_here, *prev_here; /* of the machine */
    struct peer *peer;
    struct server *server;
    struct pipe to_server, to_client;
    bool client_open, server_open;
    bool reset;  /* what is left gets through whatever the link is like */
    void *owner; /* the client's handle */
    connection_fn receive;

    /* The server's side. */
    int64_t session; /* 0: none yet */
    int64_t timeout;
    bool greeted;
    struct request *first, *last; /* not answered yet */
    struct request *handshake;
    struct identity *identities;
    struct watch *watches;
};

/* A client's machine. */
struct peer {
    struct peer *next;
    struct machine *machine;
    struct connection *connections, *newest; /* the oldest comes first */
    enum link_fault faults[CLUSTER_MAX];
    int64_t extra[CLUSTER_MAX];
    bool barred; /* new connections are refused */
    bool reset_at_next, reset_applied;
    struct request *reset_with; /* its reply is lost */
    bool strand_next;
    struct request *stranded; /* in the hands of a thread of that server */
    int stranded_at;
    int refusals; /* per mille of submissions */
};
struct peer *peer_of(struct machine *machine);
void connection_answer(struct connection *c, struct packet *packet);
void connection_end(struct connection *c);   /* the server hangs up */
void connection_reset(struct connection *c); /* both ends at once; what was under way is lost */
void connections_end(struct server *server);
void connection_update(struct connection *c); /* after a change of link or server */
void connection_greet(struct connection *c, bool valid);

/* cluster_serve.c */
void serve_handshake(struct connection *c, struct request *request);
void serve_request(struct connection *c, struct request *request);
void serve_stranded(struct server *server, struct request *request);
void serve_forwarded(struct server *leader, int from, struct request *request);
void serve_applied(const struct txn *txn, const struct outcome *outcome);
void serve_done(struct request *request);
void serve_gone(struct connection *c); /* nobody waits for its answers any more */
void serve_validate(struct server *leader, int from, struct message *message);
void serve_validated(const struct message *message);
void serve_session_closed(struct server *server, int64_t session, const struct request *by);

/* ---- all of it ---- */

struct peer_link {
    struct pipe pipe;
    int from, to;
};

struct cluster {
    struct cluster_options options;
    int count;
    struct server servers[CLUSTER_MAX];
    struct peer_link links[CLUSTER_MAX][CLUSTER_MAX];
    bool cut[CLUSTER_MAX][CLUSTER_MAX];
    struct peer *peers;
    int64_t generations;
    int64_t session_count;
    uint64_t secret;
    char addresses[CLUSTER_MAX * 24];
    bool auth_refused;
    bool has_stranded;
    int connection_count;       /* not freed yet */
    const struct txn **history; /* all that was ever committed */
    uint32_t history_capacity;
    void (*removed)(const char *path, int64_t czxid, int64_t owner, enum cluster_cause cause);
    struct pool messages, nodes, sessions, watches, connections, packets;
};
extern struct cluster cluster;

int64_t cluster_delay(void);
void memory_begin(void);
void memory_end(void);

#endif
