/* SPDX-License-Identifier: Apache-2.0 */
/* Every call of a lock, on one server that works: what it returns, shows and leaves behind. */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED
#endif
#include "harness.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(30000)
#define SHORTLY deadline_in_ms(200) /* for "nothing happens" */
#define PATH "/t/lock/it"
#define TICK_MS 500

static struct servers *servers;
static struct probe *probe;
static const char *nodes;
static struct scene_census before;
static int connections;

/* ---- around each test ---- */

static int start_server(void **state)
{
    (void)state;
    servers = servers_start(&(struct servers_options){.tick_ms = TICK_MS});
    if (!servers)
        return -1;
    nodes = servers_addresses(servers);
    probe = probe_open(nodes, 10000);
    return probe ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

/* Whatever a test that failed has left does not concern the next. */
static int begin(void **state)
{
    (void)state;
    before = scene_census();
    connections = server_connections(servers, 0);
    return probe_delete_tree(probe, PATH);
}

static bool is_alone(void *arg)
{
    int now = server_connections(servers, 0);

    (void)arg;
    return now >= 0 && now <= connections;
}

/* No test leaves a node, a watch, a session, a descriptor or a thread. */
static int end(void **state)
{
    (void)state;
    scene_nothing_left(servers, probe, PATH, SOON);
    scene_same_census(&before, SOON);
    assert_true(wait_until(is_alone, NULL, SOON));
    return 0;
}

/* ---- helpers ---- */

/* A sync object and a lock of its own. */
struct party {
    zkc_sync *sync;
    zkc_lock *lock;
};

static struct party join_as(const char *id)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .id = id});

    return (struct party){.sync = sync, .lock = scene_lock(sync, "it")};
}

static void leave(struct party *p)
{
    zkc_lock_close(p->lock);
    assert_int_equal(zkc_sync_close(p->sync), ZKC_OK);
}

static void own_node(char *path, size_t size)
{
    assert_true(scene_nth_node(probe, PATH, 0, path, size));
}

static int64_t ms_since(int64_t start)
{
    return (now_ns() - start) / 1000000;
}

static bool is_held(void *arg)
{
    return zkc_lock_is_held(arg);
}

static bool has_no_call(void *arg)
{
    return scene_calls(arg) == 0;
}

static bool has_one_call(void *arg)
{
    return scene_calls(arg) == 1;
}

static bool is_waiting(void *arg)
{
    return !scene_returned(arg);
}

/* ---- life ---- */

static void a_life(void **state)
{
    struct party a = join_as("a");
    char node[300];
    int64_t first;

    (void)state;
    assert_string_equal(zkc_lock_id(a.lock), "it");
    assert_false(zkc_lock_is_held(a.lock));
    assert_int_equal(zkc_lock_token(a.lock), 0);
    assert_int_equal(zkc_lock_remaining_ms(a.lock), 0);
    assert_int_equal(zkc_lock_ttl_ms(a.lock), SCENE_SESSION_MS);
    assert_int_equal(zkc_sync_session_timeout_ms(a.sync), SCENE_SESSION_MS);
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_true(zkc_lock_is_held(a.lock));
    assert_in_range(zkc_lock_remaining_ms(a.lock), 1, SCENE_SESSION_MS);
    own_node(node, sizeof(node));
    first = zkc_lock_token(a.lock);
    assert_int_equal(first, probe_czxid(probe, node));
    assert_true(probe_owner(probe, node) != 0);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_EALREADY);
    assert_int_equal(zkc_lock_try_acquire(a.lock, NULL), ZKC_EALREADY);
    assert_true(zkc_lock_is_held(a.lock));
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    assert_false(probe_exists(probe, node));
    assert_false(zkc_lock_is_held(a.lock));
    assert_int_equal(zkc_lock_remaining_ms(a.lock), 0);
    assert_int_equal(zkc_lock_token(a.lock), first);
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_true(zkc_lock_token(a.lock) > first);
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    leave(&a);
}

static void names_of_nodes(void **state)
{
    struct party a = join_as("a");
    char node[300];
    const char *name;

    (void)state;
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    own_node(node, sizeof(node));
    name = strrchr(node, '/') + 1; /* _c_<uuid4>-lock-<10 digits> */
    assert_int_equal(strlen(name), 3 + 36 + 6 + 10);
    assert_memory_equal(name, "_c_", 3);
    assert_memory_equal(name + 3 + 36, "-lock-", 6);
    assert_int_equal(strspn(name + 3 + 36 + 6, "0123456789"), 10);
    leave(&a);
}

/* Without renewed proofs the lease would have run out. */
static void held_as_long_as_it_is_used(void **state)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .session_ms = 5000});
    zkc_lock *lock = scene_lock(sync, "it");

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_ttl_ms(lock), 5000);
    assert_true(holds_until(is_held, lock, deadline_in_ms(6000)));
    assert_int_equal(zkc_lock_revoked_reason(lock), ZKC_OK);
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
    zkc_sync_close(sync);
}

static void close_gives_up(void **state)
{
    struct party a = join_as("a"), b = join_as("b");
    struct scene_call waiting = {.call = scene_acquire, .lock = b.lock};

    (void)state;
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    zkc_lock_close(a.lock);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_int_equal(zkc_sync_close(a.sync), ZKC_OK);
    leave(&b);
}

