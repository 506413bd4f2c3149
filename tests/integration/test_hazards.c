/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libzookeeper does to those who use it directly, and must not do to users of the library:
 * even numbers of addresses, name servers that are dead or slow, tens of thousands of watches,
 * expiry amid submissions, SIGPIPE and signals, descriptors that every program inherits. Closing is
 * in test_close.c, fork in test_fork.c.
 */
#include "child.h"
#include "harness.h"
#include "ports.h"
#include "probe.h"
#include "proxy.h"
#include "sanitizers.h"
#include "scene.h"
#include "servers.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(30000)
#define MS 1000000
#define CLOSE_MS 2000LL     /* what zkc_sync_close() takes at most */
#define ALLOWANCE_MS 5000LL /* for a machine that stands still meanwhile */
#define PATH_SIZE 1024

/* See test_close.c: libzookeeper's completions that got lost. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libzookeeper_mt\n";
}

static struct servers *servers;
static struct probe *probe;
static struct proxy *proxy;

static int start_servers(void **state)
{
    (void)state;
    servers = servers_start(&(struct servers_options){.extra = "maxSessionTimeout=60000\n"});
    probe = servers ? probe_open(servers_addresses(servers), 30000) : NULL;
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

static struct child *left; /* the holder of a test that failed, or of one under way */

/* No test is to fail because of one before it. */
static int heal(void **state)
{
    (void)state;
    if (left != NULL)
        child_free(left);
    left = NULL;
    proxy_clear_rules(proxy);
    proxy_release(proxy);
    proxy_set_mode(proxy, PROXY_PASS);
    proxy_refuse(proxy, false);
    return 0;
}

/* For "as long as nothing goes wrong": true at every try. */
static bool always(void *arg)
{
    (void)arg;
    return true;
}

static bool is_held(void *arg)
{
    return zkc_lock_is_held(arg);
}

static bool is_connected(void *arg)
{
    return zkc_sync_is_connected(arg);
}

/* ---- a process that holds a lock and tells how often it woke ---- */

/*
 * Every thread of the library and of libzookeeper rests in poll(). The program's own poll() takes
 * the place of libc's for them and counts: the time of a processor that a round costs depends on
 * the machine and on what watches the program, the number of rounds does not.
 */
static atomic_long polls;

typedef int poll_fn(struct pollfd *, nfds_t, int);
static poll_fn *libc_poll;

__attribute__((visibility("default"))) int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    atomic_fetch_add(&polls, 1);
    return libc_poll(fds, count, timeout);
}

/* argv: servers, "default" to let SIGPIPE kill */
static int holder(int argc, char **argv)
{
    char line[100];

    signal(SIGPIPE, argc > 1 ? SIG_DFL : SIG_IGN);
    zkc_sync *sync =
        scene_open_as(&(struct scene){.nodes = argv[0], .session_ms = 4000, .quiet = true});
    zkc_lock *lock = scene_lock(sync, "holder");
    printf("acquired %d\n", zkc_lock_acquire(lock, NULL));
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "polls\n") == 0)
            printf("%ld\n", atomic_load(&polls));
        else if (strcmp(line, "acquire\n") == 0)
            printf("acquired %d\n", zkc_lock_acquire(lock, NULL));
        else if (strcmp(line, "release\n") == 0)
            printf("released %d\n", zkc_lock_release(lock, NULL));
        else
            break;
    }
    zkc_lock_close(lock);
    return zkc_sync_close(sync) == ZKC_OK ? 0 : 1;
}

static long ask_polls(struct child *c)
{
    char line[100];

    assert_true(child_write_line(c, "polls"));
    assert_true(child_read_line(c, line, sizeof(line), SOON));
    return atol(line);
}

static void expect(struct child *c, const char *command, const char *answer)
{
    char line[100];

    assert_true(child_write_line(c, command));
    assert_true(child_read_line(c, line, sizeof(line), SOON));
    assert_string_equal(line, answer);
}

static struct child *start_holder(const char *nodes, const char *pipes)
{
    struct child *c = child_start("holder", nodes, pipes, NULL);

    assert_non_null(c);
    left = c;
    assert_true(child_wait_line(c, "acquired 0", SOON));
    return c;
}

static void end_holder(struct child *c)
{
    int status = -1;

    assert_true(child_write_line(c, "end"));
    assert_true(child_wait(c, &status, SOON));
    assert_int_equal(status, 0);
    left = NULL;
    child_free(c);
    assert_true(scene_wait_count(probe, "/t/lock/holder", 0, SOON));
}

