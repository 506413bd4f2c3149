/* SPDX-License-Identifier: Apache-2.0 */
/* Modes: what the proxy does to connections as a whole. */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED
#endif
#include "proxy_fixture.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

static int create(struct fixture *f)
{
    return probe_create(f->probe, f->path, NULL, 0, NULL, 0);
}

/* ---- modes ---- */

static void black_hole_both_ways(void **state)
{
    struct fixture *f = *state;
    struct probe_later c;

    proxy_set_mode(f->proxy, PROXY_BLACKHOLE);
    assert_int_equal(probe_create_later(f->probe, f->path, &c), ZOK);
    assert_true(proxy_wait_requests(f->proxy, PROXY_CREATE, 1, SOON));
    assert_true(holds_until(probe_is_pending, &c, SHORTLY));
    assert_false(probe_exists(fixture_direct, f->path));
    assert_true(probe_connected(f->probe));
    proxy_set_mode(f->proxy, PROXY_PASS); /* in time: nothing was lost */
    assert_true(wait_until(probe_is_done, &c, SOON));
    assert_int_equal(c.rc, ZOK);
    assert_int_equal(proxy_accepted(f->proxy), 1);
}

static void black_hole_is_noticed_by_the_client(void **state)
{
    struct fixture *f = *state;
    int64_t id = probe_session(f->probe);
    int64_t start = now_ns();

    proxy_set_mode(f->proxy, PROXY_BLACKHOLE);
    assert_true(probe_wait_disconnected(f->probe, SOON));
    assert_true(now_ns() - start > SESSION_MS / 3 * 1000000LL);
    assert_true(proxy_wait_accepted(f->proxy, 2, SOON)); /* and not answered */
    assert_false(probe_connected(f->probe));
    proxy_set_mode(f->proxy, PROXY_PASS);
    assert_true(probe_wait_connected(f->probe, SOON));
    assert_true(probe_session(f->probe) == id);
}

static void black_hole_to_server(void **state)
{
    struct fixture *f = *state;

    proxy_set_mode(f->proxy, PROXY_BLACKHOLE_TO_SERVER);
    assert_int_equal(create(f), ZOPERATIONTIMEOUT);
    assert_false(probe_exists(fixture_direct, f->path));
}

static void black_hole_to_client(void **state)
{
    struct fixture *f = *state;

    proxy_set_mode(f->proxy, PROXY_BLACKHOLE_TO_CLIENT);
    assert_int_equal(create(f), ZOPERATIONTIMEOUT);
    assert_true(probe_exists(fixture_direct, f->path));
}

static void new_connections_are_refused(void **state)
{
    struct fixture *f = *state;

    proxy_refuse(f->proxy, true);
    assert_int_equal(create(f), ZOK); /* the open one goes on */
    int fd = port_connect(proxy_address(f->proxy));
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof(error);
    if (fd >= 0) {
        assert_int_equal(poll(&p, 1, 5000), 1);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        close(fd);
    } else {
        error = errno;
    }
    assert_int_equal(error, ECONNREFUSED);
    proxy_reset_all(f->proxy);
    assert_true(probe_wait_disconnected(f->probe, SOON));
    assert_int_equal(proxy_accepted(f->proxy), 1);
    proxy_refuse(f->proxy, false); /* the port is still its own */
    assert_true(probe_wait_connected(f->probe, SOON));
}

static void new_connections_are_ignored(void **state)
{
    struct fixture *f = *state;

    proxy_set_mode(f->proxy, PROXY_IGNORE_NEW);
    assert_int_equal(create(f), ZOK);
    proxy_reset_all(f->proxy);
    assert_true(proxy_wait_accepted(f->proxy, 2, SOON));
    assert_true(proxy_wait_requests(f->proxy, PROXY_CONNECT, 2, SOON));
    assert_true(probe_wait_disconnected(f->probe, SOON));
    assert_false(probe_wait_connected(f->probe, SHORTLY));
    assert_int_equal(proxy_replies(f->proxy, PROXY_CONNECT), 1);
    proxy_set_mode(f->proxy, PROXY_PASS);
    assert_true(probe_wait_connected(f->probe, SOON));
}

/* The server learns of an end when it next reads. */
static bool server_has(void *arg)
{
    return server_connections(fixture_servers, 0) == *(const int *)arg;
}