static void ids_do_not_collide(void **state)
{
    static const char *const ids[] = {"a/b",       "a%2Fb", "a",  "b",        "\xc3\xbc",
                                      "u\xcc\x88", " ",     "..", "zookeeper"};
    enum { N = sizeof(ids) / sizeof(ids[0]) };
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .name_space = "/ids"});
    zkc_lock *locks[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        locks[i] = scene_lock(sync, ids[i]);
        assert_string_equal(zkc_lock_id(locks[i]), ids[i]);
        assert_int_equal(zkc_lock_try_acquire(locks[i], NULL), ZKC_OK);
    }
    assert_int_equal(probe_count_children(probe, "/ids/lock"), N);
    for (int i = 0; i < N; i++)
        zkc_lock_close(locks[i]);
    zkc_sync_close(sync);
}

/* ---- contenders ---- */

static zkc_sync *open_with_node(void)
{
    static const zkc_pair pairs[] = {{"zone", "n\xc3\xb6rd"}, {"quote", "\"\\\n"}};
    zkc_options o;
    zkc_node node;
    zkc_service service;
    const zkc_node *list[] = {&node};
    zkc_sync *sync = NULL;

    ZKC_INIT(&node);
    node.id = "n-1";
    node.address = "10.1.2.3";
    node.port = 8080;
    node.metadata = pairs;
    node.metadata_count = 2;
    ZKC_INIT(&service);
    service.name = "orders";
    service.nodes = list;
    service.node_count = 1;
    ZKC_INIT(&o);
    o.nodes = nodes;
    o.name_space = SCENE_NAMESPACE;
    o.service = &service;
    assert_int_equal(zkc_sync_open(&o, NULL, &sync), ZKC_OK);
    return sync;
}

static void check_node(const zkc_node *node)
{
    assert_non_null(node);
    assert_string_equal(node->id, "n-1");
    assert_string_equal(node->address, "10.1.2.3");
    assert_int_equal(node->port, 8080);
    assert_int_equal(node->metadata_count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool zone = strcmp(node->metadata[i].key, "zone") == 0;
        assert_string_equal(node->metadata[i].key, zone ? "zone" : "quote");
        assert_string_equal(node->metadata[i].value, zone ? "n\xc3\xb6rd" : "\"\\\n");
    }
    assert_string_not_equal(node->metadata[0].key, node->metadata[1].key);
}

static void check_contender(const zkc_contender *c, int64_t position)
{
    int64_t now_ms = (int64_t)time(NULL) * 1000;

    assert_non_null(c);
    assert_int_equal(c->size, sizeof(*c));
    assert_int_equal(c->position, position);
    assert_int_equal(c->token, probe_czxid(probe, c->path));
    assert_int_equal(c->session, probe_owner(probe, c->path));
    assert_true(llabs((long long)(c->since_ms - now_ms)) < 60000);
    assert_non_null(c->data);
}

static void who_holds_and_who_waits(void **state)
{
    zkc_lock_options raw;
    struct party a = {.sync = open_with_node()}, b = join_as("b"), c = join_as("c");
    zkc_contenders *all;
    struct scene_outcome done;

    (void)state;
    ZKC_INIT(&raw);
    raw.data = "\0raw\xff";
    raw.data_length = 5;
    zkc_lock_close(b.lock);
    b.lock = scene_lock_with(b.sync, "it", &raw);
    a.lock = scene_lock(a.sync, "it");
    scene_outcome_init(&done);
    assert_int_equal(zkc_lock_contenders(c.lock, NULL, &all), ZKC_OK);
    assert_int_equal(zkc_contenders_count(all), 0);
    assert_null(zkc_contenders_at(all, 0));
    zkc_contenders_free(all);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire_async(b.lock, 0, scene_done, &done), ZKC_OK);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    assert_int_equal(zkc_lock_contenders(c.lock, NULL, &all), ZKC_OK);
    assert_int_equal(zkc_contenders_count(all), 2);
    check_contender(zkc_contenders_at(all, 0), 0);
    check_contender(zkc_contenders_at(all, 1), 1);
    assert_null(zkc_contenders_at(all, 2));
    assert_int_equal(zkc_contenders_at(all, 0)->token, zkc_lock_token(a.lock));
    check_node(zkc_contenders_at(all, 0)->node);
    assert_null(zkc_contenders_at(all, 1)->node);
    assert_int_equal(zkc_contenders_at(all, 1)->data_length, 5);
    assert_memory_equal(zkc_contenders_at(all, 1)->data, "\0raw\xff", 5);
    zkc_contenders_free(all);
    leave(&a);
    assert_int_equal(scene_result(&done, SOON), ZKC_OK);
    leave(&b);
    leave(&c);
    scene_outcome_end(&done);
}

/* ---- try, deadlines, cancellation ---- */

/* The waiters' nodes and watches go while their session lives on; the holder watches its own. */
static void check_holder_is_alone(void)
{
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    assert_true(scene_wait_watches(servers, 1, SOON));
}

