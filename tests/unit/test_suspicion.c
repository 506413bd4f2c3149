/*
 * Stories of servers that hang up at requests which they do not know, and of links that only look
 * like it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pretend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID 5

static int lost, unsupported, fine;
static char said[512];

static void on_answer(void *owner, struct request *request, const struct reply *reply)
{
    (void)owner;
    (void)request;
    lost += reply->answer == ANSWER_LOST;
    unsupported += reply->answer == ANSWER_UNSUPPORTED;
    fine += reply->answer == ANSWER_OK;
}

static void on_log(void *host, int level, const char *format, va_list arguments)
{
    (void)host;
    if (level <= LOG_WARNING)
        vsnprintf(said, sizeof said, format, arguments);
}

static void begin(struct pretend *pretend)
{
    lost = unsupported = fine = 0;
    said[0] = '\0';
    pretend_init(pretend);
    pretend->core.log = on_log;
    pretend_connect(pretend, ID);
}

static void ask(struct pretend *pretend, enum verb verb)
{
    assert_non_null(session_ask(&pretend->session, verb, "/a", on_answer, NULL));
    pretend_run(pretend);
}

/* Loses so many connections of one session with this request, after another has been answered. */
static void is_lost_with(struct pretend *pretend, enum verb verb, int times)
{
    for (int i = 0; i < times; i++) {
        ask(pretend, VERB_EXISTS);
        ask(pretend, verb);
        pretend_connect(pretend, ID);
    }
}

static void third_loss_with_a_container_convicts(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTAINER] = true;
    is_lost_with(&pretend, VERB_CREATE_CONTAINER, 2);
    ask(&pretend, VERB_CREATE_CONTAINER);
    assert_int_equal(lost, 3);
    assert_non_null(strstr(said, "createContainer"));
    assert_non_null(strstr(said, "Keeper"));
    pretend_connect(&pretend, ID);
    ask(&pretend, VERB_CREATE_CONTAINER);
    assert_int_equal(unsupported, 1);
    assert_int_equal(pretend.asked[VERB_CREATE_CONTAINER], 3);
    pretend_pass(&pretend, 3600 * SECOND);
    ask(&pretend, VERB_CREATE_CONTAINER); /* each trial could cost a session */
    assert_int_equal(pretend.asked[VERB_CREATE_CONTAINER], 3);
    ask(&pretend, VERB_CREATE_PLAIN);
    assert_int_equal(pretend.asked[VERB_CREATE_PLAIN], 1);
    pretend_free(&pretend);
}

static void an_answer_acquits(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTAINER] = true;
    is_lost_with(&pretend, VERB_CREATE_CONTAINER, 2);
    pretend.unknown[VERB_CREATE_CONTAINER] = false;
    ask(&pretend, VERB_CREATE_CONTAINER);
    pretend.unknown[VERB_CREATE_CONTAINER] = true;
    is_lost_with(&pretend, VERB_CREATE_CONTAINER, 10);
    assert_int_equal(unsupported, 0);
    pretend_pass(&pretend, 61 * SECOND);
    is_lost_with(&pretend, VERB_CREATE_CONTAINER, 3);
    ask(&pretend, VERB_CREATE_CONTAINER); /* servers can be replaced */
    assert_int_equal(unsupported, 1);
    assert_int_equal(pretend.asked[VERB_CREATE_CONTAINER], 16);
    pretend_free(&pretend);
}

/* A request that was under way for long was not what the server hung up at. */
static void a_late_loss_is_no_sign(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    for (int i = 0; i < 6; i++) {
        pretend.deaf = true;
        ask(&pretend, VERB_CREATE_CONTAINER);
        pretend.core.now += 10 * SECOND / 8 + 1;
        pretend_disconnect(&pretend);
        pretend.deaf = false;
        pretend_connect(&pretend, ID);
    }
    ask(&pretend, VERB_CREATE_CONTAINER);
    assert_int_equal(unsupported, 0);
    pretend_free(&pretend);
}

