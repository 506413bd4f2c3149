/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED /* zookeeper.h: the waiting calls, too */
#endif
#include "probe.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

#define PATH_SIZE 1024

struct probe {
    zhandle_t *zh;
    pthread_mutex_t lock;
    int state; /* of the last event */
};

/* ---- the session ---- */

static void note_state(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct probe *p = context;

    (void)zh;
    (void)path;
    if (type != ZOO_SESSION_EVENT)
        return;
    pthread_mutex_lock(&p->lock);
    p->state = state;
    pthread_mutex_unlock(&p->lock);
}

static struct probe *probe_new(const char *servers, int timeout_ms, const clientid_t *id)
{
    struct probe *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->zh = zookeeper_init(servers, note_state, timeout_ms, id, p, 0);
    if (p->zh)
        zoo_set_servers_resolution_delay(p->zh, -1);
    return p;
}

static int last_event(struct probe *p)
{
    int state;

    pthread_mutex_lock(&p->lock);
    state = p->state;
    pthread_mutex_unlock(&p->lock);
    return state;
}

/* Events come late: a call has failed before the event tells why. zoo_state() comes too early. */
static bool is_connected(void *arg)
{
    struct probe *p = arg;

    return last_event(p) == ZOO_CONNECTED_STATE && zoo_state(p->zh) == ZOO_CONNECTED_STATE;
}

static bool is_disconnected(void *arg)
{
    return !is_connected(arg);
}

static bool is_expired(void *arg)
{
    return last_event(arg) == ZOO_EXPIRED_SESSION_STATE;
}

struct probe *probe_open(const char *servers, int timeout_ms)
{
    struct probe *p = probe_new(servers, timeout_ms, NULL);

    if (p && p->zh && probe_wait_connected(p, deadline_in_ms(10000)))
        return p;
    if (p)
        probe_close(p);
    return NULL;
}

void probe_close(struct probe *p)
{
    if (!p)
        return;
    if (p->zh)
        zookeeper_close(p->zh);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct _zhandle *probe_handle(struct probe *p)
{
    return p->zh;
}

int64_t probe_session(struct probe *p)
{
    return zoo_client_id(p->zh)->client_id;
}

bool probe_connected(struct probe *p)
{
    return is_connected(p);
}

bool probe_wait_connected(struct probe *p, int64_t deadline)
{
    return wait_until(is_connected, p, deadline);
}

bool probe_wait_disconnected(struct probe *p, int64_t deadline)
{
    return wait_until(is_disconnected, p, deadline);
}

bool probe_wait_expired(struct probe *p, int64_t deadline)
{
    return wait_until(is_expired, p, deadline);
}

/* ---- nodes ---- */

int probe_create(struct probe *p, const char *path, const char *data, int flags, char *made,
                 size_t size)
{
    return zoo_create(p->zh, path, data, data ? (int)strlen(data) : -1, &ZOO_OPEN_ACL_UNSAFE, flags,
                      made, (int)size);
}

int probe_make_path(struct probe *p, const char *path)
{
    char part[PATH_SIZE];
    int rc = ZOK;

    for (size_t i = 1; (rc == ZOK || rc == ZNODEEXISTS) && i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof(part), "%.*s", (int)i, path);
        rc = probe_create(p, part, NULL, 0, NULL, 0);
    }
    return rc == ZNODEEXISTS ? ZOK : rc;
}

int probe_delete(struct probe *p, const char *path)
{
    return zoo_delete(p->zh, path, -1);
}

int probe_delete_tree(struct probe *p, const char *path)
{
    struct probe_list list;
    char child[PATH_SIZE];
    int rc = probe_children(p, path, &list);

    if (rc != ZOK)
        return rc == ZNONODE ? ZOK : rc;
    for (int i = 0; i < list.count && rc == ZOK; i++) {
        snprintf(child, sizeof(child), "%s/%s", path, list.names[i]);
        rc = probe_delete_tree(p, child);
    }
    probe_list_free(&list);
    if (rc == ZOK)
        rc = probe_delete(p, path);
    return rc == ZNONODE ? ZOK : rc;
}

int probe_set(struct probe *p, const char *path, const char *data)
{
    return zoo_set(p->zh, path, data, (int)strlen(data), -1);
}

int probe_get(struct probe *p, const char *path, char *data, size_t size)
{
    int n = (int)size - 1;
    int rc = zoo_get(p->zh, path, 0, data, &n, NULL);

    data[rc == ZOK && n > 0 ? n : 0] = '\0';
    return rc;
}

int probe_stat(struct probe *p, const char *path, struct Stat *stat)
{
    return zoo_exists(p->zh, path, 0, stat);
}

