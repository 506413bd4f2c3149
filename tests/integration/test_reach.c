/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaching servers: one that is stopped, swallows packets, has a name that nobody answers for, or
 * is slow, costs the others nothing; and what is held stays held when its server falls silent.
 * ZKC_ROUNDS says how often, ZKC_SESSION_MS with which timeout, for more than the usual.
 */
#include "harness.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#include <zkcoord/zkcoord.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define OPENED_MS 3000 /* with one bad server of three */
#define MANY 100       /* rounds at most */

static int session_ms;
static struct servers *servers;
static struct proxy *proxies[3];
static char through[128]; /* all three, through the proxies */

/* ---- the program's own getaddrinfo() takes the place of libc's for the library, too ---- */

typedef int lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
static lookup_fn *libc_getaddrinfo;
static atomic_bool hanging;
static _Atomic(const char *) late_is; /* the address of "late.test"; NULL: not known yet */

static bool hangs_no_more(void *arg)
{
    (void)arg;
    return !atomic_load(&hanging);
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **found)
{
    if (node != NULL && strcmp(node, "hangs.test") == 0) {
        wait_until(hangs_no_more, NULL, deadline_in_ms(120000));
        return EAI_AGAIN;
    }
    if (node != NULL && strcmp(node, "late.test") == 0) {
        node = atomic_load(&late_is);
        if (node == NULL)
            return EAI_NONAME;
    }
    return libc_getaddrinfo(node, service, hints, found);
}

static void find_getaddrinfo(void)
{
    void *found = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&libc_getaddrinfo, &found, sizeof(found));
}

/* ---- opening ---- */

static int64_t given(const char *name, int64_t usual)
{
    const char *text = getenv(name);

    return text != NULL ? strtoll(text, NULL, 10) : usual;
}

static int rounds(int usual)
{
    int64_t wanted = given("ZKC_ROUNDS", usual);

    return wanted < 1 ? 1 : wanted > MANY ? MANY : (int)wanted;
}

static int64_t opens_in_ms(const char *nodes)
{
    int64_t began = now_ns();
    zkc_sync *sync = scene_open_as(&(struct scene){
        .nodes = nodes, .session_ms = session_ms, .connect_ms = session_ms, .quiet = true});
    int64_t took = (now_ns() - began) / MS;

    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    return took;
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static void opens_soon(const char *nodes)
{
    int count = rounds(10);
    int64_t took[MANY];

    for (int i = 0; i < count; i++)
        took[i] = opens_in_ms(nodes);
    qsort(took, (size_t)count, sizeof(took[0]), by_value);
    print_message("%d openings: median %lld ms, at most %lld ms\n", count,
                  (long long)took[count / 2], (long long)took[count - 1]);
    assert_in_range(took[count - 1], 0, OPENED_MS);
}

static void beside_nobody_bad(void **state)
{
    (void)state;
    opens_soon(servers_addresses(servers));
}

static void beside_a_stopped_server(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        server_pause(servers, i);
        assert_true(servers_wait_serving(servers, deadline_in_ms(30000)));
        opens_soon(servers_addresses(servers));
        server_resume(servers, i);
        assert_true(servers_wait_serving(servers, deadline_in_ms(30000)));
    }
}

/* Its queue of connections is full, so that the kernel drops what asks for more. */
struct hole {
    int listener, clients[8];
    char address[32];
};