static void nor_are_losses_that_lie_far_apart(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTAINER] = true;
    for (int i = 0; i < 6; i++) {
        is_lost_with(&pretend, VERB_CREATE_CONTAINER, 1);
        pretend_pass(&pretend, 31 * SECOND);
    }
    assert_int_equal(unsupported, 0);
    assert_int_equal(lost, 6);
    pretend_free(&pretend);
}

/* Several in flight at once are one sign. */
static void a_connection_counts_once(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.deaf = true;
    for (int i = 0; i < 5; i++)
        ask(&pretend, VERB_CREATE_CONTAINER);
    pretend_disconnect(&pretend);
    pretend.deaf = false;
    pretend_connect(&pretend, ID);
    ask(&pretend, VERB_CREATE_CONTAINER);
    assert_int_equal(unsupported, 0);
    pretend_free(&pretend);
}

static void one_is_enough_where_the_session_is_not_taken_back(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTAINER] = true;
    ask(&pretend, VERB_CREATE_CONTAINER);
    pretend_pass(&pretend, 10 * SECOND / 4);
    pretend_expire(&pretend);
    pretend_pass(&pretend, 2 * SECOND);
    pretend_connect(&pretend, ID + 1);
    ask(&pretend, VERB_CREATE_CONTAINER);
    assert_int_equal(unsupported, 1);
    assert_int_equal(pretend.asked[VERB_CREATE_CONTAINER], 1);
    pretend_free(&pretend);
}

static void a_session_that_has_really_expired_says_nothing(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTAINER] = true;
    ask(&pretend, VERB_CREATE_CONTAINER);
    pretend_pass(&pretend, 10 * SECOND);
    pretend_expire(&pretend);
    pretend_pass(&pretend, 2 * SECOND);
    pretend_connect(&pretend, ID + 1);
    ask(&pretend, VERB_CREATE_CONTAINER);
    assert_int_equal(unsupported, 0);
    pretend_free(&pretend);
}

/* It cannot be done without: more evidence, an error, and another trial after a minute. */
static void the_create_of_a_contender_is_tried_again_later(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTENDER] = true;
    is_lost_with(&pretend, VERB_CREATE_CONTENDER, 10);
    assert_non_null(strstr(said, "create2"));
    ask(&pretend, VERB_CREATE_CONTENDER);
    assert_int_equal(unsupported, 1);
    assert_int_not_equal(pretend.core.server_error, 0);
    pretend_pass(&pretend, 61 * SECOND);
    is_lost_with(&pretend, VERB_CREATE_CONTENDER, 1);
    assert_int_equal(pretend.asked[VERB_CREATE_CONTENDER], 11);
    ask(&pretend, VERB_CREATE_CONTENDER);
    assert_int_equal(unsupported, 2);
    pretend.unknown[VERB_CREATE_CONTENDER] = false; /* a better server */
    pretend_pass(&pretend, 61 * SECOND);
    pretend_add(&pretend, "/a", 0);
    ask(&pretend, VERB_CREATE_CONTENDER);
    ask(&pretend, VERB_CREATE_CONTENDER);
    assert_int_equal(unsupported, 2);
    pretend_free(&pretend);
}

/* A connection that was good for nothing may as well have been cut. */
static void nor_is_it_accused_without_a_sign_of_life(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTENDER] = true;
    for (int i = 0; i < 20; i++) {
        ask(&pretend, VERB_CREATE_CONTENDER);
        pretend_connect(&pretend, ID);
    }
    assert_int_equal(unsupported, 0);
    pretend_free(&pretend);
}

/* A link that loses whatever goes over it. */
static void a_loss_without_it_acquits_as_well(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_CREATE_CONTENDER] = true;
    for (int i = 0; i < 5; i++) {
        is_lost_with(&pretend, VERB_CREATE_CONTENDER, 9);
        ask(&pretend, VERB_EXISTS);
        pretend_disconnect(&pretend);
        pretend_connect(&pretend, ID);
    }
    assert_int_equal(unsupported, 0);
    assert_int_equal(lost, 45);
    is_lost_with(&pretend, VERB_CREATE_CONTENDER, 10);
    ask(&pretend, VERB_CREATE_CONTENDER);
    assert_int_equal(unsupported, 1);
    pretend_free(&pretend);
}

