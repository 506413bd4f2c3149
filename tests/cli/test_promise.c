/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise around the command: everything of it is dead before anybody else's begins. A hundred
 * times ($ZKC_RUNS), several at once: a command that ignores SIGTERM and has grandchildren, another
 * zkcoord that waits, a fault. Prints the margin from the last sign of life to the first of the
 * next.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include "habitat.h"
#include "harness.h"
#include "keeper.h"
#include "proxy.h"
#include "server.h"
#include "worker.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define LANES 10
#define TICK_MS 500
#define SESSION "2"

static int start_quick_server(void **state)
{
    (void)state;
    return serve(TICK_MS);
}

/* ---- one run ---- */

struct lane {
    char directory[256], journal_path[300], id[32];
    struct journal *journal;
    struct proxy *proxy;
    struct child *holder, *next;
    const struct fault *fault;
    const char *habitat; /* of the holder */
};

struct fault {
    const char *name;
    const char *manners; /* of the worker, see worker.h */
    void (*strike)(struct lane *lane);
    void (*mend)(struct lane *lane);
    int status; /* of the holder's zkcoord, in the end */
};

static void cut(struct lane *lane)
{
    proxy_set_mode(lane->proxy, PROXY_BLACKHOLE);
}

static void heal(struct lane *lane)
{
    proxy_set_mode(lane->proxy, PROXY_PASS);
}

static void stop(struct lane *lane)
{
    child_stop(lane->holder);
}

static void cont(struct lane *lane)
{
    child_cont(lane->holder);
}

/* It is gone where the lock was lost already. */
static void signal_guardian(struct lane *lane, int signal)
{
    pid_t guardian = command_guardian(child_pid(lane->holder));

    if (guardian > 0)
        kill(guardian, signal);
}

/* The guardian too: only the kernel is left to act. */
static void stop_both(struct lane *lane)
{
    signal_guardian(lane, SIGSTOP);
    child_stop(lane->holder);
}

static void stop_and_cut(struct lane *lane)
{
    cut(lane);
    stop(lane);
}

static void cont_and_heal(struct lane *lane)
{
    heal(lane);
    cont(lane);
}

static void kill_it(struct lane *lane)
{
    child_kill(lane->holder);
}

static void kill_guardian(struct lane *lane)
{
    signal_guardian(lane, SIGKILL);
}

static void kill_both(struct lane *lane)
{
    pid_t guardian = command_guardian(child_pid(lane->holder));

    child_kill(lane->holder);
    if (guardian > 0)
        kill(guardian, SIGKILL);
}

static void nothing(struct lane *lane)
{
    (void)lane;
}

/* Where zkcoord and the guardian are both gone or stopped the guardian's second acts. */
static const struct fault faults[] = {
    {"network dead", "tgsd", cut, heal, 75},
    {"zkcoord stopped", "tgsd", stop, cont, 75},
    {"stopped, network dead", "tgsd", stop_and_cut, cont_and_heal, 75},
    {"both stopped", "tgsd", stop_both, cont, 75},
    {"zkcoord killed", "tgsd", kill_it, nothing, 128 + SIGKILL},
    {"guardian killed", "tgsd", kill_guardian, nothing, 70},
    {"both killed", "tgsd", kill_both, nothing, 128 + SIGKILL},
    {"network dead, SIGTERM kept", "gsd", cut, heal, 75},
};
#define FAULTS (sizeof faults / sizeof faults[0])

/* Where holders live: all of them if we are root, the plain one otherwise. */
static const char *habitats[] = {"", "u", "h", "uh", "c", "uc", "hc", "uhc"};
#define HABITATS (sizeof habitats / sizeof habitats[0])
static size_t habitat_count = 1;

static struct child *start_holder(const struct lane *lane)
{
    return command_start_in(lane->habitat, proxy_address(lane->proxy), "lock", lane->id, "--ttl",
                            SESSION, command_self(), "--role=worker", lane->journal_path,
                            lane->fault->manners, NULL);
}

static struct child *start_next(const struct lane *lane)
{
    return command_start(servers_addresses(servers), "lock", lane->id, "--ttl", SESSION,
                         command_self(), "--role=worker", lane->journal_path, "", NULL);
}

/* Whoever the worker is writes it. */
static void open_to_all(const struct lane *lane)
{
    assert_int_equal(chmod(lane->directory, 0755), 0);
    assert_int_equal(chmod(lane->journal_path, 0666), 0);
}

static void open_lane(struct lane *lane, int number, const struct fault *fault)
{
    lane->fault = fault;
    lane->habitat = habitats[((size_t)number + (size_t)number / FAULTS) % habitat_count];
    assert_int_equal(keeper_make_dir(lane->directory, sizeof lane->directory), 0);
    snprintf(lane->journal_path, sizeof lane->journal_path, "%.250s/journal", lane->directory);
    snprintf(lane->id, sizeof lane->id, "promise-%d", number);
    lane->journal = journal_open(lane->journal_path);
    lane->proxy = proxy_start(server_address(servers, 0));
    assert_non_null(lane->journal);
    assert_non_null(lane->proxy);
    open_to_all(lane);
    lane->holder = start_holder(lane);
}

