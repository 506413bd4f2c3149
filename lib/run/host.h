/*
 * The inside of zkc_sync: one mutex around the core, the sessions' handles, and the threads that
 * serve them. Everything enters through host_enter() and leaves through host_leave(), which carries
 * out what the core asked for meanwhile.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_HOST_H
#define ZKC_RUN_HOST_H

#include "core/core.h"
#include "core/nodes.h"
#include "core/session.h"
#include "run/dispatch.h"
#include "run/fork.h"
#include "run/runner.h"
#include "run/thread.h"
#include "zk/zk.h"

#include <zkcoord/zkcoord.h>

#include <pthread.h>

/* A session that several locks share. */
struct pooled {
    struct session session;
    struct list link; /* sync->pool */
    size_t users;
    bool resolving;  /* waits for names to be looked up before it is opened */
    bool rechecking; /* waits to hear whether they have changed */
    char *addresses; /* what its handle was opened with */
};

/* A lock, leader or observer, told when its sync closes. */
struct member {
    struct list link;
    void (*closing)(struct member *member);
};

struct zkc_sync {
    pthread_mutex_t mutex;
    struct condition changed; /* for who closes */
    atomic_int references;
    struct fork_guard guard;
    struct core core;
    struct list pool;
    struct list members;
    struct pooled *main;
    bool closing; /* nothing new begins */
    bool closed;  /* sessions are gone */
    struct dispatch dispatch;
    struct runner runner;
    size_t helpers;     /* threads that close handles */
    struct list graves; /* handles that wait for a thread to close them */
    size_t log_lines;   /* queued for the user */
    bool pool_check;    /* a session may have lost its last user */
    bool resolver_running;

    char *name_space;
    struct server_list servers;
    char *addresses; /* what libzookeeper gets; NULL until names are looked up */
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

/* Counted: handles, threads and libzookeeper may outlive zkc_sync_close(). */
void host_ref(zkc_sync *sync);
void host_unref(zkc_sync *sync);

/* For public calls: ZKC_OK and the mutex is held, or ZKC_EINVAL, ZKC_EFORK, ZKC_ECLOSED. */
int host_begin(zkc_sync *sync);

/* The same for calls that will block: also ZKC_ECALLBACK. */
int host_begin_blocking(zkc_sync *sync);

/* In a forked child nothing may be touched. */
bool host_is_child(const zkc_sync *sync);

/* For the library's own threads: always enters. */
void host_enter(zkc_sync *sync);
void host_leave(zkc_sync *sync);

/* Carries out what was asked for so far. */
void host_pass(zkc_sync *sync);

/* The session with this timeout, 0 for the default; started when first used. NULL without memory.
 */
struct pooled *host_session_get(zkc_sync *sync, int64_t timeout_ms);
void host_session_put(zkc_sync *sync, struct pooled *pooled);

/* Says something through the user's log function, later and elsewhere. Under the mutex. */
void host_log(zkc_sync *sync, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void host_log_list(void *sync, int level, const char *format, va_list arguments);

#endif
