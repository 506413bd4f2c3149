/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork(): in the child every call is refused and harms nobody; the parent's session goes on. The
 * forking is done by a process of its own, a role of this program, that does what it is told.
 */
#include "child.h"
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "sanitizers.h"
#include "scene.h"
#include "servers.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(30000)
#define SESSION_MS 4000

/* A sanitizer that cannot follow a forked child into new threads. */
#define CHILDREN_MAY_START_THREADS (!WITH_TSAN)

/*
 * The leak sanitizer asks this when a process exits. In a forked child the parent's other threads
 * are missing, and what only their stacks pointed to at that moment would be reported.
 */
int __lsan_is_turned_off(void);
static pid_t first_process;

int __lsan_is_turned_off(void)
{
    return getpid() != first_process;
}

/* ---- the family ---- */

static struct family {
    const char *nodes;
    zkc_sync *sync;
    zkc_lock *held, *idle;
    zkc_leader *leader;
    zkc_elected *elected;
    zkc_observer *observer;
    atomic_bool stop;
} family;

static void on_change(void *arg, const zkc_contender *leader)
{
    (void)arg;
    (void)leader;
}

static void on_done(void *arg, int result)
{
    (void)arg;
    (void)result;
    _exit(99); /* no callback may run in a child; the parent never uses this one */
}

static void on_elected(void *arg, int result, zkc_elected *elected)
{
    (void)elected;
    on_done(arg, result);
}

/* The number of the line whose call did not do what it should; 0: all did. */
#define EXPECT(condition)    \
    do {                     \
        if (!(condition))    \
            return __LINE__; \
    } while (0)
#define REFUSES(call) EXPECT((call) == ZKC_EFORK)

static int sync_in_child(void)
{
    zkc_lock *lock = NULL;
    zkc_leader *leader = NULL;

    REFUSES(zkc_sync_session_timeout_ms(family.sync));
    REFUSES(zkc_sync_fd(family.sync));
    REFUSES(zkc_sync_dispatch(family.sync));
    REFUSES(zkc_lock_open(family.sync, "new", NULL, &lock));
    REFUSES(zkc_leader_open(family.sync, "new", NULL, &leader));
    EXPECT(lock == NULL && leader == NULL);
    EXPECT(!zkc_sync_is_connected(family.sync));
    EXPECT(zkc_sync_server_error(family.sync) == 0);
    EXPECT(strcmp(zkc_sync_name(family.sync), "zookeeper") == 0);
    EXPECT(strcmp(zkc_sync_namespace(family.sync), SCENE_NAMESPACE) == 0);
    return 0;
}

static int lock_in_child(zkc_lock *lock)
{
    zkc_contenders *list = NULL;
    struct zoo_op op;

    EXPECT(!zkc_lock_is_held(lock));
    EXPECT(zkc_lock_remaining_ms(lock) == 0);
    REFUSES(zkc_lock_acquire(lock, NULL));
    REFUSES(zkc_lock_try_acquire(lock, NULL));
    REFUSES(zkc_lock_acquire_async(lock, 0, on_done, NULL));
    REFUSES(zkc_lock_try_acquire_async(lock, 0, on_done, NULL));
    REFUSES(zkc_lock_cancel(lock));
    REFUSES(zkc_lock_release(lock, NULL));
    REFUSES(zkc_lock_release_async(lock, on_done, NULL));
    REFUSES(zkc_lock_ttl_ms(lock));
    REFUSES(zkc_lock_revoked_fd(lock));
    REFUSES(zkc_lock_on_revoked(lock, on_done, NULL));
    REFUSES(zkc_lock_asked_fd(lock));
    REFUSES(zkc_lock_on_asked(lock, NULL, NULL));
    REFUSES(zkc_lock_wait_revoked(lock, NULL));
    REFUSES(zkc_lock_revoked_reason(lock));
    REFUSES(zkc_lock_contenders(lock, NULL, &list));
    REFUSES(zkc_lock_check_op(lock, &op));
    EXPECT(list == NULL && zkc_lock_id(lock) != NULL);
    return 0;
}

