/* SPDX-License-Identifier: Apache-2.0 */
#include "run/host.h"
#include "base/mem.h"
#include "run/clock.h"
#include "run/reaper.h"
#include "run/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_LINES_MAX 256

/* ---- lifetime ---- */

void host_ref(zkc_sync *sync)
{
    atomic_fetch_add(&sync->references, 1);
}

static void wipe(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    mem_free(secret);
}

static void free_acl(zkc_sync *sync)
{
    for (size_t i = 0; i < sync->acl_count; i++) {
        mem_free((char *)(uintptr_t)sync->acl[i].scheme);
        mem_free((char *)(uintptr_t)sync->acl[i].id);
    }
    mem_free(sync->acl);
}

static void pooled_free(struct pooled *pooled)
{
    map_clear(&pooled->session.watches);
    mem_free(pooled->addresses);
    mem_free(pooled);
}

static void free_pool(zkc_sync *sync)
{
    struct list *link;

    while ((link = list_pop(&sync->pool)) != NULL) {
        struct pooled *pooled = container_of(link, struct pooled, link);
        pooled_free(pooled);
    }
}

void host_unref(zkc_sync *sync)
{
    if (atomic_fetch_sub(&sync->references, 1) != 1)
        return;
    free_pool(sync);
    dispatch_destroy(sync);
    fork_guard_close(&sync->guard);
    nodes_clear(&sync->servers);
    free_acl(sync);
    wipe(sync->auth);
    mem_free(sync->auth_scheme);
    mem_free(sync->addresses);
    mem_free(sync->name_space);
    mem_free(sync->identity);
    condition_destroy(&sync->changed);
    pthread_mutex_destroy(&sync->mutex);
    mem_free(sync);
}

/* ---- log ---- */

struct log_line {
    struct delivery delivery;
    zkc_sync *sync;
    int level;
    char text[];
};

static void deliver_line(struct delivery *delivery)
{
    struct log_line *line = container_of(delivery, struct log_line, delivery);
    zkc_sync *sync = line->sync;

    sync->log(sync->log_arg, (zkc_log_level)line->level, line->text);
    pthread_mutex_lock(&sync->mutex);
    sync->log_lines--;
    pthread_mutex_unlock(&sync->mutex);
    mem_free(line);
}

void host_log_list(void *host, int level, const char *format, va_list arguments)
{
    zkc_sync *sync = host;
    struct log_line *line;
    char text[512];
    size_t size;

    if (sync->log == NULL || sync->closed || level > sync->log_level ||
        sync->log_lines >= LOG_LINES_MAX)
        return;
    vsnprintf(text, sizeof text, format, arguments);
    size = strlen(text) + 1;
    line = mem_alloc(sizeof *line + size);
    if (line == NULL)
        return;
    delivery_init(&line->delivery, sync, deliver_line);
    line->sync = sync;
    line->level = level;
    memcpy(line->text, text, size);
    sync->log_lines++;
    dispatch_post(sync, &line->delivery);
}

void host_log(zkc_sync *sync, int level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    host_log_list(sync, level, format, arguments);
    va_end(arguments);
}

/* ---- what libzookeeper tells ---- */

static void on_event(struct zk *zk, enum zk_event event, int64_t id, int64_t timeout_ms)
{
    zkc_sync *sync = zk_user(zk);
    struct session *session;

    host_enter(sync);
    session = zk_cookie(zk);
    if (session != NULL && event == ZK_CONNECTED)
        session_connected_event(session, id, timeout_ms);
    else if (session != NULL && event == ZK_DISCONNECTED)
        session_disconnected_event(session);
    else if (session != NULL && event == ZK_EXPIRED)
        session_expired_event(session);
    else if (session != NULL)
        session_auth_event(session);
    condition_wake_all(&sync->changed);
    host_leave(sync);
}

static void on_answer(struct zk *zk, struct request *request, const struct reply *reply)
{
    zkc_sync *sync = zk_user(zk);

    host_enter(sync);
    request_answered(request, reply);
    host_leave(sync);
}

static void on_watch(struct zk *zk, const char *path, enum watch_event event)
{
    zkc_sync *sync = zk_user(zk);
    struct session *session;

    host_enter(sync);
    session = zk_cookie(zk);
    if (session != NULL)
        watches_fire(&session->watches, path, event);
    host_leave(sync);
}

static const struct zk_hooks hooks = {on_event, on_answer, on_watch};

/* ---- what the core asked for ---- */

static void drop_handle(zkc_sync *sync, struct session *session)
{
    struct zk *zk = session->handle;

    session->drop_wanted = false;
    session->handle = NULL;
    if (zk == NULL)
        return;
    zk_set_cookie(zk, NULL);
    reaper_bury(sync, zk);
}

/* Without memory it is not noticed when the servers move. */
static void remember_addresses(const zkc_sync *sync, struct pooled *pooled)
{
    mem_free(pooled->addresses);
    pooled->addresses = mem_strdup(sync->addresses);
}

static void open_handle(zkc_sync *sync, struct session *session)
{
    struct zk *zk;
    struct zk_config config = {.hooks = &hooks,
                               .user = sync,
                               .addresses = sync->addresses,
                               .timeout_ms = session->wanted_timeout / MILLISECOND,
                               .auth_scheme = sync->auth_scheme,
                               .auth = sync->auth,
                               .acl = sync->acl,
                               .acl_count = sync->acl_count};

    if (sync->addresses == NULL) {
        session_open_failed(session);
    } else if (zk_open(&config, session, &zk) != 0) {
        host_log(sync, LOG_ERROR, "cannot make a ZooKeeper client: %m");
        session_open_failed(session);
    } else {
        host_ref(sync); /* until the handle is closed */
        session_opened(session, zk);
        remember_addresses(sync, container_of(session, struct pooled, session));
    }
}

