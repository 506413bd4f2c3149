/*
 * Stories of one session: opening, beats, losing, and the queue of requests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/answer.h"
#include "pretend.h"

#include <zkcoord/zkcoord.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    struct follower follower;
    int connected, disconnected, lost, refused;
};

static void hear(struct follower *follower, enum session_event event)
{
    struct heard *heard = container_of(follower, struct heard, follower);

    heard->connected += event == SESSION_CONNECTED;
    heard->disconnected += event == SESSION_DISCONNECTED;
    heard->lost += event == SESSION_LOST;
    heard->refused += event == SESSION_AUTH_REFUSED;
}

static const struct follower_ops hearing = {.event = hear};

static int answered;
static enum answer last_answer;

static void on_answer(void *owner, struct request *request, const struct reply *reply)
{
    (void)owner;
    (void)request;
    answered++;
    last_answer = reply->answer;
}

static void begin(struct pretend *pretend, struct heard *heard)
{
    answered = 0;
    pretend_init(pretend);
    memset(heard, 0, sizeof *heard);
    follower_init(&heard->follower, &hearing);
    session_follow(&pretend->session, &heard->follower);
}

static void requests_wait_for_a_connection(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    pretend_run(&pretend);
    assert_int_equal(answered, 0);
    pretend_connect(&pretend, 5);
    assert_int_equal(answered, 1);
    assert_int_equal(heard.connected, 1);
    pretend_free(&pretend);
}

static void cancelled_requests_are_not_sent(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct request *request;

    (void)state;
    begin(&pretend, &heard);
    request = session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    session_cancel(&request);
    assert_null(request);
    session_cancel(&request);
    pretend_connect(&pretend, 5);
    assert_int_equal(answered, 0);
    assert_int_equal(pretend.asked[VERB_EXISTS], 0);
    pretend_free(&pretend);
}

static void an_answer_after_cancelling_reaches_nobody(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct request *request;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend.deaf = true;
    request = session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    pretend_run(&pretend);
    session_cancel(&request);
    pretend_free(&pretend);
    assert_int_equal(answered, 0);
}

static void what_is_in_flight_at_expiry_fails_once(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend.deaf = true;
    session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    pretend_run(&pretend);
    pretend_expire(&pretend);
    assert_int_equal(answered, 1);
    assert_int_equal(last_answer, ANSWER_EXPIRED);
    assert_int_equal(heard.lost, 1);
    pretend_free(&pretend);
    assert_int_equal(answered, 1);
}

static void ask_many(struct pretend *pretend, int count)
{
    for (int i = 0; i < count; i++)
        session_ask(&pretend->session, VERB_EXISTS, "/", on_answer, NULL);
}

static size_t send_all(struct pretend *pretend)
{
    size_t sent = 0;

    while (session_next_request(&pretend->session) != NULL)
        sent++;
    return sent;
}

static void answer_first(struct pretend *pretend, int64_t after)
{
    struct list *first = pretend->session.flight.next;
    struct request *request = container_of(first, struct request, link);
    struct reply reply = {.decided = true};

    assert_false(list_empty(&pretend->session.flight));
    reply.led = request->verb <= VERB_SYNC;
    reply.proof = request->verb <= VERB_CHECK;
    pretend->core.now += after;
    request_answered(request, &reply);
    core_run_timers(&pretend->core);
}

/* Each by itself, after so much work. */
static void answer_all(struct pretend *pretend, int64_t work)
{
    for (send_all(pretend); pretend->session.in_flight > 0; send_all(pretend))
        answer_first(pretend, work);
}

static void in_flight_is_bounded(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    ask_many(&pretend, 10000);
    assert_int_equal(send_all(&pretend), 256);
    while (pretend.session.in_flight > 0) {
        answer_first(&pretend, 0);
        send_all(&pretend);
        assert_true(pretend.session.in_flight <= 1000);
    }
    assert_int_equal(answered, 10000);
    pretend_free(&pretend);
}

/* What one server is sent at once says nothing about the next. */
static void a_new_connection_begins_with_little(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    ask_many(&pretend, 10000);
    answer_all(&pretend, 0);
    pretend_disconnect(&pretend);
    ask_many(&pretend, 1000);
    session_connected_event(&pretend.session, 5, 10000);
    assert_int_equal(send_all(&pretend), 256);
    answer_all(&pretend, 0);
    pretend_free(&pretend);
}

