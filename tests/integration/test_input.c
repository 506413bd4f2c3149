/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile but legal input, strangers in our directories, and servers that are no ZooKeeper. What
 * is refused without a server is in tests/unit/test_bad_input.c. Also random input; the harness
 * prints its seed.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "harness.h"
#include "ports.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SOON deadline_in_ms(20000)
#define PATH_SIZE 4096
#define BIG 1000000 /* bytes: what a server still takes */

/* A failed open does not wait for libzookeeper's goodbye: at the end one may still be on its way.
 */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libzookeeper_mt\n";
}

/*
 * libzookeeper asks for as much memory as a server's length says, negative ones included, and copes
 * with getting none.
 */
#define SANITIZER_OPTION "allocator_may_return_null=1"
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return SANITIZER_OPTION;
}

__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return SANITIZER_OPTION;
}

static struct servers *servers;
static struct probe *probe;

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

/* ---- ids ---- */

/* Grouped so that any mistake in the encoding makes two of them one. */
static const char *const hostile_ids[] = {"a/b",
                                          "a%2Fb",
                                          "a%2fb",
                                          "a%252Fb",
                                          "%2F",
                                          "%",
                                          "%25",
                                          "/",
                                          "//",
                                          "%2F%2F",
                                          ".",
                                          "..",
                                          "...",
                                          "%2E",
                                          "%2E%2E",
                                          "./..",
                                          "\x01",
                                          "%01",
                                          "\x7f",
                                          "%7F",
                                          "\n",
                                          "%0A",
                                          "\xc2\x80",
                                          "%C2%80",
                                          "日本",
                                          "日",
                                          " ",
                                          "  ",
                                          "a b",
                                          "\"'`$(x)",
                                          "%s%n%d",
                                          "{\"id\":1}",
                                          "A",
                                          "a",
                                          "zookeeper",
                                          "lock",
                                          "leader",
                                          "é",
                                          "e\xcc\x81",
                                          "\xf0\x9f\x98\x80",
                                          "%F0%9F%98%80",
                                          "\xef\xbf\xbf",
                                          "\xee\x80\x80"};

struct claim {
    zkc_lock *mine, *theirs;
};

static void claim(struct claim *c, zkc_sync *us, zkc_sync *them, const char *id)
{
    c->mine = scene_lock(us, id);
    c->theirs = scene_lock(them, id);
    assert_string_equal(zkc_lock_id(c->mine), id);
    if (zkc_lock_try_acquire(c->mine, NULL) != ZKC_OK)
        fail_msg("the id %s is not an id of its own", id);
}

/* Its node lies in a directory of its own below lock/, with nothing between. */
static void assert_one_component(const struct claim *c)
{
    zkc_contenders *list = NULL;

    assert_int_equal(zkc_lock_contenders(c->theirs, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), 1);
    const char *path = zkc_contenders_at(list, 0)->path;
    assert_int_equal(strncmp(path, "/ids/lock/", 10), 0);
    const char *slash = strchr(path + 10, '/');
    assert_true(slash && slash > path + 10 && !strchr(slash + 1, '/'));
    zkc_contenders_free(list);
}

static void check(const struct claim *c)
{
    assert_int_equal(zkc_lock_try_acquire(c->theirs, NULL), ZKC_EBUSY);
    assert_one_component(c);
    assert_int_equal(zkc_lock_release(c->mine, NULL), ZKC_OK);
    zkc_lock_close(c->mine);
    zkc_lock_close(c->theirs);
}

static zkc_sync *open_below(const char *name_space)
{
    return scene_open_as(&(struct scene){
        .nodes = servers_addresses(servers), .name_space = name_space, .session_ms = 8000});
}

static void hostile_ids_stay_apart(void **state)
{
    zkc_sync *us = open_below("/ids"), *them = open_below("/ids");
    struct claim claims[COUNT(hostile_ids)];

    (void)state;
    for (size_t i = 0; i < COUNT(hostile_ids); i++)
        claim(&claims[i], us, them, hostile_ids[i]);
    assert_int_equal(probe_count_children(probe, "/ids/lock"), (int)COUNT(hostile_ids));
    for (size_t i = 0; i < COUNT(hostile_ids); i++)
        check(&claims[i]);
    zkc_sync_close(us);
    zkc_sync_close(them);
    assert_int_equal(probe_delete_tree(probe, "/ids"), ZOK);
}