static void try_does_not_wait(void **state)
{
    struct party a = join_as("a"), b = join_as("b");
    struct scene_outcome done;

    (void)state;
    scene_outcome_init(&done);
    assert_int_equal(zkc_lock_try_acquire(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_try_acquire(b.lock, NULL), ZKC_EBUSY);
    assert_false(zkc_lock_is_held(b.lock));
    check_holder_is_alone();
    assert_int_equal(zkc_lock_try_acquire_async(b.lock, 0, scene_done, &done), ZKC_OK);
    assert_int_equal(scene_result(&done, SOON), ZKC_EBUSY);
    check_holder_is_alone();
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_try_acquire(b.lock, NULL), ZKC_OK);
    leave(&a);
    leave(&b);
    scene_outcome_end(&done);
}

/* At its time or later, but not much. */
static void check_wait_from(int64_t start, zkc_lock *lock, zkc_context *context, int64_t ms)
{
    int64_t took;

    assert_int_equal(zkc_lock_acquire(lock, context), ZKC_ETIMEDOUT);
    took = ms_since(start);
    if (took < ms || took > ms + 2000)
        fail_msg("%lld ms instead of %lld", (long long)took, (long long)ms);
    assert_false(zkc_lock_is_held(lock));
    check_holder_is_alone();
}

static void check_wait(zkc_lock *lock, zkc_context *context, int64_t ms)
{
    check_wait_from(now_ns(), lock, context, ms);
}

static void the_shorter_wait_counts(void **state)
{
    struct party a = join_as("a"), b = join_as("b");
    zkc_context *brief = scene_context(200), *lengthy = scene_context(25000);
    struct scene_outcome done;
    zkc_lock_options o;
    zkc_lock *waiter;
    int64_t start;

    (void)state;
    ZKC_INIT(&o);
    o.wait_ms = 300;
    waiter = scene_lock_with(b.sync, "it", &o);
    scene_outcome_init(&done);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    check_wait(waiter, NULL, 300);
    check_wait(waiter, lengthy, 300);
    start = now_ns();
    assert_int_equal(zkc_context_set_timeout_ms(brief, 200), ZKC_OK);
    check_wait_from(start, waiter, brief, 200);
    assert_int_equal(zkc_context_error(brief), ZKC_ETIMEDOUT);
    check_wait(waiter, brief, 0);
    assert_int_equal(zkc_lock_acquire_async(b.lock, 100, scene_done, &done), ZKC_OK);
    assert_int_equal(scene_result(&done, SOON), ZKC_ETIMEDOUT);
    zkc_context_free(brief);
    zkc_context_free(lengthy);
    zkc_lock_close(waiter);
    leave(&a);
    leave(&b);
    scene_outcome_end(&done);
}

static void cancelled_from_another_thread(void **state)
{
    struct party a = join_as("a"), b = join_as("b");
    zkc_context *context = scene_context(-1);
    struct scene_call waiting = {.call = scene_acquire, .lock = b.lock, .context = context};

    (void)state;
    assert_int_equal(zkc_lock_cancel(b.lock), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_cancel(a.lock), ZKC_ENOTHELD);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    assert_int_equal(zkc_lock_acquire(b.lock, NULL), ZKC_EALREADY);
    assert_int_equal(zkc_lock_cancel(b.lock), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ECANCELED);
    check_holder_is_alone();
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    zkc_context_cancel(context);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ECANCELED);
    check_holder_is_alone();
    assert_int_equal(zkc_lock_acquire(b.lock, context), ZKC_ECANCELED);
    assert_int_equal(zkc_context_error(context), ZKC_ECANCELED);
    zkc_context_free(context);
    leave(&a);
    leave(&b);
}

static zkc_context *interrupted;

static void on_signal(int signal)
{
    (void)signal;
    zkc_context_cancel(interrupted);
}

static void cancelled_by_a_signal(void **state)
{
    struct party a = join_as("a"), b = join_as("b");
    struct scene_call waiting = {.call = scene_acquire, .lock = b.lock};
    struct sigaction act = {.sa_handler = on_signal}, old;

    (void)state;
    interrupted = scene_context(-1);
    waiting.context = interrupted;
    assert_int_equal(sigaction(SIGUSR1, &act, &old), 0);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    pthread_kill(waiting.thread, SIGUSR1); /* the handler interrupts the waiting thread itself */
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ECANCELED);
    check_holder_is_alone();
    sigaction(SIGUSR1, &old, NULL);
    zkc_context_free(interrupted);
    leave(&a);
    leave(&b);
}

static void one_context_cancels_many(void **state)
{
    struct party a = join_as("a"), b = join_as("b");
    zkc_context *context = scene_context(-1);
    struct scene_call calls[4];
    zkc_lock *locks[4];

    (void)state;
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    for (int i = 0; i < 4; i++) {
        locks[i] = scene_lock(b.sync, "it");
        calls[i] = (struct scene_call){.call = scene_acquire, .lock = locks[i], .context = context};
        scene_start(&calls[i]);
    }
    assert_true(scene_wait_count(probe, PATH, 5, SOON));
    zkc_context_cancel(context);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(scene_join(&calls[i], SOON), ZKC_ECANCELED);
        zkc_lock_close(locks[i]);
    }
    zkc_context_free(context);
    leave(&a);
    leave(&b);
}

/* ---- asynchronous forms ---- */