static int leader_in_child(void)
{
    zkc_contenders *list = NULL;
    zkc_elected *elected = NULL;
    zkc_observer *observer = NULL;

    EXPECT(zkc_leader_status(family.leader) == ZKC_FOLLOWER);
    REFUSES(zkc_leader_elect(family.leader, NULL, &elected));
    REFUSES(zkc_leader_elect_async(family.leader, 0, on_elected, NULL));
    REFUSES(zkc_leader_cancel(family.leader));
    REFUSES(zkc_leader_current(family.leader, NULL, &list));
    REFUSES(zkc_leader_contenders(family.leader, NULL, &list));
    REFUSES(zkc_leader_observe(family.leader, on_change, NULL, &observer));
    EXPECT(list == NULL && elected == NULL && observer == NULL);
    return 0;
}

static int elected_in_child(void)
{
    struct zoo_op op;

    EXPECT(!zkc_elected_is_valid(family.elected));
    EXPECT(zkc_elected_remaining_ms(family.elected) == 0);
    REFUSES(zkc_elected_revoked_fd(family.elected));
    REFUSES(zkc_elected_on_revoked(family.elected, on_done, NULL));
    REFUSES(zkc_elected_asked_fd(family.elected));
    REFUSES(zkc_elected_on_asked(family.elected, NULL, NULL));
    REFUSES(zkc_elected_wait_revoked(family.elected, NULL));
    REFUSES(zkc_elected_revoked_reason(family.elected));
    REFUSES(zkc_elected_resign(family.elected, NULL));
    REFUSES(zkc_elected_resign_async(family.elected, on_done, NULL));
    REFUSES(zkc_elected_check_op(family.elected, &op));
    return 0;
}

static int everything_in_child(void)
{
    int bad = sync_in_child();

    bad = bad ? bad : lock_in_child(family.held);
    bad = bad ? bad : lock_in_child(family.idle);
    bad = bad ? bad : leader_in_child();
    return bad ? bad : elected_in_child();
}

static int close_in_child(void)
{
    zkc_observer_close(family.observer);
    zkc_elected_close(family.elected);
    zkc_leader_close(family.leader);
    zkc_lock_close(family.held);
    zkc_lock_close(family.idle);
    REFUSES(zkc_sync_close(family.sync));
    REFUSES(zkc_sync_close(family.sync)); /* nothing has happened */
    return lock_in_child(family.held);
}

/* An object of the child's own works, beside its parent's. */
static int start_anew_in_child(void)
{
    zkc_sync *sync = NULL;
    zkc_lock *lock = NULL, *theirs = NULL;

    if (!CHILDREN_MAY_START_THREADS)
        return 0;
    EXPECT(scene_try(&(struct scene){.nodes = family.nodes, .quiet = true}, &sync) == ZKC_OK);
    EXPECT(zkc_lock_open(sync, "child", NULL, &lock) == ZKC_OK);
    EXPECT(zkc_lock_open(sync, "family", NULL, &theirs) == ZKC_OK);
    EXPECT(zkc_lock_acquire(lock, NULL) == ZKC_OK);
    EXPECT(zkc_lock_is_held(lock));
    EXPECT(zkc_lock_try_acquire(theirs, NULL) == ZKC_EBUSY);
    EXPECT(zkc_lock_release(lock, NULL) == ZKC_OK);
    zkc_lock_close(lock);
    zkc_lock_close(theirs);
    EXPECT(zkc_sync_close(sync) == ZKC_OK);
    return everything_in_child();
}

/* ---- fork and what comes of it ---- */

struct fate {
    const char *command;
    int (*live)(void);
    void (*die)(int status);
};

static void die_by_exit(int status)
{
    exit(status); /* destructors and all */
}

static void die_at_once(int status)
{
    _exit(status);
}

static void become_another_program(int status)
{
    if (status == 0)
        execl("/proc/self/exe", "test_fork", "--role=heir", (char *)NULL);
    _exit(98);
}

