/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocation sweep: the library's 1st, 2nd, … allocation during a public call fails, until the
 * call needs no more. Each time it says so or succeeds all the same, the objects go on working, and
 * nothing is left on the server or in memory. Built with ZKC_TEST_ALLOC.
 */
#include "base/mem.h"
#include "harness.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SOON deadline_in_ms(20000)
#define ROUNDS_MAX 400 /* no call allocates so often */

static struct servers *servers;
static struct probe *probe;

/* What a sweep works with. The sync lives through the whole sweep; what calls make does not. */
struct stage {
    char id[32]; /* new in each round, so that parents are made again */
    zkc_sync *sync, *made;
    zkc_lock *lock, *rival;
    zkc_leader *leader;
    zkc_elected *elected;
    zkc_observer *observer;
    zkc_context *context;
    zkc_contenders *contenders;
    zkc_ids *ids;
    struct scene_outcome outcome;
};

typedef int (*step_fn)(struct stage *s);

struct sweep {
    const char *name;
    step_fn prepare; /* memory is plentiful */
    step_fn call;
    step_fn after; /* likewise; NULL: nothing to do when it succeeded */
    int expected;  /* what the call returns with memory */
};

/* ---- before ---- */

static zkc_options options_of(void)
{
    static const zkc_pair pair = {"zone", "eu"};
    static zkc_node node;
    static const zkc_node *const nodes[] = {&node};
    static zkc_service service;
    zkc_options options;

    ZKC_INIT(&node);
    node.id = "memory";
    node.metadata = &pair;
    node.metadata_count = 1;
    ZKC_INIT(&service);
    service.nodes = nodes;
    service.node_count = 1;
    ZKC_INIT(&options);
    options.nodes = servers_addresses(servers);
    options.name_space = SCENE_NAMESPACE;
    options.service = &service;
    options.session_timeout_ms = 8000;
    options.connect_timeout_ms = 20000;
    return options;
}

static int make_nothing(struct stage *s)
{
    (void)s;
    return ZKC_OK;
}

static int make_lock(struct stage *s)
{
    return zkc_lock_open(s->sync, s->id, NULL, &s->lock);
}

static int make_held(struct stage *s)
{
    int error = make_lock(s);

    return error != ZKC_OK ? error : zkc_lock_acquire(s->lock, NULL);
}

/* The only one: otherwise there would be one more to list in each round. */
static int make_only_one(struct stage *s)
{
    return probe_delete_tree(probe, SCENE_NAMESPACE "/lock") == ZOK ? make_held(s) : ZKC_ESERVER;
}

static int make_rival(struct stage *s)
{
    int error = make_lock(s);

    if (error == ZKC_OK)
        error = zkc_lock_open(s->sync, s->id, NULL, &s->rival);
    return error != ZKC_OK ? error : zkc_lock_acquire(s->rival, NULL);
}

/* A stranger ahead of us, at the end of the numbers: all are asked for their czxids. */
static void stranger_of(const struct stage *s, char *node, size_t size)
{
    char path[128];

    snprintf(node, size, "%s/x-2147483640", scene_lock_path(path, sizeof path, s->id));
}

static int make_stranger(struct stage *s)
{
    char node[160], path[128];

    stranger_of(s, node, sizeof node);
    assert_int_equal(probe_make_path(probe, scene_lock_path(path, sizeof path, s->id)), ZOK);
    assert_int_equal(probe_create(probe, node, "", 0, NULL, 0), ZOK);
    return make_lock(s);
}

static int make_leader(struct stage *s)
{
    return zkc_leader_open(s->sync, s->id, NULL, &s->leader);
}

static int make_elected(struct stage *s)
{
    int error = make_leader(s);

    return error != ZKC_OK ? error : zkc_leader_elect(s->leader, NULL, &s->elected);
}

static int make_rival_and_context(struct stage *s)
{
    int error = make_rival(s);

    if (error == ZKC_OK)
        error = zkc_context_new(NULL, &s->context);
    return error != ZKC_OK ? error : zkc_context_set_timeout_ms(s->context, 30);
}

