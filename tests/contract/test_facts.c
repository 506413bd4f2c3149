/*
 * What was measured on real servers once and cannot be tried there in every run: who answers how
 * long when cut off, the end of sequence numbers, and the like. On simulated servers only.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "contract.h"

#include "driver_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT (600 * SIM_SECOND)
#define expect(condition)                                            \
    do {                                                             \
        if (!(condition))                                            \
            world_fail("line %d: not so: %s", __LINE__, #condition); \
    } while (0)

struct fact {
    void (*run)(void);
    struct cluster_options options;
};

static struct client *connected(struct line *line, int timeout_ms)
{
    struct client *c = client_new(line, timeout_ms, NULL);

    expect(client_wait_state(c, ZOO_CONNECTED_STATE));
    return c;
}

/* ---- sequence numbers at their end (DataTree.createNode) ---- */

static void sequence_ends(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000);
    struct answer made;

    expect(do_create(c, "/d", "", 0, NULL) == ZOK);
    do_create(c, "/d/n-", "", ZOO_EPHEMERAL_SEQUENTIAL, &made);
    expect(strcmp(made.path, "/n-2147483646") == 0);
    do_create(c, "/d/n-", "", ZOO_EPHEMERAL_SEQUENTIAL, &made);
    expect(strcmp(made.path, "/n-2147483647") == 0);
    expect(do_create(c, "/d/n-", "", ZOO_EPHEMERAL_SEQUENTIAL, &made) == ZNODEEXISTS);
    expect(do_create(c, "/d/m-", "", ZOO_EPHEMERAL_SEQUENTIAL, &made) == ZOK);
    expect(strcmp(made.path, "/m-2147483647") == 0);
    expect(do_delete(c, "/d/n-2147483647", -1) == ZOK);
    expect(do_create(c, "/d/n-", "", ZOO_EPHEMERAL_SEQUENTIAL, &made) == ZOK);
    expect(strcmp(made.path, "/n-2147483647") == 0);

    /* one behind the other, before the first is committed, they go on below zero */
    for (int i = 0; i < cluster_servers(); i++)
        cluster_slow(i, 50 * SIM_MS);
    for (int i = 0; i < 3; i++)
        later_create(c, "x", "/d/x-", ZOO_EPHEMERAL_SEQUENTIAL);
    expect(diary_wait(c, 3));
    expect(do_exists(c, "/d/x-2147483647", NULL, NULL) == ZOK);
    expect(do_exists(c, "/d/x--2147483648", NULL, NULL) == ZOK);
    expect(do_exists(c, "/d/x--2147483647", NULL, NULL) == ZOK);
    client_close(c);
    line_close(line);
}

/* ---- cut off (zk-c-client.md has the measurements): tick 1 s, syncLimit 5, T 3 s ---- */

enum beat { BEAT_READ, BEAT_SYNC, BEAT_CHECK };

static int beat(struct client *c, enum beat kind)
{
    if (kind == BEAT_READ)
        return do_exists(c, "/", NULL, NULL);
    return kind == BEAT_SYNC ? do_sync(c, "/") : do_check(c, "/e", -1);
}

struct times {
    int64_t acknowledged; /* the last one, since the cut */
    int64_t gone;         /* the ephemeral node, for others */
};

static struct times cut_off(int victim, enum beat kind)
{
    struct line *line = line_open(victim), *all = line_open(DRIVER_ALL);
    struct client *c = connected(line, 3000), *other = connected(all, 20000);
    struct times times = {0};
    int64_t cut, end;

    expect(do_create(c, "/e", "", ZOO_EPHEMERAL, NULL) == ZOK);
    for (int i = 0; i < 10; i++) {
        beat(c, kind);
        fiber_sleep(200 * SIM_MS);
    }
    cut = world_now();
    end = cut + 12 * SIM_SECOND;
    cluster_isolate(victim);
    while (world_now() < end && client_connected(c)) {
        if (beat(c, kind) == ZOK)
            times.acknowledged = world_now() - cut;
        if (times.gone == 0 && !cluster_exists("/e"))
            times.gone = world_now() - cut;
        fiber_sleep(100 * SIM_MS);
    }
    while (cluster_exists("/e") && world_now() < end)
        fiber_sleep(10 * SIM_MS);
    if (times.gone == 0)
        times.gone = world_now() - cut;
    cluster_heal();
    client_close(c);
    client_close(other);
    line_close(line);
    line_close(all);
    return times;
}