struct start {
    const struct lane *lane;
    struct child *zkcoord;
    int turns;
};

static bool begun_or_ended(void *arg)
{
    struct start *start = arg;

    /* In this order: what has ended begins no turn. */
    return child_wait(start->zkcoord, NULL, now_ns()) ||
           journal_turns(start->lane->journal) >= start->turns;
}

/* Where the machine is too slow a zkcoord may lose the lock before its command has begun: then
 * another one takes its place. */
static void await_turn(const struct lane *lane, int turns, struct child **zkcoord,
                       struct child *(*again)(const struct lane *lane))
{
    int64_t deadline = SOON;
    int status;

    for (;;) {
        struct start start = {lane, *zkcoord, turns};

        if (!wait_until(begun_or_ended, &start, deadline))
            fail_msg("%s: turn %d does not begin", lane->fault->name, turns);
        if (journal_turns(lane->journal) >= turns)
            return;
        status = command_end(*zkcoord);
        if (status != 75)
            fail_msg("%s: status %d before turn %d", lane->fault->name, status, turns);
        child_free(*zkcoord);
        *zkcoord = again(lane);
    }
}

/* Where the machine is too slow the holder may have lost the lock already, and the next one its
 * own: that is no failure, and the margin counts all the same. */
static void begin_lane(struct lane *lane)
{
    await_turn(lane, 1, &lane->holder, start_holder);
    assert_true(journal_wait(lane->journal, 1, SOON)); /* true as well if it is over already */
    lane->next = start_next(lane);
}

static int64_t finish_lane(struct lane *lane)
{
    int64_t margin;
    int status;

    await_turn(lane, 2, &lane->next, start_next);
    lane->fault->mend(lane);
    status = command_end(lane->holder);
    if (status != lane->fault->status && status != 75)
        fail_msg("%s: status %d", lane->fault->name, status);
    child_signal(lane->next, SIGTERM);
    status = command_end(lane->next);
    if (status != 128 + SIGTERM && status != 75)
        fail_msg("%s: status %d of the next", lane->fault->name, status);
    margin = journal_margin(lane->journal, 2);
    assert_true(atomic_load(&journal_turn(lane->journal, 1)->token) >
                atomic_load(&journal_turn(lane->journal, 0)->token));
    return margin;
}

struct ended {
    pid_t pid;
};

static bool has_left(void *arg)
{
    return habitat_remove(((struct ended *)arg)->pid);
}

static void close_lane(struct lane *lane)
{
    struct ended holder = {child_pid(lane->holder)};
    char path[64];

    assert_true(wait_until(has_left, &holder, SOON));
    child_free(lane->holder);
    child_free(lane->next);
    proxy_stop(lane->proxy);
    command_nobody(lane->journal_path);
    munmap(lane->journal, sizeof *lane->journal);
    keeper_remove_dir(lane->directory);
    snprintf(path, sizeof path, "/micro/sync/lock/%s", lane->id);
    assert_true(probe_wait_children(probe, path, 0, SOON));
}

/* ---- many ---- */

static int smaller(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* LANES of them at once; appends their margins. */
static void round_of(const struct fault *const *chosen, int first, int count, int64_t *margins)
{
    struct lane lanes[LANES] = {0};

    for (int i = 0; i < count; i++)
        open_lane(&lanes[i], first + i, chosen[i]);
    for (int i = 0; i < count; i++)
        begin_lane(&lanes[i]);
    for (int i = 0; i < count; i++)
        chosen[i]->strike(&lanes[i]);
    for (int i = 0; i < count; i++) {
        margins[i] = finish_lane(&lanes[i]);
        if (margins[i] <= 0)
            fail_msg("%s, in \"%s\": the next began %lld us before the end of the old",
                     chosen[i]->name, lanes[i].habitat, (long long)(-margins[i] / 1000));
    }
    for (int i = 0; i < count; i++)
        close_lane(&lanes[i]);
}

static void dead_before_the_next_begins(void **state)
{
    const char *wanted = getenv("ZKC_RUNS");
    int runs = wanted ? atoi(wanted) : 100;
    int64_t *margins = calloc((size_t)runs, sizeof *margins);

    (void)state;
    assert_non_null(margins);
    for (int done = 0; done < runs; done += LANES) {
        const struct fault *chosen[LANES];
        int count = runs - done < LANES ? runs - done : LANES;

        for (int i = 0; i < count; i++)
            chosen[i] = &faults[(size_t)(done + i) % FAULTS];
        round_of(chosen, done, count, margins + done);
    }
    qsort(margins, (size_t)runs, sizeof *margins, smaller);
    printf("%d runs in %zu habitats: the next command began %.1f ms after the last sign of life at "
           "the least, "
           "%.1f ms in the middle\n",
           runs, habitat_count, (double)margins[0] / 1e6, (double)margins[runs / 2] / 1e6);
    free(margins);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main},
                                                {"zkcoord-in", command_main_in},
                                                {"worker", worker_main},
                                                {NULL, NULL}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(dead_before_the_next_begins)};

    harness_start(argc, argv, roles);
    command_path();
    if (habitat_possible("uhc"))
        habitat_count = HABITATS;
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_quick_server, stop_server);
}