/* ---- an even number of addresses ---- */

/* "dead" ports that nobody listens on; they stay ours until the end. */
static int dead_sockets[3];
static uint16_t dead_ports[3];

static void reserve_dead_ports(void)
{
    for (int i = 0; i < 3; i++) {
        if (dead_sockets[i] == 0)
            dead_sockets[i] = port_reserve(&dead_ports[i]);
        assert_true(dead_sockets[i] > 0);
    }
}

#define OUTAGE_MS 2000
#define POLLS_PER_S 1000 /* a thread that spins makes more than a hundred times as many */

static void check_rests(struct child *c, long polls_before, int64_t began)
{
    long made = ask_polls(c) - polls_before;
    int64_t took = (now_ns() - began) / MS;

    print_message("%ld polls in %lld ms\n", made, (long long)took);
    assert_true(made * 1000 < POLLS_PER_S * took);
}

/* While nobody answers it may try now and then, and must not spin. */
static void outage(struct child *c)
{
    proxy_refuse(proxy, true);
    proxy_reset_all(proxy);
    long before = ask_polls(c);
    int64_t began = now_ns();
    assert_true(holds_until(always, NULL, deadline_in_ms(OUTAGE_MS)));
    check_rests(c, before, began);
    proxy_refuse(proxy, false);
}

/* One that lives among so many dead ones, at the given place. */
static void one_of(int count, int place)
{
    char nodes[200] = "";

    reserve_dead_ports();
    for (int i = 0, dead = 0; i < count; i++) {
        size_t used = strlen(nodes);
        if (i == place)
            snprintf(nodes + used, sizeof(nodes) - used, "%s%s", i ? "," : "",
                     proxy_address(proxy));
        else
            snprintf(nodes + used, sizeof(nodes) - used, "%s127.0.0.1:%u", i ? "," : "",
                     dead_ports[dead++]);
    }
    print_message("%s\n", nodes);
    struct child *c = start_holder(nodes, NULL);
    for (int i = 0; i < 2; i++) {
        unsigned accepted = proxy_accepted(proxy);
        outage(c);
        assert_true(proxy_wait_accepted(proxy, accepted + 1, deadline_in_ms(10000)));
        expect(c, "release", "released 0");
        expect(c, "acquire", "acquired 0");
    }
    end_holder(c);
}

static void two_addresses_one_dead(void **state)
{
    (void)state;
    one_of(2, 0);
    one_of(2, 1);
}

static void four_addresses_three_dead(void **state)
{
    (void)state;
    one_of(4, 2);
}

static void server_restarts_beside_a_dead_one(void **state)
{
    char nodes[100];

    (void)state;
    reserve_dead_ports();
    snprintf(nodes, sizeof(nodes), "127.0.0.1:%u,%s", dead_ports[0], server_address(servers, 0));
    struct child *c = start_holder(nodes, NULL);
    server_kill(servers, 0);
    long before = ask_polls(c);
    int64_t began = now_ns();
    assert_true(holds_until(always, NULL, deadline_in_ms(1500)));
    assert_true(server_start_again(servers, 0));
    assert_true(servers_wait_serving(servers, SOON));
    expect(c, "release", "released 0");
    expect(c, "acquire", "acquired 0");
    check_rests(c, before, began);
    end_holder(c);
    assert_true(probe_wait_connected(probe, SOON));
}

/* ---- name servers ---- */

/*
 * The program's own getaddrinfo() takes the place of libc's for the libraries, too: "zk.test" is
 * answered as the test wants, numbers as always.
 */
enum names { NAMES_ANSWER, NAMES_FAIL, NAMES_HANG };

static atomic_int names;                 /* enum names */
static atomic_int lookups;               /* of "zk.test", begun */
static _Atomic(const char *) name_is[2]; /* its addresses; NULL: fewer */

typedef int lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
static lookup_fn *libc_getaddrinfo;

static bool names_move(void *arg)
{
    (void)arg;
    return atomic_load(&names) != NAMES_HANG;
}

static void note_address(const struct addrinfo *hints, const char *service, const char *address,
                         struct addrinfo **found)
{
    struct addrinfo *one = NULL, **last = found;

    if (address == NULL || libc_getaddrinfo(address, service, hints, &one) != 0)
        return;
    while (*last != NULL)
        last = &(*last)->ai_next;
    *last = one;
}

