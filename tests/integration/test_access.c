/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials and access control lists: refused ones, ones that forbid us, and what everything
 * that is created gets.
 */
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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
#define PATH_SIZE 1024

static struct servers *servers;
static struct probe *probe; /* the administrator: may do anything anywhere */

static struct scene_census at_rest;

static int start_servers(void **state)
{
    (void)state;
    servers = servers_start(NULL);
    probe = servers ? probe_open(servers_addresses(servers), 8000) : NULL;
    if (!probe)
        return -1;
    at_rest = scene_census();
    return zoo_add_auth(probe_handle(probe), "digest", SERVERS_SUPER, (int)strlen(SERVERS_SUPER),
                        NULL, NULL);
}

static int stop_servers(void **state)
{
    (void)state;
    scene_same_census(&at_rest, SOON); /* a failed open does not wait for its goodbye */
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

static bool is_empty(void *arg)
{
    (void)arg;
    return probe_delete_tree(probe, SCENE_NAMESPACE) == ZOK;
}

/* Starts every test with an empty tree, although one that failed may have left somebody waiting. */
static int clean(void **state)
{
    (void)state;
    return wait_until(is_empty, NULL, SOON) ? 0 : -1;
}

/* ---- helpers ---- */

static void prepare(zkc_options *options)
{
    ZKC_INIT(options);
    options->nodes = servers_addresses(servers);
    options->name_space = SCENE_NAMESPACE;
    options->session_timeout_ms = 8000;
}

static zkc_sync *open_with(const zkc_options *options)
{
    zkc_sync *sync = NULL;

    assert_int_equal(zkc_sync_open(options, NULL, &sync), ZKC_OK);
    return sync;
}

static zkc_sync *open_as(const char *credential)
{
    return scene_open_as(&(struct scene){
        .nodes = servers_addresses(servers), .auth = credential, .session_ms = 8000});
}

/* A directory where everybody has these permissions. */
static void restrict_path(const char *path, int permissions)
{
    struct ACL entry = {.perms = permissions, .id = ZOO_ANYONE_ID_UNSAFE};
    struct ACL_vector acl = {.count = 1, .data = &entry};

    assert_int_equal(probe_make_path(probe, path), ZOK);
    assert_int_equal(zoo_set_acl(probe_handle(probe), path, -1, &acl), ZOK);
}

/* Entries as "perms scheme:id", in order, joined by ';'. */
static const char *acl_of(const char *path)
{
    static char text[1000];
    struct ACL_vector acl;
    struct Stat stat;
    size_t used = 0;

    text[0] = '\0';
    if (zoo_get_acl(probe_handle(probe), path, &acl, &stat) != ZOK)
        return "unreadable";
    for (int i = 0; i < acl.count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d %s:%s", i ? ";" : "",
                                 acl.data[i].perms, acl.data[i].id.scheme, acl.data[i].id.id);
    deallocate_ACL_vector(&acl);
    return text;
}

/* ---- what is created gets the list that was asked for ---- */

#define PETER "peter:secret"
/* echo -n peter:secret | openssl dgst -binary -sha1 | base64 */
#define PETERS_ENTRY "31 digest:peter:XlPdKG3Nb6j79YBtH/FQtNrddKg="

/* Of the namespace, its parents, both directories, and the contenders' nodes. */
static void assert_acls(zkc_sync *sync, const char *expected)
{
    static const char *const parents[] = {"/t", "/t/lock", "/t/lock/x", "/t/leader", "/t/leader/x"};
    zkc_lock *lock = scene_lock(sync, "x");
    zkc_leader *leader = scene_leader(sync, "x");
    zkc_elected *elected = NULL;
    char node[PATH_SIZE];

    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_OK);
    for (size_t i = 0; i < COUNT(parents); i++)
        assert_string_equal(acl_of(parents[i]), expected);
    assert_true(scene_nth_node(probe, "/t/lock/x", 0, node, sizeof(node)));
    assert_string_equal(acl_of(node), expected);
    assert_true(scene_nth_node(probe, "/t/leader/x", 0, node, sizeof(node)));
    assert_string_equal(acl_of(node), expected);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void everybody_by_default(void **state)
{
    (void)state;
    assert_acls(open_as(NULL), "31 world:anyone");
}

static void only_the_credential_by_default(void **state)
{
    (void)state;
    assert_acls(open_as(PETER), PETERS_ENTRY);
}

static void lists_are_used_as_given(void **state)
{
    static const zkc_acl entries[] = {
        {ZKC_PERM_READ, "world", "anyone"},
        {ZKC_PERM_ALL, "auth", ""},
        {ZKC_PERM_READ | ZKC_PERM_WRITE, "ip", "192.0.2.1"},
    };
    zkc_options options;

    (void)state;
    prepare(&options);
    options.auth_scheme = "digest";
    options.auth = PETER;
    options.acl = entries;
    options.acl_count = COUNT(entries);
    assert_acls(open_with(&options), "1 world:anyone;" PETERS_ENTRY ";3 ip:192.0.2.1");
}

static void options_are_copied(void **state)
{
    char scheme[] = "world", id[] = "anyone", nodes[64];
    zkc_acl entry = {ZKC_PERM_ALL, scheme, id};
    zkc_options options;

    (void)state;
    prepare(&options);
    snprintf(nodes, sizeof(nodes), "%s", servers_addresses(servers));
    options.nodes = nodes;
    options.acl = &entry;
    options.acl_count = 1;
    zkc_sync *sync = open_with(&options);
    memset(scheme, 'x', sizeof(scheme) - 1);
    memset(id, 'x', sizeof(id) - 1);
    memset(nodes, 'x', sizeof(nodes) - 1);
    memset(&entry, 0, sizeof(entry));
    assert_acls(sync, "31 world:anyone");
}

/* All that is accepted at once still fits into one packet: 512 KiB of data, 256 KiB of list. */
static void largest_of_everything(void **state)
{
    enum { ENTRIES = 1024, ID = 256 * 1024 / ENTRIES - 6 /* "digest" */ };
    static char ids[ENTRIES][ID + 1], data[512 * 1024], space[700];
    static zkc_acl entries[ENTRIES];
    zkc_lock_options lock_options;
    zkc_options options;

    (void)state;
    entries[0] = (zkc_acl){ZKC_PERM_ALL, "world", "anyone"};
    for (int i = 1; i < ENTRIES; i++) {
        memset(ids[i], 'x', ID);
        memcpy(ids[i], "user:", 5);
        snprintf(ids[i] + ID - 4, 5, "%04d", i);
        entries[i] = (zkc_acl){ZKC_PERM_READ, "digest", ids[i]};
    }
    memset(space, 's', sizeof(space) - 1);
    memcpy(space, SCENE_NAMESPACE "/", strlen(SCENE_NAMESPACE "/"));
    prepare(&options);
    options.name_space = space;
    options.acl = entries;
    options.acl_count = ENTRIES;
    ZKC_INIT(&lock_options);
    lock_options.data = data;
    lock_options.data_length = sizeof(data);
    zkc_sync *sync = open_with(&options);
    zkc_lock *lock = scene_lock_with(sync, "x", &lock_options);
    zkc_context *context = scene_context(20000);
    assert_int_equal(zkc_lock_acquire(lock, context), ZKC_OK);
    assert_int_equal(zkc_lock_release(lock, context), ZKC_OK);
    assert_int_equal(zkc_sync_server_error(sync), 0);
    zkc_context_free(context);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* ---- lists that no server takes ---- */

static void refused_list(const zkc_acl *entry)
{
    zkc_elected *elected = NULL;
    zkc_options options;

    prepare(&options);
    options.acl = entry;
    options.acl_count = 1;
    zkc_sync *sync = open_with(&options);
    zkc_lock *lock = scene_lock(sync, "x");
    zkc_leader *leader = scene_leader(sync, "x");
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_ESERVER);
    assert_int_equal(zkc_sync_server_error(sync), ZINVALIDACL);
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_ESERVER);
    zkc_lock_close(lock);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_false(probe_exists(probe, "/t"));
}