static void an_idle_session_syncs_and_never_writes(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend_pass(&pretend, 100 * SECOND);
    assert_int_equal(pretend.asked[VERB_SYNC], 50); /* every fifth of ten seconds */
    assert_int_equal(pretend.asked[VERB_CHECK], 0);
    pretend_free(&pretend);
}

/* What any server answers does not make the next acquire ready. */
static void reads_do_not_stand_in_for_syncs(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    for (int i = 0; i < 100; i++) {
        session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
        pretend_run(&pretend);
        pretend_pass(&pretend, SECOND);
    }
    assert_int_equal(pretend.asked[VERB_SYNC], 50);
    pretend_free(&pretend);
}

/* Somebody whose node must stay proven. */
struct keeper {
    struct follower follower;
    const char *path;
};

static void hear_nothing(struct follower *follower, enum session_event event)
{
    (void)follower;
    (void)event;
}

static struct request *beat(struct follower *follower)
{
    struct request *request = request_new();

    assert_non_null(request);
    request->path = container_of(follower, struct keeper, follower)->path;
    return request;
}

static void checked(struct follower *follower, enum answer answer)
{
    (void)follower;
    last_answer = answer;
}

static int lapses;

static void lapsed(struct follower *follower)
{
    (void)follower;
    lapses++;
}

static const struct follower_ops ops = {hear_nothing, beat, checked, lapsed};

static void keep(struct pretend *pretend, struct keeper *keeper, const char *path)
{
    follower_init(&keeper->follower, &ops);
    keeper->path = path;
    session_keep(&pretend->session, &keeper->follower);
}

static void keep_no_more(struct pretend *pretend, struct keeper *keeper)
{
    session_keep_no_more(&pretend->session, &keeper->follower);
}

static void a_kept_session_writes_every_eighth_and_checks_each_in_turn(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper one, two;

    (void)state;
    begin(&pretend, &heard);
    pretend_add(&pretend, "/one", 5);
    pretend_connect(&pretend, 5);
    keep(&pretend, &one, "/one");
    keep(&pretend, &two, "/two");
    pretend_pass(&pretend, 5 * SECOND / 4);
    assert_int_equal(last_answer, ANSWER_OK);
    pretend_pass(&pretend, 5 * SECOND / 4);
    assert_int_equal(last_answer, ANSWER_NO_NODE);
    pretend_pass(&pretend, 195 * SECOND / 2);
    assert_int_equal(pretend.asked[VERB_CHECK], 80);
    keep_no_more(&pretend, &one);
    keep_no_more(&pretend, &two);
    pretend_free(&pretend);
}

