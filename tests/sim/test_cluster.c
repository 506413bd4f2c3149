/*
 * The simulated servers under random faults, without the library: whatever happens, logs agree,
 * what was acknowledged stays, every request is answered once, and afterwards all is well again.
 * Then single facts that the contract cases cannot bring about on real servers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a client that writes and remembers ---- */

#define CLIENTS 4
#define MADE_MAX 400

struct attempt {
    struct user *user;
    int answers; /* must be one, unless the handle is closed */
    int rc;
    int64_t czxid;
    char path[32];
};

struct user {
    struct machine *machine;
    zhandle_t *handle;
    struct attempt attempts[MADE_MAX];
    int count;
    int first; /* of this handle */
    bool over;
};

static struct user users[CLIENTS];

static void ignore_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)type;
    (void)state;
    (void)path;
    (void)context;
}

static void made(int rc, const char *path, const struct Stat *stat, const void *data)
{
    struct attempt *attempt = (struct attempt *)(uintptr_t)data;

    attempt->answers++;
    attempt->rc = rc;
    if (rc == ZOK) {
        attempt->czxid = stat->czxid;
        snprintf(attempt->path, sizeof attempt->path, "%s", path);
    }
}

static void looked(int rc, const struct String_vector *names, const void *data)
{
    struct attempt *attempt = (struct attempt *)(uintptr_t)data;

    (void)names;
    attempt->answers++;
    attempt->rc = rc == ZOK ? 1 : rc;
}

static struct attempt *new_attempt(struct user *user)
{
    struct attempt *attempt = &user->attempts[user->count++];

    memset(attempt, 0, sizeof *attempt);
    attempt->user = user;
    return attempt;
}

static void ask(struct user *user)
{
    struct attempt *attempt = new_attempt(user);
    int rc;

    if (world_chance(700))
        rc = zoo_acreate2(user->handle, "/n-", "x", 1, &ZOO_OPEN_ACL_UNSAFE,
                          ZOO_PERSISTENT_SEQUENTIAL, made, attempt);
    else
        rc = zoo_awget_children(user->handle, "/", world_chance(500) ? ignore_event : NULL, user,
                                looked, attempt);
    if (rc != ZOK)
        user->count--;
}

static void reopen(struct user *user)
{
    user->first = user->count;
    user->handle = zookeeper_init2(cluster_addresses(), ignore_event, 3000, NULL, user, 0, NULL);
}

static void check_answers(const struct user *user)
{
    for (int i = user->first; i < user->count; i++)
        if (user->attempts[i].answers != 1)
            world_fail("a request was answered %d times", user->attempts[i].answers);
}

static void live(void *arg)
{
    struct user *user = arg;

    reopen(user);
    while (user->count < MADE_MAX - 1 && world_now() < 40 * SIM_SECOND) {
        fiber_sleep(world_between(SIM_MS, 300 * SIM_MS));
        if (zoo_state(user->handle) < 0) {
            zookeeper_close(user->handle);
            reopen(user);
        }
        ask(user);
    }
    fiber_sleep(20 * SIM_SECOND);
    check_answers(user);
    zookeeper_close(user->handle);
    user->over = true;
}

/* ---- faults ---- */

static void one_fault(void)
{
    int server = (int)world_below(cluster_servers());
    struct machine *machine = users[world_below(CLIENTS)].machine;

    switch (world_below(15)) {
    case 0:
        cluster_crash(server);
        break;
    case 1:
        cluster_restart(server);
        break;
    case 2:
        cluster_pause(server);
        break;
    case 3:
        cluster_resume(server);
        break;
    case 4:
        cluster_isolate(server);
        break;
    case 5:
        cluster_cut(server, (int)world_below(cluster_servers()));
        break;
    case 6:
        cluster_slow(server, world_below(2 * SIM_SECOND));
        break;
    case 11:
        cluster_link(machine, world_chance(500) ? -1 : server, (enum link_fault)world_below(5));
        break;
    case 7:
        cluster_lag(server, world_below(SIM_SECOND));
        break;
    case 8:
        cluster_link(machine, -1, LINK_FINE);
        break;
    case 9:
        cluster_reset(machine);
        break;
    case 10:
        cluster_reset_at_next(machine, world_chance(500));
        break;
    case 12:
    case 13:
        cluster_crash(server);
        cluster_restart(server);
        break;
    default:
        cluster_heal();
        break;
    }
}

static void make_trouble(void *arg)
{
    int64_t pace = world_between(50 * SIM_MS, 2 * SIM_SECOND);

    (void)arg;
    while (world_now() < 40 * SIM_SECOND) {
        fiber_sleep(world_below(pace));
        one_fault();
    }
    cluster_heal();
    for (int i = 0; i < CLIENTS; i++)
        cluster_link(users[i].machine, -1, LINK_FINE);
}

