/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path at the end of the list of servers: everything lives below it, and whoever names it speaks
 * of paths as if it were the root.
 */
#include "harness.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#define CHROOT "/app/deep"
#define SOON deadline_in_ms(20000)
#define PATH_SIZE 1024

static struct servers *servers;
static struct probe *probe; /* without the chroot */
static char below[200];     /* the servers, with it */

static int start_servers(void **state)
{
    (void)state;
    servers = servers_start(NULL);
    probe = servers ? probe_open(servers_addresses(servers), 8000) : NULL;
    if (!probe)
        return -1;
    snprintf(below, sizeof(below), "%s" CHROOT, servers_addresses(servers));
    return 0;
}

static int stop_servers(void **state)
{
    (void)state;
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

static bool is_empty(void *arg)
{
    (void)arg;
    return probe_delete_tree(probe, "/app") == ZOK;
}

static int clean(void **state)
{
    (void)state;
    return wait_until(is_empty, NULL, SOON) ? 0 : -1;
}

/* ---- helpers ---- */

static zkc_sync *open_at(const char *nodes, const char *name_space)
{
    return scene_open_as(&(struct scene){.nodes = nodes, .name_space = name_space});
}

static zkc_lock *lock_at(zkc_sync *sync, const char *path)
{
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.path = path;
    return scene_lock_with(sync, NULL, &options);
}

static void done(zkc_sync *sync, zkc_lock *lock)
{
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* The only contender; its path is the znode's without the chroot. */
static zkc_contenders *contender_of(zkc_lock *lock, const char *directory)
{
    zkc_contenders *all = NULL;
    char node[PATH_SIZE];

    assert_int_equal(zkc_lock_contenders(lock, NULL, &all), ZKC_OK);
    assert_int_equal(zkc_contenders_count(all), 1);
    assert_true(scene_nth_node(probe, directory, 0, node, sizeof(node)));
    assert_memory_equal(node, CHROOT, strlen(CHROOT));
    assert_string_equal(zkc_contenders_at(all, 0)->path, node + strlen(CHROOT));
    return all;
}

/* ---- where things are ---- */

static void ids_live_below_it(void **state)
{
    zkc_sync *sync = open_at(below, "/t"),
             *other = open_at(servers_addresses(servers), "/app/deep/t");
    zkc_lock *lock = scene_lock(sync, "x"), *same = scene_lock(other, "x");
    zkc_ids *ids = NULL;

    (void)state;
    assert_false(probe_exists(probe, "/app")); /* is made on demand */
    assert_string_equal(zkc_sync_namespace(sync), "/t");
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_string_equal(zkc_lock_id(lock), "x");
    assert_int_equal(zkc_lock_try_acquire(same, NULL), ZKC_EBUSY);
    zkc_contenders_free(contender_of(lock, CHROOT "/t/lock/x"));
    assert_int_equal(zkc_lock_ids(sync, NULL, &ids), ZKC_OK);
    assert_int_equal(zkc_ids_count(ids), 1);
    assert_string_equal(zkc_ids_at(ids, 0), "x");
    zkc_ids_free(ids);
    done(other, same);
    done(sync, lock);
}

static void paths_are_below_it(void **state)
{
    zkc_sync *sync = open_at(below, NULL), *other = open_at(servers_addresses(servers), NULL);
    zkc_lock *lock = lock_at(sync, "/own"), *same = lock_at(other, CHROOT "/own");

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_string_equal(zkc_lock_id(lock), "/own");
    assert_int_equal(zkc_lock_try_acquire(same, NULL), ZKC_EBUSY);
    zkc_contenders_free(contender_of(lock, CHROOT "/own"));
    done(other, same);
    done(sync, lock);
}

static void the_root_may_be_the_namespace(void **state)
{
    zkc_sync *sync = open_at(below, "/");
    zkc_lock *lock = scene_lock(sync, "x");

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    zkc_contenders_free(contender_of(lock, CHROOT "/lock/x"));
    done(sync, lock);
}

/* ---- what names a znode ---- */

static void contenders_can_be_named(void **state)
{
    zkc_sync *sync = open_at(below, "/t");
    zkc_lock *lock = scene_lock(sync, "x");
    zkc_contenders *all;
    int asked = zkc_lock_asked_fd(lock);

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    all = contender_of(lock, CHROOT "/t/lock/x");
    assert_int_equal(zkc_contender_ask(sync, zkc_contenders_at(all, 0), NULL), ZKC_OK);
    assert_true(scene_wait_readable(asked, SOON));
    assert_int_equal(zkc_contender_evict(sync, zkc_contenders_at(all, 0), NULL), ZKC_OK);
    assert_int_equal(zkc_lock_wait_revoked(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_revoked_reason(lock), ZKC_EDELETED);
    zkc_contenders_free(all);
    done(sync, lock);
}

static int check(struct probe *who, const zoo_op_t *op)
{
    zoo_op_result_t result;

    return zoo_multi(probe_handle(who), 1, op, &result);
}

/* As the caller's own handle calls it, if that has the same list of servers. */
static void transactions_have_the_same_chroot(void **state)
{
    struct probe *same = probe_open(below, 8000);
    zkc_sync *sync = open_at(below, "/t");
    zkc_lock *lock = scene_lock(sync, "x");
    zoo_op_t op;

    (void)state;
    assert_non_null(same);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_check_op(lock, &op), ZKC_OK);
    assert_int_equal(check(same, &op), ZOK);
    assert_int_equal(check(probe, &op), ZNONODE); /* fails, and does not succeed by mistake */
    done(sync, lock);
    probe_close(same);
}

/* ---- elections ---- */

struct news {
    char path[PATH_SIZE];
    struct scene_outcome outcome;
};

static void heard(void *arg, const zkc_contender *leader)
{
    struct news *news = arg;

    if (leader == NULL)
        return;
    snprintf(news->path, sizeof(news->path), "%s", leader->path);
    scene_done(&news->outcome, ZKC_OK);
}

static void observers_hear_such_paths(void **state)
{
    zkc_sync *sync = open_at(below, "/t");
    zkc_leader *leader = scene_leader(sync, "x");
    zkc_observer *observer = NULL;
    zkc_elected *elected = NULL;
    struct news news = {0};
    char node[PATH_SIZE];

    (void)state;
    scene_outcome_init(&news.outcome);
    assert_int_equal(zkc_leader_observe(leader, heard, &news, &observer), ZKC_OK);
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_OK);
    assert_int_equal(scene_result(&news.outcome, SOON), ZKC_OK);
    assert_true(scene_nth_node(probe, CHROOT "/t/leader/x", 0, node, sizeof(node)));
    assert_string_equal(news.path, node + strlen(CHROOT));
    zkc_observer_close(observer);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    scene_outcome_end(&news.outcome);
}

#define TEST(function) cmocka_unit_test_setup(function, clean)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(ids_live_below_it),
        TEST(paths_are_below_it),
        TEST(the_root_may_be_the_namespace),
        TEST(contenders_can_be_named),
        TEST(transactions_have_the_same_chroot),
        TEST(observers_hear_such_paths),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