/* It answers reads until it misses its leader, long after others have been granted what it had. */
static void cut_off_follower_reads(void)
{
    struct times times = cut_off(driver_follower(), BEAT_READ);

    expect(times.acknowledged > 4 * SIM_SECOND && times.acknowledged <= 5200 * SIM_MS);
    expect(times.gone > 2 * SIM_SECOND && times.gone < 4500 * SIM_MS);
}

static void cut_off_leader_syncs(void)
{
    struct times times = cut_off(driver_leader(), BEAT_SYNC);

    expect(times.acknowledged > 4500 * SIM_MS && times.acknowledged <= 7 * SIM_SECOND);
    expect(times.gone > 0); /* by the new leader, which gives it all of T once more */
}

static void cut_off_leader_writes(void)
{
    struct times times = cut_off(driver_leader(), BEAT_CHECK);

    expect(times.acknowledged < 100 * SIM_MS);
}

static void cut_off_follower_writes(void)
{
    struct times times = cut_off(driver_follower(), BEAT_CHECK);

    expect(times.acknowledged < 100 * SIM_MS);
    expect(times.gone > SIM_SECOND && times.gone < 4500 * SIM_MS);
}

/* A deposed leader takes its clients back, as long as it does not know. */
static void deposed_leader_welcomes(void)
{
    struct line *line = line_open(driver_leader());
    struct client *c = connected(line, 4000);

    cluster_isolate(driver_leader());
    wait_long(500);
    diary_sessions(c, true);
    line_reset(line);
    expect(diary_wait(c, 2) && client_connected(c));
    expect(do_exists(c, "/", NULL, NULL) == ZOK);
    cluster_heal();
    client_close(c);
    line_close(line);
}

/* Who has seen more than a server knows is turned away by it: else a leader that wakes up deposed
 * would show its own clients the past. */
static void nobody_goes_back_in_time(void)
{
    int leader = driver_leader();
    struct line *line = line_open(DRIVER_ALL), *far = line_open(DRIVER_ALL);
    struct machine *machine = line_machine(line);
    struct client *c = connected(line, 20000), *other = connected(far, 20000);

    cluster_pause(leader);
    expect(driver_wait_leader_but(leader));
    while (do_create(c, "/new", "", 0, NULL) != ZNODEEXISTS)
        wait_long(100);
    for (int i = 0; i < cluster_servers(); i++)
        cluster_link(machine, i, i == leader ? LINK_FINE : LINK_REFUSED);
    expect(client_wait_state(c, ZOO_CONNECTING_STATE));
    cluster_resume(leader);
    expect(client_wait_state(c, ZOO_CONNECTED_STATE));
    expect(do_exists(c, "/new", NULL, NULL) == ZOK);
    client_close(c);
    client_close(other);
    line_close(line);
    line_close(far);
}

/* What the old connection's server passed on too late is refused by the leader: the session has
 * another owner. */
static void late_requests_are_refused(void)
{
    int follower = driver_follower();
    struct line *old = line_open(follower), *new = line_open(driver_leader());
    struct client *c = connected(old, 20000), *again;
    clientid_t id = *zoo_client_id(client_handle(c));

    cluster_cut(follower, driver_leader());
    later_create(c, "create", "/late", ZOO_PERSISTENT);
    wait_long(300);
    line_set(old, LINE_BLACKHOLE);
    again = client_new(new, 20000, &id);
    expect(client_wait_state(again, ZOO_CONNECTED_STATE));
    expect(do_create(again, "/now", "", 0, NULL) == ZOK);
    cluster_heal();
    wait_long(2000);
    expect(cluster_exists("/now") && !cluster_exists("/late"));
    expect(cluster_leader() != follower);
    client_close(again);
    line_set(old, LINE_FINE);
    client_close(c);
    line_close(old);
    line_close(new);
}

/* With an even number of addresses it tries every second one only, for ever (ZOOKEEPER-2466). */
static void even_addresses(void)
{
    struct line *line = line_open_to("10.0.0.1:2181,10.0.0.2:2181");
    struct client *c = connected(line, 4000);
    int server = cluster_server_of_session(zoo_client_id(client_handle(c))->client_id);

    cluster_crash(server);
    expect(!client_wait_state(c, ZOO_EXPIRED_SESSION_STATE) && !client_connected(c));
    cluster_restart(server);
    expect(client_wait_state(c, ZOO_EXPIRED_SESSION_STATE));
    client_close(c);
    line_close(line);
}

static void odd_addresses(void)
{
    struct line *line = line_open_to("10.0.0.1:2181,10.0.0.2:2181,10.0.0.1:2181");
    struct client *c = connected(line, 4000);

    diary_sessions(c, true);
    cluster_crash(cluster_server_of_session(zoo_client_id(client_handle(c))->client_id));
    expect(diary_wait(c, 2) && client_connected(c));
    client_close(c);
    line_close(line);
}

