/* SPDX-License-Identifier: Apache-2.0 */
#include "zk/zk.h"
#include "base/mem.h"
#include "zk/zk_descriptors.h"
#include "zk/zk_threads.h"

#include <zkcoord/zkcoord.h>

#define THREADED
#include <zookeeper/zookeeper.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct zk {
    struct list link;
    struct zk_config config;
    void *cookie;
    zhandle_t *handle;
    bool disowned;
    int64_t disowned_id;
    atomic_bool probing;
    zoo_op_result_t probed;
    bool auth_given; /* from then on libzookeeper repeats it on every connection */
    bool settled;
    struct ACL_vector acl;
    struct ACL *acl_entries;
    pthread_mutex_t lock; /* guards calls */
    struct list calls;    /* libzookeeper may lose completions at close; this table does not */
};

struct call {
    struct list link;
    struct zk *zk;
    struct request *request;
    size_t checks;
    zoo_op_result_t results[]; /* of the checks */
};

/* ---- answers ---- */

/* Not every zookeeper.h that we build with has them. */
enum { UNKNOWN_SESSION = -12, REQUIRES_AUTH = -124, QUOTA_EXCEEDED = -125, THROTTLED = -127 };

enum answer zk_answer_of(int code)
{
    switch (code) {
    case ZOK:
        return ANSWER_OK;
    case ZNONODE:
        return ANSWER_NO_NODE;
    case ZNODEEXISTS:
        return ANSWER_NODE_EXISTS;
    case ZNOAUTH:
        return ANSWER_NO_AUTH;
    case REQUIRES_AUTH:
        return ANSWER_AUTH_REQUIRED;
    case QUOTA_EXCEEDED:
        return ANSWER_QUOTA;
    case ZUNIMPLEMENTED:
        return ANSWER_UNSUPPORTED;
    case ZNOWATCHER:
        return ANSWER_NO_WATCH;
    case ZAUTHFAILED:
        return ANSWER_AUTH_FAILED;
    /* The leader says so, or a lone server of a session that it has removed already. No event need
     * follow: a server closes the connection that the session had last with it, and where that one
     * has gone already, it forgets to close another. */
    case UNKNOWN_SESSION:
    case ZSESSIONEXPIRED:
        return ANSWER_EXPIRED;
    case ZSESSIONMOVED:
    case ZNOTREADONLY: /* a server without a leader; none that we asked for */
    case THROTTLED:
        return ANSWER_REFUSED;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZRUNTIMEINCONSISTENCY:
    case ZSYSTEMERROR:
    case ZCLOSING:
    case ZINVALIDSTATE:
        return ANSWER_LOST;
    default:
        return ANSWER_OTHER;
    }
}

/* Where the client takes no request: a server's answer of this code means another thing. */
static enum answer answer_of_refusal(int rc)
{
    return rc == ZMARSHALLINGERROR ? ANSWER_NO_MEMORY : zk_answer_of(rc);
}

/* One that serves nobody without a credential answers before the session is touched:
 * AuthenticationHelper.enforceAuthentication(). */