/* Remembers on which thread it ran. */
struct placed_outcome {
    struct scene_outcome outcome;
    pthread_t thread;
};

static void done_here(void *arg, int result)
{
    struct placed_outcome *p = arg;

    p->thread = pthread_self();
    scene_done(&p->outcome, result);
}

static void completions_on_the_librarys_thread(void **state)
{
    struct party a = join_as("a");
    struct placed_outcome acquired, released;

    (void)state;
    scene_outcome_init(&acquired.outcome);
    scene_outcome_init(&released.outcome);
    assert_int_equal(zkc_lock_acquire_async(a.lock, 0, done_here, &acquired), ZKC_OK);
    assert_int_equal(scene_result(&acquired.outcome, SOON), ZKC_OK);
    assert_false(pthread_equal(acquired.thread, pthread_self()));
    assert_true(zkc_lock_is_held(a.lock));
    assert_int_equal(zkc_lock_acquire_async(a.lock, 0, done_here, &acquired), ZKC_EALREADY);
    assert_int_equal(zkc_lock_release_async(a.lock, done_here, &released), ZKC_OK);
    assert_false(zkc_lock_is_held(a.lock));
    assert_int_equal(scene_result(&released.outcome, SOON), ZKC_OK);
    assert_false(pthread_equal(released.thread, pthread_self()));
    assert_int_equal(scene_count(probe, PATH), 0);
    assert_int_equal(zkc_lock_release_async(a.lock, done_here, &released), ZKC_ENOTHELD);
    assert_true(holds_until(has_one_call, &acquired.outcome, SHORTLY));
    assert_int_equal(scene_calls(&released.outcome), 1);
    leave(&a);
    assert_int_equal(scene_calls(&acquired.outcome), 1);
    assert_int_equal(scene_calls(&released.outcome), 1);
    scene_outcome_end(&acquired.outcome);
    scene_outcome_end(&released.outcome);
}

/* Dispatches until it has been called; false at the deadline. */
static bool dispatch_until_called(zkc_sync *sync, struct scene_outcome *o, int64_t deadline)
{
    int fd = zkc_sync_fd(sync);

    while (scene_calls(o) == 0) {
        if (!scene_wait_readable(fd, deadline))
            return false;
        assert_true(zkc_sync_dispatch(sync) >= 0);
    }
    return true;
}

static void completions_on_the_callers_loop(void **state)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .quiet = true});
    struct party a = {.sync = sync, .lock = scene_lock(sync, "it")};
    int fd = zkc_sync_fd(a.sync);
    struct placed_outcome p;

    (void)state;
    scene_outcome_init(&p.outcome);
    assert_true(fd >= 0);
    assert_int_equal(zkc_sync_fd(a.sync), fd);
    assert_int_equal(zkc_sync_dispatch(a.sync), 0);
    assert_false(scene_readable(fd));
    assert_int_equal(zkc_lock_acquire_async(a.lock, 0, done_here, &p), ZKC_OK);
    assert_true(scene_wait_readable(fd, SOON));
    assert_true(holds_until(has_no_call, &p.outcome, SHORTLY));
    assert_int_equal(zkc_sync_dispatch(a.sync), 1);
    assert_int_equal(scene_result(&p.outcome, SOON), ZKC_OK);
    assert_true(pthread_equal(p.thread, pthread_self()));
    assert_false(scene_readable(fd));
    scene_outcome_end(&p.outcome);
    scene_outcome_init(&p.outcome);
    assert_int_equal(zkc_lock_release_async(a.lock, done_here, &p), ZKC_OK);
    assert_true(dispatch_until_called(a.sync, &p.outcome, SOON));
    assert_int_equal(scene_result(&p.outcome, SOON), ZKC_OK);
    assert_true(pthread_equal(p.thread, pthread_self()));
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK); /* needs no dispatching */
    leave(&a);
    assert_int_equal(scene_calls(&p.outcome), 1);
    scene_outcome_end(&p.outcome);
}

/* ---- revocation ---- */

static void depose(zkc_lock *lock)
{
    char node[300];

    (void)lock;
    own_node(node, sizeof(node));
    assert_int_equal(probe_delete(probe, node), ZOK);
}