/* ---- removals are told before anybody can see them ---- */

static char told[256];

static void tell(const char *path, int64_t czxid, int64_t owner, enum cluster_cause cause)
{
    size_t length = strlen(told);

    expect(czxid > 0 && owner != 0 && cluster_exists(path));
    snprintf(told + length, sizeof told - length, "%s %d;", path, (int)cause);
}

static void removals_are_told(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000), *doomed = connected(line, 4000);

    told[0] = '\0';
    cluster_on_removal(tell);
    do_create(c, "/a", "", ZOO_EPHEMERAL, NULL);
    do_create(c, "/b", "", ZOO_EPHEMERAL, NULL);
    do_create(c, "/plain", "", 0, NULL);
    do_create(doomed, "/c", "", ZOO_EPHEMERAL, NULL);
    do_delete(c, "/plain", -1);
    do_delete(c, "/a", -1);
    expect(strcmp(told, "/a 2;") == 0);
    client_close(c);
    expect(strcmp(told, "/a 2;/b 1;") == 0);
    line_set(line, LINE_BLACKHOLE);
    while (cluster_exists("/c"))
        fiber_sleep(SIM_MS);
    expect(strcmp(told, "/a 2;/b 1;/c 0;") == 0);
    cluster_on_removal(NULL);
    line_set(line, LINE_FINE);
    client_close(doomed);
    line_close(line);
}

/* ---- screws of the simulator ---- */

static void strangers_act(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000);
    struct cluster_node nodes[4];

    expect(cluster_create("/s", "hello", false) && cluster_create("/s/n-", "", true));
    expect(wait_there(c, "/s/n-0000000000"));
    expect(cluster_children("/s", nodes, 4) == 1 && nodes[0].owner == 0);
    expect(!cluster_delete("/s") && !cluster_delete("/none"));
    expect(do_get(c, "/s", "w", NULL) == ZOK && cluster_watches() == 1);
    expect(cluster_set("/s", "other") && diary_wait(c, 1));
    expect(cluster_forbid("/s", ZOO_PERM_CREATE));
    expect(wait_there(c, "/s") && do_get(c, "/s", NULL, NULL) == ZNOAUTH);
    expect(do_create(c, "/s/x", "", 0, NULL) == ZOK);
    expect(do_delete(c, "/s/x", -1) == ZNOAUTH);
    expect(cluster_forbid("/s", 0x1f) && wait_there(c, "/s"));
    expect(do_delete(c, "/s/x", -1) == ZOK);
    expect(cluster_expire(zoo_client_id(client_handle(c))->client_id));
    expect(client_wait_state(c, ZOO_EXPIRED_SESSION_STATE));
    client_close(c);
    line_close(line);
}

static void forbidden_events_are_silent(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000);

    do_create(c, "/a", "", 0, NULL);
    do_get(c, "/a", "w", NULL);
    expect(cluster_forbid("/a", ZOO_PERM_CREATE) && cluster_delete("/a"));
    expect(wait_gone(c, "/a"));
    do_create(c, "/b", "", 0, NULL);
    do_get(c, "/b", "w", NULL);
    expect(cluster_delete("/b") && diary_wait(c, 1));
    wait_long(1000);
    expect(diary_entries(c) == 1);
    client_close(c);
    line_close(line);
}

static void keep_code(int rc, const void *data)
{
    *(int *)(uintptr_t)data = rc;
}

static void credentials_are_refused(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000);
    static int rc;

    cluster_refuse_auth(true);
    rc = 1;
    zoo_add_auth(client_handle(c), "digest", "a:b", 3, keep_code, &rc);
    expect(client_wait_state(c, ZOO_AUTH_FAILED_STATE) && rc == ZAUTHFAILED);
    client_close(c);
    line_close(line);
}

/* A paused program does nothing; what has arrived is read before the silence is judged. */
static void pause_and_go_on(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct machine *machine = line_machine(line);
    struct client *c = connected(line, 4000);

    expect(do_create(c, "/a", "", 0, NULL) == ZOK && do_get(c, "/a", "w", NULL) == ZOK);
    machine_pause(machine);
    cluster_set("/a", "x");
    wait_long(3500); /* longer than it would take silence, shorter than the session lives */
    expect(diary_entries(c) == 0);
    machine_resume(machine);
    expect(diary_wait(c, 1) && client_connected(c));
    machine_pause(machine);
    wait_long(9000);
    machine_resume(machine);
    expect(client_wait_state(c, ZOO_EXPIRED_SESSION_STATE));
    client_close(c);
    line_close(line);
}