static int answer_name(const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    struct addrinfo *all = NULL;

    atomic_fetch_add(&lookups, 1);
    wait_until(names_move, NULL, deadline_in_ms(120000));
    if (atomic_load(&names) == NAMES_FAIL)
        return EAI_AGAIN;
    note_address(hints, service, atomic_load(&name_is[0]), &all);
    note_address(hints, service, atomic_load(&name_is[1]), &all);
    *found = all;
    return all != NULL ? 0 : EAI_NONAME;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **found)
{
    if (node != NULL && strcmp(node, "zk.test") == 0)
        return answer_name(service, hints, found);
    return libc_getaddrinfo(node, service, hints, found);
}

/* What this program put itself in the place of. */
static void find_originals(void)
{
    void *found = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&libc_getaddrinfo, &found, sizeof(found));
    found = dlsym(RTLD_NEXT, "poll");
    memcpy(&libc_poll, &found, sizeof(found));
}

#define LIVE "127.0.0.1"
#define DEAD "127.0.0.77" /* loopback, where nobody listens */

static void names_become(enum names how, const char *first, const char *second)
{
    atomic_store(&name_is[0], first);
    atomic_store(&name_is[1], second);
    atomic_store(&names, how);
}

static const char *named_node(void)
{
    static char node[64];

    snprintf(node, sizeof(node), "zk.test%s", strrchr(proxy_address(proxy), ':'));
    return node;
}

static zkc_sync *open_by_name(int connect_ms)
{
    return scene_open_as(&(struct scene){
        .nodes = named_node(), .session_ms = 8000, .connect_ms = connect_ms, .quiet = true});
}

/* Loses its connection, finds the way back, and holds all the time, longer than a session lives. */
static void hold_while(enum names how)
{
    struct scene_census before = scene_census();

    names_become(NAMES_ANSWER, LIVE, NULL);
    zkc_sync *sync = open_by_name(20000);
    zkc_lock *lock = scene_lock(sync, "named");
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    names_become(how, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        unsigned accepted = proxy_accepted(proxy);
        proxy_reset_all(proxy);
        assert_true(proxy_wait_accepted(proxy, accepted + 1, SOON));
        assert_true(holds_until(is_held, lock, deadline_in_ms(3000)));
    }
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    int64_t began = now_ns();
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_true(now_ns() - began < (CLOSE_MS + ALLOWANCE_MS) * MS);
    zkc_lock_close(lock);
    names_become(NAMES_ANSWER, LIVE, NULL);
    scene_same_census(&before, SOON);
}

static void dead_name_server_while_holding(void **state)
{
    (void)state;
    hold_while(NAMES_FAIL);
}

static void slow_name_server_while_holding(void **state)
{
    (void)state;
    hold_while(NAMES_HANG);
}

