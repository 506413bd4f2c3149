/*
 * The simulated ZooKeeper: one server or an ensemble with a leader, followers that lag, sessions
 * that the leader expires, a log of transactions, watches, ACLs. fake_zoo.c is its client; storms
 * and stories turn its screws here.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_CLUSTER_H
#define ZKC_SIM_CLUSTER_H

#include "world.h"

#include <stddef.h>

#define CLUSTER_MAX 5

struct cluster_options {
    int servers;         /* 1 (standalone), 3 or 5 */
    int64_t tick;        /* tickTime, in nanoseconds of the world */
    int sync_limit;      /* ticks until a cut link is noticed */
    int64_t least_delay; /* of a message, each way */
    int64_t most_delay;
    int64_t repair;  /* until a healed link repeats what it swallowed, at most; 0: at once */
    int64_t closing; /* the leader closes all sessions that are due within that; 0: at once */
    int32_t first_sequence;  /* what a new directory's counter starts at: INT32_MAX - 20, say */
    int64_t container_check; /* how often empty containers are removed; 0: a minute */
    bool no_containers;      /* an old server: create container is unimplemented */
    int hangs_up_at;         /* what it does not know: bits of enum cluster_unknown */
    bool forgets_sessions;   /* none is taken back after a reconnection */
    int64_t sluggish;        /* clients' threads run callbacks so much later, at most */
    bool balanced;           /* each address leads to any server, anew at each connection */
    bool reads_forbidden_are_silent; /* as CVE-2024-23944 was mended: no events without READ */
};

/* Requests at which a server closes the connection, as older ClickHouse Keepers do. */
enum cluster_unknown {
    UNKNOWN_CREATE2 = 1,
    UNKNOWN_CONTAINER = 2,
    UNKNOWN_REMOVE_WATCHES = 4,
    UNKNOWN_SYNC = 8
};

void cluster_begin(const struct cluster_options *options); /* serves at once, with a leader */
void cluster_end(void);
int cluster_servers(void);

/* "10.0.0.1:2181,10.0.0.2:2181,…": for zkc_options.nodes; fake_zoo knows them. */
const char *cluster_addresses(void);
void cluster_address(int server, char *address, size_t size); /* of one */

/* ---- faults ---- */

void cluster_crash(int server); /* its memory is gone, its log is kept */
void cluster_restart(int server);
void cluster_pause(int server); /* as SIGSTOP: messages pile up */
void cluster_resume(int server);
void cluster_cut(int server,
                 int other);          /* the link between two servers, both ways, as a black hole */
void cluster_stall(int from, int to); /* one way only */
void cluster_isolate(int server);     /* from all other servers; clients still reach it */
void cluster_heal(void);              /* all links between servers, all servers run */
void cluster_slow(int server, int64_t delay); /* its commits are delayed by as much: a slow disk */
void cluster_lag(int server, int64_t delay);  /* it hears the other servers so much later */
int cluster_leader(void);                     /* the newest one that leads, or -1 */
int cluster_serving(void);                    /* how many serve clients, as they think */

/* Links of one client's machine to one server (-1: to all). */
enum link_fault {
    LINK_FINE,
    LINK_BLACKHOLE, /* both ways: what is sent waits and arrives when it heals, if both ends live */
    LINK_TO_SERVER, /* only requests are lost */
    LINK_TO_CLIENT, /* requests are applied, replies are lost */
    LINK_REFUSED    /* new connections are refused at once; open ones are reset */
};
void cluster_link(struct machine *machine, int server, enum link_fault fault);
void cluster_link_delay(struct machine *machine, int server, int64_t extra);
void cluster_reset(struct machine *machine); /* TCP reset of its open connections */

/* The next request of this machine: reset before it is applied, or after (its reply is lost). */
void cluster_reset_at_next(struct machine *machine, bool applied);

/*
 * A thread of its server has read the next request of this machine, the connection is reset, and
 * only cluster_unstrand() lets that thread hand the request on, in the name of the session.
 */
void cluster_strand_next(struct machine *machine);
void cluster_unstrand(struct machine *machine);
bool cluster_has_stranded(void); /* any, ever */

/* Its new connections are refused, whatever its links are; open ones go on. */
void cluster_bar(struct machine *machine, bool barred);

/* From now on every credential is refused. */
void cluster_refuse_auth(bool refuse);

/* So many of a thousand zoo_* calls of this machine fail at once, as without memory. */
void cluster_refuse_submissions(struct machine *machine, int per_mille);

/* ---- strangers: done at the leader, as by another client; false: no leader, or refused ---- */

bool cluster_delete(const char *path);
bool cluster_create(const char *path, const char *data, bool sequential);
bool cluster_set(const char *path, const char *data);
bool cluster_expire(int64_t session); /* as if closed by somebody with its password */
bool cluster_forbid(const char *path, int permissions); /* ACL: world:anyone gets only these */

/* ---- looking, without disturbing: the state of the leader, or of the newest server ---- */

struct cluster_node {
    const char *path;
    int64_t czxid;
    int64_t owner; /* session; 0: not ephemeral */
    const char *data;
    size_t length;
};
/* Children in the order of creation; returns how many; at most max are stored. */
int cluster_children(const char *path, struct cluster_node *nodes, int max);
bool cluster_exists(const char *path);
int cluster_watches(void);  /* of all live servers, all sessions */
int cluster_sessions(void); /* that the leader knows */
int64_t cluster_session_of(struct machine *machine, int nth); /* the nth open one, 0: none */

int64_t cluster_expiry_of_session(int64_t session); /* as the leader knows it; 0: not at all */
int64_t cluster_until_expiries(int64_t time);   /* from then to when the leader looks what is due */
int cluster_server_of_session(int64_t session); /* to which it is connected; -1: none */
int cluster_connections(void);                  /* TCP connections with an end that is open */
int cluster_handles(void); /* of clients, not closed yet; also those of the killed */

/*
 * Tells the checker, at the very moment it is decided (committed; nobody can have seen it yet): the
 * session's ephemeral node is deleted because the session expired, was closed, or by a delete.
 */
enum cluster_cause { CAUSE_EXPIRED, CAUSE_CLOSED, CAUSE_DELETED };
void cluster_on_removal(void (*removed)(const char *path, int64_t czxid, int64_t owner,
                                        enum cluster_cause cause));

#endif