/* 512 bytes that all have to be escaped; they differ in the last only. */
static void longest_ids_stay_apart(void **state)
{
    zkc_sync *us = open_below("/ids"), *them = open_below("/ids");
    char ids[2][513];
    struct claim claims[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(ids[i], '/', 512);
        ids[i][512] = '\0';
    }
    ids[1][511] = '%';
    claim(&claims[0], us, them, ids[0]);
    claim(&claims[1], us, them, ids[1]);
    check(&claims[0]);
    check(&claims[1]);
    zkc_sync_close(us);
    zkc_sync_close(them);
}

/* From an alphabet that is all escapes and separators. */
static void random_id(char *id)
{
    static const char *const parts[] = {"%", "2", "F", "5", "/", ".", "\x02", "ä", "0"};
    unsigned n = 1 + harness_random(5);

    *id = '\0';
    for (unsigned i = 0; i < n; i++)
        strcat(id, parts[harness_random(COUNT(parts))]);
}

static bool is_new(char ids[][16], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(ids[i], ids[n]) == 0)
            return false;
    return true;
}

static void random_ids_stay_apart(void **state)
{
    enum { IDS = 200 };
    zkc_sync *us = open_below("/ids"), *them = open_below("/ids");
    static char ids[IDS][16];
    static struct claim claims[IDS];

    (void)state;
    for (size_t i = 0; i < IDS; i++) {
        do
            random_id(ids[i]);
        while (!is_new(ids, i));
        claim(&claims[i], us, them, ids[i]);
    }
    for (size_t i = 0; i < IDS; i++)
        check(&claims[i]);
    zkc_sync_close(us);
    zkc_sync_close(them);
}

/* Namespaces that PathUtils accepts although they look odd, and the root itself. */
static void odd_namespaces_work(void **state)
{
    static const char *const spaces[] = {"/", "/%2F", "/ /日本", "/.../x", "/zookeeper2", "/%00"};

    (void)state;
    for (size_t i = 0; i < COUNT(spaces); i++) {
        zkc_sync *sync = open_below(spaces[i]);
        zkc_lock *lock = scene_lock(sync, "x");
        char path[PATH_SIZE];
        assert_string_equal(zkc_sync_namespace(sync), spaces[i]);
        assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
        snprintf(path, sizeof(path), "%s/lock/x", i == 0 ? "" : spaces[i]);
        assert_int_equal(probe_count_children(probe, path), 1);
        zkc_lock_close(lock);
        zkc_sync_close(sync);
        snprintf(path, sizeof(path), "%s", i == 0 ? "/lock" : spaces[i]);
        assert_true(probe_wait_children(probe, i == 0 ? "/lock/x" : path, i == 0 ? 0 : 1, SOON));
        assert_int_equal(probe_delete_tree(probe, path), ZOK);
    }
}

/* ---- metadata ---- */

static const zkc_pair odd_pairs[] = {{"", ""},
                                     {"a\"b\\c", "</script>\n\t\x01\x7f"},
                                     {"日本", "\xf0\x9f\x98\x80\xef\xbf\xbf"},
                                     {"id", "metadata"},
                                     {"%s%n", "${jndi:ldap://x}"}};

static void assert_same_node(const zkc_node *got, const zkc_node *sent)
{
    assert_non_null(got);
    assert_string_equal(got->id, sent->id);
    assert_string_equal(got->address, sent->address);
    assert_true(got->port == sent->port);
    assert_int_equal(got->metadata_count, sent->metadata_count);
    for (size_t i = 0; i < got->metadata_count; i++) {
        assert_string_equal(got->metadata[i].key, sent->metadata[i].key);
        assert_string_equal(got->metadata[i].value, sent->metadata[i].value);
    }
}

static zkc_sync *open_with_node(const zkc_node *node)
{
    const zkc_node *nodes[] = {node};
    zkc_service service;
    zkc_options options;
    zkc_sync *sync = NULL;

    ZKC_INIT(&service);
    service.nodes = nodes;
    service.node_count = 1;
    ZKC_INIT(&options);
    options.nodes = servers_addresses(servers);
    options.name_space = SCENE_NAMESPACE;
    options.service = &service;
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_OK);
    return sync;
}

