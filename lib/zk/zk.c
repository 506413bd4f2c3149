/* SPDX-License-Identifier: Apache-2.0 */
#include "zk/zk.h"
#include "base/mem.h"

#include <zkcoord/zkcoord.h>

#define THREADED
#include <zookeeper/zookeeper.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct zk {
    struct list link;
    struct zk_config config;
    void *cookie;
    zhandle_t *handle;
    bool auth_given; /* from then on libzookeeper repeats it on every connection */
    struct ACL_vector acl;
    struct ACL *acl_entries;
    pthread_mutex_t lock; /* guards calls */
    struct list calls;    /* libzookeeper may lose completions at close; this table does not */
};

struct call {
    struct list link;
    struct zk *zk;
    struct request *request;
    zoo_op_result_t result;
};

/* ---- answers ---- */

static enum answer answer_of(int rc)
{
    switch (rc) {
    case ZOK:
        return ANSWER_OK;
    case ZNONODE:
        return ANSWER_NO_NODE;
    case ZNODEEXISTS:
        return ANSWER_NODE_EXISTS;
    case ZNOAUTH:
        return ANSWER_NO_AUTH;
    case ZUNIMPLEMENTED:
        return ANSWER_UNSUPPORTED;
    case ZNOWATCHER:
        return ANSWER_NO_WATCH;
    case ZAUTHFAILED:
        return ANSWER_AUTH_FAILED;
    case ZSESSIONEXPIRED:
        return ANSWER_LOST; /* the event that follows says what it means */
    case ZSESSIONMOVED:
    case ZTHROTTLEDOP:
        return ANSWER_REFUSED;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZRUNTIMEINCONSISTENCY:
    case ZSYSTEMERROR:
    case ZCLOSING:
    case ZINVALIDSTATE:
        return ANSWER_LOST;
    case ZMARSHALLINGERROR:
        return ANSWER_NO_MEMORY;
    default:
        return ANSWER_OTHER;
    }
}

/* Whether a server has processed the request, as opposed to the client giving it up. */
static bool decided(int rc)
{
    switch (answer_of(rc)) {
    case ANSWER_LOST:
    case ANSWER_REFUSED:
    case ANSWER_NO_MEMORY:
    case ANSWER_AUTH_FAILED:
        return false;
    default:
        return rc != ZBADARGUMENTS;
    }
}

/* Failed writes are logged by the quorum as well, as error transactions. */
static bool proves(enum verb verb, int rc)
{
    /* a check that the ACL forbids has found the node first */
    if (verb == VERB_CHECK && rc == ZNOAUTH)
        return true;
    return verb <= VERB_CHECK && (rc == ZOK || rc == ZNONODE || rc == ZNODEEXISTS ||
                                  rc == ZNOTEMPTY || rc == ZBADVERSION);
}

static void answer(struct call *call, int rc, struct reply *reply)
{
    struct zk *zk = call->zk;

    reply->code = rc;
    reply->answer = answer_of(rc);
    reply->decided = decided(rc);
    reply->proof = proves(call->request->verb, rc);
    reply->led = reply->proof || (call->request->verb == VERB_SYNC && rc == ZOK);
    pthread_mutex_lock(&zk->lock);
    list_remove(&call->link);
    pthread_mutex_unlock(&zk->lock);
    zk->config.hooks->answer(zk, call->request, reply);
    mem_free(call);
}

static struct call *call_of(const void *data)
{
    return (struct call *)(uintptr_t)data;
}

static struct node_stat copy_stat(const struct Stat *stat)
{
    struct node_stat copy = {0};

    if (stat != NULL) {
        copy.czxid = stat->czxid;
        copy.mzxid = stat->mzxid;
        copy.owner = stat->ephemeralOwner;
        copy.created_ms = stat->ctime;
    }
    return copy;
}

static void on_create(int rc, const char *path, const struct Stat *stat, const void *data)
{
    struct node_stat copy = copy_stat(stat);
    struct reply reply = {.path = path, .stat = &copy};

    /* A reply without a body is a reply of a read-only server: nothing was created. */
    answer(call_of(data), rc == ZOK && (path == NULL || stat == NULL) ? ZSYSTEMERROR : rc, &reply);
}

static void on_void(int rc, const void *data)
{
    struct reply reply = {0};

    answer(call_of(data), rc, &reply);
}

static void on_string(int rc, const char *value, const void *data)
{
    struct reply reply = {0};

    (void)value;
    answer(call_of(data), rc, &reply);
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    struct node_stat copy = copy_stat(stat);
    struct reply reply = {.stat = &copy};

    answer(call_of(data), rc == ZOK && stat == NULL ? ZSYSTEMERROR : rc, &reply);
}

static void on_data(int rc, const char *value, int length, const struct Stat *stat,
                    const void *data)
{
    struct node_stat copy = copy_stat(stat);
    struct reply reply = {.stat = &copy};

    reply.data = length > 0 ? value : NULL;
    reply.length = length > 0 && value != NULL ? (size_t)length : 0;
    answer(call_of(data), rc == ZOK && stat == NULL ? ZSYSTEMERROR : rc, &reply);
}

