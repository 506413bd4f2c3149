/*
 * The only door to libzookeeper: one client handle that takes requests of the core and answers each
 * exactly once, whatever libzookeeper does.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_ZK_ZK_H
#define ZKC_ZK_ZK_H

#include "core/dial.h"
#include "core/request.h"
#include "core/watch.h"

#define ZK_PASSWORD 16

struct zk;
struct zkc_acl;
struct zoo_op;

enum zk_event { ZK_CONNECTED, ZK_DISCONNECTED, ZK_EXPIRED, ZK_AUTH_FAILED };

/* Called on libzookeeper's completion thread, or inside zk_close(). */
struct zk_hooks {
    void (*event)(struct zk *zk, enum zk_event event, int64_t timeout_ms);
    void (*answer)(struct zk *zk, struct request *request, const struct reply *reply);
    void (*watch)(struct zk *zk, const char *path, enum watch_event event);
};

/* Borrowed until zk_close() has returned; address and password only until zk_open() has. */
struct zk_config {
    const struct zk_hooks *hooks;
    void *user;
    const char *address; /* one, numeric: "ip:port" */
    int64_t session;     /* to resume; 0: a new one */
    const char *password;
    int64_t timeout_ms;
    const char *auth_scheme; /* NULL: none */
    const char *auth;
    const struct zkc_acl *acl; /* of every node created */
    size_t acl_count;
};

/* What a code that a server has sent means. */
enum answer zk_answer_of(int code);

/* Whether a server has processed the request, as opposed to the client giving it up. */
bool zk_decided(int code);

/* Begins to connect. 0, or -1 with errno: EAGAIN, no thread; EMFILE, no descriptor. Does not block
 * on the network. */
int zk_open(const struct zk_config *config, void *cookie, struct zk **ret_zk);

void *zk_user(const struct zk *zk);

/* For the caller's use; guard it with the lock that the hooks take. */
void *zk_cookie(const struct zk *zk);
void zk_set_cookie(struct zk *zk, void *cookie);

/* For the caller's lists; the handle does not use it. */
struct list *zk_link(struct zk *zk);
struct zk *zk_of_link(struct list *link);

enum zk_submission { ZK_TAKEN, ZK_STALLED, ZK_REJECTED };

/*
 * TAKEN: it will be answered exactly once, through the hook. STALLED: not sent, the handle takes
 * nothing until its next event. REJECTED: not sent, *ret_reply is the answer. Not to be called once
 * zk_close() has begun.
 */
enum zk_submission zk_submit(struct zk *zk, struct request *request, struct reply *ret_reply);

/* The session that it is connected with, or was last; and its password, while connected. */
int64_t zk_session(const struct zk *zk);
void zk_password(const struct zk *zk, char ret_password[ZK_PASSWORD]);

/*
 * The handle forgets its session: it will never connect with it again. A connection that it has, or
 * is making, may go on carrying it; zk_close() before zk_look() has seen an end of that would end
 * the session.
 */
void zk_disown(struct zk *zk);

/* Takes that back: the session goes on here after all. False: it lost its server, and is left as it
 * was. */
bool zk_own(struct zk *zk);

/* What it does; only after zk_disown() the end of what it had is seen. */
enum sight zk_look(struct zk *zk);

/* Ends the session and frees the handle; answers what is left. Blocks up to several seconds. */
void zk_close(struct zk *zk);

/* Fills in a check for a multi of somebody else's. */
void zk_check_op(struct zoo_op *op, const char *path);

#endif