static int make_held_and_context(struct stage *s)
{
    int error = make_held(s);

    if (error == ZKC_OK)
        error = zkc_context_new(NULL, &s->context);
    return error != ZKC_OK ? error : zkc_context_set_timeout_ms(s->context, 5);
}

static int make_elected_and_context(struct stage *s)
{
    int error = make_elected(s);

    if (error == ZKC_OK)
        error = zkc_context_new(NULL, &s->context);
    return error != ZKC_OK ? error : zkc_context_set_timeout_ms(s->context, 5);
}

/* ---- calls ---- */

static int wait_for_outcome(struct stage *s, int error)
{
    return error == ZKC_OK ? scene_result(&s->outcome, SOON) : error;
}

static void ignore_log(void *arg, zkc_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    (void)message;
}

static int open_sync(struct stage *s)
{
    zkc_options options = options_of();

    options.log = ignore_log;
    options.log_level = ZKC_LOG_DEBUG;
    return zkc_sync_open(&options, NULL, &s->made);
}

static int open_sync_by_name(struct stage *s)
{
    static const zkc_acl acl = {ZKC_PERM_ALL, "world", "anyone"};
    zkc_options options = options_of();
    char nodes[64];

    snprintf(nodes, sizeof nodes, "localhost:%s", strchr(options.nodes, ':') + 1);
    options.nodes = nodes;
    options.auth_scheme = "digest";
    options.auth = "user:secret";
    options.acl = &acl;
    options.acl_count = 1;
    return zkc_sync_open(&options, NULL, &s->made);
}

static int fd_of_sync(struct stage *s)
{
    int fd = zkc_sync_fd(s->made);

    return fd < 0 ? fd : zkc_sync_dispatch(s->made);
}

static int open_lock(struct stage *s)
{
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.ttl_ms = 7000; /* a session of its own */
    options.data = "data";
    options.data_length = 4;
    return zkc_lock_open(s->sync, s->id, &options, &s->lock);
}

static int acquire(struct stage *s)
{
    return zkc_lock_acquire(s->lock, NULL);
}

static int acquire_in_vain(struct stage *s)
{
    return zkc_lock_acquire(s->lock, s->context);
}

static int try_acquire(struct stage *s)
{
    return zkc_lock_try_acquire(s->lock, NULL);
}

static int acquire_async(struct stage *s)
{
    return wait_for_outcome(s, zkc_lock_acquire_async(s->lock, 0, scene_done, &s->outcome));
}

static int try_acquire_async(struct stage *s)
{
    return wait_for_outcome(s, zkc_lock_try_acquire_async(s->lock, 0, scene_done, &s->outcome));
}

/* The rival may lack memory for its release; then it is asked again. */
static int hand_over(struct stage *s)
{
    int error = zkc_lock_acquire_async(s->lock, 0, scene_done, &s->outcome);
    int released = zkc_lock_release(s->rival, NULL);

    if (released == ZKC_ENOMEM)
        released = zkc_lock_release(s->rival, NULL);
    assert_true(released == ZKC_OK || released == ZKC_ENOTHELD);
    return wait_for_outcome(s, error);
}

static int cancel(struct stage *s)
{
    int error = zkc_lock_acquire_async(s->lock, 0, scene_done, &s->outcome);
    int canceled;

    if (error != ZKC_OK)
        return error;
    canceled = zkc_lock_cancel(s->lock); /* ZKC_ENOTHELD: it had failed before */
    assert_true(canceled == ZKC_OK || canceled == ZKC_ENOTHELD || canceled == ZKC_ENOMEM);
    return scene_result(&s->outcome, SOON);
}

static int release(struct stage *s)
{
    return zkc_lock_release(s->lock, NULL);
}

/* What cannot be told of is given up all the same. */
static int release_async(struct stage *s)
{
    int error = zkc_lock_release_async(s->lock, scene_done, &s->outcome);

    assert_false(zkc_lock_is_held(s->lock));
    return wait_for_outcome(s, error);
}

static int revoked_fd(struct stage *s)
{
    int fd = zkc_lock_revoked_fd(s->lock);

    return fd < 0 ? fd : ZKC_OK;
}

static int on_revoked(struct stage *s)
{
    return zkc_lock_on_revoked(s->lock, scene_done, &s->outcome);
}