static void deleted_by_an_operator(void **state)
{
    struct party a = join_as("a");
    struct scene_call waiting = {.call = scene_wait_revoked, .lock = a.lock};
    struct scene_outcome revoked;
    int fd = zkc_lock_revoked_fd(a.lock);

    (void)state;
    scene_outcome_init(&revoked);
    assert_true(fd >= 0);
    assert_int_equal(zkc_lock_revoked_fd(a.lock), fd);
    assert_int_equal(zkc_lock_on_revoked(a.lock, scene_done, &revoked), ZKC_OK);
    assert_int_equal(zkc_lock_wait_revoked(a.lock, NULL), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_false(scene_readable(fd));
    scene_start(&waiting);
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    depose(a.lock);
    assert_int_equal(scene_result(&revoked, SOON), ZKC_EDELETED);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_true(scene_readable(fd));
    assert_false(zkc_lock_is_held(a.lock));
    assert_int_equal(zkc_lock_remaining_ms(a.lock), 0);
    assert_int_equal(zkc_lock_revoked_reason(a.lock), ZKC_EDELETED);
    assert_true(scene_readable(fd)); /* until the next grant or release */
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_false(scene_readable(fd));
    assert_int_equal(zkc_lock_revoked_reason(a.lock), ZKC_OK);
    assert_int_equal(scene_calls(&revoked), 1);
    depose(a.lock);
    assert_true(scene_wait_readable(fd, SOON));
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    assert_false(scene_readable(fd));
    assert_true(scene_wait_calls(&revoked, 2, SOON)); /* once for each grant */
    leave(&a);
    assert_int_equal(scene_calls(&revoked), 2);
    scene_outcome_end(&revoked);
}

static void a_release_is_no_revocation(void **state)
{
    struct party a = join_as("a");
    struct scene_call waiting = {.call = scene_wait_revoked, .lock = a.lock};
    struct scene_outcome revoked;
    int fd = zkc_lock_revoked_fd(a.lock);

    (void)state;
    scene_outcome_init(&revoked);
    assert_int_equal(zkc_lock_on_revoked(a.lock, scene_done, &revoked), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    scene_start(&waiting);
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ENOTHELD);
    assert_false(scene_readable(fd));
    assert_int_equal(zkc_lock_revoked_reason(a.lock), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_on_revoked(a.lock, NULL, NULL), ZKC_OK); /* removed: not called */
    depose(a.lock);
    assert_true(scene_wait_readable(fd, SOON));
    leave(&a);
    assert_int_equal(scene_calls(&revoked), 0);
    scene_outcome_end(&revoked);
}

static void waiting_for_revocation_ends(void **state)
{
    struct party a = join_as("a");
    zkc_context *brief, *context = scene_context(-1);
    struct scene_call waiting = {.call = scene_wait_revoked, .lock = a.lock, .context = context};

    (void)state;
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    brief = scene_context(100);
    assert_int_equal(zkc_lock_wait_revoked(a.lock, brief), ZKC_ETIMEDOUT);
    scene_start(&waiting);
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    zkc_context_cancel(context);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ECANCELED);
    assert_true(zkc_lock_is_held(a.lock));
    waiting.context = NULL;
    scene_start(&waiting);
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    zkc_sync_close(a.sync);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ECLOSED);
    zkc_lock_close(a.lock);
    zkc_context_free(context);
    zkc_context_free(brief);
}

static void several_threads_wait_for_revocation(void **state)
{
    struct party a = join_as("a");
    struct scene_call calls[4];

    (void)state;
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    for (int i = 0; i < 4; i++) {
        calls[i] = (struct scene_call){.call = scene_wait_revoked, .lock = a.lock};
        scene_start(&calls[i]);
    }
    assert_true(holds_until(is_waiting, &calls[3], SHORTLY));
    depose(a.lock);
    for (int i = 0; i < 4; i++)
        assert_int_equal(scene_join(&calls[i], SOON), ZKC_OK);
    leave(&a);
}

/* ---- the check in a transaction ---- */

static int write_if(const zoo_op_t *check)
{
    zoo_op_result_t results[2];
    zoo_op_t ops[2] = {*check};

    zoo_set_op_init(&ops[1], "/t/store", "new", 3, -1, NULL);
    return zoo_multi(probe_handle(probe), 2, ops, results);
}

static void check_guards_a_transaction(void **state)
{
    struct party a = join_as("a");
    zoo_op_t check, unused;
    char text[10];

    (void)state;
    assert_int_equal(probe_make_path(probe, "/t/store"), ZOK);
    assert_int_equal(zkc_lock_check_op(a.lock, &check), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_check_op(a.lock, &check), ZKC_OK);
    assert_int_equal(write_if(&check), ZOK);
    assert_int_equal(probe_get(probe, "/t/store", text, sizeof(text)), ZOK);
    assert_string_equal(text, "new");
    assert_int_equal(probe_set(probe, "/t/store", "old"), ZOK);
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_check_op(a.lock, &unused), ZKC_ENOTHELD);
    assert_int_equal(write_if(&check), ZNONODE);
    assert_int_equal(probe_get(probe, "/t/store", text, sizeof(text)), ZOK);
    assert_string_equal(text, "old");
    assert_int_equal(probe_delete(probe, "/t/store"), ZOK);
    leave(&a);
}

/* ---- locks on sessions of their own, locks by path ---- */

static int64_t session_of(zkc_lock *lock)
{
    zkc_contenders *all = NULL;
    int64_t session;

    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &all), ZKC_OK);
    assert_int_equal(zkc_contenders_count(all), 1);
    session = zkc_contenders_at(all, 0)->session;
    zkc_contenders_free(all);
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    return session;
}

/* The servers may still count one of a handshake that took longer than the smallest timeout. */
static bool has_four_connections(void *arg)
{
    (void)arg;
    return server_connections(servers, 0) == 4;
}

