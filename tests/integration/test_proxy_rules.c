/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: a single request is applied or not, answered or not, as the rule says. */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED
#endif
#include "proxy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

static int create(struct fixture *f)
{
    return probe_create(f->probe, f->path, NULL, 0, NULL, 0);
}

/* ---- rules ---- */

static void reset_before_is_never_applied(void **state)
{
    struct fixture *f = *state;
    int rule = proxy_on(f->proxy, PROXY_CREATE, 1, PROXY_RESET_BEFORE);

    assert_int_equal(create(f), ZCONNECTIONLOSS);
    assert_true(proxy_wait_fired(f->proxy, rule, SOON));
    assert_true(probe_wait_connected(f->probe, SOON));
    assert_false(probe_exists(fixture_direct, f->path));
    assert_int_equal(proxy_requests(f->proxy, PROXY_CREATE), 1);
    assert_int_equal(proxy_replies(f->proxy, PROXY_CREATE), 0);
    assert_int_equal(create(f), ZOK); /* once only */
}

static void reset_after_is_applied(void **state)
{
    struct fixture *f = *state;
    int rule = proxy_on(f->proxy, PROXY_ANY_CREATE, 1, PROXY_RESET_AFTER);

    assert_int_equal(create(f), ZCONNECTIONLOSS);
    assert_int_equal(proxy_fired(f->proxy, rule), 1);
    assert_true(probe_exists(fixture_direct, f->path));
    assert_int_equal(proxy_replies(f->proxy, PROXY_CREATE), 1);
    assert_true(probe_wait_connected(f->probe, SOON));
    assert_int_equal(create(f), ZNODEEXISTS);
}

static void silence_before_is_never_applied(void **state)
{
    struct fixture *f = *state;

    proxy_on(f->proxy, PROXY_CREATE, 1, PROXY_SILENCE_BEFORE);
    assert_int_equal(create(f), ZOPERATIONTIMEOUT);
    assert_false(probe_exists(fixture_direct, f->path));
    assert_true(probe_wait_connected(f->probe, SOON)); /* by a new connection */
    assert_int_equal(proxy_accepted(f->proxy), 2);
}

static void silence_after_is_applied(void **state)
{
    struct fixture *f = *state;

    proxy_on(f->proxy, PROXY_CREATE, 1, PROXY_SILENCE_AFTER);
    assert_int_equal(create(f), ZOPERATIONTIMEOUT);
    assert_true(probe_exists(fixture_direct, f->path));
}

static void held_reply_comes_when_released(void **state)
{
    struct fixture *f = *state;
    int rule = proxy_on(f->proxy, PROXY_CREATE, 1, PROXY_HOLD_REPLY);
    struct probe_later c;

    assert_int_equal(probe_create_later(f->probe, f->path, &c), ZOK);
    assert_true(proxy_wait_fired(f->proxy, rule, SOON));
    assert_true(probe_exists(fixture_direct, f->path));
    assert_true(holds_until(probe_is_pending, &c, SHORTLY));
    proxy_release(f->proxy);
    assert_true(wait_until(probe_is_done, &c, SOON));
    assert_int_equal(c.rc, ZOK);
}

static void held_request_goes_when_released(void **state)
{
    struct fixture *f = *state;
    int rule = proxy_on(f->proxy, PROXY_CREATE, 1, PROXY_HOLD_REQUEST);
    struct probe_later c;

    assert_int_equal(probe_create_later(f->probe, f->path, &c), ZOK);
    assert_true(proxy_wait_fired(f->proxy, rule, SOON));
    assert_true(holds_until(probe_is_pending, &c, SHORTLY));
    assert_false(probe_exists(fixture_direct, f->path));
    proxy_release(f->proxy);
    assert_true(wait_until(probe_is_done, &c, SOON));
    assert_true(probe_exists(fixture_direct, f->path));
}

/* Deletes the node that was just created, before the creator learns of it. */
static void delete_it(struct proxy *p, void *arg)
{
    (void)p;
    probe_delete(fixture_direct, arg);
}

static void refuse_all(struct proxy *p, void *arg)
{
    (void)arg;
    proxy_refuse(p, true);
    proxy_reset_all(p);
}