static void odd_metadata_comes_back(void **state)
{
    zkc_contenders *list = NULL;
    zkc_elected *elected = NULL;
    zkc_node node;

    (void)state;
    ZKC_INIT(&node);
    node.id = "\"}],\\u0000'--\r\n";
    node.address = "[::1]:99999 日本";
    node.port = 65535;
    node.metadata = odd_pairs;
    node.metadata_count = COUNT(odd_pairs);
    zkc_sync *sync = open_with_node(&node);
    zkc_leader *leader = scene_leader(sync, "metadata");
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_OK);
    assert_int_equal(zkc_leader_current(leader, NULL, &list), ZKC_OK);
    assert_same_node(zkc_contenders_at(list, 0)->node, &node);
    zkc_contenders_free(list);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    zkc_sync_close(sync);
}

/* A node of hundreds of KiB; another who reads it gets all of it. */
static void large_metadata_comes_back(void **state)
{
    enum { SIZE = 500 * 1024 };
    static char value[SIZE + 1];
    const zkc_pair pair = {"big", value};
    zkc_contenders *list = NULL;
    zkc_node node;

    (void)state;
    memset(value, 'v', SIZE);
    ZKC_INIT(&node);
    node.id = node.address = "";
    node.metadata = &pair;
    node.metadata_count = 1;
    zkc_sync *sync = open_with_node(&node);
    zkc_lock *lock = scene_lock(sync, "large");
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_OK);
    assert_same_node(zkc_contenders_at(list, 0)->node, &node);
    zkc_contenders_free(list);
    zkc_lock_close(lock);
    zkc_sync_close(sync);
}

static void raw_data_case(zkc_sync *sync, const void *data, size_t length)
{
    zkc_contenders *list = NULL;
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.data = data;
    options.data_length = length;
    zkc_lock *lock = scene_lock_with(sync, "raw", &options);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_OK);
    const zkc_contender *who = zkc_contenders_at(list, 0);
    assert_non_null(who->data);
    assert_int_equal(who->data_length, length);
    assert_memory_equal(who->data, data, length);
    assert_null(who->node);
    zkc_contenders_free(list);
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    zkc_lock_close(lock);
}

static void raw_data_comes_back(void **state)
{
    static char data[512 * 1024];
    zkc_sync *sync = scene_open(servers_addresses(servers));

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)harness_random(256);
    data[0] = '\0';
    raw_data_case(sync, data, 0);
    raw_data_case(sync, data, 1);
    raw_data_case(sync, data, sizeof(data));
    zkc_sync_close(sync);
}

/* ---- strangers in our directories ---- */

static int put(const char *path, const void *data, int length, int flags)
{
    return zoo_create(probe_handle(probe), path, data, length, &ZOO_OPEN_ACL_UNSAFE, flags, NULL,
                      0);
}

/* None of them queues: no number, one of the wrong length, no separator, too large a number. */
static const char *const strangers[] = {"foo",
                                        "_c_",
                                        "lock-",
                                        "_c_-lock-",
                                        "x-000000001x",
                                        "x-00000000001",
                                        "x-00000001",
                                        "x0000000001",
                                        "x.0000000001",
                                        "x-2147483648",
                                        "x-9999999999",
                                        "-",
                                        "--",
                                        "_",
                                        "日本-",
                                        "0000000001",
                                        "x-+000000001",
                                        "x-%0000000001",
                                        "x-0000000001 ",
                                        "_c_00000000-0000-4000-8000-000000000000-lock-"};

static void put_strangers(const char *directory)
{
    static char big[BIG];
    char path[PATH_SIZE];

    assert_int_equal(probe_make_path(probe, directory), ZOK);
    memset(big, '[', sizeof(big));
    for (size_t i = 0; i < COUNT(strangers); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, strangers[i]);
        assert_int_equal(put(path, big, i % 2 ? BIG : -1, 0), ZOK);
        snprintf(path, sizeof(path), "%s/%s/child-0000000000", directory, strangers[i]);
        assert_int_equal(put(path, NULL, -1, 0), ZOK);
    }
}

