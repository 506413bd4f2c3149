/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED
#endif
#include "scene.h"

#include "harness.h"
#include "probe.h"
#include "servers.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define CONNECT_MS 20000
#define PATH_SIZE 1024

/* ---- opening ---- */

/* `arg` is the id, a string that lives for ever. */
static void print_log(void *arg, zkc_log_level level, const char *message)
{
    static const char *const names[] = {"?", "error", "warning", "info", "debug"};
    int64_t now = now_ns() / 1000000;
    const char *name = level >= 1 && level <= 4 ? names[level] : names[0];

    fprintf(stderr, "%lld.%03d %s %s: %s\n", (long long)(now / 1000), (int)(now % 1000),
            (const char *)arg, name, message);
}

static void describe(const struct scene *how, zkc_options *o)
{
    ZKC_INIT(o);
    o->nodes = how->nodes;
    o->name_space = how->name_space ? how->name_space : SCENE_NAMESPACE;
    o->session_timeout_ms = how->session_ms ? how->session_ms : SCENE_SESSION_MS;
    o->connect_timeout_ms = how->connect_ms ? how->connect_ms : CONNECT_MS;
    if (how->auth) {
        o->auth_scheme = "digest";
        o->auth = how->auth;
    }
    if (how->quiet)
        return;
    o->log = print_log;
    o->log_arg = (void *)(uintptr_t)(how->id ? how->id : "zkcoord");
    o->log_level = getenv("ZKC_VERBOSE") ? ZKC_LOG_DEBUG : ZKC_LOG_INFO;
}

int scene_try(const struct scene *how, zkc_sync **ret_sync)
{
    zkc_options o;
    zkc_node node;
    zkc_service service;
    const zkc_node *nodes[] = {&node};

    describe(how, &o);
    ZKC_INIT(&node);
    ZKC_INIT(&service);
    if (how->id) {
        node.id = how->id;
        service.name = "test";
        service.nodes = nodes;
        service.node_count = 1;
        o.service = &service;
    }
    return zkc_sync_open(&o, NULL, ret_sync);
}

zkc_sync *scene_open_as(const struct scene *how)
{
    zkc_sync *sync = NULL;

    assert_int_equal(scene_try(how, &sync), ZKC_OK);
    return sync;
}

zkc_sync *scene_open(const char *nodes)
{
    return scene_open_as(&(struct scene){.nodes = nodes});
}

zkc_lock *scene_lock_with(zkc_sync *sync, const char *id, const zkc_lock_options *options)
{
    zkc_lock *lock = NULL;

    assert_int_equal(zkc_lock_open(sync, id, options, &lock), ZKC_OK);
    return lock;
}

zkc_lock *scene_lock(zkc_sync *sync, const char *id)
{
    return scene_lock_with(sync, id, NULL);
}

zkc_leader *scene_leader(zkc_sync *sync, const char *id)
{
    zkc_leader *leader = NULL;

    assert_int_equal(zkc_leader_open(sync, id, NULL, &leader), ZKC_OK);
    return leader;
}

zkc_context *scene_context(int64_t timeout_ms)
{
    zkc_context *context = NULL;

    assert_int_equal(zkc_context_new(NULL, &context), ZKC_OK);
    assert_int_equal(zkc_context_set_timeout_ms(context, timeout_ms), ZKC_OK);
    return context;
}

/* ---- outcomes ---- */

void scene_outcome_init(struct scene_outcome *o)
{
    pthread_condattr_t clock;

    memset(o, 0, sizeof(*o));
    pthread_mutex_init(&o->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&o->changed, &clock);
    pthread_condattr_destroy(&clock);
}

void scene_outcome_end(struct scene_outcome *o)
{
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
}

