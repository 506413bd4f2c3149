/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: raw libzookeeper, doing the least that the recipe needs and trusting everybody. It has
 * no lease, no recovery of lost replies, no second look: it is no lock.
 */
#include "driver.h"

#define THREADED
#include <zookeeper/zookeeper.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 256
#define AT_ONCE 64

static zhandle_t *handle;

/* ---- a session ---- */

static void session_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)path;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
        sem_post(context);
}

static void no_log(const char *message)
{
    (void)message;
}

static zhandle_t *open_at(const char *nodes, int session_ms)
{
    sem_t *connected = malloc(sizeof *connected); /* as long as the handle, that is the program */
    zhandle_t *zh;

    sem_init(connected, 0, 0);
    zh = zookeeper_init2(nodes, session_event, session_ms, NULL, connected, ZOO_NO_LOG_CLIENTENV,
                         no_log);
    if (zh == NULL)
        return NULL;
    zoo_set_servers_resolution_delay(zh, -1); /* by default it resolves on each turn of its loop */
    sem_wait(connected);
    return zh;
}

static int open_session(const char *nodes, int session_ms)
{
    handle = open_at(nodes, session_ms);
    return handle != NULL ? 0 : driver_fail("no session");
}

static void close_session(void)
{
    zookeeper_close(handle);
}

/* ---- a node in a queue ---- */

struct node {
    char parent[PATH_SIZE];
    char path[PATH_SIZE];  /* once it is created */
    char ahead[PATH_SIZE]; /* "": nobody */
    int error;
    sem_t answered;
    void (*listed)(struct node *n);  /* NULL: answered is posted instead */
    void (*deleted)(struct node *n); /* likewise */
    long number;
    atomic_long *left;
    struct countdown *end;
    struct node *next;
};

static void prepare(struct node *n, const char *parent)
{
    memset(n, 0, sizeof *n);
    snprintf(n->parent, sizeof n->parent, "%s", parent);
    sem_init(&n->answered, 0, 0);
}

static int make_directory(const char *path)
{
    int rc = zoo_create(handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);

    return rc == ZOK || rc == ZNODEEXISTS ? 0 : driver_fail("%s: %s", path, zerror(rc));
}

static const char *sequence(const char *name)
{
    size_t length = strlen(name);

    return length >= 10 ? name + length - 10 : name;
}

static void on_created(int rc, const char *path, const struct Stat *stat, const void *data)
{
    struct node *n = (struct node *)(uintptr_t)data;

    (void)stat;
    if (rc == ZOK)
        snprintf(n->path, sizeof n->path, "%s", path);
    else
        n->error = rc;
}

/* Who is directly ahead? */
static void rank(struct node *n, const struct String_vector *names)
{
    const char *own = sequence(n->path), *best = NULL;

    for (int32_t i = 0; i < names->count; i++) {
        const char *other = sequence(names->data[i]);
        if (strcmp(other, own) < 0 && (best == NULL || strcmp(other, sequence(best)) > 0))
            best = names->data[i];
    }
    n->ahead[0] = '\0';
    if (best != NULL)
        snprintf(n->ahead, sizeof n->ahead, "%.*s/%s", PATH_SIZE / 2, n->parent, best);
}

static void on_listed(int rc, const struct String_vector *names, const void *data)
{
    struct node *n = (struct node *)(uintptr_t)data;

    if (rc != ZOK)
        n->error = rc;
    if (n->error == ZOK)
        rank(n, names);
    if (n->listed != NULL)
        n->listed(n);
    else
        sem_post(&n->answered);
}

/* One flush. */
static void join(struct node *n)
{
    char prefix[PATH_SIZE];

    snprintf(prefix, sizeof prefix, "%.*s/_c_00000000-0000-4000-8000-000000000000-lock-",
             PATH_SIZE / 2, n->parent);
    n->error = zoo_acreate2(handle, prefix, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                            on_created, n);
    if (n->error != ZOK || zoo_aget_children(handle, n->parent, 0, on_listed, n) != ZOK)
        abort();
}

static void on_deleted(int rc, const void *data)
{
    struct node *n = (struct node *)(uintptr_t)data;

    n->error = rc;
    if (n->deleted != NULL)
        n->deleted(n);
    else
        sem_post(&n->answered);
}