static void remove_strangers(const char *directory)
{
    char path[PATH_SIZE];

    for (size_t i = 0; i < COUNT(strangers); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, strangers[i]);
        assert_int_equal(probe_delete_tree(probe, path), ZOK);
    }
}

static void strangers_are_overlooked_by_locks(void **state)
{
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_lock *lock = scene_lock(sync, "strange"), *other = scene_lock(sync, "strange");
    zkc_contenders *list = NULL;

    (void)state;
    put_strangers("/t/lock/strange");
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), 0);
    zkc_contenders_free(list);
    assert_int_equal(zkc_lock_try_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_try_acquire(other, NULL), ZKC_EBUSY);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), 1);
    zkc_contenders_free(list);
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_OK);
    remove_strangers("/t/lock/strange");
    zkc_lock_close(lock);
    zkc_lock_close(other);
    zkc_sync_close(sync);
}

static void strangers_are_overlooked_by_leaders(void **state)
{
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_leader *leader = scene_leader(sync, "strange");
    zkc_contenders *list = NULL;
    zkc_elected *elected = NULL;

    (void)state;
    put_strangers("/t/leader/strange");
    assert_int_equal(zkc_leader_current(leader, NULL, &list), ZKC_ENOLEADER);
    assert_int_equal(zkc_leader_contenders(leader, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), 0);
    zkc_contenders_free(list);
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_OK);
    assert_int_equal(zkc_leader_current(leader, NULL, &list), ZKC_OK);
    assert_true(zkc_contenders_at(list, 0)->token == zkc_elected_token(elected));
    zkc_contenders_free(list);
    zkc_elected_close(elected);
    remove_strangers("/t/leader/strange");
    zkc_leader_close(leader);
    zkc_sync_close(sync);
}

/* What a stranger that queues may have in its node. */
struct cargo {
    const char *what;
    const char *text; /* repeated */
    size_t copies;    /* 0: no data at all */
    const char *id;   /* that must be read from it; NULL: it is no node of ours */
};

static const struct cargo cargos[] = {
    {"no data", "", 0, NULL},
    {"brackets", "[", BIG, NULL},
    {"objects", "{\"a\":", BIG / 5, NULL},
    {"deep metadata", "{\"metadata\":{\"a\":[", 50000, NULL},
    {"bytes", "\xff\xfe\x01\x80", BIG / 4, NULL},
    {"digits", "9", BIG, NULL},
    {"a huge number", "{\"port\":1e999999,\"id\":5}", 1, NULL},
    {"not UTF-8", "{\"id\":\"\xff\"}", 1, NULL},
    {"cut off", "{\"id\":\"a", 1, NULL},
    {"wrong types", "{\"id\":[],\"address\":{},\"port\":\"1\",\"metadata\":[]}", 1, NULL},
    {"too large a port", "{\"id\":\"a\",\"port\":123456789012345678901234567890}", 1, "a"},
    {"a NUL", "{\"id\":\"a\\u0000b\",\"address\":\"x\"}", 1, ""},
    {"odd metadata", "{\"id\":\"a\",\"metadata\":{\"k\":{},\"l\":null,\"m\":\"v\"}}", 1, "a"},
    {"twice", "{\"id\":\"b\",\"id\":\"a\"}", 1, "a"},
};

static void load(const struct cargo *cargo, char *data, size_t *length)
{
    size_t one = strlen(cargo->text);

    for (size_t i = 0; i < cargo->copies; i++)
        memcpy(data + i * one, cargo->text, one);
    *length = cargo->copies * one;
}

static void assert_reads(const zkc_contender *who, const struct cargo *cargo, const char *data,
                         size_t length)
{
    assert_int_equal(who->data_length, length);
    assert_memory_equal(who->data, data, length);
    if ((who->node != NULL) != (cargo->id != NULL))
        fail_msg("%s: read %s", cargo->what, who->node ? "as a node" : "as raw bytes");
    if (cargo->id)
        assert_string_equal(who->node->id, cargo->id);
}