static void slow_disk(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000);
    int64_t before;

    for (int i = 0; i < cluster_servers(); i++)
        cluster_slow(i, 700 * SIM_MS);
    do_exists(c, "/", NULL, NULL);
    before = world_now();
    expect(do_create(c, "/a", "", 0, NULL) == ZOK);
    expect(world_now() - before > 700 * SIM_MS && world_now() - before < 1500 * SIM_MS);
    before = world_now();
    expect(do_exists(c, "/a", NULL, NULL) == ZOK && world_now() - before < 100 * SIM_MS);
    client_close(c);
    line_close(line);
}

/* While a request is outstanding it sends no pings, and hears nothing. */
static void slower_than_patience(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000);

    expect(do_create(c, "/a", "", 0, NULL) == ZOK);
    diary_sessions(c, true);
    wait_long(3 * 4000); /* pings keep it */
    expect(diary_entries(c) == 0);
    for (int i = 0; i < cluster_servers(); i++)
        cluster_slow(i, 3500 * SIM_MS);
    expect(do_check(c, "/a", -1) == ZOPERATIONTIMEOUT);
    cluster_heal();
    expect(client_wait_state(c, ZOO_CONNECTED_STATE));
    client_close(c);
    line_close(line);
}

static void submissions_fail(void)
{
    struct line *line = line_open(DRIVER_ALL);
    struct client *c = connected(line, 4000);

    cluster_refuse_submissions(line_machine(line), 1000);
    expect(do_create(c, "/a", "", 0, NULL) == ZMARSHALLINGERROR);
    cluster_refuse_submissions(line_machine(line), 0);
    expect(do_create(c, "/a", "", 0, NULL) == ZOK);
    client_close(c);
    line_close(line);
}

/* ---- running them ---- */

#define FACT(name, ...)                              \
    {                                                \
        .fact = {name, {__VA_ARGS__}}, .text = #name \
    }
#define SLOW_TICKS .servers = 3, .tick = SIM_SECOND

static struct {
    struct fact fact;
    const char *text;
} facts[] = {
    FACT(sequence_ends, .servers = 1, .first_sequence = INT32_MAX - 1),
    FACT(sequence_ends, .servers = 3, .first_sequence = INT32_MAX - 1),
    FACT(cut_off_follower_reads, SLOW_TICKS),
    FACT(cut_off_leader_syncs, SLOW_TICKS),
    FACT(cut_off_leader_writes, SLOW_TICKS),
    FACT(cut_off_follower_writes, SLOW_TICKS),
    FACT(deposed_leader_welcomes, SLOW_TICKS),
    FACT(nobody_goes_back_in_time, SLOW_TICKS),
    FACT(late_requests_are_refused, SLOW_TICKS),
    FACT(even_addresses, .servers = 3),
    FACT(odd_addresses, .servers = 3),
    FACT(removals_are_told, .servers = 3),
    FACT(strangers_act, .servers = 3),
    FACT(forbidden_events_are_silent, .servers = 3, .reads_forbidden_are_silent = true),
    FACT(credentials_are_refused, .servers = 1),
    FACT(pause_and_go_on, .servers = 3),
    FACT(slow_disk, .servers = 3),
    FACT(slower_than_patience, .servers = 3),
    FACT(submissions_fail, .servers = 1),
};

struct run {
    const struct fact *fact;
    bool done;
};

static void run_fact(void *arg)
{
    struct run *run = arg;

    run->fact->run();
    run->done = true;
}

static void run_with(const struct fact *fact, uint64_t seed)
{
    struct run run = {.fact = fact};
    bool good;
    int handles;

    world_begin(seed);
    cluster_begin(&fact->options);
    fiber_start(machine_new("test", 0, 0), "fact", run_fact, &run);
    while (!run.done && world_failure() == NULL && world_step(LIMIT))
        ;
    good = run.done && world_failure() == NULL;
    if (!good)
        print_message("seed %llu: %s\n", (unsigned long long)seed,
                      world_failure() != NULL ? world_failure() : "no end");
    handles = cluster_handles();
    cluster_end();
    world_end();
    assert_true(good);
    assert_int_equal(handles, 0);
}

static void test_fact(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        run_with(*state, seed);
}

int main(void)
{
    struct CMUnitTest tests[sizeof facts / sizeof *facts];

    memset(tests, 0, sizeof tests);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        tests[i].name = facts[i].text;
        tests[i].test_func = test_fact;
        tests[i].initial_state = &facts[i].fact;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