static void meaningless_lists_fail_clearly(void **state)
{
    static const zkc_acl entries[] = {{31, "nonsense", "x"},
                                      {31, "ip", "not an address"},
                                      {31, "digest", "no hash"},
                                      {31, "world", "somebody"},
                                      {31, "auth", ""}}; /* without a credential */

    (void)state;
    for (size_t i = 0; i < COUNT(entries); i++)
        refused_list(&entries[i]);
}

/* ---- credentials that are refused ---- */

static void unknown_schemes_are_refused_at_once(void **state)
{
    struct scene_census before = scene_census();
    zkc_sync *sync = NULL;
    zkc_options options;

    (void)state;
    prepare(&options);
    options.auth_scheme = "nonsense";
    options.auth = "x:y";
    options.connect_timeout_ms = 20000;
    int64_t deadline = deadline_in_ms(10000);
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_EAUTH);
    assert_false(deadline_passed(deadline));
    assert_null(sync);
    scene_same_census(&before, SOON);
}

/* Nobody waited for the first connection: then each call says it, also the second time. */
static void later_calls_are_refused(void **state)
{
    struct scene_outcome outcome;
    zkc_contenders *list = NULL;
    zkc_elected *elected = NULL;
    zkc_options options;

    (void)state;
    prepare(&options);
    options.auth_scheme = "nonsense";
    options.auth = "x:y";
    options.connect_timeout_ms = -1;
    zkc_sync *sync = open_with(&options);
    zkc_lock *lock = scene_lock(sync, "x"), *other = scene_lock(sync, "y");
    zkc_leader *leader = scene_leader(sync, "x");
    zkc_context *context = scene_context(20000);
    scene_outcome_init(&outcome);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(zkc_lock_acquire_async(other, 0, scene_done, &outcome), ZKC_OK);
        assert_int_equal(zkc_lock_acquire(lock, context), ZKC_EAUTH);
        assert_int_equal(zkc_leader_elect(leader, context, &elected), ZKC_EAUTH);
        assert_int_equal(zkc_lock_contenders(lock, context, &list), ZKC_EAUTH);
        assert_true(scene_wait_calls(&outcome, i + 1, SOON));
        assert_int_equal(outcome.result, ZKC_EAUTH);
    }
    zkc_lock_close(lock);
    zkc_lock_close(other);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    zkc_context_free(context);
    scene_outcome_end(&outcome);
}