/* A new session needs no name server either, as long as the old addresses are good. */
static void expiry_while_the_name_server_is_dead(void **state)
{
    struct proxy_session session;

    (void)state;
    names_become(NAMES_ANSWER, LIVE, NULL);
    zkc_sync *sync = open_by_name(20000);
    zkc_lock *lock = scene_lock(sync, "named");
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    names_become(NAMES_FAIL, NULL, NULL);
    assert_true(proxy_last_session(proxy, &session));
    assert_true(probe_expire(server_address(servers, 0), session.id, session.password));
    assert_int_equal(zkc_lock_wait_revoked(lock, NULL), ZKC_OK);
    zkc_context *context = scene_context(10000);
    assert_int_equal(zkc_lock_acquire(lock, context), ZKC_OK);
    zkc_context_free(context);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void expiry_while_the_name_server_is_slow(void **state)
{
    struct proxy_session session;

    (void)state;
    names_become(NAMES_ANSWER, LIVE, NULL);
    zkc_sync *sync = open_by_name(20000);
    zkc_lock *lock = scene_lock(sync, "named");
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    names_become(NAMES_HANG, NULL, NULL);
    assert_true(proxy_last_session(proxy, &session));
    assert_true(probe_expire(server_address(servers, 0), session.id, session.password));
    assert_int_equal(zkc_lock_wait_revoked(lock, NULL), ZKC_OK);
    zkc_context *context = scene_context(300);
    int result = zkc_lock_acquire(lock, context); /* may do with the old addresses, or wait */
    assert_true(result == ZKC_OK || result == ZKC_ETIMEDOUT);
    names_become(NAMES_ANSWER, LIVE, NULL);
    zkc_context_set_timeout_ms(context, 10000);
    if (result != ZKC_OK)
        assert_int_equal(zkc_lock_acquire(lock, context), ZKC_OK);
    zkc_context_free(context);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void opening_ends_in_time(enum names how)
{
    struct scene_census before = scene_census();
    zkc_sync *sync = NULL;
    int64_t began = now_ns();
    int begun = atomic_load(&lookups);

    names_become(how, NULL, NULL);
    assert_int_equal(
        scene_try(&(struct scene){.nodes = named_node(), .connect_ms = 700, .quiet = true}, &sync),
        ZKC_EUNREACHABLE);
    int64_t took = (now_ns() - began) / MS;
    begun = atomic_load(&lookups) - begun;
    names_become(NAMES_ANSWER, LIVE, NULL);
    print_message("%lld ms, %d lookups\n", (long long)took, begun);
    assert_in_range(took, 700, 700 + ALLOWANCE_MS);
    assert_in_range(begun, 1, 30);
    assert_null(sync);
    scene_same_census(&before, SOON);
}

static void opening_without_a_name_server(void **state)
{
    (void)state;
    opening_ends_in_time(NAMES_FAIL);
    opening_ends_in_time(NAMES_HANG);
}

/* In the middle of a lookup, which goes on alone and must then find nothing that is gone. */
static void closing_while_the_name_server_is_slow(void **state)
{
    struct scene_census before = scene_census();

    (void)state;
    names_become(NAMES_HANG, NULL, NULL);
    int begun = atomic_load(&lookups);
    zkc_sync *sync = open_by_name(-1);
    while (atomic_load(&lookups) == begun)
        sched_yield();
    int64_t began = now_ns();
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_true(now_ns() - began < (CLOSE_MS + ALLOWANCE_MS) * MS);
    names_become(NAMES_ANSWER, LIVE, NULL);
    scene_same_census(&before, SOON);
}

/* Opened too early: the name means somewhere else first, or nothing. */
static void names_change(void **state)
{
    static const char *const before[] = {NULL, DEAD};

    (void)state;
    for (int i = 0; i < 2; i++) {
        names_become(NAMES_ANSWER, before[i], NULL);
        zkc_sync *sync = open_by_name(-1);
        assert_false(wait_until(is_connected, sync, deadline_in_ms(1200)));
        names_become(NAMES_ANSWER, LIVE, NULL);
        assert_true(wait_until(is_connected, sync, SOON));
        assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    }
}

/* As "localhost" with ::1 and 127.0.0.1: an even number from one name. */
static void two_addresses_of_one_name(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        names_become(NAMES_ANSWER, i ? DEAD : LIVE, i ? LIVE : DEAD);
        zkc_sync *sync = open_by_name(20000);
        zkc_lock *lock = scene_lock(sync, "named");
        assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
        for (int k = 0; k < 3; k++) {
            unsigned accepted = proxy_accepted(proxy);
            proxy_reset_all(proxy);
            assert_true(proxy_wait_accepted(proxy, accepted + 1, SOON));
            assert_true(holds_until(is_held, lock, deadline_in_ms(300)));
        }
        zkc_lock_close(lock);
        assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    }
}

/* ---- many watches on one session ---- */

/*
 * Plain nodes of a raw client are ahead in every queue: `ahead` of them, at paths of 21 bytes and
 * `width` more. Whoever is next in line may watch its own node as well, at a path of 63 bytes.
 */
struct queues {
    int count, ahead, width;
    zkc_sync *sync;
    zkc_lock **locks;
    atomic_int granted, ended;
    int64_t session; /* of all waiters */
};

static void on_queue(void *arg, int result)
{
    struct queues *q = arg;

    atomic_fetch_add(result == ZKC_OK ? &q->granted : &q->ended, 1);
}

static void node_ahead(char *path, const struct queues *q, int queue, int place)
{
    snprintf(path, PATH_SIZE, "/q/%05d/%0*d-%010d", queue, q->width + 1, 0, place);
}

static struct raw_batch {
    atomic_int sent, answered, failed;
} raw;

static void raw_answered(int rc, const void *arg)
{
    (void)arg;
    if (rc != ZOK)
        atomic_fetch_add(&raw.failed, 1);
    atomic_fetch_add(&raw.answered, 1);
}

static void raw_created(int rc, const char *path, const void *arg)
{
    (void)path;
    raw_answered(rc, arg);
}

static bool raw_below(void *arg)
{
    return atomic_load(&raw.sent) - atomic_load(&raw.answered) <= *(int *)arg;
}

static void raw_wait(int most)
{
    assert_true(wait_until(raw_below, &most, deadline_in_ms(60000)));
    assert_int_equal(atomic_load(&raw.failed), 0);
}

static void raw_create(const char *path)
{
    raw_wait(2000);
    assert_int_equal(zoo_acreate(probe_handle(probe), path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0,
                                 raw_created, NULL),
                     ZOK);
    atomic_fetch_add(&raw.sent, 1);
}

static void raw_delete(const char *path)
{
    raw_wait(2000);
    assert_int_equal(zoo_adelete(probe_handle(probe), path, -1, raw_answered, NULL), ZOK);
    atomic_fetch_add(&raw.sent, 1);
}

static void make_queues(const struct queues *q)
{
    char path[PATH_SIZE];

    assert_int_equal(probe_make_path(probe, "/q"), ZOK);
    for (int i = 0; i < q->count; i++) {
        snprintf(path, sizeof(path), "/q/%05d", i);
        raw_create(path);
        for (int k = 0; k < q->ahead; k++) {
            node_ahead(path, q, i, k);
            raw_create(path);
        }
    }
    raw_wait(0);
}

static void remove_queues(const struct queues *q)
{
    char path[PATH_SIZE];

    for (int i = 0; i < q->count; i++) {
        snprintf(path, sizeof(path), "/q/%05d", i);
        raw_delete(path);
    }
    raw_wait(0);
    assert_int_equal(probe_delete(probe, "/q"), ZOK);
}

/* All that have room: where every waiter watches one short path, all of them. */
static bool watches_are_set(void *arg)
{
    const struct queues *q = arg;

    return server_watches(servers, 0) >= (q->width ? q->count / 2 : q->count);
}

static bool all_are_queued(void *arg)
{
    const struct queues *q = arg;
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "/q/%05d", q->count - 1);
    return scene_count(probe, path) == q->ahead + 1;
}

