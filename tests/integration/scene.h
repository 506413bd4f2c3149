/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the library share: sync objects with a log, outcomes of asynchronous calls,
 * blocking calls on a thread, and what is left on the servers. What cannot be set up fails the
 * test at once; in a role (harness.h) it ends the process. Deadlines: harness.h.
 */
#ifndef ZKC_TESTS_SCENE_H
#define ZKC_TESTS_SCENE_H

#include <zkcoord/zkcoord.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct probe;
struct servers;

/* ---- opening ---- */

#define SCENE_NAMESPACE "/t"
#define SCENE_SESSION_MS 4000

/* How to open a sync object. Zero means default. */
struct scene {
    const char *nodes;      /* "host:port,…"; needed */
    const char *name_space; /* SCENE_NAMESPACE */
    const char *id;         /* of our node; NULL: no service is given */
    const char *auth;       /* "user:password" for the scheme "digest" */
    int session_ms;         /* SCENE_SESSION_MS */
    int connect_ms;         /* 20000; negative: do not wait */
    bool quiet;             /* no log */
};

/*
 * Opens it and returns what zkc_sync_open() did. The log goes to stderr with the time and the
 * node's id; with $ZKC_VERBOSE down to debug lines.
 */
int scene_try(const struct scene *how, zkc_sync **ret_sync);

zkc_sync *scene_open_as(const struct scene *how);
zkc_sync *scene_open(const char *nodes); /* all defaults */

zkc_lock *scene_lock(zkc_sync *sync, const char *id);
zkc_lock *scene_lock_with(zkc_sync *sync, const char *id, const zkc_lock_options *options);
zkc_leader *scene_leader(zkc_sync *sync, const char *id);
zkc_context *scene_context(int64_t timeout_ms); /* negative: without a deadline */

/* ---- outcomes of asynchronous calls ---- */

/* Counts calls, remembers the last result. scene_outcome_init() before, ..._end() after use. */
struct scene_outcome {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int calls;
    int result;
    zkc_elected *elected; /* scene_elected() only */
};

void scene_outcome_init(struct scene_outcome *o);
void scene_outcome_end(struct scene_outcome *o);

void scene_done(void *arg, int result);                          /* zkc_done_fn, zkc_revoked_fn */
void scene_elected(void *arg, int result, zkc_elected *elected); /* zkc_elected_fn */

int scene_calls(struct scene_outcome *o);
bool scene_wait_calls(struct scene_outcome *o, int calls, int64_t deadline); /* at least */

/* Waits until it has been called and returns the result; fails the test at the deadline. */
int scene_result(struct scene_outcome *o, int64_t deadline);

/* ---- blocking calls on a thread ---- */

/* Fill in what the call needs, start it, end it with scene_join(). */
struct scene_call {
    int (*call)(struct scene_call *self);
    zkc_sync *sync;
    zkc_lock *lock;
    zkc_leader *leader;
    zkc_elected *elected;
    zkc_context *context;
    void *arg;

    pthread_t thread;
    struct scene_outcome outcome;
    int64_t ended; /* now_ns() when the call returned */
};

void scene_start(struct scene_call *c);
bool scene_returned(struct scene_call *c);
int scene_join(struct scene_call *c, int64_t deadline); /* its result; fails at the deadline */

/* Ready for .call */
int scene_acquire(struct scene_call *c);
int scene_release(struct scene_call *c);
int scene_wait_revoked(struct scene_call *c);
int scene_elect(struct scene_call *c); /* sets elected */

/* ---- descriptors ---- */

bool scene_readable(int fd); /* at this moment */
bool scene_wait_readable(int fd, int64_t deadline);

/* ---- what is on the servers ---- */

/* "<namespace>/lock/<id>" of the default namespace, into path[size]; returns path. */
char *scene_lock_path(char *path, size_t size, const char *id);
char *scene_leader_path(char *path, size_t size, const char *id);

/* Children of a directory; 0 if it does not exist; negative: ZooKeeper's error. */
int scene_count(struct probe *p, const char *path);
bool scene_wait_count(struct probe *p, const char *path, int n, int64_t deadline);

