/* SPDX-License-Identifier: Apache-2.0 */
#include "run/pool.h"
#include "base/mem.h"
#include "run/resolver.h"
#include "run/shortage.h"

#include <errno.h>

static void pooled_free(struct pooled *pooled)
{
    map_clear(&pooled->session.watches);
    mem_free(pooled);
}

/* ---- what libzookeeper tells ---- */

static struct session *session_of(const struct connection *connection)
{
    return container_of(connection->dial, struct session, dial);
}

static void tell_event(struct zk *zk, struct connection *connection, enum zk_event event,
                       int64_t timeout_ms)
{
    struct session *session = session_of(connection);
    char password[ZK_PASSWORD];

    if (event == ZK_CONNECTED) {
        zk_password(zk, password);
        session_connected_event(session, connection, timeout_ms > 0 ? zk_session(zk) : 0, password,
                                timeout_ms);
    } else if (event == ZK_DISCONNECTED) {
        session_disconnected_event(session, connection);
    } else if (event == ZK_EXPIRED) {
        session_expired_event(session, connection);
    } else {
        session_auth_event(session, connection);
    }
}

static void on_event(struct zk *zk, enum zk_event event, int64_t timeout_ms)
{
    zkc_sync *sync = zk_user(zk);

    client_enter(sync);
    if (zk_cookie(zk) != NULL)
        tell_event(zk, zk_cookie(zk), event, timeout_ms);
    condition_wake_all(&sync->changed);
    client_leave(sync);
}

static void on_answer(struct zk *zk, struct request *request, const struct reply *reply)
{
    zkc_sync *sync = zk_user(zk);

    client_enter(sync);
    request_answered(request, reply);
    client_leave(sync);
}

/* What a handle tells that was left concerns watches that are set elsewhere by now. */
static void on_watch(struct zk *zk, const char *path, enum watch_event event)
{
    zkc_sync *sync = zk_user(zk);
    const struct connection *connection;

    client_enter(sync);
    connection = zk_cookie(zk);
    if (connection != NULL && connection == connection->dial->current &&
        connection->state != CONNECTION_ABANDONED)
        watches_fire(&session_of(connection)->watches, path, event);
    client_leave(sync);
}

static const struct zk_hooks hooks = {on_event, on_answer, on_watch};

/* ---- what the core asked for ---- */

static void close_handle(zkc_sync *sync, struct connection *connection)
{
    struct zk *zk = connection->handle;

    connection_closed(connection);
    if (zk == NULL)
        return;
    zk_set_cookie(zk, NULL);
    reaper_bury(&sync->reaper, zk);
}

static void open_handle(zkc_sync *sync, struct connection *connection)
{
    const struct session *session = session_of(connection);
    struct zk *zk;
    struct zk_config config = {.hooks = &hooks,
                               .user = sync,
                               .address = connection->address,
                               .session = session->id,
                               .password = session->password,
                               .timeout_ms = connection_timeout(connection) / MILLISECOND,
                               .auth_scheme = sync->auth_scheme,
                               .auth = sync->auth,
                               .acl = sync->acl,
                               .acl_count = sync->acl_count};

    if (zk_open(&config, connection, &zk) != 0) {
        int error = errno;
        connection_open_failed(connection);
        if (!dial_tries(connection->dial)) /* what others reach is enough */
            shortage_met(sync, error);
    } else {
        sync->shortage = 0;
        client_ref(sync); /* until the handle is closed */
        connection_opened(connection, zk);
    }
}

static void names_changed(zkc_sync *sync)
{
    for (struct list *link = sync->pool.next; link != &sync->pool; link = link->next)
        dial_names_changed(&container_of(link, struct pooled, link)->session.dial);
}

static void serve_connection(zkc_sync *sync, struct connection *connection, bool look)
{
    if (connection->close_wanted) {
        close_handle(sync, connection);
        return;
    }
    if (connection->state == CONNECTION_WANTED)
        open_handle(sync, connection);
    if (connection->disown_wanted)
        zk_disown(connection->handle);
    if (connection->own_wanted && !zk_own(connection->handle))
        connection_not_owned(connection);
    connection->disown_wanted = connection->own_wanted = false;
    if (look && connection->handle != NULL && connection->state != CONNECTION_UP)
        connection_seen(connection, zk_look(connection->handle));
}

static void serve_dial(zkc_sync *sync, struct dial *dial)
{
    bool look = dial->look_wanted;

    dial->look_wanted = false;
    if (dial->names_wanted) {
        dial->names_wanted = false;
        resolver_refresh(sync);
        dial_names_changed(dial);
    }
    for (struct list *link = dial->connections.next, *next; link != &dial->connections;
         link = next) {
        next = link->next;
        serve_connection(sync, container_of(link, struct connection, link), look);
    }
}

static void send_requests(struct session *session)
{
    struct request *request;
    struct reply reply;

    while ((request = session_next_request(session)) != NULL) {
        switch (zk_submit(session_handle(session), request, &reply)) {
        case ZK_TAKEN:
            break;
        case ZK_STALLED:
            queue_stall(&session->queue, request);
            break;
        case ZK_REJECTED:
            request_answered(request, &reply);
            break;
        }
    }
}

static void serve(zkc_sync *sync, struct session *session)
{
    serve_dial(sync, &session->dial);
    send_requests(session);
}

static void free_idle_sessions(zkc_sync *sync)
{
    sync->pool_check = false;
    for (struct list *link = sync->pool.next, *next; link != &sync->pool; link = next) {
        struct pooled *pooled = container_of(link, struct pooled, link);
        next = link->next;
        if (pooled == sync->main || pooled->users > 0)
            continue;
        if (!list_empty(&pooled->session.listeners) ||
            !list_empty(&pooled->session.queue.waiting) || pooled->session.queue.in_flight > 0) {
            sync->pool_check = true;
            continue;
        }
        session_stop(&pooled->session);
        serve(sync, &pooled->session);
        list_remove(&pooled->session.attention);
        list_remove(link);
        pooled_free(pooled);
    }
}

static void serve_all(zkc_sync *sync)
{
    struct list *link;

    while ((link = list_pop(&sync->core.attention)) != NULL)
        serve(sync, container_of(link, struct session, attention));
    if (sync->pool_check)
        free_idle_sessions(sync);
}

/* When nobody else uses the client any more. */
static void free_all(zkc_sync *sync)
{
    struct list *link;

    while ((link = list_pop(&sync->pool)) != NULL)
        pooled_free(container_of(link, struct pooled, link));
    resolver_clear(sync);
}

void pool_init(zkc_sync *sync)
{
    list_init(&sync->pool);
    sync->work = (struct client_work){serve_all, names_changed, free_all};
}

/* ---- sessions ---- */

struct pooled *pool_session_get(zkc_sync *sync, int64_t timeout_ms)
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
    session_init(&pooled->session, &sync->core, &sync->suspicion, wanted);
    list_append(&sync->pool, &pooled->link);
    pooled->users = 1;
    session_start(&pooled->session);
    return pooled;
}

void pool_session_put(zkc_sync *sync, struct pooled *pooled)
{
    pooled->users--;
    if (pooled->users == 0)
        sync->pool_check = true;
}