static void queue_up(struct queues *q)
{
    zkc_lock_options options;
    char path[PATH_SIZE];

    q->sync = scene_open_as(
        &(struct scene){.nodes = proxy_address(proxy), .session_ms = 20000, .quiet = true});
    q->locks = calloc((size_t)q->count, sizeof(*q->locks));
    assert_non_null(q->locks);
    ZKC_INIT(&options);
    options.path = path;
    for (int i = 0; i < q->count; i++) {
        snprintf(path, sizeof(path), "/q/%05d", i);
        q->locks[i] = scene_lock_with(q->sync, NULL, &options);
        assert_int_equal(zkc_lock_acquire_async(q->locks[i], 0, on_queue, q), ZKC_OK);
    }
    assert_true(wait_until(all_are_queued, q, deadline_in_ms(60000)));
    assert_true(wait_until(watches_are_set, q, deadline_in_ms(60000)));
    assert_true(scene_nth_node(probe, "/q/00000", q->ahead, path, sizeof(path)));
    q->session = probe_owner(probe, path);
    assert_true(q->session != 0);
}

static void lose_and_find_the_server(struct queues *q)
{
    unsigned accepted = proxy_accepted(proxy), renewed = proxy_replies(proxy, PROXY_SET_WATCHES);

    proxy_reset_all(proxy);
    assert_true(proxy_wait_accepted(proxy, accepted + 1, SOON));
    assert_true(proxy_wait_replies(proxy, PROXY_SET_WATCHES, renewed + 1, SOON));
    assert_true(wait_until(is_connected, q->sync, SOON));
    assert_true(wait_until(watches_are_set, q, SOON));
}

/* A queue's waiter gets its lock, in the session that it waited in. */
static void grant(struct queues *q, int queue)
{
    char path[PATH_SIZE], directory[32];

    for (int k = q->ahead - 1; k >= 0; k--) {
        node_ahead(path, q, queue, k);
        assert_int_equal(probe_delete(probe, path), ZOK);
    }
    assert_true(wait_until(is_held, q->locks[queue], SOON));
    snprintf(directory, sizeof(directory), "/q/%05d", queue);
    assert_true(scene_nth_node(probe, directory, 0, path, sizeof(path)));
    assert_true(probe_owner(probe, path) == q->session);
}