/* ---- what belongs to somebody else ---- */

/* Digest takes any password: what it opens is another matter. */
static void wrong_passwords_open_nothing(void **state)
{
    zkc_sync *owner = open_as(PETER), *thief = open_as("peter:guess");
    zkc_lock *theirs = scene_lock(owner, "x"), *lock = scene_lock(thief, "x");
    zkc_leader *leader = scene_leader(thief, "x");
    zkc_elected *elected = NULL;
    zkc_contenders *list = NULL;

    (void)state;
    assert_int_equal(zkc_lock_acquire(theirs, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_EACCES);
    assert_int_equal(zkc_lock_try_acquire(lock, NULL), ZKC_EACCES);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_EACCES);
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_EACCES);
    assert_int_equal(zkc_sync_server_error(thief), ZNOAUTH);
    assert_true(zkc_lock_is_held(theirs));
    assert_int_equal(scene_count(probe, "/t/lock/x"), 1);
    assert_int_equal(scene_count(probe, "/t/leader"), 0);
    zkc_lock_close(lock);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(thief), ZKC_OK);
    assert_int_equal(zkc_lock_release(theirs, NULL), ZKC_OK);
    zkc_lock_close(theirs);
    assert_int_equal(zkc_sync_close(owner), ZKC_OK);
}

/* ---- single permissions that we lack ---- */

static void create_forbidden_at(const char *path)
{
    zkc_sync *sync = open_as(NULL);
    zkc_lock *lock = scene_lock(sync, "x");

    restrict_path(path, ZOO_PERM_READ);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_EACCES);
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_ENOTHELD);
    assert_int_equal(scene_count(probe, path), 0);
    restrict_path(path, ZOO_PERM_ALL); /* and the same handle works at once */
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void creating_is_forbidden(void **state)
{
    (void)state;
    create_forbidden_at("/t/lock/x");
    assert_int_equal(clean(state), 0);
    create_forbidden_at("/t/lock");
    assert_int_equal(clean(state), 0);
    create_forbidden_at("/t");
}