static void callbacks_run_at_the_right_moment(void **state)
{
    struct fixture *f = *state;

    proxy_add(f->proxy, (struct proxy_rule){.op = PROXY_CREATE,
                                            .action = PROXY_CALL_AFTER,
                                            .call = delete_it,
                                            .arg = f->path});
    assert_int_equal(create(f), ZOK);
    assert_false(probe_exists(fixture_direct, f->path));

    proxy_add(f->proxy, (struct proxy_rule){
                            .op = PROXY_EXISTS, .action = PROXY_CALL_BEFORE, .call = refuse_all});
    assert_false(probe_exists(f->probe, "/"));
    assert_true(probe_wait_disconnected(f->probe, SOON));
    proxy_refuse(f->proxy, false);
    assert_true(probe_wait_connected(f->probe, SOON));
}

static void rules_count_and_choose(void **state)
{
    struct fixture *f = *state;
    int second = proxy_on(f->proxy, PROXY_EXISTS, 2, PROXY_RESET_BEFORE);
    int named = proxy_add(f->proxy, (struct proxy_rule){.op = PROXY_EXISTS,
                                                        .containing = "/zookeeper/quota",
                                                        .times = 2,
                                                        .action = PROXY_RESET_BEFORE});

    assert_true(probe_exists(f->probe, "/"));
    assert_false(probe_exists(f->probe, "/"));
    assert_true(probe_exists(f->probe, "/"));
    assert_int_equal(proxy_fired(f->proxy, named), 0);
    assert_false(probe_exists(f->probe, "/zookeeper/quota"));
    assert_false(probe_exists(f->probe, "/zookeeper/quota"));
    assert_true(probe_exists(f->probe, "/zookeeper/quota"));
    assert_int_equal(proxy_fired(f->proxy, second), 1);
    assert_int_equal(proxy_fired(f->proxy, named), 2);
    assert_int_equal(proxy_requests(f->proxy, PROXY_EXISTS), 6);
    assert_int_equal(proxy_requests(f->proxy, PROXY_ANY), 6);
    assert_int_equal(proxy_requests(f->proxy, PROXY_CONNECT), 4);
}

static void cleared_rules_do_nothing(void **state)
{
    struct fixture *f = *state;

    proxy_on(f->proxy, PROXY_ANY, 1, PROXY_RESET_BEFORE);
    proxy_clear_rules(f->proxy);
    assert_int_equal(create(f), ZOK);
}

/* What was sent in front of the request that is cut still counts. */
/* A server that sees the client's next connection first ends the old one with the request unread:
 * none is let through before. */
static void requests_before_are_forwarded(void **state)
{
    struct fixture *f = *state;
    char second[80];
    struct probe_later c1, c2;

    snprintf(second, sizeof(second), "%s-second", f->path);
    proxy_on(f->proxy, PROXY_CREATE, 2, PROXY_RESET_BEFORE);
    proxy_refuse(f->proxy, true);
    assert_int_equal(probe_create_later(f->probe, f->path, &c1), ZOK);
    assert_int_equal(probe_create_later(f->probe, second, &c2), ZOK);
    assert_true(wait_until(probe_is_done, &c1, SOON));
    assert_true(wait_until(probe_is_done, &c2, SOON));
    assert_int_equal(c2.rc, ZCONNECTIONLOSS);
    assert_true(probe_wait_exists(fixture_direct, f->path, SOON));
    assert_false(probe_exists(fixture_direct, second));
    proxy_refuse(f->proxy, false);
}

static void refused_handshakes_and_lost_ones(void **state)
{
    struct fixture *f = *state;
    int refused = proxy_on(f->proxy, PROXY_CONNECT, 1, PROXY_RESET_BEFORE);
    int lost = proxy_on(f->proxy, PROXY_CONNECT, 2, PROXY_RESET_AFTER);

    proxy_reset_all(f->proxy);
    assert_true(proxy_wait_fired(f->proxy, refused, SOON));
    assert_true(proxy_wait_fired(f->proxy, lost, SOON));
    assert_true(probe_wait_connected(f->probe, SOON));
    assert_int_equal(create(f), ZOK);
}

/* ---- operations ---- */