static void recheck(zkc_sync *sync, struct pooled *pooled)
{
    pooled->rechecking = false;
    if (pooled->addresses != NULL && sync->addresses != NULL &&
        nodes_disjoint(pooled->addresses, sync->addresses))
        session_moved_event(&pooled->session);
}

void host_resolved(zkc_sync *sync)
{
    for (struct list *link = sync->pool.next; link != &sync->pool; link = link->next) {
        struct pooled *pooled = container_of(link, struct pooled, link);
        if (pooled->rechecking)
            recheck(sync, pooled);
        if (!pooled->resolving)
            continue;
        pooled->resolving = false;
        if (pooled->session.state == SESSION_OPENING && pooled->session.handle == NULL)
            open_handle(sync, &pooled->session);
    }
}

static void open_when_resolved(zkc_sync *sync, struct session *session)
{
    struct pooled *pooled = container_of(session, struct pooled, session);

    session->open_wanted = false;
    pooled->resolving = true;
    if (resolver_refresh(sync))
        host_resolved(sync);
}

/* Numeric addresses do not change. */
static void recheck_when_resolved(zkc_sync *sync, struct session *session)
{
    session->recheck_wanted = false;
    container_of(session, struct pooled, session)->rechecking = true;
    if (resolver_refresh(sync))
        host_resolved(sync);
}

static void send_requests(zkc_sync *sync, struct session *session)
{
    struct request *request;
    struct reply reply;

    (void)sync;
    while ((request = session_next_request(session)) != NULL) {
        switch (zk_submit(session->handle, request, &reply)) {
        case ZK_TAKEN:
            break;
        case ZK_STALLED:
            session_stall(session, request);
            break;
        case ZK_REJECTED:
            request_answered(request, &reply);
            break;
        }
    }
}

static void serve(zkc_sync *sync, struct session *session)
{
    if (session->drop_wanted)
        drop_handle(sync, session);
    if (session->open_wanted)
        open_when_resolved(sync, session);
    if (session->recheck_wanted)
        recheck_when_resolved(sync, session);
    send_requests(sync, session);
}

static void free_idle_sessions(zkc_sync *sync)
{
    sync->pool_check = false;
    for (struct list *link = sync->pool.next, *next; link != &sync->pool; link = next) {
        struct pooled *pooled = container_of(link, struct pooled, link);
        next = link->next;
        if (pooled == sync->main || pooled->users > 0)
            continue;
        if (!list_empty(&pooled->session.followers) || !list_empty(&pooled->session.queue) ||
            pooled->session.in_flight > 0) {
            sync->pool_check = true;
            continue;
        }
        session_stop(&pooled->session);
        drop_handle(sync, &pooled->session);
        list_remove(&pooled->session.attention);
        list_remove(link);
        pooled_free(pooled);
    }
}

static void carry_out(zkc_sync *sync)
{
    struct list *link;

    while ((link = list_pop(&sync->core.attention)) != NULL)
        serve(sync, container_of(link, struct session, attention));
    if (sync->pool_check)
        free_idle_sessions(sync);
    if (!list_empty(&sync->graves))
        reaper_retry(sync);
}

/* ---- entering and leaving ---- */

void host_enter(zkc_sync *sync)
{
    pthread_mutex_lock(&sync->mutex);
    sync->core.now = clock_now();
}

void host_pass(zkc_sync *sync)
{
    carry_out(sync);
    runner_want(sync, core_next_timer(&sync->core));
}

void host_leave(zkc_sync *sync)
{
    host_pass(sync);
    if (sync->closing)
        condition_wake_all(&sync->changed);
    pthread_mutex_unlock(&sync->mutex);
}

bool host_is_child(const zkc_sync *sync)
{
    return fork_guard_child(&sync->guard);
}

int host_begin(zkc_sync *sync)
{
    if (sync == NULL)
        return ZKC_EINVAL;
    if (host_is_child(sync))
        return ZKC_EFORK;
    host_enter(sync);
    if (!sync->closing)
        return ZKC_OK;
    host_leave(sync);
    return ZKC_ECLOSED;
}

int host_begin_blocking(zkc_sync *sync)
{
    int error = host_begin(sync);

    if (error != ZKC_OK || !dispatch_in_callback(sync))
        return error;
    host_leave(sync);
    return ZKC_ECALLBACK;
}

/* ---- sessions ---- */

struct pooled *host_session_get(zkc_sync *sync, int64_t timeout_ms)
{
    int64_t wanted = timeout_ms > 0 ? timeout_ms : sync->session_timeout_ms;
    struct pooled *pooled;

    for (struct list *link = sync->pool.next; link != &sync->pool; link = link->next) {
        pooled = container_of(link, struct pooled, link);
        if (pooled->session.wanted_timeout == wanted * MILLISECOND) {
            pooled->users++;
            return pooled;
        }
    }
    pooled = mem_zalloc(sizeof *pooled);
    if (pooled == NULL)
        return NULL;
    session_init(&pooled->session, &sync->core, wanted);
    list_append(&sync->pool, &pooled->link);
    pooled->users = 1;
    session_start(&pooled->session);
    return pooled;
}

void host_session_put(zkc_sync *sync, struct pooled *pooled)
{
    pooled->users--;
    if (pooled->users == 0)
        sync->pool_check = true;
}