static void leave(struct node *n)
{
    if (zoo_adelete(handle, n->path, -1, on_deleted, n) != ZOK)
        abort();
}

static int once(struct node *n)
{
    join(n);
    sem_wait(&n->answered);
    if (n->error != ZOK || n->ahead[0] != '\0')
        return n->error != ZOK ? n->error : ZAPIERROR;
    leave(n);
    sem_wait(&n->answered);
    return n->error;
}

static int cycle(const char *path, long n, int64_t *ret_ns)
{
    struct node node;
    int rc = make_directory(path);
    int64_t began;

    prepare(&node, path);
    for (long i = 0; i < n && rc == ZOK; i++) {
        began = driver_now();
        rc = once(&node);
        ret_ns[i] = driver_now() - began;
    }
    return rc == ZOK ? 0 : driver_fail("cycle: %s", zerror(rc));
}

/* ---- many at once ---- */

static struct node *nodes_below(const char *prefix, long k)
{
    struct node *nodes = calloc((size_t)k, sizeof *nodes);
    char path[PATH_SIZE];

    for (long i = 0; i < k; i++) {
        snprintf(path, sizeof path, "%s/%ld", prefix, i);
        prepare(&nodes[i], path);
        if (make_directory(path) != 0)
            exit(1);
    }
    return nodes;
}

static void *work(void *arg)
{
    struct node *n = arg;
    int rc = ZOK;

    while (rc == ZOK && atomic_fetch_sub(n->left, 1) > 0)
        rc = once(n);
    countdown_done(n->end, rc);
    return NULL;
}

static void again(struct node *n)
{
    if (n->error == ZOK && atomic_fetch_sub(n->left, 1) > 0)
        join(n);
    else
        countdown_done(n->end, n->error);
}

static void first(struct node *n)
{
    if (n->error == ZOK && n->ahead[0] == '\0')
        leave(n);
    else
        countdown_done(n->end, n->error != ZOK ? n->error : ZAPIERROR);
}

static int fleet(const char *prefix, long k, long count, bool in_threads, int64_t *ret_ns)
{
    struct node *nodes = nodes_below(prefix, k);
    pthread_t *threads = calloc((size_t)k, sizeof *threads);
    struct countdown *end = countdown_new(k);
    atomic_long left;
    int rc;

    atomic_init(&left, count);
    *ret_ns = driver_now();
    for (long i = 0; i < k; i++) {
        nodes[i].left = &left;
        nodes[i].end = end;
        nodes[i].listed = in_threads ? NULL : first;
        nodes[i].deleted = in_threads ? NULL : again;
        if (in_threads)
            pthread_create(&threads[i], NULL, work, &nodes[i]);
        else
            again(&nodes[i]);
    }
    rc = countdown_wait(end);
    *ret_ns = driver_now() - *ret_ns;
    for (long i = 0; in_threads && i < k; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    free(nodes);
    return rc == ZOK ? 0 : driver_fail("fleet: %s", zerror(rc));
}

static int threads(const char *prefix, long k, long n, int64_t *ret_ns)
{
    return fleet(prefix, k, n, true, ret_ns);
}

static int async(const char *prefix, long k, long n, int64_t *ret_ns)
{
    return fleet(prefix, k, n, false, ret_ns);
}

/* ---- waiters ---- */

static struct node *waiters; /* touched by the thread of the commands only */

static void drained(struct node *n)
{
    if (atomic_fetch_sub(n->left, 1) == 1)
        driver_say("drained %lld", (long long)driver_now());
}

static void granted(struct node *n)
{
    int64_t now = driver_now();

    if (n->left != NULL)
        leave(n);
    else
        driver_say("granted %ld %lld", n->number, (long long)now);
}

static void ahead_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)state;
    (void)path;
    if (type == ZOO_DELETED_EVENT)
        granted(context);
}

static void on_ahead(int rc, const struct Stat *stat, const void *data)
{
    (void)stat;
    if (rc == ZNONODE)
        granted((struct node *)(uintptr_t)data);
}

static void wait_for_ahead(struct node *n)
{
    if (n->error != ZOK)
        driver_fail("queue: %s", zerror(n->error));
    else if (n->ahead[0] == '\0')
        granted(n);
    else if (zoo_awexists(handle, n->ahead, ahead_event, n, on_ahead, n) != ZOK)
        abort();
}

