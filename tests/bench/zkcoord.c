/* SPDX-License-Identifier: Apache-2.0 */
/* zkcoord, through its public interface. */
#include "driver.h"

#include <zkcoord/zkcoord.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 64

static zkc_sync *sync_object;

static int open_at(const char *nodes, int session_ms, zkc_sync **ret_sync)
{
    zkc_options options;
    int error;

    ZKC_INIT(&options);
    options.nodes = nodes;
    options.session_timeout_ms = session_ms;
    error = zkc_sync_open(&options, NULL, ret_sync);
    return error == ZKC_OK ? 0 : driver_fail("open: %s", zkc_strerror(error));
}

static int open_session(const char *nodes, int session_ms)
{
    return open_at(nodes, session_ms, &sync_object);
}

static void close_session(void)
{
    zkc_sync_close(sync_object);
}

static zkc_lock *open_lock(const char *path)
{
    zkc_lock_options options;
    zkc_lock *lock = NULL;

    ZKC_INIT(&options);
    options.path = path;
    if (zkc_lock_open(sync_object, NULL, &options, &lock) != ZKC_OK)
        abort();
    return lock;
}

static zkc_lock *open_nth(const char *prefix, long i)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%ld", prefix, i);
    return open_lock(path);
}

/* ---- one after the other ---- */

/* Every grant has a larger token than the one before. */
static int once(zkc_lock *lock, int64_t *token)
{
    int error = zkc_lock_acquire(lock, NULL);

    if (error == ZKC_OK && (!zkc_lock_is_held(lock) || zkc_lock_token(lock) <= *token))
        error = ZKC_ENOTHELD;
    *token = zkc_lock_token(lock);
    return error == ZKC_OK ? zkc_lock_release(lock, NULL) : error;
}

static int cycle(const char *path, long n, int64_t *ret_ns)
{
    zkc_lock *lock = open_lock(path);
    int64_t token = 0, began;
    int error = ZKC_OK;

    for (long i = 0; i < n && error == ZKC_OK; i++) {
        began = driver_now();
        error = once(lock, &token);
        ret_ns[i] = driver_now() - began;
    }
    zkc_lock_close(lock);
    return error == ZKC_OK ? 0 : driver_fail("cycle: %s", zkc_strerror(error));
}

/* ---- many at once ---- */

struct fleet {
    atomic_long left;
    struct countdown *end;
};

struct member {
    pthread_t thread;
    struct fleet *fleet;
    zkc_lock *lock;
};

static void *work(void *arg)
{
    struct member *m = arg;
    int64_t token = 0;
    int error = ZKC_OK;

    while (error == ZKC_OK && atomic_fetch_sub(&m->fleet->left, 1) > 0)
        error = once(m->lock, &token);
    countdown_done(m->fleet->end, error);
    return NULL;
}

static void acquired(void *arg, int result);

static void released(void *arg, int result)
{
    struct member *m = arg;

    if (result == ZKC_OK && atomic_fetch_sub(&m->fleet->left, 1) > 0)
        result = zkc_lock_acquire_async(m->lock, 0, acquired, m);
    else
        countdown_done(m->fleet->end, result);
    if (result != ZKC_OK)
        abort();
}

static void acquired(void *arg, int result)
{
    struct member *m = arg;

    if (result != ZKC_OK || zkc_lock_release_async(m->lock, released, m) != ZKC_OK)
        countdown_done(m->fleet->end, result != ZKC_OK ? result : ZKC_ESERVER);
}

