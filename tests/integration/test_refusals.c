/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What later servers refuse in ways of their own: a quota that is used up, and whoever brings no
 * credential. Each case has its own server.
 */
#include "harness.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SOON 20000

static struct servers *servers;

static struct servers *start_with(const char *extra)
{
    struct servers *started = servers_start(&(struct servers_options){.extra = extra});

    assert_non_null(started);
    return started;
}

static int stop_servers(void **state)
{
    (void)state;
    servers_stop(servers);
    servers = NULL;
    return 0;
}

/* The newest refusal is the one behind what was returned. */
static void refused(zkc_sync *sync, int result, int expected, int code)
{
    assert_int_equal(result, expected);
    assert_int_equal(zkc_sync_server_error(sync), code);
}

/* See test_close.c: libzookeeper's completions that got lost. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libzookeeper_mt\n";
}

/* ---- a quota ---- */

/* So many znodes at or below /t, which exists. */
static void limit_count(struct probe *probe, int most)
{
    char limits[100];

    snprintf(limits, sizeof(limits), "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=%d", most);
    assert_int_equal(zoo_add_auth(probe_handle(probe), "digest", SERVERS_SUPER,
                                  (int)strlen(SERVERS_SUPER), NULL, NULL),
                     ZOK);
    assert_int_equal(probe_make_path(probe, "/zookeeper/quota/t"), ZOK);
    assert_int_equal(probe_create(probe, "/zookeeper/quota/t/zookeeper_limits", limits, 0, NULL, 0),
                     ZOK);
    assert_int_equal(
        probe_create(probe, "/zookeeper/quota/t/zookeeper_stats", "count=2,bytes=0", 0, NULL, 0),
        ZOK);
}

static void a_quota(void **state)
{
    struct probe *probe;
    zkc_elected *elected = NULL;
    zkc_sync *sync;
    zkc_lock *lock;
    zkc_leader *leader;
    zkc_context *context = scene_context(SOON);

    (void)state;
    servers = start_with("enforceQuota=true\n");
    probe = probe_open(servers_addresses(servers), 8000);
    assert_non_null(probe);
    assert_int_equal(probe_make_path(probe, "/t/lock"), ZOK);
    limit_count(probe, 3);
    sync = scene_open_as(
        &(struct scene){.nodes = servers_addresses(servers), .name_space = SCENE_NAMESPACE});
    assert_int_equal(zkc_sync_server_error(sync), 0);
    lock = scene_lock(sync, "x");
    leader = scene_leader(sync, "x");
    refused(sync, zkc_lock_acquire(lock, context), ZKC_EQUOTA, -125);
    refused(sync, zkc_lock_try_acquire(lock, context), ZKC_EQUOTA, -125);
    refused(sync, zkc_leader_elect(leader, context, &elected), ZKC_EQUOTA, -125);
    zkc_leader_close(leader);
    zkc_lock_close(lock);
    zkc_context_free(context);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    probe_close(probe);
}

/* ---- a server that serves nobody without a credential ---- */

#define ENFORCED "enforce.auth.enabled=true\nenforce.auth.schemes=digest\n"

static void no_credential(void **state)
{
    zkc_context *context = scene_context(SOON);
    zkc_contenders *list = NULL;
    zkc_elected *elected = NULL;
    zkc_sync *sync;
    zkc_lock *lock;
    zkc_leader *leader;

    (void)state;
    servers = start_with(ENFORCED);
    sync = scene_open_as(
        &(struct scene){.nodes = servers_addresses(servers), .name_space = SCENE_NAMESPACE});
    lock = scene_lock(sync, "x");
    leader = scene_leader(sync, "x");
    for (int i = 0; i < 3; i++) {
        refused(sync, zkc_lock_acquire(lock, context), ZKC_EACCES, -124);
        refused(sync, zkc_leader_elect(leader, context, &elected), ZKC_EACCES, -124);
        refused(sync, zkc_lock_contenders(lock, context, &list), ZKC_EACCES, -124);
    }
    zkc_leader_close(leader);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    zkc_context_free(context);
}

static void the_credential_decides(void **state)
{
    zkc_options options;
    zkc_sync *sync = NULL;
    zkc_lock *lock;

    (void)state;
    servers = start_with(ENFORCED);
    ZKC_INIT(&options);
    options.nodes = servers_addresses(servers);
    options.name_space = SCENE_NAMESPACE;
    options.connect_timeout_ms = SOON;
    options.auth_scheme = "ip"; /* is taken, and is not enough */
    options.auth = "";
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_EACCES);
    options.auth_scheme = "digest";
    options.auth = "peter:secret";
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_OK);
    lock = scene_lock(sync, "x");
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

#define TEST(function) cmocka_unit_test_teardown(function, stop_servers)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quota),
        TEST(no_credential),
        TEST(the_credential_decides),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