static void operations_are_told_apart(void **state)
{
    struct fixture *f = *state;
    char data[8], made[80];
    struct probe_list list;
    zoo_op_t ops[1];
    zoo_op_result_t results[1];

    assert_int_equal(zoo_create2(probe_handle(f->probe), f->path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0,
                                 made, sizeof(made), NULL),
                     ZOK);
    assert_int_equal(probe_set(f->probe, f->path, "x"), ZOK);
    assert_int_equal(probe_get(f->probe, f->path, data, sizeof(data)), ZOK);
    assert_string_equal(data, "x");
    assert_int_equal(probe_children(f->probe, f->path, &list), ZOK);
    probe_list_free(&list);
    assert_int_equal(probe_sync(f->probe, f->path), ZOK);
    zoo_check_op_init(&ops[0], f->path, -1);
    assert_int_equal(zoo_multi(probe_handle(f->probe), 1, ops, results), ZOK);
    assert_int_equal(probe_delete(f->probe, f->path), ZOK);

    static const enum proxy_op each[] = {PROXY_CREATE2,      PROXY_SET_DATA, PROXY_GET_DATA,
                                         PROXY_GET_CHILDREN, PROXY_SYNC,     PROXY_MULTI,
                                         PROXY_DELETE,       PROXY_CONNECT};
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        assert_int_equal(proxy_requests(f->proxy, each[i]), 1);
        assert_int_equal(proxy_replies(f->proxy, each[i]), 1);
    }
    assert_int_equal(proxy_requests(f->proxy, PROXY_ANY), 7);
    proxy_reset_counters(f->proxy);
    assert_int_equal(proxy_requests(f->proxy, PROXY_ANY), 0);
    assert_true(proxy_wait_requests(f->proxy, PROXY_PING, 1, SOON));
    assert_true(proxy_wait_replies(f->proxy, PROXY_PING, 1, SOON));
}

static void ignore_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)type;
    (void)state;
    (void)path;
    (void)context;
}

static void watches_are_seen(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(zoo_wexists(probe_handle(f->probe), f->path, ignore_event, NULL, NULL),
                     ZNONODE);
    assert_int_equal(server_watchers(fixture_servers, 0, f->path), 1);
    assert_int_equal(server_watches(fixture_servers, 0), 1);
    proxy_reset_all(f->proxy);
    assert_true(proxy_wait_replies(f->proxy, PROXY_SET_WATCHES, 1, SOON));
    assert_int_equal(probe_create(fixture_direct, f->path, NULL, 0, NULL, 0), ZOK);
    assert_true(proxy_wait_replies(f->proxy, PROXY_NOTIFICATION, 1, SOON));
    assert_int_equal(server_watchers(fixture_servers, 0, f->path), 0);
}

static void sessions_are_learnt_and_can_be_ended(void **state)
{
    struct fixture *f = *state;
    struct proxy_session s;

    assert_true(proxy_last_session(f->proxy, &s));
    assert_true(s.id == probe_session(f->probe));
    assert_int_equal(s.timeout_ms, SESSION_MS);
    assert_true(server_knows_session(fixture_servers, 0, s.id));
    assert_int_equal(probe_create(f->probe, f->path, NULL, ZOO_EPHEMERAL, NULL, 0), ZOK);
    assert_int_equal(server_ephemerals(fixture_servers, 0, s.id), 1);

    assert_true(probe_expire(server_address(fixture_servers, 0), s.id, s.password));
    assert_false(server_knows_session(fixture_servers, 0, s.id));
    assert_false(probe_exists(fixture_direct, f->path));
    assert_true(probe_wait_expired(f->probe, SOON));
}

static void closing_is_seen(void **state)
{
    struct fixture *f = *state;
    struct probe *p = probe_open(proxy_address(f->proxy), SESSION_MS);

    assert_non_null(p);
    assert_int_equal(proxy_open(f->proxy), 2);
    assert_int_equal(server_connections(fixture_servers, 0), 3);
    probe_close(p);
    assert_true(proxy_wait_replies(f->proxy, PROXY_CLOSE, 1, SOON));
    assert_true(proxy_wait_open(f->proxy, 1, SOON));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_before_is_never_applied, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(reset_after_is_applied, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(silence_before_is_never_applied, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(silence_after_is_applied, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(held_reply_comes_when_released, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(held_request_goes_when_released, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(callbacks_run_at_the_right_moment, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(rules_count_and_choose, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(cleared_rules_do_nothing, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(requests_before_are_forwarded, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(refused_handshakes_and_lost_ones, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(operations_are_told_apart, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(watches_are_seen, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(sessions_are_learnt_and_can_be_ended, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(closing_is_seen, fixture_set_up, fixture_tear_down),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