static int fleet(const char *prefix, long k, long n, bool threads, int64_t *ret_ns)
{
    struct member *members = calloc((size_t)k, sizeof *members);
    struct fleet f = {.end = countdown_new(k)};
    int error;

    atomic_init(&f.left, n);
    for (long i = 0; i < k; i++)
        members[i] = (struct member){.fleet = &f, .lock = open_nth(prefix, i)};
    *ret_ns = driver_now();
    for (long i = 0; i < k; i++) {
        if (threads)
            pthread_create(&members[i].thread, NULL, work, &members[i]);
        else
            released(&members[i], ZKC_OK);
    }
    error = countdown_wait(f.end);
    *ret_ns = driver_now() - *ret_ns;
    for (long i = 0; i < k; i++) {
        if (threads)
            pthread_join(members[i].thread, NULL);
        zkc_lock_close(members[i].lock);
    }
    free(members);
    return error == ZKC_OK ? 0 : driver_fail("fleet: %s", zkc_strerror(error));
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

struct waiter {
    long number;
    zkc_lock *lock;
    zkc_leader *leader;
    zkc_elected *elected;
    atomic_long *drain; /* how many have not had their turn; NULL: it keeps what it gets */
    struct waiter *next;
};

static struct waiter *waiters; /* touched by the thread of the commands only */

static void drained(void *arg, int result)
{
    struct waiter *w = arg;

    if (result != ZKC_OK)
        driver_fail("drain: %s", zkc_strerror(result));
    else if (atomic_fetch_sub(w->drain, 1) == 1)
        driver_say("drained %lld", (long long)driver_now());
}

static void granted(void *arg, int result)
{
    int64_t now = driver_now();
    struct waiter *w = arg;

    if (result != ZKC_OK)
        driver_fail("wait: %s", zkc_strerror(result));
    else if (w->drain != NULL)
        zkc_lock_release_async(w->lock, drained, w);
    else
        driver_say("granted %ld %lld", w->number, (long long)now);
}

static void elected(void *arg, int result, zkc_elected *e)
{
    struct waiter *w = arg;

    w->elected = e;
    granted(arg, result);
}

static int start_waiting(struct waiter *w, const char *path, const char *kind)
{
    zkc_leader_options options;
    int error;

    if (strcmp(kind, "election") != 0) {
        w->lock = open_lock(path);
        return zkc_lock_acquire_async(w->lock, 0, granted, w);
    }
    ZKC_INIT(&options);
    options.path = path;
    error = zkc_leader_open(sync_object, NULL, &options, &w->leader);
    return error != ZKC_OK ? error : zkc_leader_elect_async(w->leader, 0, elected, w);
}

static int queue(const char *path, long from, long n, const char *kind)
{
    atomic_long *drain = NULL;
    int error = ZKC_OK;

    if (strcmp(kind, "drain") == 0) {
        static atomic_long left;
        atomic_store(&left, n);
        drain = &left;
    }
    for (long i = from; i < from + n && error == ZKC_OK; i++) {
        struct waiter *w = calloc(1, sizeof *w);
        *w = (struct waiter){.number = i, .drain = drain, .next = waiters};
        waiters = w;
        error = start_waiting(w, path, kind);
    }
    return error == ZKC_OK ? 0 : driver_fail("queue: %s", zkc_strerror(error));
}

static int release(long i, int64_t ret_times[2])
{
    struct waiter **at = &waiters, *w;
    int error;

    while (*at != NULL && (*at)->number != i)
        at = &(*at)->next;
    w = *at;
    if (w == NULL)
        return driver_fail("no waiter %ld", i);
    *at = w->next;
    ret_times[0] = driver_now();
    error =
        w->lock != NULL ? zkc_lock_release(w->lock, NULL) : zkc_elected_resign(w->elected, NULL);
    ret_times[1] = driver_now();
    zkc_lock_close(w->lock);
    zkc_elected_close(w->elected);
    zkc_leader_close(w->leader);
    free(w);
    return error == ZKC_OK ? 0 : driver_fail("release: %s", zkc_strerror(error));
}

/* ---- many held ---- */

struct holding;

struct held {
    struct holding *in;
    zkc_lock *lock;
};

struct holding {
    struct held *locks;
    long count;
    atomic_long next; /* the first that is not being asked for */
    bool dropping;
    struct countdown *end;
};

static struct holding holding;

static void next_held(void *arg, int result);

static void take_next(struct holding *h)
{
    long i = atomic_fetch_add(&h->next, 1);
    struct held *held;

    if (i >= h->count)
        return;
    held = &h->locks[i];
    if ((h->dropping ? zkc_lock_release_async(held->lock, next_held, held)
                     : zkc_lock_acquire_async(held->lock, 0, next_held, held)) != ZKC_OK)
        abort();
}

static void next_held(void *arg, int result)
{
    struct held *held = arg;
    struct holding *h = held->in;

    take_next(h);
    countdown_done(h->end, result);
}

static int go_through(struct holding *h)
{
    int error;

    atomic_store(&h->next, 0);
    h->end = countdown_new(h->count);
    for (long i = 0; i < AT_ONCE; i++)
        take_next(h);
    error = countdown_wait(h->end);
    return error == ZKC_OK ? 0 : driver_fail("hold: %s", zkc_strerror(error));
}

static int hold(const char *prefix, long n)
{
    struct holding *h = &holding;

    *h = (struct holding){.locks = calloc((size_t)n, sizeof *h->locks), .count = n};
    for (long i = 0; i < n; i++)
        h->locks[i] = (struct held){.in = h, .lock = open_nth(prefix, i)};
    return go_through(h);
}

static int drop(void)
{
    struct holding *h = &holding;
    int result;

    h->dropping = true;
    result = go_through(h);
    for (long i = 0; i < h->count; i++)
        zkc_lock_close(h->locks[i].lock);
    free(h->locks);
    h->locks = NULL;
    return result;
}

static int held(long n)
{
    int64_t began;
    long yes = 0;

    if (holding.locks == NULL)
        return driver_fail("hold something first");
    began = driver_now();
    for (long i = 0; i < n; i++)
        yes += zkc_lock_is_held(holding.locks[0].lock);
    began = driver_now() - began;
    if (yes != n)
        return driver_fail("held %ld times of %ld", yes, n);
    driver_say("ok %lld", (long long)began);
    return 0;
}

static int objects(const char *nodes, int session_ms, long n)
{
    zkc_sync *sync;
    int result = 0;

    for (long i = 0; i < n && result == 0; i++)
        result = open_at(nodes, session_ms, &sync);
    return result;
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
        .held = held,
        .objects = objects,
    };

    return driver_main(argc, argv, &driver);
}
