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
#define STEP (T / 32)
#define END(touch) ((touch) + T - T / 100)

static struct lease opened(int64_t at)
{
    struct lease lease;

    lease_close(&lease);
    lease_open(&lease, T, at);
    return lease;
}

/* A sync that is answered at once. */
static void mark(struct lease *lease, int64_t at)
{
    lease_touch(lease, at, at);
    lease_mark(lease, at, at);
}

/* A write that is answered at once. */
static void beat(struct lease *lease, int64_t at)
{
    mark(lease, at);
    lease_prove(lease, at);
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

/* It may have overtaken the ping, where only the way from the leader to the server is stalled. */
static void one_later_write_is_not_enough(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    beat(&lease, T / 2);
    beat(&lease, T / 2 + GAP);
    assert_int_equal(lease_end(&lease), END(0));
}

static void two_later_writes_prove_the_earlier_touch(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    beat(&lease, T / 2);
    beat(&lease, T / 2 + GAP);
    beat(&lease, T / 2 + GAP + STEP);
    assert_int_equal(lease_end(&lease), END(T / 2));
}

static void the_first_of_them_may_be_a_sync_the_second_not(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    beat(&lease, T / 2);
    mark(&lease, T / 2 + GAP);
    mark(&lease, T / 2 + GAP + STEP);
    assert_int_equal(lease_end(&lease), END(0));
    beat(&lease, T / 2 + GAP + STEP);
    assert_int_equal(lease_end(&lease), END(T / 2));
}

static void the_first_of_them_too_soon_after_the_touch_shows_nothing(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    beat(&lease, T / 2);
    beat(&lease, T / 2 + GAP - 1);
    beat(&lease, T / 2 + GAP - 1 + STEP);
    assert_int_equal(lease_end(&lease), END(0));
}

/* A leader that goes on after a stop may answer a moment before it pings. */
static void the_second_too_soon_after_the_first_proves_nothing(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_touch(&lease, T / 4, T / 4);
    lease_mark(&lease, T / 4 + GAP, T / 4 + 2 * GAP); /* its answer counts, not its sending */
    lease_prove(&lease, T / 4 + GAP + STEP);
    lease_prove(&lease, T / 4 + 2 * GAP + STEP - 1);
    assert_int_equal(lease_end(&lease), END(0));
    lease_prove(&lease, T / 4 + 2 * GAP + STEP);
    assert_int_equal(lease_end(&lease), END(T / 4));
}

static void the_end_counts_from_sending_the_gap_from_the_answer(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    /* delayed on its way: it may have reached the server together with a write sent now */
    lease_touch(&lease, T / 10, T / 10 + GAP);
    beat(&lease, T / 10 + GAP);
    lease_prove(&lease, T / 10 + GAP + STEP);
    assert_int_equal(lease_end(&lease), END(0));
    lease_mark(&lease, T / 10 + 2 * GAP, T / 10 + 2 * GAP);
    lease_prove(&lease, T / 10 + 2 * GAP + STEP);
    assert_int_equal(lease_end(&lease), END(T / 10 + GAP));
    lease = opened(0);
    lease_touch(&lease, T / 10, T / 10 + GAP);
    lease_mark(&lease, T / 10 + 2 * GAP, T / 10 + 2 * GAP);
    lease_prove(&lease, T / 10 + 2 * GAP + STEP);
    assert_int_equal(lease_end(&lease), END(T / 10));
}

static void reads_touch_but_do_not_prove(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    for (int64_t at = T / 4; at < 4 * T; at += T / 4)
        lease_touch(&lease, at, at);
    assert_int_equal(lease_end(&lease), END(0));
    lease_mark(&lease, 4 * T, 4 * T);
    lease_prove(&lease, 4 * T + STEP);
    assert_int_equal(lease_end(&lease), END(4 * T - T / 2)); /* the newest touch before the gap */
}

static void a_proof_never_takes_anything_back(void **state)
{
    struct lease lease = opened(0);
    int64_t end;

    (void)state;
    beat(&lease, T / 2);
    beat(&lease, T);
    beat(&lease, T * 3 / 2);
    end = lease_end(&lease);
    assert_int_equal(end, END(T / 2));
    lease_mark(&lease, T / 2 + 1, T / 2 + 1); /* answers that come out of order */
    lease_prove(&lease, T / 2 + 1);
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

static void steady_beats_keep_a_third_at_least(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    for (int64_t at = T / 8; at < 100 * T; at += T / 8) {
        /* just before the answer to this one, the lease must still carry */
        assert_true(lease_end(&lease) - at >= T * 3 / 8 - T / 100);
        beat(&lease, at);
    }
}

static void a_flood_of_requests_does_not_push_the_old_touches_out(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    for (int64_t at = 1; at < 10 * T; at += T / 1000)
        beat(&lease, at);
    assert_true(lease_end(&lease) >= END(10 * T - GAP - 2 * STEP - T / 250));
}

static void idle_syncs_leave_enough_for_a_grant(void **state)
{
    struct lease lease = opened(0);
    int64_t now;

    (void)state;
    for (int64_t at = T / 5; at <= 10 * T; at += T / 5)
        mark(&lease, at);
    for (now = 10 * T; now < 10 * T + T / 5; now += T / 50) {
        struct lease copy = lease;
        beat(&copy, now);
        assert_true(lease_grantable(&copy, now));
        assert_true(lease_end(&copy) - now >= T * 2 / 5 - T / 100 - STEP);
    }
}

static void after_a_long_pause_a_write_or_two_are_not_enough(void **state)
{
    struct lease lease = opened(0);
    int64_t later = 10 * T, next;

    (void)state;
    beat(&lease, later);
    assert_false(lease_grantable(&lease, later));
    next = lease_next_proof(&lease, later);
    beat(&lease, later + T / 8); /* as while anything is waited for */
    assert_int_equal(next, later + GAP);
    beat(&lease, next);
    assert_false(lease_grantable(&lease, next));
    assert_int_equal(lease_next_proof(&lease, next), next + STEP);
    next += STEP;
    beat(&lease, next);
    assert_true(lease_grantable(&lease, next));
}

static void next_proof_is_now_when_an_old_touch_will_do(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_touch(&lease, T, T);
    assert_int_equal(lease_next_proof(&lease, T + GAP + 1), T + GAP + 1);
    assert_int_equal(lease_next_proof(&lease, T + 1), T + GAP);
    lease_mark(&lease, T + GAP, T + GAP);
    assert_int_equal(lease_next_proof(&lease, T + GAP), T + GAP + STEP);
}

static void the_next_gain_is_a_mark_then_a_proof(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    assert_true(lease_next_gain(&lease) == INT64_MAX);
    lease_touch(&lease, T / 4, T / 4);
    assert_int_equal(lease_next_gain(&lease), T / 4 + GAP);
    lease_mark(&lease, T / 4 + GAP, T / 4 + GAP);
    assert_int_equal(lease_next_gain(&lease), T / 4 + GAP + STEP);
    lease_prove(&lease, T / 4 + GAP + STEP);
    assert_true(lease_next_gain(&lease) == INT64_MAX);
}

/* ---- reconnections ---- */

/* What counts of a reconnection that was asked for and seen at these times, once a write is
 * answered that was sent at that time. The lease from before goes until END(0). */
static const struct reconnection {
    int64_t asked, seen, written;
    int64_t proven;
} reconnections[] = {
    {T / 4, T / 3, T / 3, T / 4},                 /* at once: no gap, no step */
    {T / 4, T / 3, T * 5 / 3, T / 4},             /* however late */
    {T / 4, T / 3, T / 3 - 1, 0},                 /* sent on the connection before */
    {T / 4, END(0) - 1, END(0) - 1, T / 4},       /* the old lease stands */
    {T / 4, END(0), END(0), 0},                   /* it has ended */
    {T / 4, END(0), END(0) + 2 * STEP, 0},        /* nor later */
    {T * 3 / 4, T * 3 / 4, T * 3 / 4, T * 3 / 4}, /* we had left the old server ourselves */
    {0, T / 3, T / 3, 0},                         /* nothing was answered since the creation */
};

static void a_reconnection_and_a_write_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reconnections / sizeof reconnections[0]; i++) {
        const struct reconnection *at = &reconnections[i];
        struct lease lease = opened(0);
        lease_reconnected(&lease, at->asked, at->seen);
        assert_int_equal(lease_end(&lease), END(0));
        lease_prove(&lease, at->written);
        assert_int_equal(lease_end(&lease), END(at->proven));
    }
}

