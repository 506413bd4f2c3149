/*
 * Stories of one hold, as its reader and its core meet.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pretend.h"
#include "run/clock.h"
#include "run/herald.h"
#include "run/hold.h"
#include "run/host.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIR "/ns"

struct story {
    struct pretend server;
    zkc_sync sync;
    struct place *place;
    struct ticket *ticket;
    struct hold hold;
    int granted, revoked;
};

/* The reader's clock is the core's; what is set here happens while it looks at it. */
static struct story *story_of_clock;
static void (*meanwhile)(struct story *story);

int64_t __wrap_clock_now(void);

int64_t __wrap_clock_now(void)
{
    void (*now)(struct story *) = meanwhile;

    meanwhile = NULL;
    if (now != NULL)
        now(story_of_clock);
    return story_of_clock->server.core.now;
}

static void on_event(void *owner, struct ticket *ticket, enum ticket_event event, int detail)
{
    struct story *story = owner;

    if (event == TICKET_GRANTED) {
        story->granted++;
        hold_grant(&story->hold, ticket);
    } else if (event == TICKET_REVOKED) {
        story->revoked++;
        hold_revoke(&story->hold, (enum revocation)detail);
    }
}

static void begin(struct story *story)
{
    memset(story, 0, sizeof *story);
    story_of_clock = story;
    pretend_init(&story->server);
    pretend_add(&story->server, DIR, 0);
    story->place = place_new(DIR, NULL, "me", 2, ZKC_DIALECT_LOCK);
    assert_int_equal(fork_guard_open(&story->sync.guard), 0);
    hold_init(&story->hold, &story->sync, &story->server.session);
}

static void end(struct story *story)
{
    pretend_free(&story->server);
    place_unref(story->place);
    fork_guard_close(&story->sync.guard);
}

static void take(struct story *story)
{
    pretend_connect(&story->server, 7);
    assert_int_equal(
        ticket_join(&story->server.session, story->place, false, on_event, story, &story->ticket),
        0);
    pretend_pass(&story->server, 6 * SECOND);
    assert_int_equal(story->granted, 1);
}

/* The reader has seen an old deadline, and only after that the lock is granted. */
static void a_question_from_before_the_grant_does_not_end_it(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    pretend_disconnect(&story.server);
    pretend_pass(&story.server, 20 * SECOND);
    meanwhile = take;
    (void)hold_is_valid(&story.hold);
    assert_int_equal(story.granted, 1);
    assert_true(hold_is_valid(&story.hold));
    pretend_pass(&story.server, 30 * SECOND);
    assert_int_equal(story.revoked, 0);
    assert_true(hold_is_valid(&story.hold));
    end(&story);
}

static void let_the_lease_run_out(struct story *story)
{
    story->server.core.now = atomic_load(&story->server.session.deadline);
}

static void answer_late(struct story *story)
{
    story->server.deaf = false;
    story->server.core.now -= SECOND / 2;
    pretend_pass(&story->server, 5 * SECOND);
}

/* What a reader has denied is not held again when a proof comes late. */
static void a_denied_hold_stays_denied(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    take(&story);
    assert_true(hold_is_valid(&story.hold));
    meanwhile = let_the_lease_run_out;
    assert_false(hold_is_valid(&story.hold));
    answer_late(&story);
    assert_false(hold_is_valid(&story.hold));
    assert_int_equal(story.revoked, 1);
    end(&story);
}

/* ---- being asked ---- */

static int pleas;

static void on_asked(void *arg)
{
    (void)arg;
    pleas++;
}

static struct hold *asked_hold;
static void (*delivers)(struct delivery *delivery);

/* Just before the function is looked up. */
static void deliver_what_is_taken_away(struct delivery *delivery)
{
    pthread_mutex_lock(&asked_hold->sync->mutex);
    assert_int_equal(hold_on_asked(asked_hold, NULL, NULL), ZKC_OK);
    pthread_mutex_unlock(&asked_hold->sync->mutex);
    delivers(delivery);
}

static void begin_dispatch(zkc_sync *sync)
{
    pthread_mutex_init(&sync->mutex, NULL);
    assert_int_equal(dispatch_init(sync), 0);
    assert_true(dispatch_open_fd(sync) >= 0); /* no thread of its own */
}

static void a_function_taken_away_does_not_take_the_request_along(void **state)
{
    struct story story;
    struct plea *plea;

    (void)state;
    begin(&story);
    begin_dispatch(&story.sync);
    take(&story);
    pleas = 0;
    asked_hold = &story.hold;
    pthread_mutex_lock(&story.sync.mutex);
    assert_int_equal(hold_on_asked(&story.hold, on_asked, NULL), ZKC_OK);
    plea = &story.hold.herald->plea;
    delivers = plea->delivery.run;
    plea->delivery.run = deliver_what_is_taken_away;
    plea_made(plea);
    assert_true(dispatch_run_one(&story.sync));
    plea->delivery.run = delivers;
    assert_int_equal(pleas, 0);
    assert_int_equal(hold_on_asked(&story.hold, on_asked, NULL), ZKC_OK);
    assert_true(dispatch_run_one(&story.sync));
    assert_false(dispatch_run_one(&story.sync));
    assert_int_equal(pleas, 1);
    hold_destroy(&story.hold);
    pthread_mutex_unlock(&story.sync.mutex);
    dispatch_destroy(&story.sync);
    pthread_mutex_destroy(&story.sync.mutex);
    end(&story);
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    return poll(&poller, 1, wait_ms) == 1;
}

/* Nothing is made for who does not ask, and who asks late hears what happened meanwhile. */
static void a_plea_that_nobody_heard_is_not_lost(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    assert_int_equal(hold_on_revoked(&story.hold, NULL, NULL), ZKC_OK);
    assert_int_equal(hold_on_asked(&story.hold, NULL, NULL), ZKC_OK);
    take(&story);
    story.ticket->asked = true;
    hold_asked(&story.hold);
    assert_null(story.hold.herald);
    assert_true(readable(hold_asked_fd(&story.hold), 5000));
    hold_destroy(&story.hold);
    let_the_lease_run_out(&story);
    assert_int_equal(hold_reason(&story.hold), ZKC_ELEASE);
    assert_null(story.hold.herald);
    assert_false(readable(hold_asked_fd(&story.hold), 0));
    hold_destroy(&story.hold);
    end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_from_before_the_grant_does_not_end_it),
        cmocka_unit_test(a_denied_hold_stays_denied),
        cmocka_unit_test(a_function_taken_away_does_not_take_the_request_along),
        cmocka_unit_test(a_plea_that_nobody_heard_is_not_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