static void a_beat_goes_before_what_is_queued(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    for (int i = 0; i < 100; i++)
        session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    pretend.core.now += 2 * SECOND;
    pretend.deaf = true;
    pretend_run(&pretend);
    assert_int_equal(pretend.held[0]->verb, VERB_CHECK);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

/* Thirty seconds' work for a server that has so much with each request. */
static void burst(struct pretend *pretend, int64_t work)
{
    int count = (int)(30 * SECOND / work);

    lapses = 0;
    answered = 0;
    ask_many(pretend, count);
    answer_all(pretend, work);
    assert_int_equal(answered, count);
    assert_int_equal(lapses, 0);
}

static void burst_while_kept(int64_t work, bool reconnected)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;

    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    if (reconnected) {
        pretend_disconnect(&pretend);
        session_connected_event(&pretend.session, 5, 100000);
    }
    burst(&pretend, work);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

static void a_burst_costs_no_lease(void **state)
{
    (void)state;
    burst_while_kept(SECOND / 20000, false);
    burst_while_kept(SECOND / 2500, false);
    burst_while_kept(SECOND / 250, false);
}

/* The lease is still of the shorter one, and so is the patience with answers. */
static void nor_does_it_after_a_longer_timeout(void **state)
{
    (void)state;
    burst_while_kept(SECOND / 250, true);
}

static void a_sync_goes_before_what_is_queued_too(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    for (int i = 0; i < 100; i++)
        session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    pretend.core.now += 3 * SECOND;
    pretend.deaf = true;
    pretend_run(&pretend);
    assert_int_equal(pretend.held[0]->verb, VERB_SYNC);
    pretend_free(&pretend);
}

static void the_lease_lapses_for_who_keeps(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;

    (void)state;
    lapses = 0;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    pretend.deaf = true;
    pretend_pass(&pretend, 9 * SECOND);
    assert_int_equal(lapses, 0);
    pretend_pass(&pretend, 1 * SECOND);
    assert_int_equal(lapses, 1);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

/* A server with other limits may raise the timeout at a reconnection; the lease stays the short
 * one.
 */
static void beats_keep_the_lease_after_a_longer_timeout(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;

    (void)state;
    lapses = 0;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    pretend_disconnect(&pretend);
    pretend.connected = true;
    session_connected_event(&pretend.session, 5, 100000);
    pretend_pass(&pretend, 200 * SECOND);
    assert_int_equal(lapses, 0);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

static void a_deadline_that_a_reader_saw_pass_is_not_revived(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;

    (void)state;
    lapses = 0;
    begin(&pretend, &heard);
    pretend_add(&pretend, "/one", 5);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    atomic_store(&pretend.session.lapsed, atomic_load(&pretend.session.deadline));
    pretend_pass(&pretend, 7 * SECOND); /* proofs go on arriving */
    assert_int_equal(lapses, 1);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

static void without_a_server_another_handle_is_tried(void **state)
{
    struct pretend pretend;
    struct heard heard;
    int64_t opened;

    (void)state;
    begin(&pretend, &heard);
    pretend_run(&pretend);
    opened = pretend.session.opened_at;
    pretend_pass(&pretend, 6 * SECOND);
    assert_true(pretend.session.opened_at > opened);
    assert_int_equal(pretend.session.state, SESSION_OPENING);
    pretend_free(&pretend);
}

static void the_first_lease_counts_from_the_opening_not_the_connection(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_run(&pretend);
    pretend_pass(&pretend, 4 * SECOND);
    pretend_connect(&pretend, 5);
    assert_true(atomic_load(&pretend.session.deadline) <= pretend.session.opened_at + 10 * SECOND);
    pretend_free(&pretend);
}

static void a_server_that_talks_nonsense_is_not_believed(void **state)
{
    static const int64_t offers[][2] = {
        {0, 10000}, {5, 0}, {5, -1}, {5, INT64_MAX}, {5, INT64_MIN}};
    struct pretend pretend;
    struct heard heard;

    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        begin(&pretend, &heard);
        pretend_run(&pretend);
        session_connected_event(&pretend.session, offers[i][0], offers[i][1]);
        pretend_run(&pretend);
        assert_false(session_connected(&pretend.session));
        assert_int_equal(heard.connected, 0);
        pretend_pass(&pretend, 3 * SECOND);
        assert_int_equal(pretend.session.state, SESSION_OPENING);
        pretend_free(&pretend);
    }
}

static void after_expiry_sessions_come_back_spread(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend_expire(&pretend);
    assert_true(pretend.session.state == SESSION_RETRYING ||
                pretend.session.state == SESSION_OPENING);
    pretend_pass(&pretend, SECOND);
    assert_int_equal(pretend.session.state, SESSION_OPENING);
    pretend_connect(&pretend, 6);
    assert_int_equal(pretend.session.generation, 2);
    assert_int_equal(heard.connected, 2);
    pretend_free(&pretend);
}

static void a_long_disconnection_asks_where_the_servers_are(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend_disconnect(&pretend);
    pretend_pass(&pretend, 19 * SECOND);
    assert_false(pretend.session.recheck_wanted);
    pretend_pass(&pretend, 2 * SECOND);
    assert_true(pretend.session.recheck_wanted);
    session_moved_event(&pretend.session);
    assert_int_equal(heard.lost, 1);
    pretend_free(&pretend);
}

static void a_session_that_no_server_takes_back_is_given_up(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    for (int i = 0; i < 3; i++) { /* the time counts from the newest disconnection */
        pretend_disconnect(&pretend);
        pretend_pass(&pretend, 99 * SECOND);
        assert_int_equal(heard.lost, 0);
        pretend_connect(&pretend, 5);
        pretend_pass(&pretend, SECOND);
    }
    pretend_disconnect(&pretend);
    pretend_pass(&pretend, 103 * SECOND);
    assert_int_equal(heard.lost, 1);
    assert_int_equal(pretend.session.state, SESSION_OPENING);
    pretend_connect(&pretend, 6);
    assert_int_equal(pretend.session.id, 6);
    pretend_free(&pretend);
}

static void a_stalled_client_gets_the_request_again_later(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct request *request;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    request = session_next_request(&pretend.session);
    session_stall(&pretend.session, request);
    assert_null(session_next_request(&pretend.session));
    pretend_disconnect(&pretend);
    pretend_connect(&pretend, 5);
    assert_int_equal(answered, 1);
    pretend_free(&pretend);
}

static void a_refused_credential_ends_everything_until_asked_again(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    pretend_run(&pretend);
    session_auth_event(&pretend.session);
    pretend_run(&pretend);
    assert_int_equal(answered, 1);
    assert_int_equal(last_answer, ANSWER_AUTH_FAILED);
    assert_int_equal(heard.refused, 1);
    pretend_pass(&pretend, 60 * SECOND);
    assert_int_equal(pretend.session.state, SESSION_REFUSED);
    session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    assert_int_equal(pretend.session.state, SESSION_OPENING);
    pretend_free(&pretend);
}

static void unwatching_is_dropped_when_somebody_watches_again(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct watcher watcher;

    (void)state;
    begin(&pretend, &heard);
    session_unwatch(&pretend.session, "/gone");
    watcher_init(&watcher, NULL);
    watcher_add(&pretend.session.watches, &watcher, "/gone");
    pretend_connect(&pretend, 5);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 0);
    watcher_remove(&pretend.session.watches, &watcher);
    session_unwatch(&pretend.session, "/gone");
    pretend_run(&pretend);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 1);
    pretend_free(&pretend);
}

static void lost_unwatching_is_repeated(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend_fail(&pretend, VERB_UNWATCH, PRETEND_LOSE_BEFORE, 0);
    session_unwatch(&pretend.session, "/gone");
    pretend_run(&pretend);
    pretend_connect(&pretend, 5);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 2);
    pretend_free(&pretend);
}