/* A stranger holds, we queue behind it, see what it has, and get the lock when it goes. */
static void stranger_case(zkc_sync *sync, const struct cargo *cargo)
{
    static const char holder[] = "/t/lock/cargo/write-0000000000";
    static char data[BIG + 1000];
    struct scene_outcome outcome;
    zkc_contenders *list = NULL;
    size_t length;

    load(cargo, data, &length);
    assert_int_equal(probe_make_path(probe, "/t/lock/cargo"), ZOK);
    assert_int_equal(put(holder, data, length ? (int)length : -1, 0), ZOK);
    zkc_lock *lock = scene_lock(sync, "cargo");
    scene_outcome_init(&outcome);
    assert_int_equal(zkc_lock_acquire_async(lock, 0, scene_done, &outcome), ZKC_OK);
    assert_true(scene_wait_count(probe, "/t/lock/cargo", 2, SOON));
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), 2);
    assert_reads(zkc_contenders_at(list, 0), cargo, data, length);
    zkc_contenders_free(list);
    assert_int_equal(scene_calls(&outcome), 0);
    assert_int_equal(probe_delete(probe, holder), ZOK);
    assert_int_equal(scene_result(&outcome, SOON), ZKC_OK);
    zkc_lock_close(lock);
    assert_true(scene_wait_count(probe, "/t/lock/cargo", 0, SOON));
    assert_int_equal(probe_delete_tree(probe, "/t/lock/cargo"), ZOK);
    scene_outcome_end(&outcome);
}

static void strangers_data_harms_no_lock(void **state)
{
    zkc_sync *sync = scene_open(servers_addresses(servers));

    (void)state;
    for (size_t i = 0; i < COUNT(cargos); i++)
        stranger_case(sync, &cargos[i]);
    zkc_sync_close(sync);
}

/* What an observer saw last. */
struct sight {
    pthread_mutex_t lock;
    int64_t token;
    bool parsed;
    size_t length;
};

static void look(void *arg, const zkc_contender *leader)
{
    struct sight *sight = arg;

    pthread_mutex_lock(&sight->lock);
    sight->token = leader ? leader->token : 0;
    sight->parsed = leader && leader->node;
    sight->length = leader ? leader->data_length : 0;
    pthread_mutex_unlock(&sight->lock);
}

struct expected_sight {
    struct sight *sight;
    int64_t token;
};

static bool is_seen(void *arg)
{
    const struct expected_sight *e = arg;

    pthread_mutex_lock(&e->sight->lock);
    bool seen = e->sight->token == e->token;
    pthread_mutex_unlock(&e->sight->lock);
    return seen;
}

static void stranger_leads(zkc_leader *leader, struct sight *sight, const struct cargo *cargo)
{
    static const char path[] = "/t/leader/cargo/n_0000000000";
    static char data[BIG + 1000];
    zkc_contenders *list = NULL;
    size_t length;

    load(cargo, data, &length);
    assert_int_equal(put(path, data, length ? (int)length : -1, 0), ZOK);
    struct expected_sight e = {sight, probe_czxid(probe, path)};
    assert_true(wait_until(is_seen, &e, SOON));
    assert_int_equal(sight->parsed, cargo->id != NULL);
    assert_int_equal(sight->length, length);
    assert_int_equal(zkc_leader_current(leader, NULL, &list), ZKC_OK);
    assert_reads(zkc_contenders_at(list, 0), cargo, data, length);
    zkc_contenders_free(list);
    assert_int_equal(probe_delete(probe, path), ZOK);
    e.token = 0;
    assert_true(wait_until(is_seen, &e, SOON));
}

static void strangers_data_harms_no_observer(void **state)
{
    struct sight sight = {.lock = PTHREAD_MUTEX_INITIALIZER, .token = -1};
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_leader *leader = scene_leader(sync, "cargo");
    zkc_observer *observer = NULL;

    (void)state;
    assert_int_equal(probe_make_path(probe, "/t/leader/cargo"), ZOK);
    assert_int_equal(zkc_leader_observe(leader, look, &sight, &observer), ZKC_OK);
    for (size_t i = 0; i < COUNT(cargos); i++)
        stranger_leads(leader, &sight, &cargos[i]);
    zkc_observer_close(observer);
    zkc_leader_close(leader);
    zkc_sync_close(sync);
    pthread_mutex_destroy(&sight.lock);
}

/* ---- a server that is no ZooKeeper ---- */