void scene_elected(void *arg, int result, zkc_elected *elected)
{
    struct scene_outcome *o = arg;

    pthread_mutex_lock(&o->lock);
    o->calls++;
    o->result = result;
    o->elected = elected;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

void scene_done(void *arg, int result)
{
    scene_elected(arg, result, NULL);
}

int scene_calls(struct scene_outcome *o)
{
    int calls;

    pthread_mutex_lock(&o->lock);
    calls = o->calls;
    pthread_mutex_unlock(&o->lock);
    return calls;
}

bool scene_wait_calls(struct scene_outcome *o, int calls, int64_t deadline)
{
    struct timespec until = deadline_timespec(deadline);
    bool enough;

    pthread_mutex_lock(&o->lock);
    while (o->calls < calls && pthread_cond_timedwait(&o->changed, &o->lock, &until) == 0)
        ;
    enough = o->calls >= calls;
    pthread_mutex_unlock(&o->lock);
    return enough;
}

int scene_result(struct scene_outcome *o, int64_t deadline)
{
    int result;

    assert_true(scene_wait_calls(o, 1, deadline));
    pthread_mutex_lock(&o->lock);
    result = o->result;
    pthread_mutex_unlock(&o->lock);
    return result;
}

/* ---- calls on threads ---- */

static void *run_call(void *arg)
{
    struct scene_call *c = arg;
    int result = c->call(c);

    c->ended = now_ns();
    scene_done(&c->outcome, result);
    return NULL;
}

void scene_start(struct scene_call *c)
{
    scene_outcome_init(&c->outcome);
    assert_int_equal(pthread_create(&c->thread, NULL, run_call, c), 0);
}

bool scene_returned(struct scene_call *c)
{
    return scene_calls(&c->outcome) > 0;
}

int scene_join(struct scene_call *c, int64_t deadline)
{
    int result = scene_result(&c->outcome, deadline);

    pthread_join(c->thread, NULL);
    scene_outcome_end(&c->outcome);
    return result;
}

int scene_acquire(struct scene_call *c)
{
    return zkc_lock_acquire(c->lock, c->context);
}

int scene_release(struct scene_call *c)
{
    return zkc_lock_release(c->lock, c->context);
}

int scene_wait_revoked(struct scene_call *c)
{
    return zkc_lock_wait_revoked(c->lock, c->context);
}

int scene_elect(struct scene_call *c)
{
    return zkc_leader_elect(c->leader, c->context, &c->elected);
}

/* ---- descriptors ---- */

bool scene_wait_readable(int fd, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, deadline_left_ms(deadline)) == 1 && (p.revents & POLLIN);
}

bool scene_readable(int fd)
{
    return scene_wait_readable(fd, now_ns());
}

/* ---- on the servers ---- */

char *scene_lock_path(char *path, size_t size, const char *id)
{
    snprintf(path, size, "%s/lock/%s", SCENE_NAMESPACE, id);
    return path;
}

char *scene_leader_path(char *path, size_t size, const char *id)
{
    snprintf(path, size, "%s/leader/%s", SCENE_NAMESPACE, id);
    return path;
}

int scene_count(struct probe *p, const char *path)
{
    int n = probe_count_children(p, path);

    return n == ZNONODE ? 0 : n;
}

struct count_wanted {
    struct servers *servers;
    struct probe *probe;
    const char *path;
    int n;
};

static bool has_count(void *arg)
{
    struct count_wanted *w = arg;

    return scene_count(w->probe, w->path) == w->n;
}

bool scene_wait_count(struct probe *p, const char *path, int n, int64_t deadline)
{
    return wait_until(has_count, &(struct count_wanted){.probe = p, .path = path, .n = n},
                      deadline);
}

struct node {
    int64_t czxid;
    char path[PATH_SIZE];
};

static int by_czxid(const void *a, const void *b)
{
    const struct node *x = a, *y = b;

    return (x->czxid > y->czxid) - (x->czxid < y->czxid);
}

/* A child that vanished meanwhile has a negative number and comes first. */
static void look_up(struct probe *p, const char *path, const struct probe_list *list,
                    struct node *nodes)
{
    for (int i = 0; i < list->count; i++) {
        snprintf(nodes[i].path, sizeof(nodes[i].path), "%s/%s", path, list->names[i]);
        nodes[i].czxid = probe_czxid(p, nodes[i].path);
    }
    qsort(nodes, (size_t)list->count, sizeof(*nodes), by_czxid);
}

bool scene_nth_node(struct probe *p, const char *path, int n, char *node, size_t size)
{
    struct probe_list list;
    struct node *nodes;
    bool found = false;

    if (probe_children(p, path, &list) != ZOK)
        return false;
    nodes = calloc((size_t)list.count + 1, sizeof(*nodes));
    if (nodes) {
        look_up(p, path, &list, nodes);
        found = n < list.count && nodes[0].czxid > 0;
        if (found)
            snprintf(node, size, "%s", nodes[n].path);
    }
    free(nodes);
    probe_list_free(&list);
    return found;
}

int scene_watches(struct servers *s)
{
    int sum = 0;

    for (int i = 0; i < servers_count(s); i++) {
        int n = server_watches(s, i);
        sum += n > 0 ? n : 0;
    }
    return sum;
}

static bool has_watches(void *arg)
{
    struct count_wanted *w = arg;

    return scene_watches(w->servers) == w->n;
}

bool scene_wait_watches(struct servers *s, int n, int64_t deadline)
{
    return wait_until(has_watches, &(struct count_wanted){.servers = s, .n = n}, deadline);
}

void scene_nothing_left(struct servers *s, struct probe *p, const char *path, int64_t deadline)
{
    if (!scene_wait_count(p, path, 0, deadline))
        fail_msg("%d nodes are left in %s", scene_count(p, path), path);
    if (!scene_wait_watches(s, 0, deadline))
        fail_msg("%d watches are left", scene_watches(s));
}