static int queue(const char *path, long from, long count, const char *kind)
{
    static atomic_long left;
    bool drain = strcmp(kind, "drain") == 0;

    if (make_directory(path) != 0)
        return -1;
    if (drain)
        atomic_store(&left, count);
    for (long i = from; i < from + count; i++) {
        struct node *n = malloc(sizeof *n);
        prepare(n, path);
        n->listed = wait_for_ahead;
        n->number = i;
        n->left = drain ? &left : NULL;
        n->deleted = drain ? drained : NULL;
        n->next = waiters;
        waiters = n;
        join(n);
    }
    return 0;
}

static int release(long i, int64_t ret_times[2])
{
    struct node **at = &waiters, *n;
    int rc;

    while (*at != NULL && (*at)->number != i)
        at = &(*at)->next;
    n = *at;
    if (n == NULL)
        return driver_fail("no waiter %ld", i);
    *at = n->next;
    ret_times[0] = driver_now();
    leave(n);
    sem_wait(&n->answered);
    ret_times[1] = driver_now();
    rc = n->error;
    free(n);
    return rc == ZOK ? 0 : driver_fail("release: %s", zerror(rc));
}

/* ---- many held: nothing but their names is kept ---- */

static char **held_paths;
static long held_count;
static atomic_long next_held;
static struct countdown *held_end;
static bool dropping;

static void take_next(void);

static void keep(int rc, const char *path, const struct Stat *stat, const void *data)
{
    char **slot = (char **)(uintptr_t)data;

    (void)stat;
    if (rc == ZOK)
        *slot = strdup(path);
    take_next();
    countdown_done(held_end, rc);
}

static void forget(int rc, const void *data)
{
    char **slot = (char **)(uintptr_t)data;

    free(*slot);
    *slot = NULL;
    take_next();
    countdown_done(held_end, rc);
}

static void take_next(void)
{
    long i = atomic_fetch_add(&next_held, 1);

    if (i >= held_count)
        return;
    if ((dropping ? zoo_adelete(handle, held_paths[i], -1, forget, &held_paths[i])
                  : zoo_acreate2(handle, held_paths[i], "", 0, &ZOO_OPEN_ACL_UNSAFE,
                                 ZOO_EPHEMERAL_SEQUENTIAL, keep, &held_paths[i])) != ZOK)
        abort();
}

static int go_through(void)
{
    int rc;

    atomic_store(&next_held, 0);
    held_end = countdown_new(held_count);
    for (int i = 0; i < AT_ONCE; i++)
        take_next();
    rc = countdown_wait(held_end);
    return rc == ZOK ? 0 : driver_fail("hold: %s", zerror(rc));
}

/* All in one directory: which one makes no difference to libzookeeper. */
static int hold(const char *prefix, long n)
{
    char path[PATH_SIZE];

    held_paths = calloc((size_t)n, sizeof *held_paths);
    held_count = n;
    dropping = false;
    snprintf(path, sizeof path, "%s/_c_00000000-0000-4000-8000-000000000000-lock-", prefix);
    for (long i = 0; i < n; i++)
        held_paths[i] = path;
    return make_directory(prefix) == 0 ? go_through() : -1;
}

static int drop(void)
{
    int result;

    dropping = true;
    result = go_through();
    free(held_paths);
    held_paths = NULL;
    return result;
}

static int objects(const char *nodes, int session_ms, long n)
{
    for (long i = 0; i < n; i++)
        if (open_at(nodes, session_ms) == NULL)
            return driver_fail("no session");
    return 0;
}

/* ---- looking on ---- */

static void watched(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)state;
    (void)path;
    (void)context;
    if (type == ZOO_DELETED_EVENT)
        driver_say("deleted %lld", (long long)driver_now());
}

static int watch(const char *path)
{
    int rc = zoo_wexists(handle, path, watched, NULL, NULL);

    return rc == ZOK ? 0 : driver_fail("watch: %s", zerror(rc));
}

int main(int argc, char **argv)
{
    static const struct driver driver = {
        .open = open_session,
        .close = close_session,
        .cycle = cycle,
        .threads = threads,
        .async = async,
        .queue = queue,
        .release = release,
        .hold = hold,
        .drop = drop,
        .objects = objects,
        .watch = watch,
    };

    return driver_main(argc, argv, &driver);
}