/* Full path of the nth child in the order of creation; false if there are not so many. */
bool scene_nth_node(struct probe *p, const char *path, int n, char *node, size_t size);

/* All watches on all servers that answer. */
int scene_watches(struct servers *s);
bool scene_wait_watches(struct servers *s, int n, int64_t deadline);

/* Fails the test unless node and watch counts come down to 0 by the deadline. */
void scene_nothing_left(struct servers *s, struct probe *p, const char *path, int64_t deadline);

/* ---- a lock or a leadership: for tests that are about both ---- */

/* A reader shares the lock of its id with other readers. */
enum scene_kind { SCENE_LOCK, SCENE_LEADER, SCENE_READER };

/* "lock", "leader", "shared lock" */
const char *scene_kind_name(enum scene_kind kind);

/* One contender. Take and leave it from one thread at a time; ask it from any. */
struct scene_seat {
    enum scene_kind kind;
    zkc_lock *lock;
    zkc_leader *leader;
    char path[128];        /* where its contenders are */
    pthread_mutex_t mutex; /* guards elected */
    zkc_elected *elected;  /* of leaders: what was won last */
    struct scene_outcome outcome;
    int64_t granted_at; /* now_ns() when the newest grant was known */
};

void scene_seat_open(struct scene_seat *s, zkc_sync *sync, enum scene_kind kind, const char *id);
void scene_seat_close(struct scene_seat *s);

int scene_seat_take(struct scene_seat *s, zkc_context *context);
int scene_seat_leave(struct scene_seat *s, zkc_context *context);

/* On a thread: struct scene_call with .arg = the seat, and .context. */
int scene_take(struct scene_call *c);
int scene_leave(struct scene_call *c);

/* wait_ms 0: for ever. Ends with scene_seat_result(), which fails the test at the deadline. */
void scene_seat_take_async(struct scene_seat *s, int64_t wait_ms);
bool scene_seat_decided(struct scene_seat *s);
int scene_seat_result(struct scene_seat *s, int64_t deadline);
int scene_seat_cancel(struct scene_seat *s);

bool scene_seat_is_held(struct scene_seat *s);
int64_t scene_seat_remaining_ms(struct scene_seat *s);
int64_t scene_seat_token(struct scene_seat *s);
int scene_seat_reason(struct scene_seat *s);
int scene_seat_revoked_fd(struct scene_seat *s);

/* ---- an umpire: a thread that asks all seats all the time ---- */

#define SCENE_SEATS_MAX 16

/* What was seen of a seat's newest grant. Times are of now_ns(). */
struct scene_belief {
    int64_t token;
    int64_t first; /* it was held before that */
    int64_t last;  /* and it was still held after that */
    int64_t over;  /* not any more at that; 0: it is held */
};

struct scene_umpire {
    struct scene_seat *seats[SCENE_SEATS_MAX];
    struct scene_belief beliefs[SCENE_SEATS_MAX];
    int count;
    unsigned fouls; /* two seats of one path held at once, or a grant that came back to life */
    bool stop;
    pthread_mutex_t lock;
    pthread_t thread;
};

/* Add seats, then start. */
void scene_umpire_init(struct scene_umpire *u);
void scene_umpire_add(struct scene_umpire *u, struct scene_seat *s);
void scene_umpire_start(struct scene_umpire *u);
struct scene_belief scene_umpire_belief(struct scene_umpire *u, const struct scene_seat *s);
unsigned scene_umpire_fouls(struct scene_umpire *u);

/* Before the seats are closed. Returns the number of fouls. */
unsigned scene_umpire_stop(struct scene_umpire *u);

/* ---- the process itself ---- */

/* Descriptors and threads, to compare before and after. */
struct scene_census {
    int fds;
    int threads;
};
struct scene_census scene_census(void);

/* Fails the test unless both come down to that by the deadline. */
void scene_same_census(const struct scene_census *before, int64_t deadline);

#endif