static void count_changes(void *arg, const zkc_contender *leader)
{
    (void)leader;
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* Create works, so a node comes to be; it must not stay. */
static void listing_is_forbidden(void **state)
{
    zkc_sync *sync = open_as(NULL);
    zkc_lock *lock = scene_lock(sync, "x");
    zkc_leader *leader = scene_leader(sync, "x");
    zkc_contenders *list = NULL;
    zkc_elected *elected = NULL;

    (void)state;
    restrict_path("/t/lock/x", ZOO_PERM_CREATE | ZOO_PERM_DELETE);
    restrict_path("/t/leader/x", ZOO_PERM_CREATE | ZOO_PERM_DELETE);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_EACCES);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_EACCES);
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_EACCES);
    assert_int_equal(zkc_leader_current(leader, NULL, &list), ZKC_EACCES);
    assert_null(list);
    assert_true(scene_wait_count(probe, "/t/lock/x", 0, SOON));
    assert_true(scene_wait_count(probe, "/t/leader/x", 0, SOON));
    zkc_lock_close(lock);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static bool has_changed(void *arg)
{
    return atomic_load((atomic_int *)arg) > 0;
}

/* An observer that may not look waits until it may. */
static void observing_is_forbidden(void **state)
{
    zkc_sync *sync = open_as(NULL);
    zkc_leader *leader = scene_leader(sync, "x");
    zkc_observer *observer = NULL;
    atomic_int changes;

    (void)state;
    atomic_init(&changes, 0);
    restrict_path("/t/leader/x", ZOO_PERM_CREATE);
    assert_int_equal(zkc_leader_observe(leader, count_changes, &changes, &observer), ZKC_OK);
    assert_false(wait_until(has_changed, &changes, deadline_in_ms(300)));
    restrict_path("/t/leader/x", ZOO_PERM_ALL);
    assert_true(wait_until(has_changed, &changes, SOON));
    zkc_observer_close(observer);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* The release says so, this process holds no more, and the node goes as soon as it may. */
static void deleting_is_forbidden(void **state)
{
    zkc_sync *sync = open_as(NULL), *next = open_as(NULL);
    zkc_lock *lock = scene_lock(sync, "x"), *waiter = scene_lock(next, "x");
    static struct scene_call waiting; /* outlives a test that fails */

    (void)state;
    waiting = (struct scene_call){.call = scene_acquire, .lock = waiter};
    restrict_path("/t/lock/x", ZOO_PERM_CREATE | ZOO_PERM_READ);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, "/t/lock/x", 2, SOON));
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_EACCES);
    assert_false(zkc_lock_is_held(lock));
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_ENOTHELD);
    assert_int_equal(scene_count(probe, "/t/lock/x"), 2);
    assert_false(scene_returned(&waiting));
    restrict_path("/t/lock/x", ZOO_PERM_ALL);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_int_equal(scene_count(probe, "/t/lock/x"), 1);
    assert_int_equal(zkc_lock_release(waiter, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK); /* the handle is as good as new */
    zkc_lock_close(lock);
    zkc_lock_close(waiter);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_int_equal(zkc_sync_close(next), ZKC_OK);
}

/* When it never may, the node goes with the session, and close is no slower for it. */
static void deleting_is_forbidden_until_the_end(void **state)
{
    zkc_sync *sync = open_as(NULL);
    zkc_leader *leader = scene_leader(sync, "x");
    zkc_elected *elected = NULL;

    (void)state;
    restrict_path("/t/leader/x", ZOO_PERM_CREATE | ZOO_PERM_READ);
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_OK);
    assert_int_equal(zkc_elected_resign(elected, NULL), ZKC_EACCES);
    assert_false(zkc_elected_is_valid(elected));
    assert_int_equal(zkc_leader_status(leader), ZKC_FOLLOWER);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    int64_t deadline = deadline_in_ms(5000);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_false(deadline_passed(deadline));
    assert_true(scene_wait_count(probe, "/t/leader/x", 0, SOON));
}