static void ttl_means_another_session(void **state)
{
    struct party a = join_as("a");
    zkc_lock_options o;
    zkc_lock *own, *same, *tiny;

    (void)state;
    ZKC_INIT(&o);
    o.ttl_ms = 6000;
    own = scene_lock_with(a.sync, "it", &o);
    same = scene_lock_with(a.sync, "it", &o);
    o.ttl_ms = 1; /* the server grants two ticks at least */
    tiny = scene_lock_with(a.sync, "it", &o);
    assert_true(session_of(a.lock) != session_of(own));
    assert_true(session_of(own) == session_of(same));
    assert_true(session_of(own) != session_of(tiny));
    assert_int_equal(zkc_lock_ttl_ms(a.lock), SCENE_SESSION_MS);
    assert_int_equal(zkc_lock_ttl_ms(own), 6000);
    assert_int_equal(zkc_lock_ttl_ms(tiny), 2 * TICK_MS);
    assert_true(wait_until(has_four_connections, NULL, SOON));
    zkc_lock_close(own);
    zkc_lock_close(same);
    zkc_lock_close(tiny);
    leave(&a);
}

static void waits_for_a_foreign_node(const char *name)
{
    struct party a = join_as("a");
    struct scene_call waiting = {.call = scene_acquire};
    zkc_lock_options o;
    char made[300], path[300];

    ZKC_INIT(&o);
    o.path = "/foreign/it";
    waiting.lock = scene_lock_with(a.sync, NULL, &o);
    assert_string_equal(zkc_lock_id(waiting.lock), "/foreign/it");
    snprintf(path, sizeof(path), "/foreign/it/%s", name);
    assert_int_equal(probe_make_path(probe, "/foreign/it"), ZOK);
    assert_int_equal(
        probe_create(probe, path, "theirs", ZOO_EPHEMERAL_SEQUENTIAL, made, sizeof(made)), ZOK);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, "/foreign/it", 2, SOON));
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    assert_int_equal(probe_delete(probe, made), ZOK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    zkc_lock_close(waiting.lock);
    scene_nothing_left(servers, probe, "/foreign/it", SOON);
    leave(&a);
    assert_int_equal(probe_delete_tree(probe, "/foreign"), ZOK);
}

static void shares_a_path_with_other_languages(void **state)
{
    (void)state;
    waits_for_a_foreign_node("4f6ed2a1c2d94d02b0a1c7b2a2f4a111__lock__");      /* Kazoo */
    waits_for_a_foreign_node("_c_7cd5d1f5-0a58-4e6b-9a0e-7e3f0ce1c1ab-lock-"); /* Curator */
    waits_for_a_foreign_node("_c_4f6ed2a1c2d94d02b0a1c7b2a2f4a111-lock-");     /* go-zk */
    waits_for_a_foreign_node("lock-");
}