enum manner {
    SILENT,
    HANGS_UP,
    HTTP,
    GARBAGE,
    HUGE_LENGTH,
    NEGATIVE_LENGTH,
    SHORT_ANSWER,
    ENDLESS_SESSION, /* a handshake as it should be, but for one number */
    NEGATIVE_SESSION,
    NO_SESSION,
    IMITATOR /* shakes hands correctly and then says nothing */
};
static const char *const manner_names[] = {"silent",       "hangs up",        "HTTP",
                                           "garbage",      "huge length",     "negative length",
                                           "short answer", "endless session", "negative session",
                                           "no session"};

struct impostor {
    enum manner manner;
    int listener;
    uint16_t port;
    atomic_bool stop;
    atomic_int visitors;
    pthread_t thread;
};

static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n";

/* The answer to a handshake: length, version, timeout, session, password, not read-only. */
static bool shake_hands(int fd, uint32_t timeout, unsigned char session)
{
    unsigned char a[41] = {[3] = 37, [15] = session, [23] = 16, [24] = 1};

    for (int i = 0; i < 4; i++)
        a[8 + i] = (unsigned char)(timeout >> (24 - 8 * i));
    return send(fd, a, sizeof(a), MSG_NOSIGNAL) > 0;
}

/* Every number in it is negative, wherever it may be looked for. */
static bool send_garbage(int fd)
{
    unsigned char noise[2000];

    for (size_t k = 0; k < sizeof(noise); k++)
        noise[k] = (unsigned char)(128 + harness_random(128));
    return send(fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0;
}

/* Closes the connection, or says something and keeps it. */
static bool answer(const struct impostor *i, int fd)
{
    static const unsigned char lengths[][8] = {{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0},
                                               {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
                                               {0, 0, 0, 4, 0, 0, 0, 0}};

    switch (i->manner) {
    case SILENT:
        return true;
    case HTTP:
        return send(fd, http, sizeof(http) - 1, MSG_NOSIGNAL) > 0;
    case GARBAGE:
        return send_garbage(fd);
    case HUGE_LENGTH:
    case NEGATIVE_LENGTH:
    case SHORT_ANSWER:
        return send(fd, lengths[i->manner - HUGE_LENGTH], 8, MSG_NOSIGNAL) > 0;
    case ENDLESS_SESSION:
        return shake_hands(fd, 0x7fffffff, 7);
    case NEGATIVE_SESSION:
        return shake_hands(fd, 0x80000000, 7);
    case NO_SESSION:
        return shake_hands(fd, 4000, 0);
    case IMITATOR:
        return shake_hands(fd, 4000, 7);
    default:
        return false;
    }
}

#define VISITORS 64

/* The listener comes first. */
struct visits {
    struct pollfd polls[VISITORS];
    bool answered[VISITORS]; /* a reply to nothing makes libzookeeper abort: only one for each */
    nfds_t count;
};

static void welcome(struct impostor *i, struct visits *v)
{
    int fd = accept4(i->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    atomic_fetch_add(&i->visitors, 1);
    if (v->count == VISITORS) {
        close(fd);
        return;
    }
    v->polls[v->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    v->answered[v->count++] = false;
}

/* False when the visit is over. */
static bool receive(const struct impostor *i, struct visits *v, nfds_t k)
{
    bool first = !v->answered[k];
    char buffer[1000];

    if (recv(v->polls[k].fd, buffer, sizeof(buffer), 0) <= 0)
        return false;
    v->answered[k] = true;
    return !first || answer(i, v->polls[k].fd);
}

static void see_off(struct visits *v, nfds_t k)
{
    close(v->polls[k].fd);
    v->count--;
    v->polls[k] = v->polls[v->count];
    v->answered[k] = v->answered[v->count];
}

static void *receive_visitors(void *arg)
{
    struct impostor *i = arg;
    struct visits v = {.polls = {{.fd = i->listener, .events = POLLIN}}, .count = 1};

    while (!atomic_load(&i->stop)) {
        if (poll(v.polls, v.count, 10) <= 0)
            continue;
        for (nfds_t k = v.count - 1; k >= 1; k--) {
            if (v.polls[k].revents != 0 && !receive(i, &v, k))
                see_off(&v, k);
        }
        if (v.polls[0].revents != 0)
            welcome(i, &v);
    }
    while (v.count > 1)
        see_off(&v, v.count - 1);
    return NULL;
}

static void impostor_start(struct impostor *i, enum manner manner)
{
    i->manner = manner;
    atomic_init(&i->stop, false);
    atomic_init(&i->visitors, 0);
    i->listener = port_reserve(&i->port);
    assert_true(i->listener >= 0);
    assert_int_equal(listen(i->listener, 16), 0);
    assert_int_equal(pthread_create(&i->thread, NULL, receive_visitors, i), 0);
}

static void impostor_stop(struct impostor *i)
{
    atomic_store(&i->stop, true);
    pthread_join(i->thread, NULL);
    close(i->listener);
}

static int64_t open_at(uint16_t port, int connect_ms, int expected)
{
    char nodes[32];
    zkc_sync *sync = NULL;
    int64_t began = now_ns();

    snprintf(nodes, sizeof(nodes), "127.0.0.1:%u", port);
    assert_int_equal(
        scene_try(&(struct scene){.nodes = nodes, .connect_ms = connect_ms, .quiet = true}, &sync),
        expected);
    assert_null(sync);
    return (now_ns() - began) / 1000000;
}

#define CONNECT_MS 700
#define ALLOWANCE_MS 5000 /* for a machine that stands still meanwhile */
#define SPINNING 500      /* visits; without a pause they are thousands */

static void unreachable(enum manner manner)
{
    static struct impostor impostor; /* outlives a test that fails */
    struct scene_census before = scene_census();

    impostor_start(&impostor, manner);
    int64_t took = open_at(impostor.port, CONNECT_MS, ZKC_EUNREACHABLE);
    int visitors = atomic_load(&impostor.visitors);
    print_message("%s: %d visits, %lld ms\n", manner_names[manner], visitors, (long long)took);
    impostor_stop(&impostor);
    assert_in_range(took, CONNECT_MS, CONNECT_MS + ALLOWANCE_MS);
    assert_in_range(visitors, 1, SPINNING);
    scene_same_census(&before, SOON);
}

static void who_says_nothing(void **state)
{
    (void)state;
    unreachable(SILENT);
    unreachable(HANGS_UP);
}

static void who_speaks_otherwise(void **state)
{
    (void)state;
    unreachable(HTTP);
    unreachable(GARBAGE);
}

static void whose_lengths_are_wrong(void **state)
{
    (void)state;
    unreachable(HUGE_LENGTH);
    unreachable(NEGATIVE_LENGTH);
    unreachable(SHORT_ANSWER);
}

static void whose_session_is_wrong(void **state)
{
    (void)state;
    unreachable(ENDLESS_SESSION);
    unreachable(NEGATIVE_SESSION);
    unreachable(NO_SESSION);
}

typedef int delay_fn(zhandle_t *, int);
static delay_fn *zookeeper_delay;
static atomic_int *_Atomic spinning; /* visits; NULL: nobody cares */

static void find_original(void)
{
    void *found = dlsym(RTLD_NEXT, "zoo_set_servers_resolution_delay");

    memcpy(&zookeeper_delay, &found, sizeof(found));
}

struct calm {
    int visits;
    int64_t since;
};

#define CALM_NS 20000000

static bool is_calm(void *arg)
{
    struct calm *calm = arg;
    int visits = atomic_load(atomic_load(&spinning));

    if (visits != calm->visits)
        *calm = (struct calm){visits, now_ns()};
    return now_ns() - calm->since >= CALM_NS;
}

/* It takes a mutex of the I/O thread, which one that spins may not let go of until it has ended. */
__attribute__((visibility("default"))) int zoo_set_servers_resolution_delay(zhandle_t *zh,
                                                                            int delay_ms)
{
    struct calm calm = {.visits = -1};

    if (atomic_load(&spinning) != NULL)
        wait_until(is_calm, &calm, deadline_in_ms(CONNECT_MS));
    return zookeeper_delay(zh, delay_ms);
}

/* A timeout below zero makes libzookeeper try again without a pause until its handle is closed. */
static void who_makes_it_spin_blocks_nobody(void **state)
{
    static struct impostor impostor;
    int64_t took;

    (void)state;
    impostor_start(&impostor, NEGATIVE_SESSION);
    atomic_store(&spinning, &impostor.visitors);
    took = open_at(impostor.port, CONNECT_MS, ZKC_EUNREACHABLE);
    atomic_store(&spinning, NULL);
    print_message("%d visits, %lld ms\n", atomic_load(&impostor.visitors), (long long)took);
    impostor_stop(&impostor);
    assert_in_range(took, CONNECT_MS, CONNECT_MS + ALLOWANCE_MS);
    assert_in_range(atomic_load(&impostor.visitors), 1, SPINNING);
}

static void nobody_is_unreachable(void **state)
{
    struct scene_census before = scene_census();
    uint16_t port;
    int reserved = port_reserve(&port);

    (void)state;
    int64_t took = open_at(port, CONNECT_MS, ZKC_EUNREACHABLE);
    assert_in_range(took, CONNECT_MS, CONNECT_MS + ALLOWANCE_MS);
    close(reserved);
    scene_same_census(&before, SOON);
}

/* Calls on a sync object that did not wait to be connected end by their own time, too. */
static void impostors_grant_nothing(void **state)
{
    static struct impostor impostor;
    char nodes[32];

    (void)state;
    impostor_start(&impostor, GARBAGE);
    snprintf(nodes, sizeof(nodes), "127.0.0.1:%u", impostor.port);
    zkc_sync *sync =
        scene_open_as(&(struct scene){.nodes = nodes, .connect_ms = -1, .quiet = true});
    zkc_lock *lock = scene_lock(sync, "x");
    zkc_context *context = scene_context(500);
    assert_int_equal(zkc_lock_acquire(lock, context), ZKC_ETIMEDOUT);
    assert_false(zkc_lock_is_held(lock));
    assert_false(zkc_sync_is_connected(sync));
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    zkc_context_free(context);
    impostor_stop(&impostor);
}

/* It may be taken for a server; a lock it does not give. */
static void imitators_grant_nothing(void **state)
{
    struct scene_census before = scene_census();
    static struct impostor impostor;
    zkc_contenders *list = NULL;
    char nodes[32];

    (void)state;
    impostor_start(&impostor, IMITATOR);
    snprintf(nodes, sizeof(nodes), "127.0.0.1:%u", impostor.port);
    zkc_sync *sync =
        scene_open_as(&(struct scene){.nodes = nodes, .connect_ms = -1, .quiet = true});
    zkc_lock *lock = scene_lock(sync, "x");
    zkc_context *context = scene_context(6000); /* longer than a session */
    assert_int_equal(zkc_lock_acquire(lock, context), ZKC_ETIMEDOUT);
    assert_false(zkc_lock_is_held(lock));
    zkc_context_set_timeout_ms(context, 300);
    assert_int_equal(zkc_lock_contenders(lock, context, &list), ZKC_ETIMEDOUT);
    zkc_lock_close(lock);
    int64_t began = now_ns();
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_true(now_ns() - began < (2000 + ALLOWANCE_MS) * 1000000LL);
    zkc_context_free(context);
    impostor_stop(&impostor);
    scene_same_census(&before, SOON);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_ids_stay_apart),
        cmocka_unit_test(longest_ids_stay_apart),
        cmocka_unit_test(random_ids_stay_apart),
        cmocka_unit_test(odd_namespaces_work),
        cmocka_unit_test(odd_metadata_comes_back),
        cmocka_unit_test(large_metadata_comes_back),
        cmocka_unit_test(raw_data_comes_back),
        cmocka_unit_test(strangers_are_overlooked_by_locks),
        cmocka_unit_test(strangers_are_overlooked_by_leaders),
        cmocka_unit_test(strangers_data_harms_no_lock),
        cmocka_unit_test(strangers_data_harms_no_observer),
        cmocka_unit_test(who_says_nothing),
        cmocka_unit_test(who_speaks_otherwise),
        cmocka_unit_test(whose_lengths_are_wrong),
        cmocka_unit_test(whose_session_is_wrong),
        cmocka_unit_test(who_makes_it_spin_blocks_nobody),
        cmocka_unit_test(nobody_is_unreachable),
        cmocka_unit_test(impostors_grant_nothing),
        cmocka_unit_test(imitators_grant_nothing),
    };

    find_original();
    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