bool zk_decided(int code)
{
    switch (zk_answer_of(code)) {
    case ANSWER_LOST:
    case ANSWER_EXPIRED:
    case ANSWER_REFUSED:
    case ANSWER_AUTH_FAILED:
    case ANSWER_AUTH_REQUIRED:
        return false;
    default:
        return code != ZBADARGUMENTS;
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
    reply->answer = zk_answer_of(rc);
    reply->decided = zk_decided(rc);
    reply->hung_up = rc == ZCONNECTIONLOSS;
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

/* Those behind the one that failed say that they were not looked at. */
static void on_checked(int rc, const void *data)
{
    const struct call *call = call_of(data);
    struct reply reply = {0};

    while (reply.failed < call->checks && call->results[reply.failed].err == ZOK)
        reply.failed++;
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

/* A server may count a name and send none. libzookeeper frees them in any order. */
static size_t sort_out_none(char **names, int count)
{
    size_t there = 0;

    for (int i = 0; i < count; i++) {
        char *name = names[i];
        names[i] = names[there];
        names[there] = name;
        there += name != NULL;
    }
    return there;
}

static void on_children(int rc, const struct String_vector *names, const void *data)
{
    struct reply reply = {0};

    if (names != NULL && names->count > 0) {
        reply.names = (const char *const *)names->data;
        reply.count = sort_out_none(names->data, names->count);
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

/* Before anybody hears of the connection, and may start a program. */
static void keep_from_programs(zhandle_t *handle)
{
    struct sockaddr_storage server;
    socklen_t size = sizeof server;

    if (zookeeper_get_connected_host(handle, (struct sockaddr *)&server, &size) != NULL)
        zk_descriptors_connected((const struct sockaddr *)&server);
}

/* A session that leaves the handle writes the id while the I/O thread may read it. */
static int64_t session_id(zhandle_t *handle)
{
    return __atomic_load_n(&zoo_client_id(handle)->client_id, __ATOMIC_RELAXED);
}

/*
 * Without its credential a connection is not told of: the next one is, or the next handle's.
 * By default libzookeeper looks every name up on every turn of its loop that has a connection. To
 * forbid it takes a mutex of the I/O thread, which hardly lets go of it where a server's nonsense
 * makes it spin. So this thread does it, after the handle's user has heard and can close it.
 */
static void connected(struct zk *zk, zhandle_t *handle)
{
    bool settled = zk->settled;

    zk->settled = true;
    keep_from_programs(handle);
    if (give_auth(zk, handle))
        zk->config.hooks->event(zk, ZK_CONNECTED, zoo_recv_timeout(handle));
    if (!settled)
        zoo_set_servers_resolution_delay(handle, -1);
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
        hooks->event(zk, ZK_CONNECTED, 0); /* never asked for: it makes no sense */
    else if (state == ZOO_EXPIRED_SESSION_STATE)
        hooks->event(zk, ZK_EXPIRED, 0);
    else if (state == ZOO_AUTH_FAILED_STATE)
        hooks->event(zk, ZK_AUTH_FAILED, 0);
    else
        hooks->event(zk, ZK_DISCONNECTED, 0);
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

/*
 * One address, three times: libzookeeper tries it again at once after a loss, and rests only at the
 * end of its list. An even number would let it miss every second one (ZOOKEEPER-2466).
 */
static char *address_list(const char *address)
{
    size_t size = 3 * (strlen(address) + 1);
    char *list = mem_alloc(size);

    if (list != NULL)
        snprintf(list, size, "%s,%s,%s", address, address, address);
    return list;
}

/* Of one handle: one for its socket, one for completions. */
#define THREADS 2

/* More than a handle has until it is connected: without memory libzookeeper crashes. The threads
 * that were tried have left their stacks for those to come. */
#define MEMORY ((size_t)256 << 10)

static int try_memory(void)
{
    void *room = mem_alloc(MEMORY);

    mem_free(room);
    errno = ENOMEM;
    return room != NULL ? 0 : -1;
}

static zhandle_t *init(struct zk *zk, const char *addresses)
{
    const struct zk_config *config = &zk->config;
    const clientid_t *known = NULL;
    clientid_t id = {.client_id = config->session};
    struct zk_descriptors descriptors;
    zhandle_t *handle;
    int saved;

    if (zk_descriptors_try() != 0 || zk_threads_try(THREADS) != 0 || try_memory() != 0)
        return NULL;
    if (config->session != 0) {
        memcpy(id.passwd, config->password, sizeof id.passwd);
        known = &id;
    }
    zk_descriptors_before(&descriptors);
    handle = zookeeper_init2(addresses, on_session, (int)config->timeout_ms, known, zk,
                             ZOO_NO_LOG_CLIENTENV, on_log);
    saved = errno;
    zk_descriptors_after(&descriptors);
    errno = saved;
    return handle;
}

/* Its threads inherit the mask, and no signal handler of the application may run on them. */
static zhandle_t *init_without_signals(struct zk *zk)
{
    char *addresses = address_list(zk->config.address);
    sigset_t all, old;
    zhandle_t *handle;
    int saved;

    if (addresses == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    handle = init(zk, addresses);
    saved = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    mem_free(addresses);
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

/* ---- leaving a session that goes on elsewhere ---- */

_Static_assert(sizeof((clientid_t *)0)->passwd == ZK_PASSWORD, "the client's passwords");

void zk_password(const struct zk *zk, char ret_password[ZK_PASSWORD])
{
    memcpy(ret_password, zoo_client_id(zk->handle)->passwd, ZK_PASSWORD);
}

/*
 * There is no call for it, but zoo_client_id() tells where the handle keeps the id that it sends
 * with each handshake. With the id of no session the servers answer that it has expired, whatever
 * the password, and the handle is of no use any more. With none it would get a session of its own,
 * and requests meant for ours, before anybody has heard of it. A handshake that is under way may
 * still go through with the old id.
 */
#define NO_SESSION 1 /* the first byte is the server's, and then comes the time */

static clientid_t *own_id(struct zk *zk)
{
    return (clientid_t *)(uintptr_t)zoo_client_id(zk->handle);
}

/* A barrier as well: the handle's state that is looked at later comes after it. */
static void change_id(struct zk *zk, int64_t from, int64_t to)
{
    __atomic_compare_exchange_n(&own_id(zk)->client_id, &from, to, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

void zk_disown(struct zk *zk)
{
    if (zk->disowned)
        return;
    zk->disowned = true;
    zk->disowned_id = session_id(zk->handle);
    change_id(zk, zk->disowned_id, NO_SESSION);
}

int64_t zk_session(const struct zk *zk)
{
    int64_t id = session_id(zk->handle);

    return id == NO_SESSION ? zk->disowned_id : id;
}

/* One that has lost its server may be asking for no session already, and would take the answer for
 * the end of ours. */
bool zk_own(struct zk *zk)
{
    change_id(zk, NO_SESSION, zk->disowned_id);
    if (zoo_state(zk->handle) != ZOO_CONNECTED_STATE) {
        change_id(zk, zk->disowned_id, NO_SESSION);
        return false;
    }
    zk->disowned = false;
    return true;
}

static void probed(int rc, const void *data)
{
    struct zk *zk = (struct zk *)(uintptr_t)data;

    (void)rc;
    atomic_store(&zk->probing, false);
}

/* A server notices that the session has moved when it is asked to write, and hangs up. */
static void probe(struct zk *zk)
{
    zoo_op_t op;

    if (atomic_exchange(&zk->probing, true))
        return;
    zoo_check_op_init(&op, "/", -1);
    if (zoo_amulti(zk->handle, 1, &op, &zk->probed, probed, zk) != ZOK)
        atomic_store(&zk->probing, false);
}

/* Its handshake has gone through after all, and brought the id back. */
static void disown_again(struct zk *zk)
{
    change_id(zk, zk->disowned_id, NO_SESSION);
    probe(zk);
}

enum sight zk_look(struct zk *zk)
{
    int state = zoo_state(zk->handle);

    if (state == ZOO_NOTCONNECTED_STATE)
        return SIGHT_UNBEGUN;
    if (state == ZOO_CONNECTED_STATE || state == ZOO_READONLY_STATE) {
        if (zk->disowned)
            disown_again(zk);
        return SIGHT_CONNECTED;
    }
    if (state == ZOO_ASSOCIATING_STATE)
        return SIGHT_ASKING;
    return state > 0 ? SIGHT_TRYING : SIGHT_BETWEEN; /* below 0: it has ended */
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
    const char *path = request->path;
    zoo_op_t one, *ops = &one;
    int rc;

    if (call->checks != 1)
        ops = mem_alloc(call->checks * sizeof *ops);
    if (ops == NULL)
        return ZMARSHALLINGERROR;
    for (size_t i = 0; i < call->checks; i++) {
        zoo_check_op_init(&ops[i], path, -1);
        path += strlen(path) + 1;
    }
    rc = zoo_amulti(zk->handle, (int)call->checks, ops, call->results, on_checked, call);
    if (ops != &one)
        mem_free(ops);
    return rc;
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
    size_t checks = request->verb != VERB_CHECK ? 0 : request->count > 0 ? request->count : 1;
    struct call *call = mem_zalloc(sizeof *call + checks * sizeof *call->results);
    int rc = ZMARSHALLINGERROR;

    if (call != NULL) {
        call->checks = checks;
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
    ret_reply->answer = answer_of_refusal(rc);
    return ZK_REJECTED;
}

void zk_check_op(struct zoo_op *op, const char *path)
{
    zoo_check_op_init(op, path, -1);
}