static void on_children(int rc, const struct String_vector *names, const void *data)
{
    struct reply reply = {0};

    if (names != NULL && names->count > 0) {
        reply.names = (const char *const *)names->data;
        reply.count = (size_t)names->count;
    }
    answer(call_of(data), rc == ZOK && names == NULL ? ZSYSTEMERROR : rc, &reply);
}

/* ---- events ---- */

/* Session events reach every watcher; this one hears of nodes only. */
static void on_node(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct zk *zk = context;
    enum watch_event event;

    (void)handle;
    (void)state;
    if (type == ZOO_DELETED_EVENT)
        event = WATCH_DELETED;
    else if (type == ZOO_CREATED_EVENT)
        event = WATCH_CREATED;
    else if (type == ZOO_CHANGED_EVENT)
        event = WATCH_CHANGED;
    else if (type == ZOO_CHILD_EVENT)
        event = WATCH_CHILDREN;
    else
        return;
    zk->config.hooks->watch(zk, path, event);
}

/* Runs on the I/O thread, maybe with the handle's mutex held: touch nothing. A refusal also comes
 * as a session event. */
static void on_auth(int rc, const void *data)
{
    (void)rc;
    (void)data;
}

/*
 * Not when the handle is made: between two attempts to connect libzookeeper takes no credential. On
 * a new connection it goes ahead of every request, for those are sent once the event is told.
 */
static bool give_auth(struct zk *zk, zhandle_t *handle)
{
    const struct zk_config *config = &zk->config;

    if (config->auth_scheme != NULL && !zk->auth_given)
        zk->auth_given = zoo_add_auth(handle, config->auth_scheme, config->auth,
                                      (int)strlen(config->auth), on_auth, NULL) == ZOK;
    return config->auth_scheme == NULL || zk->auth_given;
}

/* Without its credential a connection is not told of: the next one is, or the next handle's. */
static void connected(struct zk *zk, zhandle_t *handle)
{
    if (give_auth(zk, handle))
        zk->config.hooks->event(zk, ZK_CONNECTED, zoo_client_id(handle)->client_id,
                                zoo_recv_timeout(handle));
}

static void on_session(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct zk *zk = context;
    const struct zk_hooks *hooks = zk->config.hooks;

    (void)path;
    if (type != ZOO_SESSION_EVENT)
        return;
    if (state == ZOO_CONNECTED_STATE)
        connected(zk, handle);
    else if (state == ZOO_READONLY_STATE)
        hooks->event(zk, ZK_CONNECTED, 0,
                     0); /* never asked for: whoever this is, it makes no sense */
    else if (state == ZOO_EXPIRED_SESSION_STATE)
        hooks->event(zk, ZK_EXPIRED, 0, 0);
    else if (state == ZOO_AUTH_FAILED_STATE)
        hooks->event(zk, ZK_AUTH_FAILED, 0, 0);
    else
        hooks->event(zk, ZK_DISCONNECTED, 0, 0);
}

/* libzookeeper gives no context, so its lines belong to nobody; what matters comes as events. */
static void on_log(const char *message)
{
    (void)message;
}

/* ---- life ---- */

static int fill_acl(struct zk *zk)
{
    size_t count = zk->config.acl_count;

    zk->acl_entries = mem_zalloc(count * sizeof *zk->acl_entries);
    if (zk->acl_entries == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        zk->acl_entries[i].perms = (int32_t)zk->config.acl[i].permissions;
        zk->acl_entries[i].id.scheme = (char *)(uintptr_t)zk->config.acl[i].scheme;
        zk->acl_entries[i].id.id = (char *)(uintptr_t)zk->config.acl[i].id;
    }
    zk->acl.count = (int32_t)count;
    zk->acl.data = zk->acl_entries;
    return 0;
}

static void zk_free(struct zk *zk)
{
    pthread_mutex_destroy(&zk->lock);
    mem_free(zk->acl_entries);
    mem_free(zk);
}

/* Its threads inherit the mask, and no signal handler of the application may run on them. */
static zhandle_t *init_without_signals(struct zk *zk)
{
    sigset_t all, old;
    zhandle_t *handle;
    int saved;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    handle = zookeeper_init2(zk->config.addresses, on_session, (int)zk->config.timeout_ms, NULL, zk,
                             ZOO_NO_LOG_CLIENTENV, on_log);
    saved = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return handle;
}

