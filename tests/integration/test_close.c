/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing: in whatever state the servers are it takes two seconds at most, completes every call
 * exactly once, and leaves no memory, thread or descriptor behind.
 */
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "sanitizers.h"
#include "scene.h"
#include "servers.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SOON deadline_in_ms(20000)
#define LIMIT_MS 2000
#define LAG_MS 3000 /* of two busy cores, on top of that */

/*
 * libzookeeper drops completions that wait when it is closed (zk.c answers for it), and their
 * memory with them. What the library itself allocates in callbacks is looked after by the other
 * tests.
 */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libzookeeper_mt\n";
}

static struct servers *servers;
static struct probe *probe;
static struct proxy *proxy; /* the test's objects connect through it */

static int start_servers(void **state)
{
    (void)state;
    servers = servers_start(&(struct servers_options){.extra = "maxSessionTimeout=60000\n"});
    probe = servers ? probe_open(servers_addresses(servers), 10000) : NULL;
    proxy = probe ? proxy_start(server_address(servers, 0)) : NULL;
    return proxy ? 0 : -1;
}

static int stop_servers(void **state)
{
    (void)state;
    proxy_stop(proxy);
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

/* The proxy works again and nobody is left behind it. */
static int heal(void **state)
{
    (void)state;
    proxy_clear_rules(proxy);
    proxy_release(proxy);
    proxy_set_mode(proxy, PROXY_PASS);
    proxy_refuse(proxy, false);
    proxy_reset_all(proxy);
    return 0;
}

/* ---- helpers ---- */

static zkc_sync *open_quietly(const char *nodes, int connect_ms)
{
    return scene_open_as(&(struct scene){.nodes = nodes, .connect_ms = connect_ms, .quiet = true});
}

static zkc_sync *open_through_proxy(void)
{
    return open_quietly(proxy_address(proxy), 20000);
}

static void assert_closes_in_time(zkc_sync *sync)
{
    int64_t began = now_ns();

    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    int64_t took = (now_ns() - began) / 1000000;
    if (took > LIMIT_MS + LAG_MS)
        fail_msg("close took %lld ms", (long long)took);
}

/* ---- 200 objects ---- */

#define ROUND 20
#define ROUNDS 10

/* What each of a round's objects has when it is closed. */
struct guest {
    zkc_sync *sync;
    zkc_lock *held, *pending;
    zkc_leader *leader;
    zkc_observer *observer;
    struct scene_outcome outcome, elected;
    pthread_t thread;
    int64_t took_ms;
    int result;
};

static void ignore_change(void *arg, const zkc_contender *leader)
{
    (void)arg;
    (void)leader;
}

static void check_in(struct guest *g, int connect_ms)
{
    g->sync = open_quietly(proxy_address(proxy), connect_ms);
    g->held = scene_lock(g->sync, "held");
    g->pending = scene_lock(g->sync, "pending");
    g->leader = scene_leader(g->sync, "election");
    scene_outcome_init(&g->outcome);
    scene_outcome_init(&g->elected);
    zkc_lock_try_acquire_async(g->held, 100, scene_done, &g->elected);
    assert_int_equal(zkc_lock_acquire_async(g->pending, 0, scene_done, &g->outcome), ZKC_OK);
    assert_int_equal(zkc_leader_observe(g->leader, ignore_change, NULL, &g->observer), ZKC_OK);
}

static void close_objects(struct guest *g)
{
    zkc_observer_close(g->observer);
    zkc_lock_close(g->pending);
    zkc_lock_close(g->held);
    zkc_leader_close(g->leader);
}

/* Every second one closes its objects first, the others afterwards. */
static void *leave(void *arg)
{
    struct guest *g = arg;
    bool before = harness_random(2) == 0;
    int64_t began;

    if (before)
        close_objects(g);
    began = now_ns();
    g->result = zkc_sync_close(g->sync);
    g->took_ms = (now_ns() - began) / 1000000;
    if (!before)
        close_objects(g);
    return NULL;
}

static void check_out(struct guest *g)
{
    pthread_join(g->thread, NULL);
    assert_int_equal(g->result, ZKC_OK);
    if (g->took_ms > LIMIT_MS + LAG_MS)
        fail_msg("close took %lld ms", (long long)g->took_ms);
    assert_int_equal(scene_calls(&g->outcome), 1);
    assert_int_equal(scene_calls(&g->elected), 1);
    scene_outcome_end(&g->outcome);
    scene_outcome_end(&g->elected);
}

/* What happens to the servers between opening and closing. */
static void nothing_happens(void)
{
}

static void link_is_cut(void)
{
    proxy_refuse(proxy, true);
    proxy_reset_all(proxy);
}

static void link_goes_silent(void)
{
    proxy_set_mode(proxy, PROXY_BLACKHOLE);
}

static void server_stops_answering(void)
{
    proxy_set_mode(proxy, PROXY_BLACKHOLE_TO_CLIENT);
}

static void server_is_killed(void)
{
    server_kill(servers, 0);
}

static void server_is_paused(void)
{
    server_pause(servers, 0);
}

static void link_is_restored(void)
{
    heal(NULL);
    server_resume(servers, 0);
    if (!server_pid(servers, 0))
        assert_true(server_start_again(servers, 0));
    assert_true(servers_wait_serving(servers, deadline_in_ms(30000)));
    assert_true(probe_wait_connected(probe, SOON));
}

static const struct weather {
    const char *name;
    void (*before)(void);
    void (*between)(void);
} weathers[] = {
    {"up", nothing_happens, nothing_happens},
    {"going down: cut", nothing_happens, link_is_cut},
    {"down", link_is_cut, nothing_happens},
    {"going down: silent", nothing_happens, link_goes_silent},
    {"silent", link_goes_silent, nothing_happens},
    {"coming up", link_is_cut, link_is_restored},
    {"half-open", nothing_happens, server_stops_answering},
    {"going down: killed", nothing_happens, server_is_killed},
    {"going down: paused", nothing_happens, server_is_paused},
    {"up again", nothing_happens, nothing_happens},
};

static void one_round(const struct weather *weather)
{
    static struct guest guests[ROUND];

    weather->before();
    for (int i = 0; i < ROUND; i++)
        check_in(&guests[i], weather->before == nothing_happens ? 20000 : -1);
    weather->between();
    for (int i = 0; i < ROUND; i++)
        assert_int_equal(pthread_create(&guests[i].thread, NULL, leave, &guests[i]), 0);
    for (int i = 0; i < ROUND; i++)
        check_out(&guests[i]);
    link_is_restored();
}

static size_t memory_in_use(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* Of the sanitizers' own memory mallinfo2() knows nothing; they find leaks by themselves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_MEMORY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_MEMORY false
#endif
#endif
#ifndef COUNTS_MEMORY
#define COUNTS_MEMORY true
#endif

/* Bytes per object: libzookeeper loses completions at close now and then, an object is larger. */
#define LOST_MAX 500

static void two_hundred_leave_nothing(void **state)
{
    struct scene_census before;
    size_t memory;

    (void)state;
    one_round(&weathers[0]); /* what is made once and kept */
    before = scene_census();
    memory = memory_in_use();
    for (size_t i = 0; i < ROUNDS; i++) {
        int64_t began = now_ns();
        one_round(&weathers[i]);
        scene_same_census(&before, SOON);
        print_message("%s: %lld ms, %zu bytes\n", weathers[i].name,
                      (long long)(now_ns() - began) / 1000000, memory_in_use());
    }
    size_t now = memory_in_use();
    print_message("memory: %zu bytes before, %zu after\n", memory, now);
    if (COUNTS_MEMORY)
        assert_true(now < memory + ROUND * ROUNDS * LOST_MAX);
}

/* ---- thousands of calls ---- */

struct crowd {
    int size;
    zkc_lock **locks;
    atomic_int *calls; /* of each lock */
    struct member *members;
    atomic_int done, granted, closed, other;
};

struct member {
    struct crowd *crowd;
    int number;
};

static void on_member(void *arg, int result)
{
    struct member *m = arg;
    struct crowd *c = m->crowd;

    atomic_fetch_add(&c->calls[m->number], 1);
    atomic_fetch_add(result == ZKC_OK        ? &c->granted
                     : result == ZKC_ECLOSED ? &c->closed
                                             : &c->other,
                     1);
    atomic_fetch_add(&c->done, 1);
}

/* On the heap, for the calls of a test that failed go on after it. */
static struct crowd *crowd_form(zkc_sync *sync, int size)
{
    struct crowd *c = calloc(1, sizeof(*c));
    char id[32];

    assert_non_null(c);
    c->size = size;
    c->locks = calloc((size_t)size, sizeof(*c->locks));
    c->calls = calloc((size_t)size, sizeof(*c->calls));
    c->members = calloc((size_t)size, sizeof(*c->members));
    assert_true(c->locks && c->calls && c->members);
    for (int i = 0; i < size; i++) {
        snprintf(id, sizeof(id), "crowd%d", i);
        c->members[i] = (struct member){c, i};
        c->locks[i] = scene_lock(sync, id);
        assert_int_equal(zkc_lock_acquire_async(c->locks[i], 0, on_member, &c->members[i]), ZKC_OK);
    }
    return c;
}

static void crowd_close(struct crowd *c)
{
    for (int i = 0; i < c->size; i++)
        zkc_lock_close(c->locks[i]);
}

/* Everybody has been told, once. */
static void crowd_end(struct crowd *c)
{
    print_message("%d granted, %d closed, %d other\n", atomic_load(&c->granted),
                  atomic_load(&c->closed), atomic_load(&c->other));
    for (int i = 0; i < c->size; i++)
        assert_int_equal(atomic_load(&c->calls[i]), 1);
    assert_int_equal(atomic_load(&c->other), 0);
    assert_int_equal(atomic_load(&c->done), c->size);
    free(c->locks);
    free(c->calls);
    free(c->members);
    free(c);
}

#define CROWD (WITH_ASAN || WITH_TSAN ? 1000 : 5000)

/* rule: the proxy's that must have acted before; -1: none. */
static void close_in_a_crowd(bool objects_first, int rule)
{
    struct scene_census before = scene_census();
    zkc_sync *sync = open_through_proxy();
    struct crowd *crowd = crowd_form(sync, CROWD);

    if (rule >= 0)
        assert_true(proxy_wait_fired(proxy, rule, SOON));
    if (objects_first)
        crowd_close(crowd);
    assert_closes_in_time(sync);
    if (!objects_first)
        crowd_close(crowd);
    crowd_end(crowd);
    heal(NULL);
    scene_same_census(&before, SOON);
}

static void thousands_in_flight(void **state)
{
    (void)state;
    close_in_a_crowd(false, -1);
}

static void thousands_in_flight_objects_first(void **state)
{
    (void)state;
    close_in_a_crowd(true, -1);
}

static bool many_held(void *arg)
{
    const struct crowd *c = arg;
    int held = 0;

    for (int i = 0; i < c->size; i++)
        held += zkc_lock_is_held(c->locks[i]);
    return held > CROWD / 2;
}

/* And nobody has to wait for them: they went with the session. */
static void thousands_held(void **state)
{
    zkc_sync *sync = open_through_proxy();
    struct crowd *crowd = crowd_form(sync, CROWD);

    (void)state;
    assert_true(wait_until(many_held, crowd, deadline_in_ms(60000)));
    assert_closes_in_time(sync);
    crowd_close(crowd);
    crowd_end(crowd);
    /* Half of the session's timeout. */
    assert_true(scene_wait_count(probe, "/t/lock/crowd0", 0, deadline_in_ms(10000)));
}

static void thousands_at_a_silent_peer(void **state)
{
    (void)state;
    close_in_a_crowd(false, proxy_on(proxy, PROXY_ANY, 100, PROXY_SILENCE_BEFORE));
}

static void thousands_at_a_silent_peer_objects_first(void **state)
{
    (void)state;
    close_in_a_crowd(true, proxy_on(proxy, PROXY_ANY, 100, PROXY_SILENCE_BEFORE));
}

static void thousands_applied_and_unanswered(void **state)
{
    (void)state;
    close_in_a_crowd(false, proxy_on(proxy, PROXY_ANY, 200, PROXY_SILENCE_AFTER));
}

/* Some hundred are sent at once, 15 MB: more than the socket's buffers hold. */
static void full_socket_buffers(void **state)
{
    static char data[60000];
    zkc_lock_options options;
    struct scene_census before = scene_census();
    zkc_sync *sync = open_through_proxy();
    static zkc_lock *locks[500];
    struct scene_outcome outcome;

    (void)state;
    ZKC_INIT(&options);
    options.data = data;
    options.data_length = sizeof(data);
    scene_outcome_init(&outcome);
    proxy_set_mode(proxy, PROXY_BLACKHOLE);
    for (size_t i = 0; i < COUNT(locks); i++) {
        locks[i] = scene_lock_with(sync, "large", &options);
        assert_int_equal(zkc_lock_acquire_async(locks[i], 0, scene_done, &outcome), ZKC_OK);
    }
    assert_closes_in_time(sync);
    assert_int_equal(scene_calls(&outcome), COUNT(locks));
    for (size_t i = 0; i < COUNT(locks); i++)
        zkc_lock_close(locks[i]);
    heal(NULL);
    scene_same_census(&before, SOON);
    scene_outcome_end(&outcome);
}

/* ---- servers that take their time ---- */

static void while_connecting(void **state)
{
    struct scene_census before = scene_census();

    (void)state;
    proxy_set_mode(proxy, PROXY_IGNORE_NEW);
    zkc_sync *sync = open_quietly(proxy_address(proxy), -1);
    assert_true(proxy_wait_open(proxy, 1, SOON));
    assert_closes_in_time(sync);
    heal(NULL);
    scene_same_census(&before, SOON);
}

static void half_open(enum proxy_mode mode)
{
    struct scene_census before = scene_census();
    zkc_sync *sync = open_through_proxy();
    zkc_lock *lock = scene_lock(sync, "half");

    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    proxy_set_mode(proxy, mode);
    assert_closes_in_time(sync);
    assert_false(zkc_lock_is_held(lock));
    zkc_lock_close(lock);
    heal(NULL);
    scene_same_census(&before, SOON);
}

static void half_open_peers(void **state)
{
    (void)state;
    half_open(PROXY_BLACKHOLE);
    half_open(PROXY_BLACKHOLE_TO_CLIENT);
    half_open(PROXY_BLACKHOLE_TO_SERVER);
}

static void paused_server(void **state)
{
    zkc_sync *sync = open_through_proxy();

    (void)state;
    server_pause(servers, 0);
    assert_closes_in_time(sync);
    server_resume(servers, 0);
}

/* What is held when everything works is free for the next one at once, not after a timeout. */
static void what_was_held_is_free_at_once(void **state)
{
    zkc_sync *next = open_through_proxy();
    zkc_lock *waiter = scene_lock(next, "free");

    (void)state;
    for (int i = 0; i < 20; i++) {
        zkc_sync *sync = open_through_proxy();
        zkc_lock *lock = scene_lock(sync, "free");
        assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
        assert_closes_in_time(sync);
        assert_int_equal(zkc_lock_try_acquire(waiter, NULL), ZKC_OK);
        assert_int_equal(zkc_lock_release(waiter, NULL), ZKC_OK);
        zkc_lock_close(lock);
    }
    zkc_lock_close(waiter);
    zkc_sync_close(next);
}

/* ---- blocking calls ---- */

static int list_contenders(struct scene_call *c)
{
    zkc_contenders *list = NULL;
    int result = zkc_lock_contenders(c->lock, c->context, &list);

    zkc_contenders_free(list);
    return result;
}

/* Each in a thread, each for ever; the peer is silent for those that need a server. */
static void blocking_calls_return(void **state)
{
    static struct scene_call calls[5];
    struct scene_census before = scene_census();
    zkc_sync *sync = open_through_proxy(), *other = open_through_proxy();
    zkc_lock *first = scene_lock(other, "block"), *held = scene_lock(sync, "held-here");
    zkc_lock *waiting = scene_lock(sync, "block"), *listing = scene_lock(sync, "listing");
    zkc_leader *leader = scene_leader(sync, "block");

    (void)state;
    memset(calls, 0, sizeof(calls));
    assert_int_equal(zkc_lock_acquire(first, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(held, NULL), ZKC_OK);
    calls[0] = (struct scene_call){.call = scene_acquire, .lock = waiting};
    calls[1] = (struct scene_call){.call = scene_wait_revoked, .lock = held};
    calls[2] = (struct scene_call){.call = scene_elect, .leader = leader};
    calls[3] = (struct scene_call){.call = list_contenders, .lock = listing};
    scene_start(&calls[0]);
    scene_start(&calls[1]);
    assert_true(scene_wait_count(probe, "/t/lock/block", 2, SOON));
    proxy_set_mode(proxy, PROXY_BLACKHOLE);
    unsigned asked = proxy_requests(proxy, PROXY_ANY);
    scene_start(&calls[2]);
    scene_start(&calls[3]);
    assert_true(proxy_wait_requests(proxy, PROXY_ANY, asked + 3, SOON));
    assert_closes_in_time(sync);
    for (int i = 0; i < 4; i++)
        assert_int_equal(scene_join(&calls[i], SOON), ZKC_ECLOSED);
    assert_null(calls[2].elected);
    zkc_lock_close(waiting);
    zkc_lock_close(listing);
    zkc_lock_close(held);
    zkc_leader_close(leader);
    heal(NULL);
    zkc_lock_close(first);
    zkc_sync_close(other);
    scene_same_census(&before, SOON);
}

/* ---- inside callbacks ---- */

struct inside {
    zkc_sync *sync;
    zkc_lock *lock, *other;
    zkc_leader *leader;
    zkc_observer *observer;
    zkc_context *context;
    atomic_int calls;
    int refused[10];
    size_t count;
};

static bool has_been_called(void *arg)
{
    return atomic_load(&((struct inside *)arg)->calls) > 0;
}

static void refuse_blocking(void *arg, int result)
{
    struct inside *in = arg;
    zkc_contenders *list = NULL;
    zkc_elected *elected = NULL;

    (void)result;
    in->refused[in->count++] = zkc_sync_close(in->sync);
    in->refused[in->count++] = zkc_sync_dispatch(in->sync);
    in->refused[in->count++] = zkc_lock_acquire(in->other, NULL);
    in->refused[in->count++] = zkc_lock_try_acquire(in->other, NULL);
    in->refused[in->count++] = zkc_lock_release(in->lock, NULL);
    in->refused[in->count++] = zkc_lock_wait_revoked(in->lock, NULL);
    in->refused[in->count++] = zkc_lock_contenders(in->lock, NULL, &list);
    in->refused[in->count++] = zkc_leader_elect(in->leader, NULL, &elected);
    in->refused[in->count++] = zkc_leader_current(in->leader, NULL, &list);
    in->refused[in->count++] = zkc_leader_contenders(in->leader, NULL, &list);
    atomic_fetch_add(&in->calls, 1);
}

static void open_inside(struct inside *in)
{
    memset(in, 0, sizeof(*in));
    in->sync = open_through_proxy();
    in->lock = scene_lock(in->sync, "inside");
    in->other = scene_lock(in->sync, "other");
    in->leader = scene_leader(in->sync, "inside");
}

static void blocking_is_refused_inside(void **state)
{
    static struct inside in;

    (void)state;
    open_inside(&in);
    assert_int_equal(zkc_lock_acquire_async(in.lock, 0, refuse_blocking, &in), ZKC_OK);
    assert_true(wait_until(has_been_called, &in, SOON));
    for (size_t i = 0; i < COUNT(in.refused); i++)
        assert_int_equal(in.refused[i], ZKC_ECALLBACK);
    assert_true(zkc_lock_is_held(in.lock));
    zkc_lock_close(in.lock);
    zkc_lock_close(in.other);
    zkc_leader_close(in.leader);
    assert_closes_in_time(in.sync);
}

/* Its own lock, and one whose completion is still to come: that runs inside, before close ends. */
static void close_both(void *arg, int result)
{
    struct inside *in = arg;

    in->refused[0] = result;
    zkc_lock_close(in->lock);
    zkc_lock_close(in->other);
    zkc_leader_close(in->leader);
    zkc_observer_close(in->observer);
    atomic_fetch_add(&in->calls, 1);
}

static void locks_close_inside(void **state)
{
    static struct inside in;
    struct scene_outcome outcome;
    struct scene_census before = scene_census();

    (void)state;
    open_inside(&in);
    scene_outcome_init(&outcome);
    assert_int_equal(zkc_leader_observe(in.leader, ignore_change, NULL, &in.observer), ZKC_OK);
    proxy_set_mode(proxy, PROXY_BLACKHOLE_TO_CLIENT);
    assert_int_equal(zkc_lock_acquire_async(in.other, 0, scene_done, &outcome), ZKC_OK);
    assert_int_equal(zkc_lock_acquire_async(in.lock, 0, close_both, &in), ZKC_OK);
    assert_int_equal(zkc_lock_cancel(in.lock), ZKC_OK);
    assert_true(wait_until(has_been_called, &in, SOON));
    assert_int_equal(in.refused[0], ZKC_ECANCELED);
    assert_int_equal(scene_calls(&outcome), 1);
    assert_int_equal(outcome.result, ZKC_ECLOSED);
    heal(NULL);
    assert_closes_in_time(in.sync);
    assert_int_equal(atomic_load(&in.calls), 1);
    scene_same_census(&before, SOON);
    scene_outcome_end(&outcome);
}

static void close_on_revocation(void *arg, int reason)
{
    struct inside *in = arg;

    in->refused[0] = reason;
    zkc_lock_close(in->lock);
    atomic_fetch_add(&in->calls, 1);
}

static void locks_close_when_revoked(void **state)
{
    static struct inside in;
    char node[1024];

    (void)state;
    open_inside(&in);
    assert_int_equal(zkc_lock_on_revoked(in.lock, close_on_revocation, &in), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(in.lock, NULL), ZKC_OK);
    assert_true(scene_nth_node(probe, "/t/lock/inside", 0, node, sizeof(node)));
    assert_int_equal(probe_delete(probe, node), 0);
    assert_true(wait_until(has_been_called, &in, SOON));
    assert_int_equal(in.refused[0], ZKC_EDELETED);
    zkc_lock_close(in.other);
    zkc_leader_close(in.leader);
    assert_closes_in_time(in.sync);
}

/* ---- who closes while others call ---- */

#define CALLERS 4

static void *call_until_closed(void *arg)
{
    zkc_lock *lock = arg;
    int result = ZKC_OK;

    while (result == ZKC_OK) {
        result = zkc_lock_acquire(lock, NULL);
        if (result == ZKC_OK)
            result = zkc_lock_release(lock, NULL);
    }
    return result == ZKC_ECLOSED ? lock : NULL;
}

static void calls_race_with_close(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        zkc_sync *sync = open_through_proxy();
        pthread_t threads[CALLERS];
        zkc_lock *locks[CALLERS];
        unsigned before = proxy_requests(proxy, PROXY_ANY_CREATE);
        for (int k = 0; k < CALLERS; k++) {
            locks[k] = scene_lock(sync, k % 2 ? "race" : "other-race");
            assert_int_equal(pthread_create(&threads[k], NULL, call_until_closed, locks[k]), 0);
        }
        assert_true(
            proxy_wait_requests(proxy, PROXY_ANY_CREATE, before + 1 + harness_random(60), SOON));
        assert_closes_in_time(sync);
        for (int k = 0; k < CALLERS; k++) {
            void *closed;
            pthread_join(threads[k], &closed);
            assert_ptr_equal(closed, locks[k]);
            zkc_lock_close(locks[k]);
        }
    }
    assert_true(scene_wait_count(probe, "/t/lock/race", 0, SOON));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_hundred_leave_nothing, heal),
        cmocka_unit_test_setup(thousands_in_flight, heal),
        cmocka_unit_test_setup(thousands_in_flight_objects_first, heal),
        cmocka_unit_test_setup(thousands_held, heal),
        cmocka_unit_test_setup(thousands_at_a_silent_peer, heal),
        cmocka_unit_test_setup(thousands_at_a_silent_peer_objects_first, heal),
        cmocka_unit_test_setup(thousands_applied_and_unanswered, heal),
        cmocka_unit_test_setup(full_socket_buffers, heal),
        cmocka_unit_test_setup(while_connecting, heal),
        cmocka_unit_test_setup(half_open_peers, heal),
        cmocka_unit_test_setup(paused_server, heal),
        cmocka_unit_test_setup(what_was_held_is_free_at_once, heal),
        cmocka_unit_test_setup(blocking_calls_return, heal),
        cmocka_unit_test_setup(blocking_is_refused_inside, heal),
        cmocka_unit_test_setup(locks_close_inside, heal),
        cmocka_unit_test_setup(locks_close_when_revoked, heal),
        cmocka_unit_test_setup(calls_race_with_close, heal),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
