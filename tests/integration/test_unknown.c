/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that hangs up at requests which it does not know, and one that takes no session back
 * besides, as ClickHouse Keeper does: a real server behind a proxy that plays the part.
 */
#define _GNU_SOURCE
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(20000)
#define QUICK_MS 8000 /* nobody else waits that long for an error */

static struct servers *servers;
static struct probe *direct;
static struct proxy *proxy;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char hangs_up[512]; /* the newest line that says so */

static void on_log(void *arg, zkc_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    pthread_mutex_lock(&log_lock);
    if (strstr(text, "hangs up") != NULL)
        snprintf(hangs_up, sizeof hangs_up, "%s", text);
    pthread_mutex_unlock(&log_lock);
}

static bool is_said(const char *name)
{
    bool said;

    pthread_mutex_lock(&log_lock);
    said = strstr(hangs_up, name) != NULL;
    pthread_mutex_unlock(&log_lock);
    return said;
}

static bool log_says(void *arg)
{
    return is_said(arg);
}

static int start(void **state)
{
    (void)state;
    servers = servers_start(&(struct servers_options){.count = 1});
    direct = servers ? probe_open(servers_addresses(servers), 10000) : NULL;
    return direct ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    probe_close(direct);
    servers_stop(servers);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    hangs_up[0] = '\0';
    proxy = proxy_start(server_address(servers, 0));
    return proxy ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    proxy_stop(proxy);
    return 0;
}

static void hang_up_at(enum proxy_op op)
{
    proxy_add(proxy,
              (struct proxy_rule){.op = op, .times = UINT_MAX, .action = PROXY_RESET_BEFORE});
}

/* Each case has directories of its own. */
static zkc_sync *client(const char *name_space)
{
    zkc_options options;
    zkc_sync *sync;

    ZKC_INIT(&options);
    options.nodes = proxy_address(proxy);
    options.name_space = name_space;
    options.session_timeout_ms = SCENE_SESSION_MS;
    options.log = on_log;
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_OK);
    return sync;
}

static int acquire_within(zkc_lock *lock, int64_t ms)
{
    zkc_context *context = scene_context(ms);
    int result = zkc_lock_acquire(lock, context);

    zkc_context_free(context);
    return result;
}

static void no_create2(bool forgetful)
{
    zkc_sync *sync = client(forgetful ? "/no-create2-f" : "/no-create2");
    zkc_lock *lock = scene_lock(sync, "a");
    unsigned connections;

    proxy_forget_sessions(proxy, forgetful);
    hang_up_at(PROXY_CREATE2);
    assert_int_equal(acquire_within(lock, QUICK_MS), ZKC_ESERVER);
    assert_int_equal(zkc_sync_server_error(sync), ZUNIMPLEMENTED);
    assert_true(wait_until(log_says, "create2", SOON));
    assert_true(is_said("Keeper"));
    connections = proxy_accepted(proxy);
    print_message("%u connections\n", connections);
    assert_in_range(connections, 2, 23); /* ten trials, and a little more than one for each */
    assert_int_equal(acquire_within(lock, QUICK_MS), ZKC_ESERVER);
    assert_in_range(proxy_requests(proxy, PROXY_CREATE2), 2, 10);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void where_nothing_can_be_created_it_is_an_error(void **state)
{
    (void)state;
    no_create2(false);
}

static void also_where_no_session_is_taken_back(void **state)
{
    (void)state;
    no_create2(true);
}

static void no_containers(bool forgetful)
{
    zkc_sync *sync = client(forgetful ? "/no-container-f" : "/no-container");
    zkc_lock *lock = scene_lock(sync, "a");

    proxy_forget_sessions(proxy, forgetful);
    hang_up_at(PROXY_CREATE_CONTAINER);
    assert_int_equal(acquire_within(lock, QUICK_MS), ZKC_OK);
    assert_true(zkc_lock_is_held(lock));
    assert_true(wait_until(log_says, "createContainer", SOON));
    print_message("%u connections\n", proxy_accepted(proxy));
    assert_in_range(proxy_accepted(proxy), 2, 8);
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void where_containers_are_unknown_parents_are_plain(void **state)
{
    (void)state;
    no_containers(false);
}

static void and_where_no_session_is_taken_back_either(void **state)
{
    (void)state;
    no_containers(true);
}

static bool is_held(void *arg)
{
    return zkc_lock_is_held(arg);
}

/* The client's other lock does not pay for it. */
static void a_waiter_gives_up_where_watches_are_not_removed(void **state)
{
    zkc_sync *other, *sync;
    zkc_lock *mine, *theirs, *wanted;

    (void)state;
    proxy_forget_sessions(proxy, true);
    hang_up_at(PROXY_REMOVE_WATCHES);
    other = client("/no-unwatch");
    sync = client("/no-unwatch");
    theirs = scene_lock(other, "b");
    mine = scene_lock(sync, "a");
    wanted = scene_lock(sync, "b");
    assert_int_equal(acquire_within(theirs, QUICK_MS), ZKC_OK);
    assert_int_equal(acquire_within(mine, QUICK_MS), ZKC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(acquire_within(wanted, 200), ZKC_ETIMEDOUT);
    assert_true(holds_until(is_held, mine, deadline_in_ms(SCENE_SESSION_MS)));
    assert_int_equal(proxy_accepted(proxy), 2);
    assert_int_equal(zkc_lock_release(mine, NULL), ZKC_OK);
    /* Now it is tried, once, and the client is as good as before. */
    assert_true(wait_until(log_says, "removeWatches", SOON));
    assert_int_equal(acquire_within(mine, QUICK_MS), ZKC_OK);
    assert_int_equal(acquire_within(wanted, 200), ZKC_ETIMEDOUT);
    assert_int_equal(proxy_requests(proxy, PROXY_REMOVE_WATCHES), 1);
    assert_true(scene_wait_count(direct, "/no-unwatch/lock/b", 1, SOON));
    assert_true(zkc_lock_is_held(theirs));
    zkc_lock_close(mine);
    zkc_lock_close(wanted);
    zkc_lock_close(theirs);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_int_equal(zkc_sync_close(other), ZKC_OK);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(where_nothing_can_be_created_it_is_an_error),
        TEST(also_where_no_session_is_taken_back),
        TEST(where_containers_are_unknown_parents_are_plain),
        TEST(and_where_no_session_is_taken_back_either),
        TEST(a_waiter_gives_up_where_watches_are_not_removed),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start, stop);
}
