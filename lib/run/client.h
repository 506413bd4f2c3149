/*
 * The inside of zkc_sync: one mutex around the core, the sessions' handles, and the threads that
 * serve them. Everything enters through client_enter() and leaves through client_leave(), which
 * carries out what the core asked for meanwhile. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_CLIENT_H
#define ZKC_RUN_CLIENT_H

#include "core/core.h"
#include "core/nodes.h"
#include "core/session.h"
#include "run/dispatch.h"
#include "run/fork.h"
#include "run/helpers.h"
#include "run/host.h"
#include "run/reaper.h"
#include "run/runner.h"
#include "run/thread.h"
#include "zk/zk.h"

#include <zkcoord/zkcoord.h>

#include <pthread.h>

/* What a server's name stands for, as it was last heard. */
struct lookup {
    struct server_list found;
    bool running; /* a thread looks it up */
    int code;     /* of the newest look-up: getaddrinfo()'s, 0 when it went well */
};

/* A lock, leader or observer, told when its sync closes. */
struct member {
    struct list link;
    void (*closing)(struct member *member);
};

struct pooled;

/* The pool of sessions does this for the client, which knows none of them. Under the mutex. */
struct client_work {
    void (*serve)(zkc_sync *sync);         /* carries out what the core asked for */
    void (*names_changed)(zkc_sync *sync); /* core->endpoints has */
    void (*free)(zkc_sync *sync);
};

struct zkc_sync {
    pthread_mutex_t mutex;
    struct condition changed; /* for who closes */
    struct host host;
    atomic_int references;
    struct fork_guard guard;
    struct core core;
    struct suspicion suspicion; /* of requests that the servers do not know */
    struct list pool;
    struct list members;
    struct pooled *main;
    struct client_work work;
    bool closing; /* nothing new begins */
    bool closed;  /* sessions are gone */
    struct dispatch dispatch;
    struct runner runner;
    struct helpers helpers;
    struct reaper reaper;
    struct operation *arriving;     /* zkc_sync_open(), while it waits */
    int shortage;                   /* errno of the newest session that could not be opened, or 0 */
    size_t log_lines;               /* queued for the user */
    bool pool_check;                /* a session may have lost its last user */
    struct lookup names[NODES_MAX]; /* what is known of each of the servers */

    char *name_space; /* as the user calls it */
    char *root;       /* as the servers do: below the chroot */
    char *chroot;     /* all paths are below it; NULL: none */
    struct server_list servers;
    struct zkc_acl *acl;
    size_t acl_count;
    char *auth_scheme;
    char *auth;
    char *identity; /* our node as JSON */
    size_t identity_length;
    int64_t session_timeout_ms;

    zkc_log_fn log;
    void *log_arg;
    int log_level;
};

/* Makes the mutex and what the threads need, in memory that is zero. ZKC_OK, or ZKC_ESYSTEM with
 * errno; client_unref() frees it in either case. */
int client_init(zkc_sync *sync);

/* Counted: handles, threads and libzookeeper may outlive zkc_sync_close(). */
void client_ref(zkc_sync *sync);
void client_unref(zkc_sync *sync);

/* For public calls: ZKC_OK and the mutex is held, or ZKC_EINVAL, ZKC_EFORK, ZKC_ECLOSED. */
int client_begin(zkc_sync *sync);

/* The same for calls that will block: also ZKC_ECALLBACK. */
int client_begin_blocking(zkc_sync *sync);

/* In a forked child nothing may be touched. */
bool client_is_child(const zkc_sync *sync);

/* Always enters. From here to client_leave() pthread_cancel() is held off. */
void client_enter(zkc_sync *sync);
void client_leave(zkc_sync *sync);

/* Carries out what was asked for so far. */
void client_pass(zkc_sync *sync);

/* A path below the chroot as the user calls it. */
const char *client_outside(const zkc_sync *sync, const char *path);

/* Says something through the user's log function, later and elsewhere. Under the mutex. */
void client_log(zkc_sync *sync, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void client_log_list(void *sync, int level, const char *format, va_list arguments);

#endif
