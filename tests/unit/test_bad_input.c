/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nobody should hand to the library, call by call. No server: the one that is named refuses
 * every connection, and nobody waits for it.
 */
#include <zkcoord/zkcoord.h>

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NOBODY "127.0.0.1:1"
#define MARK ((void *)(uintptr_t)0x5a5a) /* outputs that must not be touched */
#define MAX_DATA (512 * 1024)

/* ---- a sync object without a server, and what it says ---- */

struct journal {
    int errors;
    char last[600];
};

static void note(void *arg, zkc_log_level level, const char *message)
{
    struct journal *journal = arg;

    if (level != ZKC_LOG_ERROR)
        return;
    journal->errors++;
    snprintf(journal->last, sizeof journal->last, "%s", message);
}

static void prepare(zkc_options *options)
{
    ZKC_INIT(options);
    options->nodes = NOBODY;
    options->connect_timeout_ms = -1;
}

static zkc_sync *offline(void)
{
    zkc_options options;
    zkc_sync *sync = NULL;

    prepare(&options);
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_OK);
    return sync;
}

static zkc_lock *lock_of(zkc_sync *sync, const char *id)
{
    zkc_lock *lock = NULL;

    assert_int_equal(zkc_lock_open(sync, id, NULL, &lock), ZKC_OK);
    return lock;
}

static zkc_leader *leader_of(zkc_sync *sync, const char *id)
{
    zkc_leader *leader = NULL;

    assert_int_equal(zkc_leader_open(sync, id, NULL, &leader), ZKC_OK);
    return leader;
}

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* A detached thread of the library may end a moment after the call that ended its work. */
static void assert_entries(const char *path, int count)
{
    for (int tries = 0; count_entries(path) > count && tries < 1000; tries++)
        poll(NULL, 0, 5);
    assert_in_range(count_entries(path), 0, count);
}

static void done(void *arg, int result)
{
    *(int *)arg = result;
}

static void elected_done(void *arg, int result, zkc_elected *elected)
{
    assert_null(elected);
    *(int *)arg = result;
}

static void observed(void *arg, const zkc_contender *leader)
{
    (void)arg;
    (void)leader;
}

/* ---- NULL ---- */