/* ---- seats ---- */

const char *scene_kind_name(enum scene_kind kind)
{
    static const char *const names[] = {"lock", "leader", "shared lock"};

    return names[kind];
}

void scene_seat_open(struct scene_seat *s, zkc_sync *sync, enum scene_kind kind, const char *id)
{
    zkc_lock_options options;

    memset(s, 0, sizeof(*s));
    s->kind = kind;
    pthread_mutex_init(&s->mutex, NULL);
    scene_outcome_init(&s->outcome);
    ZKC_INIT(&options);
    options.shared = kind == SCENE_READER;
    if (kind != SCENE_LEADER) {
        s->lock = scene_lock_with(sync, id, &options);
        scene_lock_path(s->path, sizeof(s->path), id);
    } else {
        s->leader = scene_leader(sync, id);
        scene_leader_path(s->path, sizeof(s->path), id);
    }
}

static void set_elected(struct scene_seat *s, zkc_elected *elected)
{
    zkc_elected *old;

    pthread_mutex_lock(&s->mutex);
    old = s->elected;
    s->elected = elected;
    pthread_mutex_unlock(&s->mutex);
    zkc_elected_close(old);
}

void scene_seat_close(struct scene_seat *s)
{
    set_elected(s, NULL);
    zkc_lock_close(s->lock);
    zkc_leader_close(s->leader);
    scene_outcome_end(&s->outcome);
    pthread_mutex_destroy(&s->mutex);
}

int scene_seat_take(struct scene_seat *s, zkc_context *context)
{
    zkc_elected *elected = NULL;
    int result;

    set_elected(s, NULL);
    if (s->kind != SCENE_LEADER)
        result = zkc_lock_acquire(s->lock, context);
    else
        result = zkc_leader_elect(s->leader, context, &elected);
    s->granted_at = now_ns();
    set_elected(s, elected);
    return result;
}

int scene_seat_leave(struct scene_seat *s, zkc_context *context)
{
    int result;

    if (s->kind != SCENE_LEADER)
        return zkc_lock_release(s->lock, context);
    result = zkc_elected_resign(s->elected, context);
    set_elected(s, NULL);
    return result;
}

int scene_take(struct scene_call *c)
{
    return scene_seat_take(c->arg, c->context);
}

int scene_leave(struct scene_call *c)
{
    return scene_seat_leave(c->arg, c->context);
}

static void on_seat_taken(void *arg, int result, zkc_elected *elected)
{
    struct scene_seat *s = arg;

    s->granted_at = now_ns();
    set_elected(s, elected);
    scene_done(&s->outcome, result);
}

static void on_seat_locked(void *arg, int result)
{
    on_seat_taken(arg, result, NULL);
}

void scene_seat_take_async(struct scene_seat *s, int64_t wait_ms)
{
    int result;

    set_elected(s, NULL);
    scene_outcome_end(&s->outcome);
    scene_outcome_init(&s->outcome);
    if (s->kind != SCENE_LEADER)
        result = zkc_lock_acquire_async(s->lock, wait_ms > 0 ? wait_ms : -1, on_seat_locked, s);
    else
        result = zkc_leader_elect_async(s->leader, wait_ms, on_seat_taken, s);
    assert_int_equal(result, ZKC_OK);
}

bool scene_seat_decided(struct scene_seat *s)
{
    return scene_calls(&s->outcome) > 0;
}

int scene_seat_result(struct scene_seat *s, int64_t deadline)
{
    return scene_result(&s->outcome, deadline);
}

int scene_seat_cancel(struct scene_seat *s)
{
    return s->kind != SCENE_LEADER ? zkc_lock_cancel(s->lock) : zkc_leader_cancel(s->leader);
}

bool scene_seat_is_held(struct scene_seat *s)
{
    bool held;

    if (s->kind != SCENE_LEADER)
        return zkc_lock_is_held(s->lock);
    pthread_mutex_lock(&s->mutex);
    held = zkc_elected_is_valid(s->elected);
    pthread_mutex_unlock(&s->mutex);
    return held;
}

int64_t scene_seat_remaining_ms(struct scene_seat *s)
{
    int64_t left;

    if (s->kind != SCENE_LEADER)
        return zkc_lock_remaining_ms(s->lock);
    pthread_mutex_lock(&s->mutex);
    left = zkc_elected_remaining_ms(s->elected);
    pthread_mutex_unlock(&s->mutex);
    return left;
}

int64_t scene_seat_token(struct scene_seat *s)
{
    int64_t token;

    if (s->kind != SCENE_LEADER)
        return zkc_lock_token(s->lock);
    pthread_mutex_lock(&s->mutex);
    token = zkc_elected_token(s->elected);
    pthread_mutex_unlock(&s->mutex);
    return token;
}