/* Its leader may not have been the same. */
static void a_write_of_the_next_connection_does_not_prove_the_one_before(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_reconnected(&lease, T / 4, T / 3);
    lease_reconnected(&lease, T / 4, END(0));
    lease_prove(&lease, END(0) + STEP);
    assert_int_equal(lease_end(&lease), END(0));
}

static void the_next_connection_takes_the_place_of_the_one_before(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_reconnected(&lease, T / 4, T / 3);
    lease_reconnected(&lease, T / 2, T / 2);
    lease_prove(&lease, T / 2);
    assert_int_equal(lease_end(&lease), END(T / 2));
}

/* The leader's own touch at the reconnection may have come when the session was being ended. */
static void what_was_marked_before_waits_a_step_after_a_reconnection(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_touch(&lease, T / 2, T / 2);
    lease_mark(&lease, T / 2 + GAP, T / 2 + GAP);
    lease_reconnected(&lease, T / 2, END(0));
    lease_prove(&lease, END(0) + STEP - 1);
    assert_int_equal(lease_end(&lease), END(0));
    lease_prove(&lease, END(0) + STEP);
    assert_int_equal(lease_end(&lease), END(T / 2));
}

static void a_shorter_timeout_of_the_new_server_ends_the_old_lease(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_narrow(&lease, T / 2);
    lease_reconnected(&lease, T / 4, T / 2);
    lease_prove(&lease, T / 2);
    assert_int_equal(lease_end(&lease), T / 2 - T / 200);
}

