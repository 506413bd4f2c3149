/*
 * The lease arithmetic: what counts as contact, what as proof, and until when it carries.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#define T 960000 /* divisible by all that the lease divides by */
#define GAP (T / 3)
#define END(touch) ((touch) + T - T / 100)

static struct lease opened(int64_t at)
{
    struct lease lease;

    lease_close(&lease);
    lease_open(&lease, T, at);
    return lease;
}

static void prove(struct lease *lease, int64_t at)
{
    lease_prove(lease, at, at);
}

static void beat(struct lease *lease, int64_t at)
{
    lease_touch(lease, at, at);
    lease_prove(lease, at, at);
}

static void without_a_session_there_is_no_lease(void **state)
{
    struct lease lease;

    (void)state;
    lease_close(&lease);
    assert_true(lease_end(&lease) == LEASE_NONE);
    assert_false(lease_grantable(&lease, 0));
    beat(&lease, 100);
    assert_true(lease_end(&lease) == LEASE_NONE);
}

static void creating_the_session_is_a_proof_of_its_own(void **state)
{
    struct lease lease = opened(1000);

    (void)state;
    assert_int_equal(lease_end(&lease), END(1000));
    assert_true(lease_grantable(&lease, 1000));
}

static void a_write_alone_proves_no_touch_of_its_own(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    beat(&lease, T / 2);
    assert_int_equal(lease_end(&lease), END(0));
}

static void a_later_write_proves_the_earlier_touch(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    beat(&lease, T / 2);
    beat(&lease, T / 2 + GAP);
    assert_int_equal(lease_end(&lease), END(T / 2));
}

static void a_write_too_soon_after_the_touch_proves_nothing(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    beat(&lease, T / 2);
    beat(&lease, T / 2 + GAP - 1);
    assert_int_equal(lease_end(&lease), END(0));
}

static void the_end_counts_from_sending_the_gap_from_the_answer(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    /* delayed on its way: it may have reached the server together with a write sent now */
    lease_touch(&lease, T / 10, T / 10 + GAP);
    beat(&lease, T / 10 + GAP);
    assert_int_equal(lease_end(&lease), END(0));
    beat(&lease, T / 10 + 2 * GAP);
    assert_int_equal(lease_end(&lease), END(T / 10 + GAP));
    lease = opened(0);
    lease_touch(&lease, T / 10, T / 10 + GAP);
    prove(&lease, T / 10 + 2 * GAP);
    assert_int_equal(lease_end(&lease), END(T / 10));
}

static void reads_touch_but_do_not_prove(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    for (int64_t at = T / 4; at < 4 * T; at += T / 4)
        lease_touch(&lease, at, at);
    assert_int_equal(lease_end(&lease), END(0));
    prove(&lease, 4 * T);
    assert_int_equal(lease_end(&lease), END(4 * T - T / 2)); /* the newest touch before the gap */
}

/* As of a leader that was stopped and answers before it expires the session. */
static void a_late_answer_to_an_idle_session_is_no_proof(void **state)
{
    struct lease lease = opened(0);
    int64_t sent = 3 * T, late = sent + T / 32 + 1;

    (void)state;
    for (int64_t at = T / 4; at < sent; at += T / 4)
        lease_touch(&lease, at, at);
    lease_prove(&lease, sent, late);
    assert_int_equal(lease_end(&lease), END(0));
    lease_prove(&lease, late, late + T / 8); /* the one before vouched for the leader */
    assert_true(lease_end(&lease) >= END(sent - T / 2));
    lease = opened(0);
    lease_touch(&lease, T / 4, T / 4);
    lease_prove(&lease, T * 3 / 4, T * 7 / 8); /* late, but within the lease */
    assert_int_equal(lease_end(&lease), END(T / 4));
    lease = opened(0);
    lease_touch(&lease, 2 * T, 2 * T);
    lease_prove(&lease, sent, sent + T / 32); /* prompt */
    assert_int_equal(lease_end(&lease), END(2 * T));
}

static void a_proof_never_takes_anything_back(void **state)
{
    struct lease lease = opened(0);
    int64_t end;

    (void)state;
    beat(&lease, T / 2);
    beat(&lease, T);
    end = lease_end(&lease);
    prove(&lease, T / 2 + 1); /* an answer that comes out of order */
    assert_int_equal(lease_end(&lease), end);
}

static void a_shorter_timeout_counts_at_once_a_longer_one_never(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_narrow(&lease, T / 2);
    assert_int_equal(lease_end(&lease), T / 2 - T / 200);
    lease_narrow(&lease, T * 2);
    assert_int_equal(lease_end(&lease), T / 2 - T / 200);
}

static void steady_beats_keep_two_fifths_at_least(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    for (int64_t at = T / 5; at < 100 * T; at += T / 5) {
        /* just before the answer to this one, the lease must still carry */
        assert_true(lease_end(&lease) - at >= T * 2 / 5 - T / 100);
        beat(&lease, at);
    }
}

static void a_flood_of_requests_does_not_push_the_old_touches_out(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    for (int64_t at = 1; at < 10 * T; at += T / 1000)
        beat(&lease, at);
    assert_true(lease_end(&lease) >= END(10 * T - GAP - T / 32 - T / 500));
}

static void idle_reads_leave_enough_for_a_grant(void **state)
{
    struct lease lease = opened(0);
    int64_t now;

    (void)state;
    for (int64_t at = T / 4; at <= 10 * T; at += T / 4)
        lease_touch(&lease, at, at);
    for (now = 10 * T; now < 10 * T + T / 4; now += T / 50) {
        struct lease copy = lease;
        beat(&copy, now);
        assert_true(lease_grantable(&copy, now));
    }
}

static void after_a_long_pause_one_write_is_not_enough(void **state)
{
    struct lease lease = opened(0);
    int64_t later = 10 * T, proof;

    (void)state;
    beat(&lease, later);
    assert_false(lease_grantable(&lease, later));
    proof = lease_next_proof(&lease, later);
    assert_int_equal(proof, later + GAP);
    beat(&lease, proof);
    assert_true(lease_grantable(&lease, proof));
}

static void next_proof_is_now_when_an_old_touch_will_do(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_touch(&lease, T, T);
    assert_int_equal(lease_next_proof(&lease, T + GAP + 1), T + GAP + 1);
    assert_int_equal(lease_next_proof(&lease, T + 1), T + GAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_session_there_is_no_lease),
        cmocka_unit_test(creating_the_session_is_a_proof_of_its_own),
        cmocka_unit_test(a_write_alone_proves_no_touch_of_its_own),
        cmocka_unit_test(a_later_write_proves_the_earlier_touch),
        cmocka_unit_test(a_write_too_soon_after_the_touch_proves_nothing),
        cmocka_unit_test(the_end_counts_from_sending_the_gap_from_the_answer),
        cmocka_unit_test(reads_touch_but_do_not_prove),
        cmocka_unit_test(a_late_answer_to_an_idle_session_is_no_proof),
        cmocka_unit_test(a_proof_never_takes_anything_back),
        cmocka_unit_test(a_shorter_timeout_counts_at_once_a_longer_one_never),
        cmocka_unit_test(steady_beats_keep_two_fifths_at_least),
        cmocka_unit_test(a_flood_of_requests_does_not_push_the_old_touches_out),
        cmocka_unit_test(idle_reads_leave_enough_for_a_grant),
        cmocka_unit_test(after_a_long_pause_one_write_is_not_enough),
        cmocka_unit_test(next_proof_is_now_when_an_old_touch_will_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
