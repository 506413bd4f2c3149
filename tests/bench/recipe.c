/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe.h"

#include "driver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

zhandle_t *recipe_open(const char *nodes, int session_ms, sem_t *connected)
{
    zhandle_t *zh;

    sem_init(connected, 0, 0);
    zh = zookeeper_init2(nodes, session_event, session_ms, NULL, connected, ZOO_NO_LOG_CLIENTENV,
                         no_log);
    if (zh != NULL)
        zoo_set_servers_resolution_delay(zh,
                                         -1); /* by default it resolves on each turn of its loop */
    return zh;
}

static zhandle_t *handle;
static const struct recipe_shell *shell;

void recipe_begin(zhandle_t *of, const struct recipe_shell *with)
{
    handle = of;
    shell = with;
}

static void lock(void)
{
    if (shell->lock != NULL)
        shell->lock();
}

static void unlock(void)
{
    if (shell->unlock != NULL)
        shell->unlock();
}

/* ---- a node in a queue ---- */

void prepare(struct node *n, const char *parent)
{
    memset(n, 0, sizeof *n);
    snprintf(n->parent, sizeof n->parent, "%s", parent);
    sem_init(&n->answered, 0, 0);
}

struct made {
    int rc;
    sem_t answered;
};

static void on_made(int rc, const char *path, const void *data)
{
    struct made *m = (struct made *)(uintptr_t)data;

    (void)path;
    m->rc = rc;
    sem_post(&m->answered);
}

int make_directory(const char *path)
{
    struct made made;

    sem_init(&made.answered, 0, 0);
    lock();
    if (zoo_acreate(handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, on_made, &made) != ZOK)
        abort();
    unlock();
    shell->await(&made.answered);
    return made.rc == ZOK || made.rc == ZNODEEXISTS ? 0
                                                    : driver_fail("%s: %s", path, zerror(made.rc));
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

void join(struct node *n)
{
    char prefix[PATH_SIZE];

    snprintf(prefix, sizeof prefix, "%.*s/_c_00000000-0000-4000-8000-000000000000-lock-",
             PATH_SIZE / 2, n->parent);
    lock();
    n->error = zoo_acreate2(handle, prefix, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                            on_created, n);
    if (n->error != ZOK || zoo_aget_children(handle, n->parent, 0, on_listed, n) != ZOK)
        abort();
    unlock();
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

void leave(struct node *n)
{
    lock();
    if (zoo_adelete(handle, n->path, -1, on_deleted, n) != ZOK)
        abort();
    unlock();
}

static int once(struct node *n)
{
    join(n);
    shell->await(&n->answered);
    if (n->error != ZOK || n->ahead[0] != '\0')
        return n->error != ZOK ? n->error : ZAPIERROR;
    leave(n);
    shell->await(&n->answered);
    return n->error;
}

int recipe_cycle(const char *path, long n, int64_t *ret_ns)
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

/* Who takes part in it, and the last one to end. */
struct crew {
    atomic_long present;
    atomic_int error;
    sem_t gone;
};

static void go(struct crew *crew, int error)
{
    if (error != ZOK)
        atomic_store(&crew->error, error);
    if (atomic_fetch_sub(&crew->present, 1) == 1)
        sem_post(&crew->gone);
}

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
    go(n->crew, rc);
    return NULL;
}

static void again(struct node *n)
{
    if (n->error == ZOK && atomic_fetch_sub(n->left, 1) > 0)
        join(n);
    else
        go(n->crew, n->error);
}

static void first(struct node *n)
{
    if (n->error == ZOK && n->ahead[0] == '\0')
        leave(n);
    else
        go(n->crew, n->error != ZOK ? n->error : ZAPIERROR);
}

static int fleet(const char *prefix, long k, long count, bool in_threads, int64_t *ret_ns)
{
    struct node *nodes = nodes_below(prefix, k);
    pthread_t *threads = calloc((size_t)k, sizeof *threads);
    struct crew crew;
    atomic_long left;

    atomic_init(&left, count);
    atomic_init(&crew.present, k);
    atomic_init(&crew.error, ZOK);
    sem_init(&crew.gone, 0, 0);
    *ret_ns = driver_now();
    for (long i = 0; i < k; i++) {
        nodes[i].left = &left;
        nodes[i].crew = &crew;
        nodes[i].listed = in_threads ? NULL : first;
        nodes[i].deleted = in_threads ? NULL : again;
        if (in_threads)
            pthread_create(&threads[i], NULL, work, &nodes[i]);
        else
            again(&nodes[i]);
    }
    shell->await(&crew.gone);
    *ret_ns = driver_now() - *ret_ns;
    for (long i = 0; in_threads && i < k; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    free(nodes);
    return crew.error == ZOK ? 0 : driver_fail("fleet: %s", zerror(crew.error));
}

int recipe_threads(const char *prefix, long k, long n, int64_t *ret_ns)
{
    return fleet(prefix, k, n, true, ret_ns);
}

int recipe_async(const char *prefix, long k, long n, int64_t *ret_ns)
{
    return fleet(prefix, k, n, false, ret_ns);
}