bool probe_exists(struct probe *p, const char *path)
{
    return zoo_exists(p->zh, path, 0, NULL) == ZOK;
}

int64_t probe_czxid(struct probe *p, const char *path)
{
    struct Stat s;
    int rc = probe_stat(p, path, &s);

    return rc == ZOK ? s.czxid : rc;
}

int64_t probe_owner(struct probe *p, const char *path)
{
    struct Stat s;
    int rc = probe_stat(p, path, &s);

    return rc == ZOK ? s.ephemeralOwner : rc;
}

/* ---- calls that do not wait ---- */

static void note_answer(int rc, const char *value, const void *context)
{
    struct probe_later *later = (struct probe_later *)(uintptr_t)context;

    (void)value;
    pthread_mutex_lock(&later->lock);
    later->rc = rc;
    later->done = true;
    pthread_mutex_unlock(&later->lock);
}

int probe_create_later(struct probe *p, const char *path, struct probe_later *later)
{
    *later = (struct probe_later){.lock = PTHREAD_MUTEX_INITIALIZER};
    return zoo_acreate(p->zh, path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, note_answer, later);
}

bool probe_is_done(void *arg)
{
    struct probe_later *later = arg;
    bool done;

    pthread_mutex_lock(&later->lock);
    done = later->done;
    pthread_mutex_unlock(&later->lock);
    return done;
}

bool probe_is_pending(void *later)
{
    return !probe_is_done(later);
}

/* libzookeeper has no waiting form of sync. */
int probe_sync(struct probe *p, const char *path)
{
    struct probe_later later = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int rc = zoo_async(p->zh, path, note_answer, &later);

    if (rc == ZOK)
        wait_until(probe_is_done, &later, INT64_MAX); /* the answer needs `later` to be there */
    return rc == ZOK ? later.rc : rc;
}

/* ---- lists ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int probe_children(struct probe *p, const char *path, struct probe_list *list)
{
    struct String_vector v;
    int rc = zoo_get_children(p->zh, path, 0, &v);

    *list = (struct probe_list){.count = 0};
    if (rc != ZOK)
        return rc;
    list->count = v.count;
    list->names = calloc((size_t)v.count + 1, sizeof(char *));
    for (int i = 0; i < v.count; i++)
        list->names[i] = strdup(v.data[i]);
    deallocate_String_vector(&v);
    qsort(list->names, (size_t)list->count, sizeof(char *), by_name);
    return ZOK;
}

void probe_list_free(struct probe_list *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct probe_list){.count = 0};
}

int probe_count_children(struct probe *p, const char *path)
{
    struct Stat s;
    int rc = probe_stat(p, path, &s);

    return rc == ZOK ? s.numChildren : rc;
}

/* ---- waiting ---- */

struct question {
    struct probe *probe;
    const char *path;
    int n;
};

static bool exists(void *arg)
{
    struct question *q = arg;

    return probe_exists(q->probe, q->path);
}

static bool is_gone(void *arg)
{
    struct question *q = arg;

    return zoo_exists(q->probe->zh, q->path, 0, NULL) == ZNONODE;
}

static bool has_children(void *arg)
{
    struct question *q = arg;

    return probe_count_children(q->probe, q->path) == q->n;
}

bool probe_wait_exists(struct probe *p, const char *path, int64_t deadline)
{
    return wait_until(exists, &(struct question){.probe = p, .path = path}, deadline);
}

bool probe_wait_gone(struct probe *p, const char *path, int64_t deadline)
{
    return wait_until(is_gone, &(struct question){.probe = p, .path = path}, deadline);
}

bool probe_wait_children(struct probe *p, const char *path, int n, int64_t deadline)
{
    struct question q = {.probe = p, .path = path, .n = n};

    return wait_until(has_children, &q, deadline);
}

/* ---- other sessions ---- */

static bool is_answered(void *arg)
{
    return is_connected(arg) || is_expired(arg);
}

/* Resumes the session and closes it. True if there is no such session. */
static bool end_session(const char *servers, const clientid_t *who, int64_t deadline)
{
    struct probe *p = probe_new(servers, 10000, who);
    bool gone = p && p->zh && wait_until(is_answered, p, deadline) && is_expired(p);

    probe_close(p);
    return gone;
}

/* The owner may have taken the session back before the close arrived: then once more. */
bool probe_expire(const char *servers, int64_t id, const char password[16])
{
    int64_t deadline = deadline_in_ms(10000);
    clientid_t who = {.client_id = id};

    memcpy(who.passwd, password, sizeof(who.passwd));
    while (!end_session(servers, &who, deadline)) {
        if (deadline_passed(deadline))
            return false;
    }
    return true;
}