int scene_seat_reason(struct scene_seat *s)
{
    return s->kind != SCENE_LEADER ? zkc_lock_revoked_reason(s->lock)
                                   : zkc_elected_revoked_reason(s->elected);
}

int scene_seat_revoked_fd(struct scene_seat *s)
{
    return s->kind != SCENE_LEADER ? zkc_lock_revoked_fd(s->lock)
                                   : zkc_elected_revoked_fd(s->elected);
}

/* ---- the umpire ---- */

/* A token that was the same before and after names the grant that was held in between. */
static bool held_with_token(struct scene_seat *s, int64_t *token)
{
    bool held;

    *token = scene_seat_token(s);
    held = scene_seat_is_held(s);
    return held && scene_seat_token(s) == *token;
}

static void look_at(struct scene_umpire *u, int i)
{
    struct scene_belief *b = &u->beliefs[i];
    int64_t before = now_ns(), token;
    bool held = held_with_token(u->seats[i], &token);
    int64_t after = now_ns();

    pthread_mutex_lock(&u->lock);
    if (held && b->token != token)
        *b = (struct scene_belief){.token = token, .first = after};
    u->fouls += held && b->over != 0;
    if (held)
        b->last = before;
    else if (b->over == 0 && b->token != 0)
        b->over = after;
    pthread_mutex_unlock(&u->lock);
}

/* Held before and after another one was: then the two were held at once. */
static bool both_held(struct scene_umpire *u, int i, int j)
{
    int64_t before, after, other;

    return strcmp(u->seats[i]->path, u->seats[j]->path) == 0 &&
           held_with_token(u->seats[i], &before) && held_with_token(u->seats[j], &other) &&
           held_with_token(u->seats[i], &after) && before == after;
}

static bool look_at_all(struct scene_umpire *u)
{
    unsigned fouls = 0;
    bool stop;

    for (int i = 0; i < u->count; i++)
        look_at(u, i);
    for (int i = 0; i < u->count; i++) {
        for (int j = i + 1; j < u->count; j++)
            fouls += both_held(u, i, j);
    }
    pthread_mutex_lock(&u->lock);
    u->fouls += fouls;
    stop = u->stop;
    pthread_mutex_unlock(&u->lock);
    return !stop;
}

static void *watch_seats(void *arg)
{
    static const struct timespec nap = {.tv_nsec = 100000};

    while (look_at_all(arg))
        ppoll(NULL, 0, &nap, NULL);
    return NULL;
}

void scene_umpire_init(struct scene_umpire *u)
{
    memset(u, 0, sizeof(*u));
    pthread_mutex_init(&u->lock, NULL);
}

void scene_umpire_add(struct scene_umpire *u, struct scene_seat *s)
{
    assert_true(u->count < SCENE_SEATS_MAX);
    u->seats[u->count++] = s;
}

void scene_umpire_start(struct scene_umpire *u)
{
    assert_int_equal(pthread_create(&u->thread, NULL, watch_seats, u), 0);
}

struct scene_belief scene_umpire_belief(struct scene_umpire *u, const struct scene_seat *s)
{
    struct scene_belief belief = {0};

    pthread_mutex_lock(&u->lock);
    for (int i = 0; i < u->count; i++) {
        if (u->seats[i] == s)
            belief = u->beliefs[i];
    }
    pthread_mutex_unlock(&u->lock);
    return belief;
}

unsigned scene_umpire_fouls(struct scene_umpire *u)
{
    unsigned fouls;

    pthread_mutex_lock(&u->lock);
    fouls = u->fouls;
    pthread_mutex_unlock(&u->lock);
    return fouls;
}

unsigned scene_umpire_stop(struct scene_umpire *u)
{
    pthread_mutex_lock(&u->lock);
    u->stop = true;
    pthread_mutex_unlock(&u->lock);
    pthread_join(u->thread, NULL);
    pthread_mutex_destroy(&u->lock);
    return u->fouls;
}

/* ---- the process ---- */

struct scene_census scene_census(void)
{
    return (struct scene_census){.fds = count_fds(), .threads = count_threads()};
}

static bool is_same_census(void *arg)
{
    const struct scene_census *before = arg, now = scene_census();

    return now.fds <= before->fds && now.threads <= before->threads;
}

void scene_same_census(const struct scene_census *before, int64_t deadline)
{
    struct scene_census now;

    if (wait_until(is_same_census, (void *)(uintptr_t)before, deadline))
        return;
    now = scene_census();
    fail_msg("%d descriptors were %d, %d threads were %d", now.fds, before->fds, now.threads,
             before->threads);
}
