/* SPDX-License-Identifier: Apache-2.0 */
/* A link that falls silent, for good, once zkcoord is connected: a subcommand that does not wait
 * for its turn ends all the same, as zkcoord(1) says, with 69. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "proxy.h"
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

/* Ten seconds, twice where there are two questions, two more to end; as much again for a busy
 * machine. */
#define BOUND deadline_in_ms(44000)

struct silence {
    struct proxy *proxy;
    struct child *child;
    const char *const *words;
    int rule;
};

static void fall_silent(struct proxy *proxy, void *arg)
{
    (void)arg;
    proxy_set_mode(proxy, PROXY_BLACKHOLE);
}

static void begin(struct silence *silence)
{
    const char *const *w = silence->words;

    silence->proxy = proxy_start(server_address(servers, 0));
    assert_non_null(silence->proxy);
    silence->rule = proxy_add(
        silence->proxy,
        (struct proxy_rule){.op = PROXY_ANY, .action = PROXY_CALL_BEFORE, .call = fall_silent});
    silence->child =
        command_start(proxy_address(silence->proxy), w[0], w[1], w[2], w[3], w[4], NULL);
}

static void end(struct silence *silence, int64_t bound)
{
    if (!child_wait(silence->child, NULL, bound))
        fail_msg("%s %s %s: still there", silence->words[0], silence->words[1], silence->words[2]);
    assert_int_equal(command_end(silence->child), 69);
    assert_int_equal(proxy_fired(silence->proxy, silence->rule), 1);
    child_free(silence->child);
    proxy_stop(silence->proxy);
}

static void nothing_waits_for_an_answer_for_ever(void **state)
{
    static const char *const words[][5] = {
        {"lock", "s", "-n", "true"},
        {"lock", "s", "-w0", "true"},
        {"lock", "s", "-nq", "true"},
        {"probe", "s"},
        {"ask", "s"},
        {"break", "s", "--yes"},
        {"leader", "s"},
        {"ls"},
        {"ls", "s"},
    };
    enum { COUNT = sizeof words / sizeof words[0] };
    struct silence silences[COUNT];
    int64_t bound = BOUND;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        silences[i].words = words[i];
        begin(&silences[i]);
    }
    for (int i = 0; i < COUNT; i++)
        end(&silences[i], bound);
}

/* zkcoord does not wait longer for a place in line that it gives up. */
static void the_first_signal_ends_it(void **state)
{
    struct proxy *proxy = proxy_start(server_address(servers, 0));
    struct child *holder = command_start(proxy_address(proxy), "lock", "t", "--", "sh", "-c",
                                         "echo held; exec sleep 1000", NULL);
    struct child *waiter;
    int64_t bound;

    (void)state;
    command_expect(holder, "held");
    waiter = command_start(proxy_address(proxy), "lock", "t", "true", NULL);
    assert_true(probe_wait_children(probe, "/micro/sync/lock/t", 2, BOUND));
    proxy_set_mode(proxy, PROXY_BLACKHOLE);
    child_signal(waiter, SIGTERM);
    child_signal(holder, SIGTERM);
    bound = BOUND;
    assert_true(child_wait(waiter, NULL, bound));
    assert_true(child_wait(holder, NULL, bound));
    assert_int_equal(command_end(waiter), 128 + SIGTERM);
    assert_int_equal(command_end(holder), 128 + SIGTERM);
    child_free(waiter);
    child_free(holder);
    proxy_stop(proxy);
}

/* How long it lives after the second; the first has been heard, and leaves the queue in vain. */
static int64_t end_by_two(struct proxy *proxy)
{
    struct child *waiter = command_start(proxy_address(proxy), "lock", "u", "true", NULL);
    int64_t told;

    assert_true(probe_wait_children(probe, "/micro/sync/lock/u", 2, BOUND));
    proxy_set_mode(proxy, PROXY_BLACKHOLE);
    child_signal(waiter, SIGTERM);
    assert_false(child_wait(waiter, NULL, deadline_in_ms(300)));
    told = now_ns();
    child_signal(waiter, SIGTERM);
    assert_true(child_wait(waiter, NULL, BOUND));
    told = now_ns() - told;
    assert_int_equal(command_end(waiter), 128 + SIGTERM);
    child_free(waiter);
    return told / 1000000;
}

/* The goodbye to silent servers alone takes longer. A busy machine gets a few tries. */
static void the_second_signal_ends_it_at_once(void **state)
{
    struct child *holder = command_start(server_address(servers, 0), "lock", "u", "--", "sh", "-c",
                                         "echo held; exec sleep 1000", NULL);
    int64_t took = 1000;

    (void)state;
    command_expect(holder, "held");
    for (int tries = 0; took >= 1000; tries++) {
        struct proxy *proxy = proxy_start(server_address(servers, 0));
        assert_true(tries < 5);
        assert_true(probe_wait_children(probe, "/micro/sync/lock/u", 1, BOUND));
        took = end_by_two(proxy);
        proxy_stop(proxy);
    }
    child_signal(holder, SIGTERM);
    assert_int_equal(command_end(holder), 128 + SIGTERM);
    child_free(holder);
}

/* Whoever follows is told that what is shown is old. */
static void watching_says_that_servers_are_away(void **state)
{
    static const char *const words[][5] = {{"leader", "w", "--watch"}, {"ls", "w", "--watch"}};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct proxy *proxy = proxy_start(server_address(servers, 0));
        struct child *child;

        assert_non_null(proxy);
        child = command_start(proxy_address(proxy), words[i][0], words[i][1], words[i][2], NULL);
        command_expect(child, i == 0 ? "nobody" : "KIND");
        proxy_set_mode(proxy, PROXY_BLACKHOLE);
        command_expect(child, "; waiting");
        child_signal(child, SIGTERM);
        assert_int_equal(command_end(child), 128 + SIGTERM);
        child_free(child);
        proxy_stop(proxy);
    }
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(watching_says_that_servers_are_away),
                                       cmocka_unit_test(nothing_waits_for_an_answer_for_ever),
                                       cmocka_unit_test(the_first_signal_ends_it),
                                       cmocka_unit_test(the_second_signal_ends_it_at_once)};

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