static void a_new_session_owes_nothing_to_a_reconnection_of_the_old(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_reconnected(&lease, T / 4, T / 3);
    lease_close(&lease);
    lease_prove(&lease, T / 2);
    assert_true(lease_end(&lease) == LEASE_NONE);
    lease_open(&lease, T, 0);
    lease_prove(&lease, T / 2);
    assert_int_equal(lease_end(&lease), END(0));
}

static void a_reconnection_is_worth_a_write_at_once(void **state)
{
    struct lease lease = opened(0);

    (void)state;
    lease_reconnected(&lease, T / 4, T / 3);
    assert_int_equal(lease_next_gain(&lease), T / 3);
    assert_int_equal(lease_next_proof(&lease, T / 2), T / 2);
    lease_prove(&lease, T / 2);
    assert_true(lease_next_gain(&lease) == INT64_MAX);
    assert_int_equal(lease_next_proof(&lease, T / 2), T / 2 + GAP);
    lease = opened(0);
    lease_reconnected(&lease, T / 4, T - T / 32);
    assert_int_equal(lease_next_proof(&lease, T), T + GAP); /* too little would be left */
}

/* ---- who is granted keeps it ---- */

/* A write whose answer comes so much later; until then the lease must carry, where it must. */
static int64_t write_at(struct lease *lease, int64_t at, int64_t way, bool held)
{
    int64_t answered = at + way;

    assert_true(!held || answered < lease_end(lease));
    lease_touch(lease, at, answered);
    lease_mark(lease, at, answered);
    lease_prove(lease, at);
    return answered;
}

/* As an acquire does: one write after the other, when the next can help or a beat is due. Returns
 * when it is granted. */
static int64_t granted_at(struct lease *lease, int64_t now, int64_t way)
{
    for (int i = 0; !lease_grantable(lease, now); i++) {
        int64_t next = lease_next_proof(lease, now), beat = now - way + T / 8;
        assert_true(i < 10);
        now = write_at(lease, next < beat ? next : beat, way, false);
    }
    return now;
}