/* ---- what must hold at every step, and at the end ---- */

static void check_prefixes(void)
{
    const struct server *longest = &cluster.servers[0];

    for (int i = 1; i < cluster.count; i++)
        if (cluster.servers[i].committed > longest->committed)
            longest = &cluster.servers[i];
    for (int i = 0; i < cluster.count; i++) {
        const struct server *server = &cluster.servers[i];
        int last = server->committed - 1;
        if (last >= 0 && server->log[last] != longest->log[last])
            world_fail("servers %d and %d have committed different things", i, longest->id);
    }
}

static void check_logs_equal(void)
{
    const struct server *leader = &cluster.servers[cluster_leader() < 0 ? 0 : cluster_leader()];

    assert_true(cluster_leader() >= 0);
    assert_int_equal(cluster_serving(), cluster.count);
    for (int i = 0; i < cluster.count; i++) {
        const struct server *server = &cluster.servers[i];
        assert_int_equal(server->committed, leader->committed);
        assert_int_equal(server->tree.count, leader->tree.count);
        for (int at = 0; at < server->committed; at++)
            assert_ptr_equal(server->log[at], leader->log[at]);
    }
    for (int at = 1; at < leader->committed; at++)
        assert_true(leader->log[at]->zxid > leader->log[at - 1]->zxid);
    assert_int_equal(leader->tree.count, leader->ahead.count);
}

static int check_attempts(const struct user *user)
{
    int acknowledged = 0;

    for (int i = 0; i < user->count; i++) {
        const struct attempt *attempt = &user->attempts[i];
        assert_true(attempt->answers <= 1);
        if (attempt->rc == ZOK && attempt->answers == 1) {
            const struct node *node =
                tree_find(&cluster.servers[cluster_leader()].tree, path_of_text(attempt->path));
            assert_non_null(node);
            assert_true(node->czxid == attempt->czxid);
            acknowledged++;
        }
    }
    return acknowledged;
}

/* Of the run that is under way; shown when it fails. */
static char repeat[96];

static long total_acknowledged;

static void remember(uint64_t seed, int servers)
{
    snprintf(repeat, sizeof repeat, "%d servers; to repeat: ZKC_SEED=%llu ZKC_SEEDS=1", servers,
             (unsigned long long)seed);
}

static int show_repeat(void **state)
{
    (void)state;
    print_message("last: %s\n", repeat);
    return 0;
}

static uint64_t run_chaos(uint64_t seed, int servers)
{
    uint64_t digest;
    int acknowledged = 0;

    remember(seed, servers);
    story_keep(getenv("ZKC_VERBOSE") != NULL);
    world_begin(seed);
    cluster_begin(&(struct cluster_options){
        .servers = servers, .tick = 300 * SIM_MS, .repair = seed % 2 * SIM_SECOND});
    memset(users, 0, sizeof users);
    for (int i = 0; i < CLIENTS; i++) {
        users[i].machine = machine_new("client", 0, 0);
        fiber_start(users[i].machine, "life", live, &users[i]);
    }
    fiber_start(machine_new("trouble", 0, 0), "faults", make_trouble, NULL);
    world_set_check(check_prefixes);
    while (world_failure() == NULL && world_step(120 * SIM_SECOND))
        ;
    if (world_failure() != NULL) {
        print_message("%s\n", world_failure());
        story_print();
    }
    assert_null(world_failure());
    check_logs_equal();
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(users[i].over);
        acknowledged += check_attempts(&users[i]);
    }
    total_acknowledged += acknowledged;
    assert_int_equal(cluster_handles(), 0);
    assert_int_equal(cluster_connections(), 0);
    assert_int_equal(cluster_sessions(), 0);
    assert_int_equal(cluster_watches(), 0);
    digest = world_digest();
    cluster_end();
    world_end();
    return digest;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void test_chaos(void **state)
{
    uint64_t first = number_of("ZKC_SEED", 1), count = number_of("ZKC_SEEDS", 60);

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++)
        run_chaos(seed, seed % 3 == 0 ? 1 : seed % 3 == 1 ? 3 : 5);
    assert_true(total_acknowledged > 0);
}

static void test_same_seed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++)
        assert_true(run_chaos(seed, 3) == run_chaos(seed, 3));
    assert_true(run_chaos(1, 3) != run_chaos(2, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_chaos, show_repeat),
        cmocka_unit_test_teardown(test_same_seed, show_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
