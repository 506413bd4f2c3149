/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A raw libzookeeper client for looking at, and meddling with, what the library under test does
 * on the servers. Calls block; they return ZooKeeper's codes (ZOK 0, errors negative) unless they
 * say otherwise. Each is over within about the session timeout. To leave a session behind, open
 * it through a proxy and cut that.
 */
#ifndef ZKC_TESTS_PROBE_H
#define ZKC_TESTS_PROBE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe;
struct Stat; /* <zookeeper/zookeeper.h> has it, and zhandle_t */
struct _zhandle;

/* `servers`: "host:port[,host:port…]". Waits until connected, 10 s at most; then NULL. */
struct probe *probe_open(const char *servers, int timeout_ms);

/* Ends the session. */
void probe_close(struct probe *p);

struct _zhandle *probe_handle(struct probe *p);
int64_t probe_session(struct probe *p);

/* As the client knows: a black hole is not noticed at once. */
bool probe_connected(struct probe *p);
bool probe_wait_connected(struct probe *p, int64_t deadline);
bool probe_wait_disconnected(struct probe *p, int64_t deadline);

/* True when the session is known to be over. */
bool probe_wait_expired(struct probe *p, int64_t deadline);

/* ---- nodes ---- */

/* `flags` of zookeeper.h: ZOO_EPHEMERAL and so on. The path made goes to made[size], or NULL. */
int probe_create(struct probe *p, const char *path, const char *data, int flags, char *made,
                 size_t size);

/* A plain node and all its parents; no error when they exist. */
int probe_make_path(struct probe *p, const char *path);

/* A create that does not wait; `later` must live as long as the probe. */
struct probe_later {
    pthread_mutex_t lock;
    bool done;
    int rc;
};
int probe_create_later(struct probe *p, const char *path, struct probe_later *later);

/* For wait_until() and holds_until(). */
bool probe_is_done(void *later);
bool probe_is_pending(void *later);

int probe_delete(struct probe *p, const char *path);

/* With all below it; no error when there is none. */
int probe_delete_tree(struct probe *p, const char *path);

int probe_set(struct probe *p, const char *path, const char *data);

/* As a string. */
int probe_get(struct probe *p, const char *path, char *data, size_t size);

int probe_stat(struct probe *p, const char *path, struct Stat *stat);
bool probe_exists(struct probe *p, const char *path);
bool probe_wait_exists(struct probe *p, const char *path, int64_t deadline);
bool probe_wait_gone(struct probe *p, const char *path, int64_t deadline);
int64_t probe_czxid(struct probe *p, const char *path); /* or the error */
int64_t probe_owner(struct probe *p, const char *path); /* the session it depends on, or 0 */

/* What a follower shows after this is not older than the leader's state now. */
int probe_sync(struct probe *p, const char *path);

/* A child list, sorted by name. */
struct probe_list {
    int count;
    char **names;
};
int probe_children(struct probe *p, const char *path, struct probe_list *list);
void probe_list_free(struct probe_list *list);

/* Counts; or the error. */
int probe_count_children(struct probe *p, const char *path);
bool probe_wait_children(struct probe *p, const char *path, int n, int64_t deadline);

/* ---- other sessions ---- */

/*
 * Ends a foreign session on the servers as if it had expired: resumes it and closes it. Its id
 * and password come from proxy_last_session() or from a handle. True when the servers do not know
 * the session any more; false: not so within 10 s. Its owner loses the connection first.
 */
bool probe_expire(const char *servers, int64_t id, const char password[16]);

#endif