static void delete_those_ahead(const struct queues *q)
{
    char path[PATH_SIZE];

    for (int i = 1; i < q->count - 1; i++) {
        for (int k = 0; k < q->ahead; k++) {
            node_ahead(path, q, i, k);
            raw_delete(path);
        }
    }
    raw_wait(0);
}

static void give_up(struct queues *q)
{
    for (int i = 0; i < q->count; i++)
        zkc_lock_close(q->locks[i]);
    assert_int_equal(atomic_load(&q->granted), 2);
    assert_int_equal(atomic_load(&q->ended), q->count - 2);
}

static bool all_watches_gone(void *arg)
{
    (void)arg;
    return server_watches(servers, 0) == 0;
}

static void many_waiters(int count, int ahead, int width)
{
    static struct queues q;

    memset(&q, 0, sizeof(q));
    q.count = count;
    q.ahead = ahead;
    q.width = width;
    make_queues(&q);
    queue_up(&q);
    print_message("%d watches\n", server_watches(servers, 0));
    lose_and_find_the_server(&q);
    grant(&q, 0);
    grant(&q, count - 1);
    give_up(&q);
    assert_true(wait_until(all_watches_gone, NULL, deadline_in_ms(60000)));
    delete_those_ahead(&q);
    assert_int_equal(zkc_sync_close(q.sync), ZKC_OK);
    remove_queues(&q); /* empty: every waiter's node has gone */
    free(q.locks);
}

/* A sanitizer sees as much in fewer; it is the server that works on the others. Watches that do
 * not fit are set and looked at in test_ticket, too. */
#define MANY (WITH_ASAN || WITH_TSAN ? 1000 : 10000)

/* One watch each, paths of 21 bytes: half a MiB in one packet after a reconnection. */
static void twenty_thousand_watches(void **state)
{
    (void)state;
    many_waiters(2 * MANY, 2, 0);
}

/* 1.2 MB if all were watched; a server closes the connection on more than 1 MiB in one packet. */
static void more_watches_than_fit_a_packet(void **state)
{
    (void)state;
    many_waiters(MANY, 1, 80);
}

/* ---- expiry while requests are submitted ---- */

#define SUBMITTERS 4

static struct submission {
    atomic_bool stop;
    atomic_int rounds, failures;
    zkc_sync *sync;
} submission;

/* Whatever becomes of the session, each call ends, and soon. */
static void *submit(void *arg)
{
    zkc_lock *lock = scene_lock(submission.sync, arg);
    zkc_context *context = scene_context(-1);

    while (!atomic_load(&submission.stop)) {
        zkc_context_set_timeout_ms(context, 15000);
        int result = zkc_lock_acquire(lock, context);
        if (result == ZKC_OK)
            result = zkc_lock_release(lock, context);
        if (result != ZKC_OK && result != ZKC_ENOTHELD) {
            print_message("%s: %s\n", (const char *)arg, zkc_strerror(result));
            atomic_fetch_add(&submission.failures, 1);
        }
        atomic_fetch_add(&submission.rounds, 1);
    }
    zkc_context_free(context);
    zkc_lock_close(lock);
    return NULL;
}

static bool has_advanced(void *arg)
{
    return atomic_load(&submission.rounds) >= *(int *)arg;
}

static void expire_once(void)
{
    struct proxy_session session;
    int wanted = atomic_load(&submission.rounds) + 10 + (int)harness_random(50);

    assert_true(wait_until(has_advanced, &wanted, SOON));
    assert_true(proxy_last_session(proxy, &session));
    assert_true(probe_expire(server_address(servers, 0), session.id, session.password));
}

static void expiry_amid_submissions(void **state)
{
    static char ids[SUBMITTERS][20] = {"submit0", "submit1", "submit-same", "submit-same"};
    pthread_t threads[SUBMITTERS];

    (void)state;
    submission.sync = scene_open_as(
        &(struct scene){.nodes = proxy_address(proxy), .session_ms = 4000, .quiet = true});
    for (int i = 0; i < SUBMITTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit, ids[i]), 0);
    for (int i = 0; i < 10; i++)
        expire_once();
    int wanted = atomic_load(&submission.rounds) + 20;
    assert_true(wait_until(has_advanced, &wanted, SOON));
    atomic_store(&submission.stop, true);
    for (int i = 0; i < SUBMITTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&submission.failures), 0);
    assert_true(scene_wait_count(probe, "/t/lock/submit0", 0, SOON));
    assert_true(scene_wait_count(probe, "/t/lock/submit-same", 0, SOON));
    assert_true(wait_until(all_watches_gone, NULL, SOON));
    assert_int_equal(zkc_sync_close(submission.sync), ZKC_OK);
}