static void ignores_what_is_no_contender(void **state)
{
    struct party a = join_as("a");
    char made[300];

    (void)state;
    assert_int_equal(probe_make_path(probe, PATH "/readme"), ZOK);
    assert_int_equal(probe_create(probe, PATH "/\xc3\xa9", NULL, 0, made, sizeof(made)), ZOK);
    assert_int_equal(zkc_lock_try_acquire(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    assert_int_equal(probe_delete(probe, made), ZOK);
    assert_int_equal(probe_delete(probe, PATH "/readme"), ZOK);
    leave(&a);
}

/* ---- inside callbacks ---- */

struct inside {
    struct party *party;
    zkc_lock *other; /* held */
    struct scene_outcome outcome;
    int results[8];
};

static void call_everything(void *arg, int result)
{
    struct inside *in = arg;
    zkc_contenders *all;
    zkc_elected *elected;
    zkc_leader *leader = scene_leader(in->party->sync, "it");

    in->results[0] = zkc_lock_acquire(in->party->lock, NULL);
    in->results[1] = zkc_lock_try_acquire(in->party->lock, NULL);
    in->results[2] = zkc_lock_release(in->other, NULL);
    in->results[3] = zkc_lock_contenders(in->party->lock, NULL, &all);
    in->results[4] = zkc_lock_wait_revoked(in->other, NULL);
    in->results[5] = zkc_sync_close(in->party->sync);
    in->results[6] = zkc_leader_elect(leader, NULL, &elected);
    in->results[7] = zkc_sync_dispatch(in->party->sync);
    zkc_leader_close(leader);
    scene_done(&in->outcome, result);
}

static void blocking_in_a_callback_is_refused(void **state)
{
    struct party a = join_as("a"), b = join_as("b");
    struct inside in = {.party = &a, .other = scene_lock(a.sync, "other")};

    (void)state;
    scene_outcome_init(&in.outcome);
    assert_int_equal(zkc_lock_acquire(in.other, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(b.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_try_acquire_async(a.lock, 0, call_everything, &in), ZKC_OK);
    assert_int_equal(scene_result(&in.outcome, SOON), ZKC_EBUSY);
    for (int i = 0; i < 8; i++)
        assert_int_equal(in.results[i], ZKC_ECALLBACK);
    assert_true(zkc_lock_is_held(in.other));
    zkc_lock_close(in.other);
    leave(&a);
    leave(&b);
    scene_outcome_end(&in.outcome);
}

/* Non-blocking calls are allowed: acquires again and again from its own completion. */
struct chain {
    zkc_lock *lock;
    int left;
    struct scene_outcome outcome;
};

static void chain_released(void *arg, int result);

static void chain_acquired(void *arg, int result)
{
    struct chain *c = arg;

    if (result != ZKC_OK || !zkc_lock_is_held(c->lock))
        scene_done(&c->outcome, result != ZKC_OK ? result : ZKC_ENOTHELD);
    else if (zkc_lock_release_async(c->lock, chain_released, c) != ZKC_OK)
        scene_done(&c->outcome, ZKC_EINVAL);
}

static void chain_released(void *arg, int result)
{
    struct chain *c = arg;

    if (result == ZKC_OK && --c->left > 0)
        result = zkc_lock_acquire_async(c->lock, 0, chain_acquired, c);
    if (result != ZKC_OK || c->left == 0)
        scene_done(&c->outcome, result);
}

static void calls_chained_in_callbacks(void **state)
{
    struct party a = join_as("a");
    struct chain c = {.lock = a.lock, .left = 100};

    (void)state;
    scene_outcome_init(&c.outcome);
    assert_int_equal(zkc_lock_acquire_async(a.lock, 0, chain_acquired, &c), ZKC_OK);
    assert_int_equal(scene_result(&c.outcome, SOON), ZKC_OK);
    leave(&a);
    assert_int_equal(scene_calls(&c.outcome), 1);
    scene_outcome_end(&c.outcome);
}

static void close_itself(void *arg, int result)
{
    struct inside *in = arg;

    zkc_lock_close(in->party->lock);
    in->party->lock = NULL;
    scene_done(&in->outcome, result);
}

static void closed_in_its_own_callback(void **state)
{
    struct party a = join_as("a");
    struct inside in = {.party = &a};

    (void)state;
    scene_outcome_init(&in.outcome);
    assert_int_equal(zkc_lock_acquire_async(a.lock, 0, close_itself, &in), ZKC_OK);
    assert_int_equal(scene_result(&in.outcome, SOON), ZKC_OK);
    assert_true(scene_wait_count(probe, PATH, 0, SOON));
    leave(&a);
    assert_int_equal(scene_calls(&in.outcome), 1);
    scene_outcome_end(&in.outcome);
}

/* ---- closing ---- */

static void closed_while_another_thread_waits(void **state)
{
    struct party a = join_as("a"), b = join_as("b"), c = join_as("c");
    struct scene_call first = {.call = scene_acquire, .lock = b.lock},
                      second = {.call = scene_acquire, .lock = c.lock};

    (void)state;
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    scene_start(&first);
    scene_start(&second);
    assert_true(scene_wait_count(probe, PATH, 3, SOON));
    assert_int_equal(zkc_sync_close(b.sync), ZKC_OK);
    assert_int_equal(scene_join(&first, SOON), ZKC_ECLOSED);
    zkc_lock_close(c.lock);
    assert_int_equal(scene_join(&second, SOON), ZKC_ECLOSED);
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    assert_int_equal(zkc_lock_acquire(b.lock, NULL), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_release(b.lock, NULL), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_revoked_fd(b.lock), ZKC_ECLOSED);
    zkc_lock_close(b.lock);
    zkc_sync_close(c.sync);
    leave(&a);
}

/* Once each, by the time close returns; and none afterwards. */
static void check_closed(struct scene_outcome *outcomes, int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(scene_calls(&outcomes[i]), 1);
        assert_int_equal(scene_result(&outcomes[i], SOON), ZKC_ECLOSED);
    }
    assert_true(holds_until(has_one_call, &outcomes[0], SHORTLY));
    for (int i = 0; i < n; i++) {
        assert_int_equal(scene_calls(&outcomes[i]), 1);
        scene_outcome_end(&outcomes[i]);
    }
}

#define PENDING 50

static void start_pending(zkc_sync *sync, zkc_lock **locks, struct scene_outcome *outcomes)
{
    for (int i = 0; i < PENDING; i++) {
        locks[i] = scene_lock(sync, "it");
        scene_outcome_init(&outcomes[i]);
        assert_int_equal(zkc_lock_acquire_async(locks[i], 0, scene_done, &outcomes[i]), ZKC_OK);
    }
}

static void lock_closed_with_a_pending_call(bool own_loop)
{
    struct party a = join_as("a"), b = join_as("b");
    struct scene_outcome outcomes[PENDING];
    zkc_lock *locks[PENDING];

    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    if (own_loop)
        assert_true(zkc_sync_fd(b.sync) >= 0);
    start_pending(b.sync, locks, outcomes);
    assert_true(scene_wait_count(probe, PATH, PENDING + 1, SOON));
    for (int i = 0; i < PENDING; i++) {
        assert_int_equal(scene_calls(&outcomes[i]), 0);
        zkc_lock_close(locks[i]);
        assert_int_equal(scene_calls(&outcomes[i]), 1);
    }
    check_closed(outcomes, PENDING);
    leave(&a);
    leave(&b);
}

static void sync_closed_with_pending_calls(bool own_loop, bool queued)
{
    struct party a = join_as("a"), b = join_as("b");
    struct scene_outcome outcomes[PENDING];
    zkc_lock *locks[PENDING];

    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    if (own_loop)
        assert_true(zkc_sync_fd(b.sync) >= 0);
    start_pending(b.sync, locks, outcomes);
    if (queued) /* or else requests are in flight */
        assert_true(scene_wait_count(probe, PATH, PENDING + 1, SOON));
    assert_int_equal(zkc_sync_close(b.sync), ZKC_OK);
    check_closed(outcomes, PENDING);
    for (int i = 0; i < PENDING; i++)
        zkc_lock_close(locks[i]);
    zkc_lock_close(b.lock);
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    leave(&a);
}

static void pending_calls_complete_at_close(void **state)
{
    (void)state;
    lock_closed_with_a_pending_call(false);
    lock_closed_with_a_pending_call(true);
    sync_closed_with_pending_calls(false, true);
    sync_closed_with_pending_calls(true, true);
    sync_closed_with_pending_calls(false, false);
    sync_closed_with_pending_calls(true, false);
}

/* close() of the lock waits for its callback that is running. */
struct slow {
    pthread_mutex_t lock; /* held by the test: the callback waits */
    struct scene_outcome begun, ended;
};

static void slow_callback(void *arg, int result)
{
    struct slow *s = arg;

    scene_done(&s->begun, result);
    pthread_mutex_lock(&s->lock);
    pthread_mutex_unlock(&s->lock);
    scene_done(&s->ended, result);
}

static int close_lock(struct scene_call *c)
{
    zkc_lock_close(c->lock);
    return ZKC_OK;
}

static void close_waits_for_a_running_callback(void **state)
{
    struct party a = join_as("a");
    struct slow s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct scene_call closing = {.call = close_lock, .lock = a.lock};

    (void)state;
    scene_outcome_init(&s.begun);
    scene_outcome_init(&s.ended);
    pthread_mutex_lock(&s.lock);
    assert_int_equal(zkc_lock_acquire_async(a.lock, 0, slow_callback, &s), ZKC_OK);
    assert_int_equal(scene_result(&s.begun, SOON), ZKC_OK);
    scene_start(&closing);
    assert_true(holds_until(is_waiting, &closing, SHORTLY));
    pthread_mutex_unlock(&s.lock);
    scene_join(&closing, SOON);
    assert_int_equal(scene_calls(&s.ended), 1);
    a.lock = NULL;
    leave(&a);
    scene_outcome_end(&s.begun);
    scene_outcome_end(&s.ended);
}

/* The thread that runs callbacks is not the one that keeps the lease. */
static void blocked_callback_costs_no_lease(void **state)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .session_ms = 5000});
    zkc_lock *lock = scene_lock(sync, "it");
    struct slow s = {.lock = PTHREAD_MUTEX_INITIALIZER};

    (void)state;
    scene_outcome_init(&s.begun);
    scene_outcome_init(&s.ended);
    pthread_mutex_lock(&s.lock);
    assert_int_equal(zkc_lock_acquire_async(lock, 0, slow_callback, &s), ZKC_OK);
    assert_int_equal(scene_result(&s.begun, SOON), ZKC_OK);
    assert_true(holds_until(is_held, lock, deadline_in_ms(6000)));
    assert_int_equal(scene_calls(&s.ended), 0);
    pthread_mutex_unlock(&s.lock);
    zkc_lock_close(lock);
    zkc_sync_close(sync);
    assert_int_equal(scene_calls(&s.ended), 1);
    scene_outcome_end(&s.begun);
    scene_outcome_end(&s.ended);
}