static const struct fate fates[] = {
    {"exit", everything_in_child, die_by_exit},
    {"_exit", everything_in_child, die_at_once},
    {"close", close_in_child, die_by_exit},
    {"exec", everything_in_child, become_another_program},
    {"anew", start_anew_in_child, die_by_exit},
};

/* Exit statuses are small: the line of the failure is printed by the child itself. */
static int fork_and_wait(const struct fate *fate)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(20);
        int line = fate->live();
        if (line)
            dprintf(STDOUT_FILENO, "%s failed at line %d\n", fate->command, line);
        fate->die(line ? 1 : 0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

/* What is left after exec: nothing but what libzookeeper does not close. */
static int heir(int argc, char **argv)
{
    DIR *dir = opendir("/proc/self/fd");
    char path[300], target[300];
    int ours = 0;

    (void)argc;
    (void)argv;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        ours += strstr(target, "timerfd") != NULL || strstr(target, "eventfd") != NULL;
    }
    closedir(dir);
    return ours == 0 ? 0 : 1;
}

/* ---- the parent ---- */

static void settle_down(const char *nodes)
{
    family.nodes = nodes;
    family.sync =
        scene_open_as(&(struct scene){.nodes = nodes, .session_ms = SESSION_MS, .quiet = true});
    family.held = scene_lock(family.sync, "family");
    family.idle = scene_lock(family.sync, "idle");
    family.leader = scene_leader(family.sync, "family");
    if (zkc_lock_acquire(family.held, NULL) != ZKC_OK ||
        zkc_leader_elect(family.leader, NULL, &family.elected) != ZKC_OK ||
        zkc_leader_observe(family.leader, on_change, NULL, &family.observer) != ZKC_OK ||
        zkc_lock_revoked_fd(family.held) < 0 || zkc_sync_fd(family.sync) < 0)
        exit(97);
}

static bool still_holds(void)
{
    return zkc_lock_is_held(family.held) && zkc_elected_is_valid(family.elected) &&
           zkc_leader_status(family.leader) == ZKC_ELECTED;
}

/* Locks are taken all the time, so that the library's mutexes are held when it forks. */
static void *keep_busy(void *arg)
{
    zkc_lock *lock = scene_lock(family.sync, arg);

    while (!atomic_load(&family.stop)) {
        if (zkc_lock_acquire(lock, NULL) != ZKC_OK || zkc_lock_release(lock, NULL) != ZKC_OK)
            exit(96);
    }
    zkc_lock_close(lock);
    return NULL;
}

static int fork_while_busy(int times)
{
    pthread_t threads[2];
    int status = 0;

    atomic_init(&family.stop, false);
    if (pthread_create(&threads[0], NULL, keep_busy, "busy") != 0 ||
        pthread_create(&threads[1], NULL, keep_busy, "busy") != 0)
        return -1;
    for (int i = 0; i < times && status == 0; i++)
        status = fork_and_wait(&fates[1]);
    atomic_store(&family.stop, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return status;
}

static void obey(const char *command)
{
    int status = -1;

    if (strcmp(command, "busy") == 0)
        status = fork_while_busy(50);
    for (size_t i = 0; i < sizeof(fates) / sizeof(*fates); i++)
        if (strcmp(command, fates[i].command) == 0)
            status = fork_and_wait(&fates[i]);
    if (status != 0)
        printf("%s: status 0x%x\n", command, (unsigned)status);
    else
        printf("%s: %s\n", command, still_holds() ? "fine" : "lost");
}

static void part(void)
{
    zkc_observer_close(family.observer);
    zkc_elected_close(family.elected);
    zkc_leader_close(family.leader);
    zkc_lock_close(family.held);
    zkc_lock_close(family.idle);
    printf("closed %d\n", zkc_sync_close(family.sync));
}

static int parent(int argc, char **argv)
{
    char line[100];

    if (argc != 1)
        return 95;
    settle_down(argv[0]);
    printf("settled\n");
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "part") == 0)
            break;
        obey(line);
    }
    part();
    return 0;
}

static const struct harness_role roles[] = {
    {"parent", parent},
    {"heir", heir},
    {NULL, NULL},
};

/* ---- tests ---- */