/* What cannot be left out is at least not silent, and not lied about. */
static void a_sync_that_is_unknown_is_said(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_SYNC] = true;
    is_lost_with(&pretend, VERB_SYNC, 11);
    assert_null(strstr(said, "whenever"));
    is_lost_with(&pretend, VERB_SYNC, 1);
    assert_non_null(strstr(said, "whenever it is sent sync"));
    is_lost_with(&pretend, VERB_SYNC, 10);
    assert_null(strstr(said, "whenever")); /* once is enough */
    assert_int_equal(lost, 22);
    pretend_free(&pretend);
}

/* ---- watches that nobody wants any more ---- */

static void wait_for(struct pretend *pretend, struct watcher *watcher)
{
    watcher_init(watcher, NULL);
    watcher_add(&pretend->session.watches, watcher, "/ahead");
}

static void a_watch_is_left_while_something_is_waited_for(void **state)
{
    struct pretend pretend;
    struct watcher watcher;

    (void)state;
    begin(&pretend);
    wait_for(&pretend, &watcher);
    session_unwatch(&pretend.session, "/gone");
    pretend_pass(&pretend, 20 * SECOND);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 0);
    watcher_remove(&pretend.session.watches, &watcher);
    pretend_pass(&pretend, 3 * SECOND); /* a sync is answered meanwhile */
    assert_int_equal(pretend.asked[VERB_UNWATCH], 1);
    wait_for(&pretend, &watcher);
    session_unwatch(&pretend.session, "/other"); /* this server knows how */
    pretend_run(&pretend);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 2);
    watcher_remove(&pretend.session.watches, &watcher);
    pretend_free(&pretend);
}

static void what_goes_by_itself_is_not_asked_for(void **state)
{
    struct pretend pretend;
    struct watcher watcher;

    (void)state;
    begin(&pretend);
    wait_for(&pretend, &watcher);
    session_unwatch(&pretend.session, "/gone");
    watches_fire(&pretend.session.watches, "/gone", WATCH_DELETED);
    watcher_remove(&pretend.session.watches, &watcher);
    pretend_pass(&pretend, 20 * SECOND);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 0);
    pretend_free(&pretend);
}

/* Nothing is lost with that session, and the next ones are not tried. */
static void where_it_is_unknown_watches_are_left(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend);
    pretend.unknown[VERB_UNWATCH] = true;
    session_unwatch(&pretend.session, "/gone");
    pretend_run(&pretend);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 1);
    pretend_expire(&pretend);
    assert_non_null(strstr(said, "removeWatches"));
    pretend_pass(&pretend, 2 * SECOND);
    pretend_connect(&pretend, ID + 1);
    session_unwatch(&pretend.session, "/other");
    pretend_pass(&pretend, 60 * SECOND);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 1);
    assert_int_equal(pretend.session.leftovers.count, 1);
    pretend_free(&pretend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(third_loss_with_a_container_convicts),
        cmocka_unit_test(an_answer_acquits),
        cmocka_unit_test(a_late_loss_is_no_sign),
        cmocka_unit_test(nor_are_losses_that_lie_far_apart),
        cmocka_unit_test(a_connection_counts_once),
        cmocka_unit_test(one_is_enough_where_the_session_is_not_taken_back),
        cmocka_unit_test(a_session_that_has_really_expired_says_nothing),
        cmocka_unit_test(the_create_of_a_contender_is_tried_again_later),
        cmocka_unit_test(nor_is_it_accused_without_a_sign_of_life),
        cmocka_unit_test(a_loss_without_it_acquits_as_well),
        cmocka_unit_test(a_sync_that_is_unknown_is_said),
        cmocka_unit_test(a_watch_is_left_while_something_is_waited_for),
        cmocka_unit_test(what_goes_by_itself_is_not_asked_for),
        cmocka_unit_test(where_it_is_unknown_watches_are_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