/* Whoever waits watches the one ahead, and may not read it. */
static void predecessors_cannot_be_read(void **state)
{
    zkc_sync *owner = open_as(PETER), *stranger = open_as(NULL);
    zkc_lock *first = scene_lock(owner, "x"), *second = scene_lock(stranger, "x");
    static struct scene_call waiting; /* outlives a test that fails */
    zkc_contenders *list = NULL;

    (void)state;
    waiting = (struct scene_call){.call = scene_acquire, .lock = second};
    restrict_path("/t/lock/x", ZOO_PERM_ALL);
    assert_int_equal(zkc_lock_acquire(first, NULL), ZKC_OK);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, "/t/lock/x", 2, SOON));
    assert_int_equal(zkc_lock_contenders(second, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), 2);
    assert_true(zkc_contenders_at(list, 0)->token == zkc_lock_token(first));
    assert_int_equal(zkc_contenders_at(list, 0)->data_length, 0);
    assert_non_null(zkc_contenders_at(list, 0)->data);
    zkc_contenders_free(list);
    assert_false(scene_returned(&waiting));
    assert_int_equal(zkc_lock_release(first, NULL), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_true(zkc_lock_is_held(second));
    zkc_lock_close(first);
    zkc_lock_close(second);
    assert_int_equal(zkc_sync_close(owner), ZKC_OK);
    assert_int_equal(zkc_sync_close(stranger), ZKC_OK);
    assert_true(scene_wait_watches(servers, 0, SOON));
}

/* ---- over a reconnection ---- */

static void credentials_survive_a_reconnection(void **state)
{
    struct proxy *proxy = proxy_start(server_address(servers, 0));
    zkc_sync *sync = scene_open_as(
        &(struct scene){.nodes = proxy_address(proxy), .auth = PETER, .session_ms = 8000});
    zkc_lock *lock = scene_lock(sync, "x"), *other = scene_lock(sync, "y");

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    proxy_reset_all(proxy);
    assert_true(proxy_wait_accepted(proxy, 2, SOON));
    assert_true(proxy_wait_requests(proxy, PROXY_AUTH, 2, SOON));
    assert_int_equal(zkc_lock_acquire(other, NULL), ZKC_OK); /* below Peter's directory */
    assert_true(zkc_lock_is_held(lock));
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_string_equal(acl_of("/t/lock/y"), PETERS_ENTRY);
    zkc_lock_close(lock);
    zkc_lock_close(other);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    proxy_stop(proxy);
}

/* Nor does an expired session lose them: the next one has them, too. */
static void credentials_survive_an_expiry(void **state)
{
    struct proxy *proxy = proxy_start(server_address(servers, 0));
    zkc_sync *sync = scene_open_as(
        &(struct scene){.nodes = proxy_address(proxy), .auth = PETER, .session_ms = 8000});
    zkc_lock *lock = scene_lock(sync, "x");
    struct proxy_session session;

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_true(proxy_last_session(proxy, &session));
    assert_true(probe_expire(server_address(servers, 0), session.id, session.password));
    assert_int_equal(zkc_lock_wait_revoked(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    proxy_stop(proxy);
}

/*
 * A client that finds nobody at first must not forget its credential: libzookeeper takes none while
 * it is between two attempts to connect.
 */
static void credentials_wait_for_a_server(void **state)
{
    struct proxy *proxy = proxy_start(server_address(servers, 0));
    const struct scene how = {
        .nodes = proxy_address(proxy), .auth = PETER, .session_ms = 8000, .connect_ms = -1};

    (void)state;
    for (int round = 0; round < 40; round++) {
        char node[PATH_SIZE];
        proxy_refuse(proxy, true);
        zkc_sync *sync = scene_open_as(&how);
        zkc_lock *lock = scene_lock(sync, "x");
        proxy_refuse(proxy, false);
        assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
        assert_true(scene_nth_node(probe, "/t/lock/x", 0, node, sizeof(node)));
        assert_string_equal(acl_of(node), PETERS_ENTRY);
        zkc_lock_close(lock);
        assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    }
    proxy_stop(proxy);
}

#define TEST(function) cmocka_unit_test_setup(function, clean)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(everybody_by_default),
        TEST(only_the_credential_by_default),
        TEST(lists_are_used_as_given),
        TEST(options_are_copied),
        TEST(largest_of_everything),
        TEST(meaningless_lists_fail_clearly),
        TEST(unknown_schemes_are_refused_at_once),
        TEST(later_calls_are_refused),
        TEST(wrong_passwords_open_nothing),
        TEST(creating_is_forbidden),
        TEST(listing_is_forbidden),
        TEST(observing_is_forbidden),
        TEST(deleting_is_forbidden),
        TEST(deleting_is_forbidden_until_the_end),
        TEST(predecessors_cannot_be_read),
        TEST(credentials_survive_a_reconnection),
        TEST(credentials_survive_an_expiry),
        TEST(credentials_wait_for_a_server),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