static int wait_revoked(struct stage *s)
{
    return zkc_lock_wait_revoked(s->lock, s->context);
}

static int lock_contenders(struct stage *s)
{
    return zkc_lock_contenders(s->lock, NULL, &s->contenders);
}

static int lock_ids(struct stage *s)
{
    return zkc_lock_ids(s->sync, NULL, &s->ids);
}

static int with_first(struct stage *s,
                      int (*call)(zkc_sync *, const zkc_contender *, zkc_context *))
{
    const zkc_contender *first;
    int error = zkc_lock_contenders(s->lock, NULL, &s->contenders);

    if (error != ZKC_OK)
        return error;
    first = zkc_contenders_at(s->contenders, 0);
    return first == NULL ? ZKC_ENOTHELD : call(s->sync, first, NULL);
}

static int evict(struct stage *s)
{
    return with_first(s, zkc_contender_evict);
}

static int ask(struct stage *s)
{
    return with_first(s, zkc_contender_ask);
}

static int asked_fd(struct stage *s)
{
    int fd = zkc_lock_asked_fd(s->lock);

    return fd < 0 ? fd : ZKC_OK;
}

static void on_ask(void *arg)
{
    (void)arg;
}

static int on_asked(struct stage *s)
{
    return zkc_lock_on_asked(s->lock, on_ask, NULL);
}

static int lock_check_op(struct stage *s)
{
    struct zoo_op op;

    return zkc_lock_check_op(s->lock, &op);
}

static int open_leader(struct stage *s)
{
    zkc_leader_options options;

    ZKC_INIT(&options);
    options.dialect = ZKC_DIALECT_LATCH;
    return zkc_leader_open(s->sync, s->id, &options, &s->leader);
}

static int elect(struct stage *s)
{
    return zkc_leader_elect(s->leader, NULL, &s->elected);
}

static int elect_async(struct stage *s)
{
    int error =
        wait_for_outcome(s, zkc_leader_elect_async(s->leader, 0, scene_elected, &s->outcome));

    s->elected = s->outcome.elected;
    return error;
}

static int current(struct stage *s)
{
    return zkc_leader_current(s->leader, NULL, &s->contenders);
}

static int leader_contenders(struct stage *s)
{
    return zkc_leader_contenders(s->leader, NULL, &s->contenders);
}

static void saw(void *arg, const zkc_contender *leader)
{
    scene_done(arg, leader != NULL ? ZKC_OK : ZKC_ENOTHELD);
}

static int observe(struct stage *s)
{
    int error = zkc_leader_observe(s->leader, saw, &s->outcome, &s->observer);

    /* Without memory it looks again. */
    return wait_for_outcome(s, error);
}

static int elected_fd(struct stage *s)
{
    int fd = zkc_elected_revoked_fd(s->elected);

    return fd < 0 ? fd : ZKC_OK;
}

static int elected_on_revoked(struct stage *s)
{
    return zkc_elected_on_revoked(s->elected, scene_done, &s->outcome);
}

static int elected_wait_revoked(struct stage *s)
{
    return zkc_elected_wait_revoked(s->elected, s->context);
}

static int elected_check_op(struct stage *s)
{
    struct zoo_op op;

    return zkc_elected_check_op(s->elected, &op);
}

static int resign(struct stage *s)
{
    return zkc_elected_resign(s->elected, NULL);
}

static int resign_async(struct stage *s)
{
    int error = zkc_elected_resign_async(s->elected, scene_done, &s->outcome);

    assert_false(zkc_elected_is_valid(s->elected));
    return wait_for_outcome(s, error);
}

static int new_context(struct stage *s)
{
    return zkc_context_new(s->sync, &s->context);
}

/* ---- after ---- */

static int works(zkc_sync *sync, const char *id)
{
    zkc_lock *lock = NULL;
    int error = zkc_lock_open(sync, id, NULL, &lock);

    if (error == ZKC_OK)
        error = zkc_lock_try_acquire(lock, NULL);
    if (error == ZKC_OK)
        error = zkc_lock_release(lock, NULL);
    zkc_lock_close(lock);
    return error;
}