int zk_open(const struct zk_config *config, void *cookie, struct zk **ret_zk)
{
    struct zk *zk = mem_zalloc(sizeof *zk);

    if (zk == NULL)
        return -1;
    zk->config = *config;
    zk->cookie = cookie;
    list_init(&zk->link);
    list_init(&zk->calls);
    pthread_mutex_init(&zk->lock, NULL);
    if (fill_acl(zk) != 0) {
        zk_free(zk);
        errno = ENOMEM;
        return -1;
    }
    /* Events may come before this returns; the hooks' lock holds them off. */
    *ret_zk = zk;
    zk->handle = init_without_signals(zk);
    if (zk->handle == NULL) {
        int saved = errno;
        zk_free(zk);
        errno = saved;
        return -1;
    }
    /* Its default looks up every name on every turn of its loop. */
    zoo_set_servers_resolution_delay(zk->handle, -1);
    return 0;
}

void *zk_user(const struct zk *zk)
{
    return zk->config.user;
}

void *zk_cookie(const struct zk *zk)
{
    return zk->cookie;
}

void zk_set_cookie(struct zk *zk, void *cookie)
{
    zk->cookie = cookie;
}

struct list *zk_link(struct zk *zk)
{
    return &zk->link;
}

struct zk *zk_of_link(struct list *link)
{
    return container_of(link, struct zk, link);
}

void zk_close(struct zk *zk)
{
    struct list *link;

    zookeeper_close(zk->handle);
    while ((link = list_pop(&zk->calls)) != NULL) {
        struct reply reply = {0};
        answer(container_of(link, struct call, link), ZCLOSING, &reply);
    }
    zk_free(zk);
}

/* ---- requests ---- */

static int submit_create(struct zk *zk, const struct request *request, int mode, struct call *call)
{
    const char *data = request->data != NULL ? request->data : "";

    return zoo_acreate2(zk->handle, request->path, data, (int)request->length, &zk->acl, mode,
                        on_create, call);
}

static int submit_set(struct zk *zk, const struct request *request, struct call *call)
{
    return zoo_aset(zk->handle, request->path, request->data, (int)request->length, -1, on_stat,
                    call);
}

static int submit_check(struct zk *zk, const struct request *request, struct call *call)
{
    zoo_op_t op;

    zoo_check_op_init(&op, request->path, -1);
    return zoo_amulti(zk->handle, 1, &op, &call->result, on_void, call);
}

static int submit_unwatch(struct zk *zk, const struct request *request, struct call *call)
{
    /* The prototype asks for a pointer to a pointer, the library calls the function itself. */
    void_completion_t *completion = (void_completion_t *)(uintptr_t)on_void;

    return zoo_aremove_all_watches(zk->handle, request->path, ZWATCHTYPE_ANY, 0, completion, call);
}

static int submit_read(struct zk *zk, const struct request *request, struct call *call)
{
    watcher_fn watcher = request->watch ? on_node : NULL;

    switch (request->verb) {
    case VERB_GET:
        return zoo_awget(zk->handle, request->path, watcher, zk, on_data, call);
    case VERB_EXISTS:
        return zoo_awexists(zk->handle, request->path, watcher, zk, on_stat, call);
    default:
        return zoo_awget_children(zk->handle, request->path, watcher, zk, on_children, call);
    }
}

static int submit(struct zk *zk, const struct request *request, struct call *call)
{
    switch (request->verb) {
    case VERB_CREATE_CONTENDER:
        return submit_create(zk, request, ZOO_EPHEMERAL_SEQUENTIAL, call);
    case VERB_CREATE_CONTAINER:
        return submit_create(zk, request, ZOO_CONTAINER, call);
    case VERB_CREATE_PLAIN:
        return submit_create(zk, request, ZOO_PERSISTENT, call);
    case VERB_DELETE:
        return zoo_adelete(zk->handle, request->path, -1, on_void, call);
    case VERB_SET:
        return submit_set(zk, request, call);
    case VERB_CHECK:
        return submit_check(zk, request, call);
    case VERB_SYNC:
        return zoo_async(zk->handle, request->path, on_string, call);
    case VERB_UNWATCH:
        return submit_unwatch(zk, request, call);
    default:
        return submit_read(zk, request, call);
    }
}

static void forget(struct call *call)
{
    pthread_mutex_lock(&call->zk->lock);
    list_remove(&call->link);
    pthread_mutex_unlock(&call->zk->lock);
    mem_free(call);
}

enum zk_submission zk_submit(struct zk *zk, struct request *request, struct reply *ret_reply)
{
    struct call *call = mem_zalloc(sizeof *call);
    int rc = ZMARSHALLINGERROR;

    if (call != NULL) {
        call->zk = zk;
        call->request = request;
        pthread_mutex_lock(&zk->lock);
        list_append(&zk->calls, &call->link);
        pthread_mutex_unlock(&zk->lock);
        rc = submit(zk, request, call);
        if (rc == ZOK)
            return ZK_TAKEN;
        forget(call);
    }
    if (rc == ZINVALIDSTATE)
        return ZK_STALLED;
    memset(ret_reply, 0, sizeof *ret_reply);
    ret_reply->code = rc;
    ret_reply->answer = answer_of(rc);
    return ZK_REJECTED;
}

void zk_check_op(struct zoo_op *op, const char *path)
{
    zoo_check_op_init(op, path, -1);
}