/* Thousands at once, and the session ends under them: all are granted by the next one. */
static void expiry_amid_thousands(void **state)
{
    enum { COUNT = 3000 };
    static zkc_lock *locks[COUNT];
    struct scene_outcome outcome;
    struct proxy_session session;
    char id[32];

    (void)state;
    zkc_sync *sync = scene_open_as(
        &(struct scene){.nodes = proxy_address(proxy), .session_ms = 8000, .quiet = true});
    scene_outcome_init(&outcome);
    assert_true(proxy_last_session(proxy, &session));
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof(id), "amid%d", i);
        locks[i] = scene_lock(sync, id);
        assert_int_equal(zkc_lock_acquire_async(locks[i], 0, scene_done, &outcome), ZKC_OK);
        if (i == COUNT / 2)
            assert_true(probe_expire(server_address(servers, 0), session.id, session.password));
    }
    assert_true(scene_wait_calls(&outcome, COUNT, deadline_in_ms(60000)));
    assert_int_equal(scene_calls(&outcome), COUNT);
    assert_int_equal(outcome.result, ZKC_OK);
    for (int i = 0; i < COUNT; i++)
        zkc_lock_close(locks[i]);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    scene_outcome_end(&outcome);
}

/* ---- signals ---- */

/* With SIGPIPE as it comes: writing to a connection that is gone must not kill. */
static void broken_pipes_do_not_kill(void **state)
{
    struct child *c;

    (void)state;
    c = start_holder(proxy_address(proxy), "default");
    for (int i = 0; i < 20; i++) {
        proxy_add(proxy,
                  (struct proxy_rule){.op = PROXY_ANY,
                                      .nth = 1 + harness_random(4),
                                      .action = i % 2 ? PROXY_RESET_BEFORE : PROXY_RESET_AFTER});
        expect(c, "release", "released 0");
        expect(c, "acquire", "acquired 0");
        proxy_clear_rules(proxy);
    }
    end_holder(c);
}

static atomic_int handled, handled_elsewhere;
static pid_t main_thread;

static void handle(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
    if (syscall(SYS_gettid) != main_thread)
        atomic_fetch_add(&handled_elsewhere, 1);
}

static void on_change(void *arg, const zkc_contender *leader)
{
    (void)leader;
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* Sent to the process while the only thread of the program's own does not want them. */
static void send_signals(zkc_lock *lock, int *results)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < 200; i++) {
        kill(getpid(), SIGUSR1);
        *results |= zkc_lock_acquire(lock, NULL);
        *results |= zkc_lock_release(lock, NULL);
    }
    printf("while blocked: %d handled\n", atomic_load(&handled));
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Every kind of thread that the library has is running: a name is looked up, callbacks run. */
static int signalled(int argc, char **argv)
{
    zkc_observer *observer = NULL;
    atomic_int changes;
    int results = 0;

    (void)argc;
    atomic_init(&changes, 0);
    main_thread = (pid_t)syscall(SYS_gettid);
    find_originals();
    names_become(NAMES_ANSWER, LIVE, NULL);
    signal(SIGUSR1, handle);
    zkc_sync *sync =
        scene_open_as(&(struct scene){.nodes = argv[0], .session_ms = 8000, .quiet = true});
    zkc_lock *lock = scene_lock(sync, "signalled");
    zkc_leader *leader = scene_leader(sync, "signalled");
    results |= zkc_leader_observe(leader, on_change, &changes, &observer);
    results |= zkc_lock_revoked_fd(lock) < 0;
    while (atomic_load(&changes) == 0)
        sched_yield();
    send_signals(lock, &results);
    zkc_observer_close(observer);
    zkc_lock_close(lock);
    zkc_leader_close(leader);
    results |= zkc_sync_close(sync);
    printf("handled %d, elsewhere %d, results %d\n", atomic_load(&handled) > 0,
           atomic_load(&handled_elsewhere), results);
    return 0;
}