static void resets_reach_both_ends(void **state)
{
    struct fixture *f = *state;
    int both = 2, one = 1;

    assert_true(wait_until(server_has, &both, SOON));
    proxy_refuse(f->proxy, true);
    proxy_reset_all(f->proxy);
    assert_int_equal(proxy_open(f->proxy), 0);
    assert_true(probe_wait_disconnected(f->probe, SOON));
    assert_true(wait_until(server_has, &one, SOON));
    proxy_refuse(f->proxy, false);
    assert_true(probe_wait_connected(f->probe, SOON));
}

static void delays_add_up_and_keep_order(void **state)
{
    struct fixture *f = *state;
    static const char below[] = "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h/i/j";
    struct probe_later c[20];
    char path[128];
    int64_t start = now_ns();

    proxy_set_delay(f->proxy, 60, 40);
    for (int i = 0; i < 20; i++) { /* each is the parent of the next */
        snprintf(path, sizeof(path), "%s%.*s", f->path, 2 * i, below);
        assert_int_equal(probe_create_later(f->probe, path, &c[i]), ZOK);
    }
    for (int i = 0; i < 20; i++) {
        assert_true(wait_until(probe_is_done, &c[i], SOON));
        assert_int_equal(c[i].rc, ZOK);
    }
    assert_true(now_ns() - start >= 100 * 1000000LL);
    assert_true(now_ns() - start < 20 * 100 * 1000000LL); /* side by side */
    proxy_set_delay(f->proxy, 0, 0);
    probe_delete_tree(fixture_direct, f->path);
}

static void dead_targets_and_new_ones(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    char nobody[32];
    int fd = port_reserve(&port);

    snprintf(nobody, sizeof(nobody), "127.0.0.1:%u", port);
    proxy_set_target(f->proxy, nobody);
    proxy_reset_all(f->proxy);
    assert_true(probe_wait_disconnected(f->probe, SOON));
    assert_true(proxy_wait_accepted(f->proxy, 3, SOON)); /* tries again and again */
    assert_false(probe_connected(f->probe));
    proxy_set_target(f->proxy, server_address(fixture_servers, 0));
    assert_true(probe_wait_connected(f->probe, SOON));
    close(fd);
}

/* More than the proxy keeps, and more than a socket buffer takes. */
static void large_amounts_pass(void **state)
{
    static char data[900000], got[sizeof(data)];
    struct fixture *f = *state;

    memset(data, 'x', sizeof(data) - 1);
    assert_int_equal(probe_create(f->probe, f->path, data, 0, NULL, 0), ZOK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(probe_get(f->probe, f->path, got, sizeof(got)), ZOK);
        assert_true(memcmp(data, got, sizeof(data)) == 0);
    }
}

static void four_letter_words_pass(void **state)
{
    struct fixture *f = *state;
    int fd = port_connect(proxy_address(f->proxy));
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    char answer[5] = "";

    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(send(fd, "ruok", 4, 0), 4);
    p.events = POLLIN;
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(recv(fd, answer, 4, 0), 4);
    assert_string_equal(answer, "imok");
    close(fd);
}

/* ---- life ---- */

static void proxies_leave_nothing(void **state)
{
    int fds = count_fds(), threads = count_threads();
    struct proxy *p[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        p[i] = proxy_start(server_address(fixture_servers, 0));
        struct probe *probe = probe_open(proxy_address(p[i]), 4000);
        assert_non_null(probe);
        proxy_set_mode(p[i], i == 0 ? PROXY_BLACKHOLE : PROXY_PASS);
        if (i == 0)
            proxy_reset_all(p[i]);
        probe_close(probe);
    }
    assert_int_equal(count_threads(), threads + 1);
    for (int i = 0; i < 3; i++)
        proxy_stop(p[i]);
    assert_int_equal(count_threads(), threads);
    assert_int_equal(count_fds(), fds);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(black_hole_both_ways, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(black_hole_is_noticed_by_the_client, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(black_hole_to_server, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(black_hole_to_client, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(new_connections_are_refused, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(new_connections_are_ignored, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(resets_reach_both_ends, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(delays_add_up_and_keep_order, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(dead_targets_and_new_ones, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(large_amounts_pass, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(four_letter_words_pass, fixture_set_up, fixture_tear_down),
        cmocka_unit_test(proxies_leave_nothing),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