static void answers_mean_errors(void **state)
{
    static const struct {
        enum answer answer;
        int error;
        bool again;
    } table[] = {
        {ANSWER_OK, ZKC_OK, false},
        {ANSWER_NO_NODE, ZKC_ESERVER, false},
        {ANSWER_NO_AUTH, ZKC_EACCES, false},
        {ANSWER_AUTH_FAILED, ZKC_EAUTH, false},
        {ANSWER_NO_MEMORY, ZKC_ENOMEM, false},
        {ANSWER_LOST, ZKC_ESERVER, true},
        {ANSWER_REFUSED, ZKC_ESERVER, true},
        {ANSWER_OTHER, ZKC_ESERVER, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(answer_error(table[i].answer), table[i].error);
        assert_int_equal(answer_try_again(table[i].answer), table[i].again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_wait_for_a_connection),
        cmocka_unit_test(cancelled_requests_are_not_sent),
        cmocka_unit_test(an_answer_after_cancelling_reaches_nobody),
        cmocka_unit_test(what_is_in_flight_at_expiry_fails_once),
        cmocka_unit_test(in_flight_is_bounded),
        cmocka_unit_test(a_new_connection_begins_with_little),
        cmocka_unit_test(an_idle_session_syncs_and_never_writes),
        cmocka_unit_test(reads_do_not_stand_in_for_syncs),
        cmocka_unit_test(a_kept_session_writes_every_eighth_and_checks_each_in_turn),
        cmocka_unit_test(a_beat_goes_before_what_is_queued),
        cmocka_unit_test(a_sync_goes_before_what_is_queued_too),
        cmocka_unit_test(a_burst_costs_no_lease),
        cmocka_unit_test(nor_does_it_after_a_longer_timeout),
        cmocka_unit_test(the_lease_lapses_for_who_keeps),
        cmocka_unit_test(beats_keep_the_lease_after_a_longer_timeout),
        cmocka_unit_test(a_deadline_that_a_reader_saw_pass_is_not_revived),
        cmocka_unit_test(without_a_server_another_handle_is_tried),
        cmocka_unit_test(the_first_lease_counts_from_the_opening_not_the_connection),
        cmocka_unit_test(a_server_that_talks_nonsense_is_not_believed),
        cmocka_unit_test(after_expiry_sessions_come_back_spread),
        cmocka_unit_test(a_long_disconnection_asks_where_the_servers_are),
        cmocka_unit_test(a_session_that_no_server_takes_back_is_given_up),
        cmocka_unit_test(a_stalled_client_gets_the_request_again_later),
        cmocka_unit_test(a_refused_credential_ends_everything_until_asked_again),
        cmocka_unit_test(unwatching_is_dropped_when_somebody_watches_again),
        cmocka_unit_test(lost_unwatching_is_repeated),
        cmocka_unit_test(answers_mean_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