/* Every eighth, or when the next can help and little is left. */
static void keeps_what_it_holds(struct lease *lease, int64_t now, int64_t way)
{
    int64_t end = now + 4 * T, beaten = now;

    while (now < end) {
        int64_t due = beaten + T / 8, gain = lease_next_gain(lease);
        if (gain > beaten && gain < due && lease_end(lease) - gain < T / 3)
            due = gain;
        beaten = due > now ? due : now;
        now = write_at(lease, beaten, way, true);
    }
}

/* However long the servers took to make the session: never a grant that is lost again. */
static void a_session_made_late_is_granted_what_it_can_keep(void **state)
{
    (void)state;
    for (int64_t made = 0; made < 2 * T; made += T / 64) {
        for (int64_t way = 0; way <= T / 16; way += T / 64) {
            struct lease lease = opened(0);
            int64_t created = write_at(&lease, made, way, false), now;
            now = granted_at(&lease, created, way);
            assert_true(now <= created + GAP + STEP + 3 * way + T / 8);
            if (created + way <= T / 4)
                assert_int_equal(now, created);
            keeps_what_it_holds(&lease, now, way);
        }
    }
}

/* However long it took to find a server again. */
static void a_session_taken_back_late_is_granted_what_it_can_keep(void **state)
{
    (void)state;
    for (int64_t back = 0; back < 2 * T; back += T / 64) {
        for (int64_t way = 0; way <= T / 16; way += T / 64) {
            struct lease lease = opened(0);
            lease_reconnected(&lease, back / 4, back);
            int64_t created = write_at(&lease, back, way, false), now;
            now = granted_at(&lease, created, way);
            if (back * 3 / 4 + 2 * way <= T / 4)
                assert_int_equal(now, created);
            keeps_what_it_holds(&lease, now, way);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_session_there_is_no_lease),
        cmocka_unit_test(creating_the_session_is_a_proof_of_its_own),
        cmocka_unit_test(a_write_alone_proves_no_touch_of_its_own),
        cmocka_unit_test(one_later_write_is_not_enough),
        cmocka_unit_test(two_later_writes_prove_the_earlier_touch),
        cmocka_unit_test(the_first_of_them_may_be_a_sync_the_second_not),
        cmocka_unit_test(the_first_of_them_too_soon_after_the_touch_shows_nothing),
        cmocka_unit_test(the_second_too_soon_after_the_first_proves_nothing),
        cmocka_unit_test(the_end_counts_from_sending_the_gap_from_the_answer),
        cmocka_unit_test(reads_touch_but_do_not_prove),
        cmocka_unit_test(a_proof_never_takes_anything_back),
        cmocka_unit_test(a_shorter_timeout_counts_at_once_a_longer_one_never),
        cmocka_unit_test(steady_beats_keep_a_third_at_least),
        cmocka_unit_test(a_flood_of_requests_does_not_push_the_old_touches_out),
        cmocka_unit_test(idle_syncs_leave_enough_for_a_grant),
        cmocka_unit_test(after_a_long_pause_a_write_or_two_are_not_enough),
        cmocka_unit_test(next_proof_is_now_when_an_old_touch_will_do),
        cmocka_unit_test(the_next_gain_is_a_mark_then_a_proof),
        cmocka_unit_test(a_reconnection_and_a_write_of_its_own),
        cmocka_unit_test(a_write_of_the_next_connection_does_not_prove_the_one_before),
        cmocka_unit_test(the_next_connection_takes_the_place_of_the_one_before),
        cmocka_unit_test(what_was_marked_before_waits_a_step_after_a_reconnection),
        cmocka_unit_test(a_shorter_timeout_of_the_new_server_ends_the_old_lease),
        cmocka_unit_test(a_new_session_owes_nothing_to_a_reconnection_of_the_old),
        cmocka_unit_test(a_reconnection_is_worth_a_write_at_once),
        cmocka_unit_test(a_session_made_late_is_granted_what_it_can_keep),
        cmocka_unit_test(a_session_taken_back_late_is_granted_what_it_can_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
