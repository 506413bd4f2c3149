/*
 * Stories of one hold, as its reader and its core meet.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pretend.h"
#include "run/clock.h"
#include "run/audience.h"
#include "run/grant.h"
#include "run/client.h"

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
    struct grant grant;
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
        grant_begin(&story->grant, ticket);
    } else if (event == TICKET_REVOKED) {
        story->revoked++;
        grant_revoke(&story->grant, (enum revocation)detail);
    }
}

static void begin(struct story *story)
{
    memset(story, 0, sizeof *story);
    story_of_clock = story;
    pretend_init(&story->server);
    pretend_add(&story->server, DIR, 0);
    story->place = pretend_place(DIR, "me", 2);
    assert_int_equal(fork_guard_open(&story->sync.guard), 0);
    grant_init(&story->grant, &story->sync, &story->server.session);
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
    (void)grant_is_valid(&story.grant);
    assert_int_equal(story.granted, 1);
    assert_true(grant_is_valid(&story.grant));
    pretend_pass(&story.server, 30 * SECOND);
    assert_int_equal(story.revoked, 0);
    assert_true(grant_is_valid(&story.grant));
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
static void a_denied_grant_stays_denied(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    take(&story);
    assert_true(grant_is_valid(&story.grant));
    meanwhile = let_the_lease_run_out;
    assert_false(grant_is_valid(&story.grant));
    answer_late(&story);
    assert_false(grant_is_valid(&story.grant));
    assert_int_equal(story.revoked, 1);
    end(&story);
}

/* ---- being asked ---- */

static int requests;

static void on_asked(void *arg)
{
    (void)arg;
    requests++;
}

static struct grant *asked_grant;
static void (*delivers)(struct delivery *delivery);

/* Just before the function is looked up. */
static void deliver_what_is_taken_away(struct delivery *delivery)
{
    pthread_mutex_lock(&asked_grant->sync->mutex);
    assert_int_equal(grant_on_asked(asked_grant, NULL, NULL), ZKC_OK);
    pthread_mutex_unlock(&asked_grant->sync->mutex);
    delivers(delivery);
}

static void begin_dispatch(zkc_sync *sync)
{
    pthread_mutex_init(&sync->mutex, NULL);
    sync->host = (struct host){
        .sync = sync, .mutex = &sync->mutex, .enter = client_enter, .leave = client_leave};
    assert_int_equal(dispatch_init(&sync->dispatch, &sync->host), 0);
    assert_true(dispatch_open_fd(&sync->dispatch) >= 0); /* no thread of its own */
}

static void end_dispatch(zkc_sync *sync)
{
    dispatch_destroy(&sync->dispatch);
    pthread_mutex_destroy(&sync->mutex);
}

static void a_function_taken_away_does_not_take_the_request_along(void **state)
{
    struct story story;
    struct notifier *asked;

    (void)state;
    begin(&story);
    begin_dispatch(&story.sync);
    take(&story);
    requests = 0;
    asked_grant = &story.grant;
    pthread_mutex_lock(&story.sync.mutex);
    assert_int_equal(grant_on_asked(&story.grant, on_asked, NULL), ZKC_OK);
    asked = &story.grant.audience->asked;
    delivers = asked->delivery.run;
    asked->delivery.run = deliver_what_is_taken_away;
    grant_asked(&story.grant);
    assert_true(dispatch_run_one(&story.sync.dispatch));
    asked->delivery.run = delivers;
    assert_int_equal(requests, 0);
    assert_int_equal(grant_on_asked(&story.grant, on_asked, NULL), ZKC_OK);
    assert_true(dispatch_run_one(&story.sync.dispatch));
    assert_false(dispatch_run_one(&story.sync.dispatch));
    assert_int_equal(requests, 1);
    grant_destroy(&story.grant);
    pthread_mutex_unlock(&story.sync.mutex);
    end_dispatch(&story.sync);
    end(&story);
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    return poll(&poller, 1, wait_ms) == 1;
}

/* Nothing is made for who does not ask, and who asks late hears what happened meanwhile. */
static void a_request_that_nobody_heard_is_not_lost(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    assert_int_equal(grant_on_revoked(&story.grant, NULL, NULL), ZKC_OK);
    assert_int_equal(grant_on_asked(&story.grant, NULL, NULL), ZKC_OK);
    take(&story);
    story.ticket->asked = true;
    grant_asked(&story.grant);
    assert_null(story.grant.audience);
    assert_true(readable(grant_asked_fd(&story.grant), 5000));
    grant_destroy(&story.grant);
    let_the_lease_run_out(&story);
    session_ask_clock(&story.server.session);
    assert_int_equal(grant_reason(&story.grant), ZKC_ELEASE);
    assert_null(story.grant.audience);
    assert_false(readable(grant_asked_fd(&story.grant), 0));
    grant_destroy(&story.grant);
    end(&story);
}

/* ---- revocation ---- */

static int revocations, newest;

static void on_revoked(void *arg, int reason)
{
    (void)arg;
    revocations++;
    newest = reason;
}

/* Nobody dispatches before the second grant, too, is over. */
static void each_revocation_is_told_of(void **state)
{
    struct story story;
    struct audience *audience;

    (void)state;
    begin(&story);
    begin_dispatch(&story.sync);
    take(&story);
    pthread_mutex_lock(&story.sync.mutex);
    assert_int_equal(grant_on_revoked(&story.grant, on_revoked, NULL), ZKC_OK);
    audience = story.grant.audience;
    audience_revoked(audience, ZKC_ELEASE);
    audience_granted(audience);
    audience_revoked(audience, ZKC_EDELETED);
    audience_ended(audience, ZKC_ENOTHELD);
    assert_true(dispatch_run_one(&story.sync.dispatch));
    assert_true(dispatch_run_one(&story.sync.dispatch));
    assert_false(dispatch_run_one(&story.sync.dispatch));
    assert_int_equal(revocations, 2);
    assert_int_equal(newest, ZKC_EDELETED);
    grant_destroy(&story.grant);
    pthread_mutex_unlock(&story.sync.mutex);
    end_dispatch(&story.sync);
    end(&story);
}

/* ---- the log ---- */

static int lines;

static void ends_the_thread(void *arg, zkc_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    (void)message;
    lines++;
    pthread_exit(NULL);
}

static void *dispatch_one(void *argument)
{
    zkc_sync *sync = argument;

    client_enter(sync);
    dispatch_run_one(&sync->dispatch);
    client_leave(sync);
    return NULL;
}

static void serve_nothing(zkc_sync *sync)
{
    (void)sync;
}

/* As a C++ exception does: more often than lines may wait. */
static void a_log_function_that_does_not_return_is_called_again(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    begin_dispatch(&story.sync);
    story.sync.work.serve = serve_nothing;
    list_init(&story.sync.core.sessions);
    story.sync.log = ends_the_thread;
    story.sync.log_level = LOG_ERROR;
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        pthread_mutex_lock(&story.sync.mutex);
        client_log(&story.sync, LOG_ERROR, "line %d", i);
        pthread_mutex_unlock(&story.sync.mutex);
        assert_int_equal(pthread_create(&thread, NULL, dispatch_one, &story.sync), 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(lines, 300);
    end_dispatch(&story.sync);
    end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_from_before_the_grant_does_not_end_it),
        cmocka_unit_test(a_denied_grant_stays_denied),
        cmocka_unit_test(a_function_taken_away_does_not_take_the_request_along),
        cmocka_unit_test(each_revocation_is_told_of),
        cmocka_unit_test(a_log_function_that_does_not_return_is_called_again),
        cmocka_unit_test(a_request_that_nobody_heard_is_not_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