static void contexts_and_syncs_take_null(void **state)
{
    (void)state;
    assert_int_equal(zkc_context_new(NULL, NULL), ZKC_EINVAL);
    zkc_context_free(NULL);
    assert_null(zkc_context_sync(NULL));
    assert_int_equal(zkc_context_set_timeout_ms(NULL, 1), ZKC_EINVAL);
    zkc_context_cancel(NULL);
    assert_int_equal(zkc_context_error(NULL), ZKC_OK);
    assert_int_equal(zkc_sync_open(NULL, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_sync_close(NULL), ZKC_EINVAL);
    assert_string_equal(zkc_sync_name(NULL), "zookeeper");
    assert_null(zkc_sync_namespace(NULL));
    assert_true(zkc_sync_session_timeout_ms(NULL) == ZKC_EINVAL);
    assert_true(zkc_sync_session(NULL) == 0);
    assert_false(zkc_sync_is_connected(NULL));
    assert_int_equal(zkc_sync_server_error(NULL), 0);
    assert_int_equal(zkc_sync_fd(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_sync_dispatch(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_contenders_count(NULL), 0);
    assert_null(zkc_contenders_at(NULL, 0));
    assert_null(zkc_contenders_at(NULL, SIZE_MAX));
    zkc_contenders_free(NULL);
}

static void locks_take_null(void **state)
{
    int result = 0;
    zkc_contenders *list = MARK;
    zkc_lock *lock = MARK;
    struct zoo_op op;

    (void)state;
    assert_int_equal(zkc_lock_open(NULL, "a", NULL, &lock), ZKC_EINVAL);
    assert_ptr_equal(lock, MARK);
    zkc_lock_close(NULL);
    assert_null(zkc_lock_id(NULL));
    assert_int_equal(zkc_lock_acquire(NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_try_acquire(NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_acquire_async(NULL, 0, done, &result), ZKC_EINVAL);
    assert_int_equal(zkc_lock_try_acquire_async(NULL, 0, done, &result), ZKC_EINVAL);
    assert_int_equal(zkc_lock_cancel(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_release(NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_release_async(NULL, done, &result), ZKC_EINVAL);
    assert_false(zkc_lock_is_held(NULL));
    assert_true(zkc_lock_remaining_ms(NULL) == 0);
    assert_true(zkc_lock_token(NULL) == 0);
    assert_true(zkc_lock_ttl_ms(NULL) == ZKC_EINVAL);
    assert_int_equal(zkc_lock_revoked_fd(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_on_revoked(NULL, done, &result), ZKC_EINVAL);
    assert_int_equal(zkc_lock_asked_fd(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_on_asked(NULL, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_wait_revoked(NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_revoked_reason(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_contenders(NULL, NULL, &list), ZKC_EINVAL);
    assert_ptr_equal(list, MARK);
    assert_int_equal(zkc_lock_check_op(NULL, &op), ZKC_EINVAL);
}

static void leaders_take_null(void **state)
{
    int result = 0;
    zkc_contenders *list = MARK;
    zkc_elected *elected = MARK;
    zkc_observer *observer = MARK;
    zkc_leader *leader = MARK;

    (void)state;
    assert_int_equal(zkc_leader_open(NULL, "a", NULL, &leader), ZKC_EINVAL);
    assert_ptr_equal(leader, MARK);
    zkc_leader_close(NULL);
    assert_null(zkc_leader_id(NULL));
    assert_int_equal(zkc_leader_elect(NULL, NULL, &elected), ZKC_EINVAL);
    assert_int_equal(zkc_leader_elect_async(NULL, 0, elected_done, &result), ZKC_EINVAL);
    assert_int_equal(zkc_leader_cancel(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_leader_status(NULL), ZKC_FOLLOWER);
    assert_int_equal(zkc_leader_current(NULL, NULL, &list), ZKC_EINVAL);
    assert_int_equal(zkc_leader_contenders(NULL, NULL, &list), ZKC_EINVAL);
    assert_int_equal(zkc_leader_observe(NULL, observed, NULL, &observer), ZKC_EINVAL);
    zkc_observer_close(NULL);
    assert_ptr_equal(list, MARK);
    assert_ptr_equal(elected, MARK);
    assert_ptr_equal(observer, MARK);
}

static void elected_takes_null(void **state)
{
    int result = 0;
    struct zoo_op op;

    (void)state;
    assert_false(zkc_elected_is_valid(NULL));
    assert_true(zkc_elected_remaining_ms(NULL) == 0);
    assert_true(zkc_elected_token(NULL) == 0);
    assert_int_equal(zkc_elected_revoked_fd(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_elected_on_revoked(NULL, done, &result), ZKC_EINVAL);
    assert_int_equal(zkc_elected_asked_fd(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_elected_on_asked(NULL, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_elected_wait_revoked(NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_elected_revoked_reason(NULL), ZKC_EINVAL);
    assert_int_equal(zkc_elected_resign(NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_elected_resign_async(NULL, done, &result), ZKC_EINVAL);
    assert_int_equal(zkc_elected_check_op(NULL, &op), ZKC_EINVAL);
    zkc_elected_close(NULL);
}

/* Outputs and callbacks that are NULL, on objects that are not. */
static void outputs_and_callbacks_take_null(void **state)
{
    zkc_sync *sync = offline();
    zkc_lock *lock = lock_of(sync, "a");
    zkc_leader *leader = leader_of(sync, "a");
    zkc_observer *observer = MARK;

    (void)state;
    assert_int_equal(zkc_lock_open(sync, "a", NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_leader_open(sync, "a", NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_acquire_async(lock, 0, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_try_acquire_async(lock, 0, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_release_async(lock, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_on_revoked(lock, NULL, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_contenders(lock, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_lock_check_op(lock, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_leader_elect(leader, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_leader_elect_async(leader, 0, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_leader_current(leader, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_leader_contenders(leader, NULL, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_leader_observe(leader, NULL, NULL, &observer), ZKC_EINVAL);
    assert_int_equal(zkc_leader_observe(leader, observed, NULL, NULL), ZKC_EINVAL);
    assert_ptr_equal(observer, MARK);
    zkc_leader_close(leader);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void every_code_has_a_text(void **state)
{
    (void)state;
#define ZKC_TEXT(name, value, text) assert_string_equal(zkc_strerror(value), text);
    ZKC_ERRORS(ZKC_TEXT)
#undef ZKC_TEXT
    assert_string_equal(zkc_strerror(1), "unknown error");
    assert_string_equal(zkc_strerror(ZKC_EQUOTA - 1), "unknown error");
    assert_string_equal(zkc_strerror(INT_MIN), "unknown error");
    assert_string_equal(zkc_strerror(INT_MAX), "unknown error");
    assert_string_equal(zkc_version(), ZKC_VERSION);
}

static void every_code_of_zookeeper_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(zkc_server_error_name(0), "OK");
    assert_string_equal(zkc_server_error_name(-101), "NONODE");
    assert_string_equal(zkc_server_error_name(-102), "NOAUTH");
    assert_string_equal(zkc_server_error_name(-114), "INVALIDACL");
    assert_string_equal(zkc_server_error_name(-120), "EPHEMERALONLOCALSESSION");
    assert_string_equal(zkc_server_error_name(-124), "SESSIONCLOSEDREQUIRESASLAUTH");
    assert_string_equal(zkc_server_error_name(-125), "QUOTAEXCEEDED");
    assert_string_equal(zkc_server_error_name(-127), "THROTTLEDOP");
    assert_string_equal(zkc_server_error_name(-126), "unknown code");
    assert_string_equal(zkc_server_error_name(1), "unknown code");
    assert_string_equal(zkc_server_error_name(INT_MIN), "unknown code");
}

/* ---- options of a sync object ---- */

/* Refused, with a line that says why, nothing touched and nothing kept. */
static void refused(zkc_options *options, const char *why)
{
    struct journal journal = {0};
    zkc_sync *sync = MARK;
    int fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    int result;

    options->log = note;
    options->log_arg = &journal;
    result = zkc_sync_open(options, NULL, &sync);
    if (result != ZKC_EINVAL || (why != NULL && strstr(journal.last, why) == NULL))
        fail_msg("expected EINVAL about %s, got %s: %s", why, zkc_strerror(result), journal.last);
    assert_int_equal(journal.errors, why != NULL ? 1 : 0);
    assert_ptr_equal(sync, MARK);
    assert_entries("/proc/self/fd", fds);
    assert_entries("/proc/self/task", threads);
}

static void accepted(const zkc_options *options)
{
    zkc_sync *sync = NULL;

    assert_int_equal(zkc_sync_open(options, NULL, &sync), ZKC_OK);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void wrong_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, sizeof(zkc_options) - 1, 65537, SIZE_MAX};
    struct {
        zkc_options options;
        char tail[100];
    } newer = {.tail = {0}};
    zkc_options options;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        prepare(&options);
        options.size = sizes[i];
        refused(&options, NULL);
    }
    prepare(&newer.options);
    newer.options.size = sizeof newer;
    accepted(&newer.options);
    newer.tail[99] = 1;
    refused(&newer.options, NULL);
}

static const char *const bad_nodes[] = {
    "",         " ",         ",",         "a,",         ",a",         "a,,b",
    "a:0",      "a:65536",   "a:-1",      "a:",         "a:12x",      "a:99999999999999999999",
    ":2181",    "[::1",      "::1]",      "[::1]x",     "[::1]:0",    "1:2:3:4:5:6:7:8:9",
    "1.2.3",    "256.1.1.1", "1.2.3.4.5", "a//b",       "a:1/b/",     "zk://a:1",
    "a/b,c",    "a b",       "a;b",       "a\x01",      "\xff\xfe",   "日本",
    "a:1\n\nb", "a@b",       "*",         "[]:1",       "[fe80::1%]", "a:+1",
    "a: 1",     "$(reboot)", "%s%n",      "[127.0.0.1]"};

static void bad_addresses(void **state)
{
    char many[65 * 2 + 1] = "", longest[300];
    zkc_options options;

    (void)state;
    prepare(&options);
    for (size_t i = 0; i < COUNT(bad_nodes); i++) {
        options.nodes = bad_nodes[i];
        refused(&options, "option nodes");
    }
    for (int i = 0; i < 65; i++)
        strcat(many, i > 0 ? ",a" : "a");
    options.nodes = many;
    refused(&options, "option nodes");
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    options.nodes = longest;
    refused(&options, "option nodes");
}

static void bad_environment(void **state)
{
    zkc_options options;

    (void)state;
    prepare(&options);
    options.nodes = NULL;
    for (size_t i = 1; i < COUNT(bad_nodes); i++) {
        setenv("ZKCOORD_NODES", bad_nodes[i], 1);
        refused(&options, "ZKCOORD_NODES");
    }
    setenv("ZKCOORD_NODES", NOBODY, 1);
    accepted(&options);
    setenv("ZKCOORD_NODES", "a,,b", 1); /* and the option comes first */
    options.nodes = NOBODY;
    accepted(&options);
    unsetenv("ZKCOORD_NODES");
}

static void bad_namespaces(void **state)
{
    static const char *const bad[] = {"",
                                      "a",
                                      "a/b",
                                      "/a/",
                                      "//",
                                      "/a//b",
                                      "/a/./b",
                                      "/..",
                                      "/a/..",
                                      "/a/.",
                                      "/zookeeper",
                                      "/zookeeper/config",
                                      "/\x01",
                                      "/a\x7f",
                                      "/\xc2\x80",
                                      "/\xff",
                                      "/\xc0\xaf",
                                      "/\xed\xa0\x80",
                                      "/\xe6",
                                      "/\xef\xbf\xbf",
                                      "/\xf0\x9f\x98\x80",
                                      " /a",
                                      "http://a"};
    char longest[4200];
    zkc_options options;

    (void)state;
    prepare(&options);
    for (size_t i = 0; i < COUNT(bad); i++) {
        options.name_space = bad[i];
        refused(&options, "option name_space");
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    options.name_space = longest;
    refused(&options, "option name_space");
    options.name_space = "/日本/%2F/ /zookeeper";
    accepted(&options);
    options.name_space = "/";
    accepted(&options);
}

static void bad_credentials(void **state)
{
    static const char *const bad[][2] = {{"digest", NULL},      {NULL, "a:b"},  {"", "a:b"},
                                         {"digest", "nocolon"}, {"digest", ""}, {"\xff", "a:b"}};
    zkc_options options;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        prepare(&options);
        options.auth_scheme = bad[i][0];
        options.auth = bad[i][1];
        refused(&options, "auth");
    }
}

#define MAX_CREDENTIAL (64 * 1024)
#define MAX_LIST (256 * 1024)

/* Servers hang up on packets of more than 1 MiB, so what is longer must not get that far. */
static void long_credentials(void **state)
{
    static char text[MAX_CREDENTIAL + 1];
    zkc_options options;

    (void)state;
    memset(text, ':', MAX_CREDENTIAL);
    prepare(&options);
    options.auth_scheme = "digest";
    options.auth = text;
    refused(&options, "longer than 64 KiB");
    text[MAX_CREDENTIAL - strlen("digest")] = '\0';
    accepted(&options);
    memset(text, 'x', MAX_CREDENTIAL);
    options.auth_scheme = text;
    options.auth = "a:b";
    refused(&options, "longer than 64 KiB");
}

static void long_lists(void **state)
{
    static zkc_acl list[1024];
    static char id[MAX_LIST / COUNT(list) + 1];
    zkc_options options;

    (void)state;
    memset(id, 'x', sizeof id - 1);
    for (size_t i = 0; i < COUNT(list); i++)
        list[i] = (zkc_acl){ZKC_PERM_ALL, "ip", id};
    prepare(&options);
    options.acl = list;
    options.acl_count = COUNT(list);
    refused(&options, "larger than 256 KiB");
    id[sizeof id - 1 - strlen("ip")] = '\0';
    accepted(&options);
}

static void bad_acls(void **state)
{
    static const zkc_acl bad[] = {{0, "world", "anyone"},
                                  {-1, "world", "anyone"},
                                  {32, "world", "anyone"},
                                  {INT64_MAX, "world", "anyone"},
                                  {INT64_MIN, "world", "anyone"},
                                  {0x10000001f, "world", "anyone"},
                                  {1, NULL, "anyone"},
                                  {1, "", "anyone"},
                                  {1, "world", NULL},
                                  {1, "\xff", "anyone"},
                                  {1, "digest", "a\xc3"}};
    zkc_acl second[2] = {{31, "world", "anyone"}, {31, "world", NULL}};
    zkc_options options;

    (void)state;
    prepare(&options);
    options.acl_count = 1;
    refused(&options, "option acl");
    for (size_t i = 0; i < COUNT(bad); i++) {
        options.acl = &bad[i];
        refused(&options, "option acl");
    }
    options.acl = second;
    options.acl_count = 2;
    refused(&options, "option acl");
    options.acl_count = 1025;
    refused(&options, "option acl");
    options.acl_count = SIZE_MAX;
    refused(&options, "option acl");
}

static void bad_times_and_levels(void **state)
{
    static const int64_t timeouts[] = {-1, 86400001, INT64_MAX, INT64_MIN};
    static const int64_t levels[] = {-1, 5, INT64_MAX, INT64_MIN, 0x100000001};
    zkc_options options;

    (void)state;
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        prepare(&options);
        options.session_timeout_ms = timeouts[i];
        refused(&options, "option session_timeout_ms");
    }
    for (size_t i = 0; i < COUNT(levels); i++) {
        prepare(&options);
        options.log_level = levels[i];
        refused(&options, "option log_level");
    }
    prepare(&options);
    options.connect_timeout_ms = INT64_MAX;
    refused(&options, "option connect_timeout_ms");
    options.connect_timeout_ms = INT64_MIN;
    accepted(&options);
    options.session_timeout_ms = 86400000;
    accepted(&options);
    options.session_timeout_ms = 1;
    accepted(&options);
}

/* ---- who we are ---- */

struct identity {
    zkc_options options;
    zkc_service service;
    zkc_node node;
    const zkc_node *nodes[1];
    zkc_pair pairs[2];
};

static void identify(struct identity *who)
{
    prepare(&who->options);
    ZKC_INIT(&who->service);
    ZKC_INIT(&who->node);
    who->nodes[0] = &who->node;
    who->service.nodes = who->nodes;
    who->service.node_count = 1;
    who->pairs[0] = (zkc_pair){"k", "v"};
    who->pairs[1] = (zkc_pair){"l", "w"};
    who->node.metadata = who->pairs;
    who->node.metadata_count = 2;
    who->options.service = &who->service;
}

static void bad_services(void **state)
{
    struct identity who;

    (void)state;
    identify(&who);
    accepted(&who.options);
    who.service.size = 0;
    refused(&who.options, "option service");
    identify(&who);
    who.service.nodes = NULL;
    refused(&who.options, "option service");
    identify(&who);
    who.nodes[0] = NULL;
    refused(&who.options, "option service");
    identify(&who);
    who.node.size = sizeof who.node - 1;
    refused(&who.options, "option service");
    identify(&who);
    who.service.node_count = 0;
    who.service.name = "\xff";
    refused(&who.options, "option service");
}

/* What the library does not know must be zero. */
static void newer_services(void **state)
{
    struct {
        zkc_service service;
        char tail[8];
    } service = {.tail = {0}};
    struct {
        zkc_node node;
        char tail[8];
    } node = {.tail = {0}};
    struct identity who;

    (void)state;
    identify(&who);
    service.service = who.service;
    service.service.size = sizeof service;
    who.options.service = &service.service;
    node.node = who.node;
    node.node.size = sizeof node;
    who.nodes[0] = &node.node;
    accepted(&who.options);
    service.tail[7] = 1;
    refused(&who.options, "newer header");
    service.tail[7] = 0;
    node.tail[0] = 1;
    refused(&who.options, "newer header");
    service.service.node_count = 0; /* then nobody looks at it */
    accepted(&who.options);
}

static void bad_ports_and_texts(void **state)
{
    static const int64_t ports[] = {-1, 65536, INT64_MAX, INT64_MIN, 0x100000001};
    static const char *const texts[] = {"\xff", "a\xc3", "\xed\xbf\xbf", "\xf5\x80\x80\x80"};
    struct identity who;

    (void)state;
    for (size_t i = 0; i < COUNT(ports); i++) {
        identify(&who);
        who.node.port = ports[i];
        refused(&who.options, "option service");
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char **fields[] = {&who.node.id, &who.node.address, &who.pairs[1].key,
                                 &who.pairs[1].value};
        for (size_t j = 0; j < COUNT(fields); j++) {
            identify(&who);
            *fields[j] = texts[i];
            refused(&who.options, "option service");
        }
    }
}

static void bad_metadata(void **state)
{
    char *huge = malloc(MAX_DATA + 1);
    struct identity who;

    (void)state;
    assert_non_null(huge);
    identify(&who);
    who.node.metadata = NULL;
    refused(&who.options, "option service");
    identify(&who);
    who.pairs[1].key = NULL;
    refused(&who.options, "option service");
    identify(&who);
    who.pairs[0].value = NULL;
    refused(&who.options, "option service");
    identify(&who);
    who.pairs[1].key = "k"; /* twice */
    refused(&who.options, "option service");
    identify(&who);
    memset(huge, 'h', MAX_DATA);
    huge[MAX_DATA] = '\0';
    who.pairs[0].value = huge;
    refused(&who.options, "option service");
    free(huge);
}

/* ---- ids and options of locks and leaders ---- */

static int try_both(zkc_sync *sync, const char *id, const zkc_lock_options *o)
{
    zkc_leader_options same;
    zkc_lock *lock = MARK;
    zkc_leader *leader = MARK;
    int error;

    ZKC_INIT(&same);
    same.path = o->path;
    same.ttl_ms = o->ttl_ms;
    same.data = o->data;
    same.data_length = o->data_length;
    same.dialect = o->dialect;
    error = zkc_lock_open(sync, id, o, &lock);
    assert_int_equal(zkc_leader_open(sync, id, &same, &leader), error);
    if (error == ZKC_OK) {
        assert_string_equal(zkc_lock_id(lock), id != NULL ? id : o->path);
        assert_string_equal(zkc_leader_id(leader), id != NULL ? id : o->path);
        zkc_lock_close(lock);
        zkc_leader_close(leader);
    } else {
        assert_ptr_equal(lock, MARK);
        assert_ptr_equal(leader, MARK);
    }
    return error;
}

static void bad_ids_and_paths(void **state)
{
    static const char *const ids[] = {
        "",         "\xff",         "a\xc3",        "\xc0\x80",
        "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "日\xe6"};
    static const char *const paths[] = {"",   "/",     "a",     "/a/",          "//a", "/a/../b",
                                        "/.", "/\xff", "/\x1f", "/zookeeper/x", "\xff"};
    zkc_sync *sync = offline();
    zkc_lock_options o;
    char longest[514];

    (void)state;
    ZKC_INIT(&o);
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(try_both(sync, ids[i], &o), ZKC_EINVAL);
    memset(longest, 'x', 513);
    longest[513] = '\0';
    assert_int_equal(try_both(sync, longest, &o), ZKC_EINVAL);
    assert_int_equal(try_both(sync, NULL, &o), ZKC_EINVAL);
    for (size_t i = 0; i < COUNT(paths); i++) {
        o.path = paths[i];
        assert_int_equal(try_both(sync, NULL, &o), ZKC_EINVAL);
    }
    o.path = "/a";
    assert_int_equal(try_both(sync, "a", &o), ZKC_EINVAL);
    assert_int_equal(try_both(sync, NULL, &o), ZKC_OK);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void hostile_ids_are_legal(void **state)
{
    static const char *const ids[] = {"a/b",
                                      "%2F",
                                      "%",
                                      ".",
                                      "..",
                                      "...",
                                      "日本",
                                      "\x01",
                                      "\x7f",
                                      "\n",
                                      " ",
                                      "/",
                                      "//",
                                      "../../x",
                                      "a\tb",
                                      "\"",
                                      "'; --",
                                      "%s%n",
                                      "\xf0\x9f\x98\x80"};
    zkc_sync *sync = offline();
    zkc_lock_options o;
    char longest[513];

    (void)state;
    ZKC_INIT(&o);
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(try_both(sync, ids[i], &o), ZKC_OK);
    memset(longest, '/', 512);
    longest[512] = '\0';
    assert_int_equal(try_both(sync, longest, &o), ZKC_OK);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void bad_lock_options(void **state)
{
    static const int64_t times[] = {-1, 86400001, INT64_MAX, INT64_MIN};
    static const int64_t dialects[] = {-1, ZKC_DIALECT_READ_WRITE + 1, INT64_MAX, INT64_C(1) << 32};
    static char data[MAX_DATA + 1];
    zkc_sync *sync = offline();
    zkc_lock_options o;
    zkc_lock *lock = MARK;

    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        ZKC_INIT(&o);
        o.ttl_ms = times[i];
        assert_int_equal(try_both(sync, "a", &o), ZKC_EINVAL);
    }
    ZKC_INIT(&o);
    o.wait_ms = INT64_MIN;
    assert_int_equal(zkc_lock_open(sync, "a", &o, &lock), ZKC_EINVAL);
    ZKC_INIT(&o);
    o.data_length = 1;
    assert_int_equal(try_both(sync, "a", &o), ZKC_EINVAL);
    o.data = data;
    o.data_length = sizeof data;
    assert_int_equal(try_both(sync, "a", &o), ZKC_EINVAL);
    o.data_length = SIZE_MAX;
    assert_int_equal(try_both(sync, "a", &o), ZKC_EINVAL);
    o.data_length = MAX_DATA;
    assert_int_equal(try_both(sync, "a", &o), ZKC_OK);
    for (size_t i = 0; i < COUNT(dialects); i++) {
        o.dialect = dialects[i];
        assert_int_equal(try_both(sync, "a", &o), ZKC_EINVAL);
    }
    o.dialect = ZKC_DIALECT_KAZOO;
    assert_int_equal(try_both(sync, "a", &o), ZKC_OK);
    assert_ptr_equal(lock, MARK);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* Only the names of a read-write lock can say that somebody shares. */
static void sharing_that_cannot_be_said(void **state)
{
    static const struct {
        int64_t shared, dialect;
        int result;
    } table[] = {
        {1, ZKC_DIALECT_LOCK, ZKC_OK},       {1, ZKC_DIALECT_READ_WRITE, ZKC_OK},
        {0, ZKC_DIALECT_READ_WRITE, ZKC_OK}, {1, ZKC_DIALECT_LATCH, ZKC_EINVAL},
        {1, ZKC_DIALECT_KAZOO, ZKC_EINVAL},  {2, ZKC_DIALECT_LOCK, ZKC_EINVAL},
        {-1, ZKC_DIALECT_LOCK, ZKC_EINVAL},
    };
    zkc_sync *sync = offline();
    zkc_leader_options l;
    zkc_leader *leader = MARK;

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        zkc_lock *lock = MARK;
        zkc_lock_options o;
        ZKC_INIT(&o);
        o.shared = table[i].shared;
        o.dialect = table[i].dialect;
        assert_int_equal(zkc_lock_open(sync, "a", &o, &lock), table[i].result);
        if (table[i].result == ZKC_OK)
            zkc_lock_close(lock);
        else
            assert_ptr_equal(lock, MARK);
    }
    ZKC_INIT(&l);
    l.dialect = ZKC_DIALECT_READ_WRITE;
    assert_int_equal(zkc_leader_open(sync, "a", &l, &leader), ZKC_EINVAL);
    assert_ptr_equal(leader, MARK);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void bad_lock_sizes(void **state)
{
    static const size_t sizes[] = {
        0,     1,       sizeof(zkc_lock_options) - 1, sizeof(zkc_lock_options) - sizeof(size_t) / 2,
        65537, SIZE_MAX};
    struct {
        zkc_lock_options options;
        char tail[32];
    } newer = {.tail = {0}};
    zkc_sync *sync = offline();
    zkc_lock_options o;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        zkc_lock *lock = MARK;
        ZKC_INIT(&o);
        o.size = sizes[i];
        assert_int_equal(zkc_lock_open(sync, "a", &o, &lock), ZKC_EINVAL);
        assert_ptr_equal(lock, MARK);
    }
    ZKC_INIT(&newer.options);
    newer.options.size = sizeof newer;
    newer.tail[0] = 1;
    zkc_lock *lock = MARK;
    assert_int_equal(zkc_lock_open(sync, "a", &newer.options, &lock), ZKC_EINVAL);
    newer.tail[0] = 0;
    assert_int_equal(zkc_lock_open(sync, "a", &newer.options, &lock), ZKC_OK);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void bad_leader_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, sizeof(zkc_leader_options) - 1, 65537, SIZE_MAX};
    zkc_sync *sync = offline();
    zkc_leader_options o;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        zkc_leader *leader = MARK;
        ZKC_INIT(&o);
        o.size = sizes[i];
        assert_int_equal(zkc_leader_open(sync, "a", &o, &leader), ZKC_EINVAL);
        assert_ptr_equal(leader, MARK);
    }
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* ---- contexts and times ---- */

static zkc_context *context_with(int64_t timeout_ms)
{
    zkc_context *context = NULL;

    assert_int_equal(zkc_context_new(NULL, &context), ZKC_OK);
    assert_int_equal(zkc_context_set_timeout_ms(context, timeout_ms), ZKC_OK);
    return context;
}

static void times_of_contexts(void **state)
{
    static const int64_t never[] = {INT64_MAX, INT64_MAX - 1, INT64_MIN, -1, INT64_MAX / 1000000};
    zkc_context *context = context_with(0);

    (void)state;
    assert_int_equal(zkc_context_error(context), ZKC_ETIMEDOUT);
    for (size_t i = 0; i < COUNT(never); i++) {
        assert_int_equal(zkc_context_set_timeout_ms(context, never[i]), ZKC_OK);
        assert_int_equal(zkc_context_error(context), ZKC_OK);
    }
    zkc_context_cancel(context);
    assert_int_equal(zkc_context_error(context), ZKC_ECANCELED);
    assert_int_equal(zkc_context_set_timeout_ms(context, 0), ZKC_OK);
    assert_int_equal(zkc_context_error(context), ZKC_ECANCELED);
    zkc_context_free(context);
}

/* Every blocking call with a context that has ended before. */
static void ended_context(zkc_context *context, int expected)
{
    zkc_sync *sync = offline(), *other = MARK;
    zkc_lock *lock = lock_of(sync, "a");
    zkc_leader *leader = leader_of(sync, "a");
    zkc_elected *elected = MARK;
    zkc_contenders *list = MARK;
    zkc_options options;

    prepare(&options);
    options.connect_timeout_ms = 60000;
    assert_int_equal(zkc_sync_open(&options, context, &other), expected);
    assert_int_equal(zkc_lock_acquire(lock, context), expected);
    assert_int_equal(zkc_lock_try_acquire(lock, context), expected);
    assert_int_equal(zkc_lock_contenders(lock, context, &list), expected);
    assert_int_equal(zkc_leader_elect(leader, context, &elected), expected);
    assert_int_equal(zkc_leader_current(leader, context, &list), expected);
    assert_int_equal(zkc_leader_contenders(leader, context, &list), expected);
    assert_int_equal(zkc_lock_release(lock, context), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_wait_revoked(lock, context), expected);
    assert_ptr_equal(other, MARK);
    assert_ptr_equal(elected, MARK);
    assert_ptr_equal(list, MARK);
    zkc_leader_close(leader);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void ended_contexts(void **state)
{
    zkc_context *context = context_with(0);

    (void)state;
    ended_context(context, ZKC_ETIMEDOUT);
    zkc_context_cancel(context);
    ended_context(context, ZKC_ECANCELED);
    zkc_context_free(context);
}

/* Without a server they end by their time, and only by it. */
static void waiting_ends(void **state)
{
    zkc_sync *sync = offline();
    zkc_lock *lock = lock_of(sync, "a"), *hasty;
    zkc_leader *leader = leader_of(sync, "a");
    zkc_context *context = context_with(20);
    zkc_elected *elected = MARK;
    zkc_contenders *list = MARK;
    zkc_lock_options o;

    (void)state;
    ZKC_INIT(&o);
    o.wait_ms = 1;
    assert_int_equal(zkc_lock_open(sync, "a", &o, &hasty), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(hasty, NULL), ZKC_ETIMEDOUT);
    assert_int_equal(zkc_lock_try_acquire(hasty, NULL), ZKC_ETIMEDOUT);
    assert_int_equal(zkc_lock_acquire(lock, context), ZKC_ETIMEDOUT);
    zkc_context_set_timeout_ms(context, 1);
    assert_int_equal(zkc_leader_elect(leader, context, &elected), ZKC_ETIMEDOUT);
    zkc_context_set_timeout_ms(context, 1);
    assert_int_equal(zkc_leader_current(leader, context, &list), ZKC_ETIMEDOUT);
    zkc_context_set_timeout_ms(context, 1);
    assert_int_equal(zkc_lock_contenders(lock, context, &list), ZKC_ETIMEDOUT);
    zkc_lock_close(hasty);
    zkc_lock_close(lock);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    zkc_context_free(context);
}

/* Runs callbacks until the result is there. */
static void dispatch_until(zkc_sync *sync, const int *result)
{
    struct pollfd due = {.fd = zkc_sync_fd(sync), .events = POLLIN};

    while (*result == 1) {
        assert_int_equal(poll(&due, 1, 10000), 1);
        assert_true(zkc_sync_dispatch(sync) >= 0);
    }
}

static void odd_times_of_asynchronous_calls(void **state)
{
    static const int64_t waits[] = {INT64_MAX, INT64_MIN, -1, 0, INT64_MAX / 1000000};
    zkc_sync *sync = offline();
    zkc_lock *lock = lock_of(sync, "a");
    zkc_leader *leader = leader_of(sync, "a");

    (void)state;
    assert_true(zkc_sync_fd(sync) >= 0);
    for (size_t i = 0; i < COUNT(waits); i++) {
        int locked = 1, won = 1;
        assert_int_equal(zkc_lock_acquire_async(lock, waits[i], done, &locked), ZKC_OK);
        assert_int_equal(zkc_lock_acquire_async(lock, 1, done, &locked), ZKC_EALREADY);
        assert_int_equal(zkc_lock_release_async(lock, done, &locked), ZKC_EALREADY);
        assert_int_equal(zkc_leader_elect_async(leader, waits[i], elected_done, &won), ZKC_OK);
        assert_int_equal(zkc_leader_elect_async(leader, 1, elected_done, &won), ZKC_EALREADY);
        assert_int_equal(zkc_leader_status(leader), ZKC_CANDIDATE);
        assert_int_equal(zkc_lock_cancel(lock), ZKC_OK);
        assert_int_equal(zkc_leader_cancel(leader), ZKC_OK);
        dispatch_until(sync, &locked);
        dispatch_until(sync, &won);
        assert_int_equal(locked, ZKC_ECANCELED);
        assert_int_equal(won, ZKC_ECANCELED);
        assert_int_equal(zkc_lock_cancel(lock), ZKC_ENOTHELD);
        assert_int_equal(zkc_leader_cancel(leader), ZKC_ENOTHELD);
    }
    zkc_lock_close(lock);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* ---- at the wrong moment ---- */

static void not_held(void **state)
{
    zkc_sync *sync = offline();
    zkc_lock *lock = lock_of(sync, "a");
    zkc_leader *leader = leader_of(sync, "a");
    struct zoo_op op;
    int result = 1;

    (void)state;
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_release_async(lock, done, &result), ZKC_ENOTHELD);
    assert_int_equal(result, 1);
    assert_int_equal(zkc_lock_cancel(lock), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_wait_revoked(lock, NULL), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_check_op(lock, &op), ZKC_ENOTHELD);
    assert_int_equal(zkc_lock_revoked_reason(lock), ZKC_OK);
    assert_false(zkc_lock_is_held(lock));
    assert_true(zkc_lock_remaining_ms(lock) == 0);
    assert_true(zkc_lock_token(lock) == 0);
    assert_true(zkc_lock_ttl_ms(lock) == 0);
    assert_int_equal(zkc_leader_status(leader), ZKC_FOLLOWER);
    assert_int_equal(zkc_sync_session_timeout_ms(sync), 0);
    assert_true(zkc_sync_session(sync) == 0);
    assert_false(zkc_sync_is_connected(sync));
    zkc_lock_close(lock);
    zkc_leader_close(leader);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void after_close(void **state)
{
    zkc_sync *sync = offline();
    zkc_lock *lock = lock_of(sync, "a");
    zkc_leader *leader = leader_of(sync, "a");
    zkc_observer *observer = MARK;
    zkc_elected *elected = MARK;
    zkc_contenders *list = MARK;
    struct zoo_op op;
    int result = 1;

    (void)state;
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_try_acquire(lock, NULL), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_acquire_async(lock, 0, done, &result), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_try_acquire_async(lock, 0, done, &result), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_cancel(lock), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_release(lock, NULL), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_release_async(lock, done, &result), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_revoked_fd(lock), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_on_revoked(lock, done, &result), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_wait_revoked(lock, NULL), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_revoked_reason(lock), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &list), ZKC_ECLOSED);
    assert_int_equal(zkc_lock_check_op(lock, &op), ZKC_ECLOSED);
    assert_true(zkc_lock_ttl_ms(lock) == ZKC_ECLOSED);
    assert_false(zkc_lock_is_held(lock));
    assert_string_equal(zkc_lock_id(lock), "a");
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_ECLOSED);
    assert_int_equal(zkc_leader_elect_async(leader, 0, elected_done, &result), ZKC_ECLOSED);
    assert_int_equal(zkc_leader_cancel(leader), ZKC_ECLOSED);
    assert_int_equal(zkc_leader_status(leader), ZKC_FOLLOWER);
    assert_int_equal(zkc_leader_current(leader, NULL, &list), ZKC_ECLOSED);
    assert_int_equal(zkc_leader_contenders(leader, NULL, &list), ZKC_ECLOSED);
    assert_int_equal(zkc_leader_observe(leader, observed, NULL, &observer), ZKC_ECLOSED);
    assert_int_equal(result, 1);
    assert_ptr_equal(list, MARK);
    zkc_lock_close(lock);
    zkc_leader_close(leader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_and_syncs_take_null),
        cmocka_unit_test(locks_take_null),
        cmocka_unit_test(leaders_take_null),
        cmocka_unit_test(elected_takes_null),
        cmocka_unit_test(outputs_and_callbacks_take_null),
        cmocka_unit_test(every_code_has_a_text),
        cmocka_unit_test(every_code_of_zookeeper_has_a_name),
        cmocka_unit_test(wrong_sizes),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(bad_environment),
        cmocka_unit_test(bad_namespaces),
        cmocka_unit_test(bad_credentials),
        cmocka_unit_test(long_credentials),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(bad_acls),
        cmocka_unit_test(bad_times_and_levels),
        cmocka_unit_test(bad_services),
        cmocka_unit_test(newer_services),
        cmocka_unit_test(bad_ports_and_texts),
        cmocka_unit_test(bad_metadata),
        cmocka_unit_test(bad_ids_and_paths),
        cmocka_unit_test(hostile_ids_are_legal),
        cmocka_unit_test(bad_lock_options),
        cmocka_unit_test(sharing_that_cannot_be_said),
        cmocka_unit_test(bad_lock_sizes),
        cmocka_unit_test(bad_leader_sizes),
        cmocka_unit_test(times_of_contexts),
        cmocka_unit_test(ended_contexts),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(odd_times_of_asynchronous_calls),
        cmocka_unit_test(not_held),
        cmocka_unit_test(after_close),
    };

    unsetenv("ZKCOORD_NODES");
    zoo_set_debug_level((ZooLogLevel)0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