static int make_sync_once(struct stage *s)
{
    zkc_options options = options_of();

    return zkc_sync_open(&options, NULL, &s->made);
}

static int use_lock(struct stage *s)
{
    int error;

    if (s->rival != NULL) {
        error = zkc_lock_release(s->rival, NULL);
        assert_true(error == ZKC_OK || error == ZKC_ENOTHELD);
    }
    if (zkc_lock_is_held(s->lock))
        assert_int_equal(zkc_lock_release(s->lock, NULL), ZKC_OK);
    error = zkc_lock_acquire(s->lock, NULL);
    return error != ZKC_OK ? error : zkc_lock_release(s->lock, NULL);
}

static int use_lock_alone(struct stage *s)
{
    char node[160];

    stranger_of(s, node, sizeof node);
    assert_int_equal(probe_delete(probe, node), ZOK);
    return use_lock(s);
}

static int use_leader(struct stage *s)
{
    int error;

    if (s->elected != NULL) {
        error = zkc_elected_resign(s->elected, NULL);
        assert_true(error == ZKC_OK || error == ZKC_ENOTHELD);
        zkc_elected_close(s->elected);
        s->elected = NULL;
    }
    error = zkc_leader_elect(s->leader, NULL, &s->elected);
    return error != ZKC_OK ? error : zkc_elected_resign(s->elected, NULL);
}

static const struct sweep sweeps[] = {
    {"sync_open", make_nothing, open_sync, NULL, ZKC_OK},
    {"sync_open by name", make_nothing, open_sync_by_name, NULL, ZKC_OK},
    {"sync_fd", make_sync_once, fd_of_sync, NULL, ZKC_OK},
    {"context_new", make_nothing, new_context, NULL, ZKC_OK},
    {"lock_open", make_nothing, open_lock, NULL, ZKC_OK},
    {"lock_acquire", make_lock, acquire, use_lock, ZKC_OK},
    {"lock_acquire in vain", make_rival_and_context, acquire_in_vain, use_lock, ZKC_ETIMEDOUT},
    {"lock_try_acquire", make_lock, try_acquire, use_lock, ZKC_OK},
    {"lock_try_acquire in vain", make_rival, try_acquire, use_lock, ZKC_EBUSY},
    {"lock_try_acquire at the end of the numbers", make_stranger, try_acquire, use_lock_alone,
     ZKC_EBUSY},
    {"lock_contenders at the end of the numbers", make_stranger, lock_contenders, use_lock_alone,
     ZKC_OK},
    {"lock_acquire_async", make_lock, acquire_async, use_lock, ZKC_OK},
    {"lock_try_acquire_async", make_lock, try_acquire_async, use_lock, ZKC_OK},
    {"lock_acquire_async behind another", make_rival, hand_over, use_lock, ZKC_OK},
    {"lock_cancel", make_rival, cancel, use_lock, ZKC_ECANCELED},
    {"lock_release", make_held, release, use_lock, ZKC_OK},
    {"lock_release_async", make_held, release_async, use_lock, ZKC_OK},
    {"lock_revoked_fd", make_held, revoked_fd, use_lock, ZKC_OK},
    {"lock_on_revoked", make_held, on_revoked, use_lock, ZKC_OK},
    {"lock_wait_revoked", make_held_and_context, wait_revoked, use_lock, ZKC_ETIMEDOUT},
    {"lock_contenders", make_held, lock_contenders, use_lock, ZKC_OK},
    {"lock_ids", make_only_one, lock_ids, use_lock, ZKC_OK},
    {"contender_evict", make_held, evict, use_lock, ZKC_OK},
    {"contender_ask", make_held, ask, use_lock, ZKC_OK},
    {"lock_asked_fd", make_held, asked_fd, use_lock, ZKC_OK},
    {"lock_on_asked", make_held, on_asked, use_lock, ZKC_OK},
    {"lock_check_op", make_held, lock_check_op, use_lock, ZKC_OK},
    {"leader_open", make_nothing, open_leader, NULL, ZKC_OK},
    {"leader_elect", make_leader, elect, use_leader, ZKC_OK},
    {"leader_elect_async", make_leader, elect_async, use_leader, ZKC_OK},
    {"leader_current", make_elected, current, use_leader, ZKC_OK},
    {"leader_contenders", make_elected, leader_contenders, use_leader, ZKC_OK},
    {"leader_observe", make_elected, observe, use_leader, ZKC_OK},
    {"elected_revoked_fd", make_elected, elected_fd, use_leader, ZKC_OK},
    {"elected_on_revoked", make_elected, elected_on_revoked, use_leader, ZKC_OK},
    {"elected_wait_revoked", make_elected_and_context, elected_wait_revoked, use_leader,
     ZKC_ETIMEDOUT},
    {"elected_check_op", make_elected, elected_check_op, use_leader, ZKC_OK},
    {"elected_resign", make_elected, resign, use_leader, ZKC_OK},
    {"elected_resign_async", make_elected, resign_async, use_leader, ZKC_OK},
};