/* ---- contenders are independent ---- */

static void two_handles_of_one_client(void **state)
{
    struct party a = join_as("a");
    zkc_lock *second = scene_lock(a.sync, "it");
    struct scene_call waiting = {.call = scene_acquire, .lock = second};

    (void)state;
    assert_int_equal(zkc_lock_acquire(a.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_try_acquire(second, NULL), ZKC_EBUSY);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    assert_int_equal(zkc_lock_release(a.lock, NULL), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_true(zkc_lock_token(second) > zkc_lock_token(a.lock));
    zkc_lock_close(second);
    leave(&a);
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WATCHED(a_life),
        WATCHED(names_of_nodes),
        WATCHED(held_as_long_as_it_is_used),
        WATCHED(close_gives_up),
        WATCHED(ids_do_not_collide),
        WATCHED(who_holds_and_who_waits),
        WATCHED(try_does_not_wait),
        WATCHED(the_shorter_wait_counts),
        WATCHED(cancelled_from_another_thread),
        WATCHED(cancelled_by_a_signal),
        WATCHED(one_context_cancels_many),
        WATCHED(completions_on_the_librarys_thread),
        WATCHED(completions_on_the_callers_loop),
        WATCHED(deleted_by_an_operator),
        WATCHED(a_release_is_no_revocation),
        WATCHED(waiting_for_revocation_ends),
        WATCHED(several_threads_wait_for_revocation),
        WATCHED(check_guards_a_transaction),
        WATCHED(ttl_means_another_session),
        WATCHED(shares_a_path_with_other_languages),
        WATCHED(ignores_what_is_no_contender),
        WATCHED(blocking_in_a_callback_is_refused),
        WATCHED(calls_chained_in_callbacks),
        WATCHED(closed_in_its_own_callback),
        WATCHED(closed_while_another_thread_waits),
        WATCHED(pending_calls_complete_at_close),
        WATCHED(close_waits_for_a_running_callback),
        WATCHED(blocked_callback_costs_no_lease),
        WATCHED(two_handles_of_one_client),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