static void signals_stay_with_the_program(void **state)
{
    struct child *c = child_start("signalled", named_node(), NULL);
    char line[100];

    (void)state;
    assert_non_null(c);
    assert_true(child_read_line(c, line, sizeof(line), SOON));
    assert_string_equal(line, "while blocked: 0 handled");
    assert_true(child_read_line(c, line, sizeof(line), SOON));
    assert_string_equal(line, "handled 1, elsewhere 0, results 0");
    child_free(c);
}

/* The thread sanitizer runs handlers when a thread next calls something that it knows. */
#define HANDLERS_RUN_AT_ONCE (!WITH_TSAN)

static bool was_handled(void *arg)
{
    return atomic_load(&handled) != *(int *)arg;
}

/* A call that waits is not disturbed by a handler that runs on its thread. */
static void signals_interrupt_no_call(void **state)
{
    struct sigaction action = {.sa_handler = handle}, old; /* no SA_RESTART */
    static struct scene_call waiting;
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = proxy_address(proxy), .quiet = true});
    zkc_lock *first = scene_lock(sync, "undisturbed"), *second = scene_lock(sync, "undisturbed");

    (void)state;
    sigaction(SIGUSR1, &action, &old);
    assert_int_equal(zkc_lock_acquire(first, NULL), ZKC_OK);
    waiting = (struct scene_call){.call = scene_acquire, .lock = second};
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, "/t/lock/undisturbed", 2, SOON));
    for (int i = 0; i < 100; i++) {
        int before = atomic_load(&handled);
        pthread_kill(waiting.thread, SIGUSR1);
        if (HANDLERS_RUN_AT_ONCE)
            assert_true(wait_until(was_handled, &before, SOON));
    }
    assert_false(scene_returned(&waiting));
    assert_int_equal(zkc_lock_release(first, NULL), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    sigaction(SIGUSR1, &old, NULL);
    zkc_lock_close(first);
    zkc_lock_close(second);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* ---- programs that are started ---- */

static int port_of(const char *address)
{
    return atoi(strrchr(address, ':') + 1);
}

/* Our connections to the proxy that a program would inherit. */
static int inherited(void)
{
    int count = 0;

    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == port_of(proxy_address(proxy)) &&
            (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
            count++;
    }
    return count;
}

static int connect_ourselves(void)
{
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port_of(proxy_address(proxy))),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&server, sizeof(server)), 0);
    return fd;
}

static bool is_connected_anew(void *arg)
{
    return proxy_replies(proxy, PROXY_CONNECT) > *(const unsigned *)arg;
}

/* What the program itself has is left alone, though it leads to the same server. The client may
 * think that it is connected still when it is so again: an answer comes after the news of both. */
static void programs_inherit_no_connection(void **state)
{
    unsigned greetings;
    zkc_sync *sync;
    zkc_lock *lock;
    int own;

    (void)state;
    sync = scene_open(proxy_address(proxy));
    assert_int_equal(inherited(), 0);
    own = connect_ourselves();
    assert_int_equal(inherited(), 1);
    lock = scene_lock(sync, "heirloom");
    greetings = proxy_replies(proxy, PROXY_CONNECT);
    proxy_reset_all(proxy);
    assert_true(wait_until(is_connected_anew, &greetings, SOON));
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
    close(own);
    own = connect_ourselves();
    assert_int_equal(fcntl(own, F_GETFD), 0);
    assert_int_equal(inherited(), 1);
    close(own);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static const struct harness_role roles[] = {
    {"holder", holder},
    {"signalled", signalled},
    {NULL, NULL},
};

#define TEST(function) cmocka_unit_test_setup(function, heal)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(two_addresses_one_dead),
        TEST(four_addresses_three_dead),
        TEST(server_restarts_beside_a_dead_one),
        TEST(dead_name_server_while_holding),
        TEST(slow_name_server_while_holding),
        TEST(expiry_while_the_name_server_is_dead),
        TEST(expiry_while_the_name_server_is_slow),
        TEST(opening_without_a_name_server),
        TEST(closing_while_the_name_server_is_slow),
        TEST(names_change),
        TEST(two_addresses_of_one_name),
        TEST(expiry_amid_submissions),
        TEST(expiry_amid_thousands),
        TEST(broken_pipes_do_not_kill),
        TEST(signals_stay_with_the_program),
        TEST(signals_interrupt_no_call),
        TEST(programs_inherit_no_connection),
        TEST(twenty_thousand_watches),
        TEST(more_watches_than_fit_a_packet),
    };

    find_originals();
    harness_start(argc, argv, roles);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