static struct servers *servers;
static struct probe *probe;
static struct proxy *proxy;
static struct child *child;
static int64_t session;

static int settle(void **state)
{
    char node[1024];

    (void)state;
    servers = servers_start(NULL);
    probe = servers ? probe_open(servers_addresses(servers), 8000) : NULL;
    proxy = probe ? proxy_start(server_address(servers, 0)) : NULL;
    child = proxy ? child_start("parent", proxy_address(proxy), NULL) : NULL;
    if (!child || !child_wait_line(child, "settled", SOON) ||
        !scene_nth_node(probe, "/t/lock/family", 0, node, sizeof(node)))
        return -1;
    session = probe_owner(probe, node);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    child_free(child);
    proxy_stop(proxy);
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

/* Both nodes are still those of the first session. */
static void assert_unharmed(void)
{
    static const char *const places[] = {"/t/lock/family", "/t/leader/family"};
    char node[1024];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(scene_count(probe, places[i]), 1);
        assert_true(scene_nth_node(probe, places[i], 0, node, sizeof(node)));
        assert_true(probe_owner(probe, node) == session);
    }
    assert_int_equal(proxy_requests(proxy, PROXY_CLOSE), 0);
}

static void order(const char *command)
{
    char line[200], expected[100];

    snprintf(expected, sizeof(expected), "%s: fine", command);
    assert_true(child_write_line(child, command));
    assert_true(child_read_line(child, line, sizeof(line), deadline_in_ms(60000)));
    assert_string_equal(line, expected);
    assert_unharmed();
}

static void child_that_exits(void **state)
{
    (void)state;
    order("exit");
    order("_exit");
    assert_int_equal(proxy_accepted(proxy), 1);
}

static void child_that_closes(void **state)
{
    (void)state;
    order("close");
    assert_int_equal(proxy_accepted(proxy), 1);
}

static void child_that_becomes_another_program(void **state)
{
    (void)state;
    order("exec");
    assert_int_equal(proxy_accepted(proxy), 1);
}

static void children_of_a_busy_parent(void **state)
{
    (void)state;
    order("busy");
    assert_int_equal(proxy_accepted(proxy), 1);
}

static void child_that_starts_anew(void **state)
{
    (void)state;
    unsigned closes = proxy_requests(proxy, PROXY_CLOSE), accepted = proxy_accepted(proxy);
    assert_true(child_write_line(child, "anew"));
    assert_true(child_wait_line(child, "anew: fine", deadline_in_ms(60000)));
    assert_int_equal(proxy_accepted(proxy), accepted + CHILDREN_MAY_START_THREADS);
    assert_int_equal(proxy_requests(proxy, PROXY_CLOSE), closes + CHILDREN_MAY_START_THREADS);
}

static bool is_unharmed(void *arg)
{
    (void)arg;
    return scene_count(probe, "/t/lock/family") == 1 && proxy_open(proxy) == 1;
}

/* The children are long gone, and the parent's session outlives its timeout without them. */
static void parent_goes_on(void **state)
{
    char node[1024];

    (void)state;
    assert_true(holds_until(is_unharmed, NULL, deadline_in_ms(SESSION_MS + SESSION_MS / 2)));
    assert_true(scene_nth_node(probe, "/t/lock/family", 0, node, sizeof(node)));
    assert_true(probe_owner(probe, node) == session);
    assert_true(child_write_line(child, "_exit"));
    assert_true(child_wait_line(child, "_exit: fine", SOON));
    assert_true(child_write_line(child, "part"));
    assert_true(child_wait_line(child, "closed 0", SOON));
    assert_true(scene_wait_count(probe, "/t/lock/family", 0, SOON));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_that_exits),
        cmocka_unit_test(child_that_closes),
        cmocka_unit_test(child_that_becomes_another_program),
        cmocka_unit_test(children_of_a_busy_parent),
        cmocka_unit_test(child_that_starts_anew),
        cmocka_unit_test(parent_goes_on),
    };

    first_process = getpid();
    harness_start(argc, argv, roles);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, settle, leave);
}