/* ---- the sweep ---- */

static void close_all(struct stage *s)
{
    zkc_contenders_free(s->contenders);
    zkc_ids_free(s->ids);
    zkc_observer_close(s->observer);
    zkc_elected_close(s->elected);
    zkc_lock_close(s->lock);
    zkc_lock_close(s->rival);
    zkc_leader_close(s->leader);
    zkc_context_free(s->context);
    if (s->made != NULL)
        assert_int_equal(zkc_sync_close(s->made), ZKC_OK);
}

static void nothing_stays(const char *id)
{
    char path[128];

    assert_true(scene_wait_count(probe, scene_lock_path(path, sizeof path, id), 0, SOON));
    assert_true(scene_wait_count(probe, scene_leader_path(path, sizeof path, id), 0, SOON));
}

/* One round; true when an allocation failed in it. */
static bool round_of(const struct sweep *sweep, zkc_sync *sync, long n, int *ret_result)
{
    struct stage s = {.sync = sync};
    bool failed;
    int result;

    snprintf(s.id, sizeof s.id, "m%ld", n);
    scene_outcome_init(&s.outcome);
    assert_int_equal(sweep->prepare(&s), ZKC_OK);
    mem_fail_after(n);
    result = sweep->call(&s);
    failed = mem_failed();
    mem_fail_after(0);
    if (result != sweep->expected && !(failed && result == ZKC_ENOMEM))
        fail_msg("%s, allocation %ld: %d (%s)", sweep->name, n, result, zkc_strerror(result));
    if (sweep->after != NULL && sweep->after(&s) != ZKC_OK)
        fail_msg("%s, allocation %ld: of no use after that", sweep->name, n);
    assert_int_equal(works(s.made != NULL ? s.made : sync, s.id), ZKC_OK);
    close_all(&s);
    nothing_stays(s.id);
    scene_outcome_end(&s.outcome);
    *ret_result = result;
    return failed;
}

static bool all_freed(void *before)
{
    return mem_live() <= *(long *)before;
}

static void test_sweep(void **state)
{
    const struct sweep *sweep = *state;
    zkc_options options = options_of();
    int result = ZKC_ENOMEM, told = 0;
    zkc_sync *sync;
    long n = 1, before = mem_live(); /* not 0 when an earlier sweep failed */

    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_OK);
    for (; round_of(sweep, sync, n, &result); n++) {
        told += result == ZKC_ENOMEM;
        assert_true(n < ROUNDS_MAX);
    }
    assert_int_equal(result, sweep->expected);
    print_message("%ld allocations failed, %d times ZKC_ENOMEM\n", n - 1, told);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_true(wait_until(all_freed, &before, SOON));
    assert_int_equal(probe_delete_tree(probe, SCENE_NAMESPACE), ZOK);
}

static int start_servers(void **state)
{
    (void)state;
    servers = servers_start(NULL);
    probe = servers ? probe_open(servers_addresses(servers), 8000) : NULL;
    return probe ? 0 : -1;
}

static int stop_servers(void **state)
{
    (void)state;
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[COUNT(sweeps)] = {{0}};

    harness_start(argc, argv, NULL);
    for (size_t i = 0; i < COUNT(sweeps); i++) {
        tests[i].name = sweeps[i].name;
        tests[i].test_func = test_sweep;
        tests[i].initial_state = (void *)(uintptr_t)&sweeps[i];
    }
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