static void hole_open(struct hole *hole)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);

    hole->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(hole->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(hole->listener, 0), 0);
    assert_int_equal(getsockname(hole->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(hole->address, sizeof(hole->address), "127.0.0.1:%u", ntohs(at.sin_port));
    for (int i = 0; i < 8; i++) {
        hole->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(hole->clients[i], (struct sockaddr *)&at, size);
    }
}

static void hole_close(struct hole *hole)
{
    for (int i = 0; i < 8; i++)
        close(hole->clients[i]);
    close(hole->listener);
}

static void beside_an_address_that_swallows_packets(void **state)
{
    struct hole hole;
    char nodes[256];

    (void)state;
    hole_open(&hole);
    snprintf(nodes, sizeof(nodes), "%s,%s,%s", hole.address, server_address(servers, 0),
             server_address(servers, 1));
    opens_soon(nodes);
    hole_close(&hole);
}

static void beside_a_name_that_nobody_answers_for(void **state)
{
    char nodes[256];

    (void)state;
    atomic_store(&hanging, true);
    snprintf(nodes, sizeof(nodes), "hangs.test,%s", servers_addresses(servers));
    opens_soon(nodes);
    atomic_store(&hanging, false);
}

struct opening {
    pthread_t thread;
    const char *nodes;
    int result;
    zkc_sync *sync;
    int64_t ended;
};

static void *open_it(void *arg)
{
    struct opening *opening = arg;

    opening->result = scene_try(&(struct scene){.nodes = opening->nodes,
                                                .session_ms = session_ms,
                                                .connect_ms = session_ms,
                                                .quiet = true},
                                &opening->sync);
    opening->ended = now_ns();
    return NULL;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* No session can be made for eight seconds, of the ten or more that opening may take. */
static void a_session_takes_long(void)
{
    struct opening opening = {.nodes = servers_addresses(servers)};
    int leader = servers_leader_index(servers);
    int64_t resumed;

    for (int i = 0; i < 3; i++)
        if (i != leader)
            server_pause(servers, i);
    assert_int_equal(pthread_create(&opening.thread, NULL, open_it, &opening), 0);
    wait_until(never, NULL, deadline_in_ms(8000)); /* the fault lasts so long */
    resumed = now_ns();
    for (int i = 0; i < 3; i++)
        if (i != leader)
            server_resume(servers, i);
    pthread_join(opening.thread, NULL);
    assert_int_equal(opening.result, ZKC_OK);
    print_message("opened %lld ms after the quorum was back\n",
                  (long long)((opening.ended - resumed) / MS));
    assert_in_range(opening.ended - resumed, 0, 2000 * MS);
    assert_int_equal(zkc_sync_close(opening.sync), ZKC_OK);
    assert_true(servers_wait_serving(servers, deadline_in_ms(30000)));
}

static void a_session_that_is_made_late(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(1); i++)
        a_session_takes_long();
}

/* Later than libzookeeper would wait for it: two thirds of the session timeout. */
static void a_handshake_that_is_answered_late(void **state)
{
    int64_t began = now_ns();
    zkc_sync *sync;

    (void)state;
    proxy_set_delay(proxies[0], 0, 8000);
    sync = scene_open_as(&(struct scene){.nodes = proxy_address(proxies[0]),
                                         .session_ms = session_ms,
                                         .connect_ms = 30000,
                                         .quiet = true});
    print_message("opened after %lld ms\n", (long long)((now_ns() - began) / MS));
    proxy_set_delay(proxies[0], 0, 0);
    assert_in_range(zkc_sync_session_timeout_ms(sync), session_ms, INT32_MAX);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static bool is_connected(void *arg)
{
    return zkc_sync_is_connected(arg);
}

static void a_name_that_is_known_late(void **state)
{
    zkc_sync *sync;
    char nodes[64];

    (void)state;
    atomic_store(&late_is, NULL);
    snprintf(nodes, sizeof(nodes), "late.test%s", strrchr(server_address(servers, 0), ':'));
    sync = scene_open_as(&(struct scene){.nodes = nodes, .connect_ms = -1, .quiet = true});
    assert_false(wait_until(is_connected, sync, deadline_in_ms(1500)));
    atomic_store(&late_is, "127.0.0.1");
    assert_true(wait_until(is_connected, sync, deadline_in_ms(2000)));
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* ---- holding ---- */

static bool is_held(void *lock)
{
    return zkc_lock_is_held(lock);
}

static int server_of(const zkc_sync *sync)
{
    (void)sync;
    for (int i = 0; i < 3; i++)
        if (proxy_open(proxies[i]) > 0)
            return i;
    fail_msg("nobody is connected");
    return -1;
}

static void through_all(zkc_sync **ret_sync, zkc_lock **ret_lock, const char *id)
{
    *ret_sync = scene_open_as(&(struct scene){
        .nodes = through, .session_ms = session_ms, .connect_ms = session_ms, .quiet = true});
    *ret_lock = scene_lock(*ret_sync, id);
    assert_int_equal(zkc_lock_acquire(*ret_lock, NULL), ZKC_OK);
}

/* For longer than a session lives that nobody hears of. */
static void a_holder_whose_server_falls_silent(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(3); i++) {
        zkc_sync *sync;
        zkc_lock *lock;
        int silent;
        through_all(&sync, &lock, "silent");
        silent = server_of(sync);
        proxy_set_mode(proxies[silent], PROXY_BLACKHOLE);
        assert_true(holds_until(is_held, lock, deadline_in_ms(13 * session_ms / 10)));
        proxy_set_mode(proxies[silent], PROXY_PASS);
        assert_true(holds_until(is_held, lock, deadline_in_ms(session_ms / 4)));
        assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
        zkc_lock_close(lock);
        assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    }
}

static void a_holder_whose_link_flaps(void **state)
{
    zkc_sync *sync;
    zkc_lock *lock;

    (void)state;
    through_all(&sync, &lock, "flaps");
    for (int i = 0; i < 2 * rounds(10); i++) {
        for (int k = 0; k < 3; k++)
            proxy_reset_all(proxies[k]);
        assert_true(holds_until(is_held, lock, deadline_in_ms(1000)));
    }
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* ---- the set ---- */

static int start(void **state)
{
    size_t used = 0;

    (void)state;
    servers = servers_start(&(struct servers_options){.count = 3, .tick_ms = 2000});
    if (servers == NULL)
        return -1;
    for (int i = 0; i < 3; i++) {
        proxies[i] = proxy_start(server_address(servers, i));
        if (proxies[i] == NULL)
            return -1;
        used += (size_t)snprintf(through + used, sizeof(through) - used, "%s%s", i > 0 ? "," : "",
                                 proxy_address(proxies[i]));
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        proxy_stop(proxies[i]);
    servers_stop(servers);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside_nobody_bad),
        cmocka_unit_test(beside_a_stopped_server),
        cmocka_unit_test(beside_an_address_that_swallows_packets),
        cmocka_unit_test(beside_a_name_that_nobody_answers_for),
        cmocka_unit_test(a_session_that_is_made_late),
        cmocka_unit_test(a_handshake_that_is_answered_late),
        cmocka_unit_test(a_name_that_is_known_late),
        cmocka_unit_test(a_holder_whose_server_falls_silent),
        cmocka_unit_test(a_holder_whose_link_flaps),
    };

    find_getaddrinfo();
    session_ms = (int)given("ZKC_SESSION_MS", 10000);
    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start, stop);
}
