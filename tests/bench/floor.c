/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: the least that the recipe needs (recipe.h), on raw libzookeeper with threads.
 */
#include "driver.h"

#define THREADED
#include "recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 64

static zhandle_t *handle;

/* ---- a session ---- */

static zhandle_t *open_at(const char *nodes, int session_ms)
{
    sem_t *connected = malloc(sizeof *connected); /* as long as the handle, that is the program */
    zhandle_t *zh = recipe_open(nodes, session_ms, connected);

    if (zh != NULL)
        sem_wait(connected);
    return zh;
}

static void await(sem_t *answered)
{
    sem_wait(answered);
}

static int open_session(const char *nodes, int session_ms)
{
    static const struct recipe_shell shell = {.await = await};

    handle = open_at(nodes, session_ms);
    recipe_begin(handle, &shell);
    return handle != NULL ? 0 : driver_fail("no session");
}

static void close_session(void)
{
    zookeeper_close(handle);
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
        .cycle = recipe_cycle,
        .threads = recipe_threads,
        .async = recipe_async,
        .queue = queue,
        .release = release,
        .hold = hold,
        .drop = drop,
        .objects = objects,
        .watch = watch,
    };

    return driver_main(argc, argv, &driver);
}
