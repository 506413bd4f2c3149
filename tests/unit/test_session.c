/*
 * Stories of one session: opening, beats, losing, and the queue of requests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/answer.h"
#include "pretend.h"

#include <zkcoord/zkcoord.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    struct listener listener;
    int connected, disconnected, lost, refused;
};

static void hear(struct listener *listener, enum session_event event)
{
    struct heard *heard = container_of(listener, struct heard, listener);

    heard->connected += event == SESSION_CONNECTED;
    heard->disconnected += event == SESSION_DISCONNECTED;
    heard->lost += event == SESSION_LOST;
    heard->refused += event == SESSION_AUTH_REFUSED;
}

static const struct listener_ops hearing = {.event = hear};

static void connect_with(struct pretend *pretend, int64_t id, int64_t timeout_ms)
{
    char password[SESSION_PASSWORD] = "";

    session_connected_event(&pretend->session, pretend_connection(pretend), id, password,
                            timeout_ms);
}

static int answered;
static enum answer last_answer;

static void on_answer(void *owner, struct request *request, const struct reply *reply)
{
    (void)owner;
    (void)request;
    answered++;
    last_answer = reply->answer;
}

static bool watched; /* what is kept, by the patrol */

static void begin(struct pretend *pretend, struct heard *heard)
{
    watched = true;
    answered = 0;
    pretend_init(pretend);
    memset(heard, 0, sizeof *heard);
    listener_init(&heard->listener, &hearing);
    session_listen(&pretend->session, &heard->listener);
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
    struct list *first = pretend->session.queue.flight.next;
    struct request *request = container_of(first, struct request, link);
    struct reply reply = {.decided = true};

    assert_false(list_empty(&pretend->session.queue.flight));
    reply.led = request->verb <= VERB_SYNC;
    reply.proof = request->verb <= VERB_CHECK;
    pretend->core.now += after;
    request_answered(request, &reply);
    core_run_timers(&pretend->core);
}

/* Each by itself, after so much work. */
static void answer_all(struct pretend *pretend, int64_t work)
{
    for (send_all(pretend); pretend->session.queue.in_flight > 0; send_all(pretend))
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
    while (pretend.session.queue.in_flight > 0) {
        answer_first(&pretend, 0);
        send_all(&pretend);
        assert_true(pretend.session.queue.in_flight <= 1000);
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
    pretend_connect_to(&pretend, pretend_connection(&pretend), 5);
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
    struct listener listener;
    const char *path;
    bool gone; /* as a check has found */
};

static void hear_nothing(struct listener *listener, enum session_event event)
{
    (void)listener;
    (void)event;
}

static size_t path_of(struct listener *listener, char *room)
{
    const char *path = container_of(listener, struct keeper, listener)->path;

    if (room != NULL)
        strcpy(room, path);
    return strlen(path) + 1;
}

static bool owns(struct listener *listener, const char *path)
{
    return strcmp(container_of(listener, struct keeper, listener)->path, path) == 0;
}

static bool guard(struct listener *listener)
{
    (void)listener;
    return watched;
}

static void checked(struct listener *listener, enum answer answer)
{
    last_answer = answer;
    container_of(listener, struct keeper, listener)->gone |= answer == ANSWER_NO_NODE;
}

static int lapses;
static int64_t lapsed_end;

static void lapsed(struct listener *listener, int64_t end)
{
    (void)listener;
    lapses++;
    lapsed_end = end;
}

static const struct listener_ops ops = {hear_nothing, path_of, owns, guard, checked, lapsed};

static void keep(struct pretend *pretend, struct keeper *keeper, const char *path)
{
    listener_init(&keeper->listener, &ops);
    keeper->path = path;
    keeper->gone = false;
    session_keep(&pretend->session, &keeper->listener);
}

static void keep_no_more(struct pretend *pretend, struct keeper *keeper)
{
    session_keep_no_more(&pretend->session, &keeper->listener);
}

/* Another write would prove the session while nobody knows whether its node still stands. */
static void no_write_goes_ahead_of_a_beat_that_was_not_taken(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;
    const struct request *beat;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/gone");
    pretend_disconnect(&pretend);
    pretend_answer(&pretend, VERB_CHECK, ANSWER_NO_MEMORY);
    pretend_connect(&pretend, 5);
    pretend.deaf = true;
    session_ask(&pretend.session, VERB_SET, "/other", on_answer, NULL);
    pretend_run(&pretend);
    assert_int_equal(pretend.held_count, 0);
    pretend_pass(&pretend, SECOND / 5);
    assert_int_equal(pretend.held_count, 2);
    beat = pretend.held[0];
    assert_string_equal(beat->path, "/gone");
    assert_int_equal(beat->verb, VERB_CHECK);
    pretend_hear(&pretend);
    assert_true(keeper.gone);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

/* A server that has forgotten which connection the session has does not hang up. */
static void a_session_whose_requests_are_refused_as_expired_is_lost(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    pretend_answer(&pretend, VERB_SET, ANSWER_EXPIRED);
    session_ask(&pretend.session, VERB_SET, "/other", on_answer, NULL);
    pretend_run(&pretend);
    assert_int_equal(answered, 2);
    assert_int_equal(last_answer, ANSWER_EXPIRED);
    assert_int_equal(heard.lost, 1);
    pretend_pass(&pretend, 3 * SECOND);
    pretend_connect(&pretend, 6);
    assert_int_equal(heard.connected, 2);
    pretend_free(&pretend);
}

/* An answer that leaves everything open is no reason to ask as fast as a server can refuse. */
static void what_is_lost_is_not_asked_again_at_once(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend_answer(&pretend, VERB_SET, ANSWER_LOST);
    session_ask(&pretend.session, VERB_SET, "/other", on_answer, NULL);
    pretend_run(&pretend);
    assert_int_equal(last_answer, ANSWER_LOST);
    session_ask(&pretend.session, VERB_SET, "/other", on_answer, NULL);
    pretend_run(&pretend);
    assert_int_equal(answered, 1);
    pretend_pass(&pretend, SECOND / 5);
    assert_int_equal(answered, 2);
    pretend_free(&pretend);
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

/* ---- many that cannot be watched ---- */

#define CROWD 40
#define QUARTER (10 * SECOND / 4)

struct crowd {
    struct pretend pretend;
    struct heard heard;
    struct keeper keepers[CROWD];
    char paths[CROWD][8];
};

static void keep_many(struct crowd *crowd, bool watch)
{
    begin(&crowd->pretend, &crowd->heard);
    watched = watch;
    pretend_connect(&crowd->pretend, 5);
    for (int i = 0; i < CROWD; i++) {
        snprintf(crowd->paths[i], sizeof crowd->paths[i], "/k%02d", i);
        pretend_add(&crowd->pretend, crowd->paths[i], 5);
        keep(&crowd->pretend, &crowd->keepers[i], crowd->paths[i]);
    }
    pretend_pass(&crowd->pretend, 10 * SECOND);
}

static void keep_none(struct crowd *crowd)
{
    for (int i = 0; i < CROWD; i++)
        keep_no_more(&crowd->pretend, &crowd->keepers[i]);
    pretend_free(&crowd->pretend);
}

static int count_gone(const struct crowd *crowd)
{
    int count = 0;

    for (int i = 0; i < CROWD; i++)
        count += crowd->keepers[i].gone;
    return count;
}

static void what_is_watched_costs_no_checks(void **state)
{
    struct crowd crowd;
    size_t checks;

    (void)state;
    keep_many(&crowd, true);
    checks = crowd.pretend.asked[VERB_CHECK];
    pretend_pass(&crowd.pretend, 100 * SECOND);
    assert_int_equal(crowd.pretend.asked[VERB_CHECK] - checks, 80); /* beats */
    keep_none(&crowd);
}

static void what_is_not_watched_is_checked_together(void **state)
{
    struct crowd crowd;
    size_t checks;

    (void)state;
    keep_many(&crowd, false);
    checks = crowd.pretend.asked[VERB_CHECK];
    pretend_pass(&crowd.pretend, 100 * SECOND);
    assert_in_range(crowd.pretend.asked[VERB_CHECK] - checks, 80 + 50, 80 + 54);
    assert_int_equal(count_gone(&crowd), 0);
    pretend_remove(&crowd.pretend, "/k17");
    pretend_pass(&crowd.pretend, QUARTER);
    assert_true(crowd.keepers[17].gone);
    assert_int_equal(count_gone(&crowd), 1);
    keep_none(&crowd);
}

static void several_that_have_gone_are_all_found(void **state)
{
    struct crowd crowd;

    (void)state;
    keep_many(&crowd, false);
    for (int i = 0; i < CROWD; i += 3)
        pretend_remove(&crowd.pretend, crowd.paths[i]);
    pretend_pass(&crowd.pretend, QUARTER);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(crowd.keepers[i].gone, i % 3 == 0);
    keep_none(&crowd);
}

/* Checks are answered for those who have not left meanwhile, and for nobody else. */
static void who_leaves_during_a_check_confuses_nobody(void **state)
{
    struct crowd crowd;

    (void)state;
    keep_many(&crowd, false);
    crowd.pretend.deaf = true;
    pretend_pass(&crowd.pretend, 2 * SECOND);
    assert_non_null(crowd.pretend.session.patrol.request);
    for (int i = 0; i < CROWD; i += 2)
        keep_no_more(&crowd.pretend, &crowd.keepers[i]);
    pretend_remove(&crowd.pretend, "/k10");
    pretend_remove(&crowd.pretend, "/k11");
    pretend_remove(&crowd.pretend, "/k31");
    pretend_hear(&crowd.pretend);
    pretend_pass(&crowd.pretend, QUARTER);
    assert_true(crowd.keepers[11].gone && crowd.keepers[31].gone);
    assert_int_equal(count_gone(&crowd), 2);
    keep_none(&crowd);
}

/* What a check has found stands, whatever the ACL says; those behind it are asked for again. */
static void a_forbidden_check_stops_no_others(void **state)
{
    struct crowd crowd;

    (void)state;
    keep_many(&crowd, false);
    pretend_remove(&crowd.pretend, "/k33");
    pretend_answer(&crowd.pretend, VERB_CHECK, ANSWER_NO_AUTH);
    pretend_pass(&crowd.pretend, QUARTER);
    assert_true(crowd.keepers[33].gone);
    assert_int_equal(count_gone(&crowd), 1);
    keep_none(&crowd);
}

static void a_lost_check_is_repeated(void **state)
{
    struct crowd crowd;

    (void)state;
    keep_many(&crowd, false);
    crowd.pretend.deaf = true;
    pretend_pass(&crowd.pretend, 2 * SECOND);
    assert_non_null(crowd.pretend.session.patrol.request);
    crowd.pretend.connected = false;
    pretend_remove(&crowd.pretend, "/k00");
    crowd.pretend.deaf = false;
    for (size_t i = 0; i < crowd.pretend.held_count; i++)
        request_answered(crowd.pretend.held[i], &(struct reply){.answer = ANSWER_LOST});
    crowd.pretend.held_count = 0;
    session_disconnected_event(&crowd.pretend.session, pretend_connection(&crowd.pretend));
    pretend_pass(&crowd.pretend, SECOND);
    pretend_connect(&crowd.pretend, 5);
    pretend_pass(&crowd.pretend, QUARTER);
    assert_int_equal(count_gone(&crowd), 1);
    keep_none(&crowd);
}

/* A watch is had later, and lost: both without anybody else being looked at more seldom. */
static void a_watch_that_ends_is_noticed(void **state)
{
    struct crowd crowd;

    (void)state;
    keep_many(&crowd, true);
    watched = false;
    session_unguarded(&crowd.pretend.session, &crowd.keepers[5].listener);
    pretend_remove(&crowd.pretend, "/k05");
    pretend_pass(&crowd.pretend, QUARTER);
    assert_true(crowd.keepers[5].gone);
    keep_none(&crowd);
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
        connect_with(&pretend, 5, 100000); /* longer than was asked for */
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
    connect_with(&pretend, 5, 100000); /* longer than was asked for */
    pretend_pass(&pretend, 200 * SECOND);
    assert_int_equal(lapses, 0);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

/* Not in the next slot of an eighth: the one before was lost with its connection. */
static void a_connection_begins_with_a_beat(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;
    size_t before;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    pretend_pass(&pretend, 3 * SECOND);
    pretend.deaf = true;
    pretend.core.now += 5 * SECOND / 4;
    pretend_run(&pretend); /* sent, and without an answer */
    pretend_disconnect(&pretend);
    pretend.deaf = false;
    before = pretend.asked[VERB_CHECK];
    pretend_connect(&pretend, 5);
    assert_int_equal(pretend.asked[VERB_CHECK], before + 1);
    pretend_pass(&pretend, SECOND);
    assert_int_equal(pretend.asked[VERB_CHECK], before + 1);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

/* Nothing had been heard for a while; the first answer after that makes up for it. */
static void a_reconnection_makes_the_lease_whole_again(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;
    int64_t newest;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    pretend_pass(&pretend, 20 * SECOND);
    newest = pretend.session.beaten_at;
    pretend_disconnect(&pretend);
    pretend_pass(&pretend, SECOND);
    pretend_connect(&pretend, 5);
    assert_int_equal(atomic_load(&pretend.session.deadline),
                     newest + 10 * SECOND - 10 * SECOND / 100);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

/* Another handle has sent nothing before it was made. */
static void another_handle_counts_from_its_beginning(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;
    struct connection *other;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    pretend_pass(&pretend, 20 * SECOND);
    pretend_disconnect(&pretend);
    pretend.core.now += SECOND;
    pretend_addresses(&pretend, "10.0.0.1,10.0.0.2");
    pretend_pass(&pretend, SECOND);
    other = container_of(pretend.session.dial.connections.previous, struct connection, link);
    assert_ptr_not_equal(other, pretend.session.dial.current);
    pretend.core.now += SECOND;
    pretend_connect_to(&pretend, other, 5);
    pretend_run(&pretend);
    assert_int_equal(atomic_load(&pretend.session.deadline),
                     other->began + 10 * SECOND - SECOND / 10);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

/* What was lost in between is not made good: ZooKeeper may be giving it to another. */
static void a_reconnection_after_the_lease_counts_for_nothing(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;
    int64_t end;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    pretend_pass(&pretend, 20 * SECOND);
    pretend_disconnect(&pretend);
    end = atomic_load(&pretend.session.deadline);
    pretend.core.now = end;
    pretend_connect(&pretend, 5);
    assert_int_equal(atomic_load(&pretend.session.deadline), end);
    keep_no_more(&pretend, &keeper);
    pretend_free(&pretend);
}

static void a_deadline_that_a_reader_saw_pass_is_not_revived(void **state)
{
    struct pretend pretend;
    struct heard heard;
    struct keeper keeper;
    int64_t end;

    (void)state;
    lapses = 0;
    begin(&pretend, &heard);
    pretend_add(&pretend, "/one", 5);
    pretend_connect(&pretend, 5);
    keep(&pretend, &keeper, "/one");
    end = atomic_load(&pretend.session.deadline);
    atomic_store(&pretend.session.lapsed, end);
    pretend_pass(&pretend, 7 * SECOND); /* proofs go on arriving */
    assert_int_equal(lapses, 1);
    assert_int_equal(lapsed_end, end);
    keep_no_more(&pretend, &keeper);
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
    assert_true(atomic_load(&pretend.session.deadline) <=
                pretend_connection(&pretend)->began + 10 * SECOND);
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
        session_connected_event(&pretend.session, pretend_connection(&pretend), offers[i][0], "",
                                offers[i][1]);
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
    queue_stall(&pretend.session.queue, request);
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
    session_auth_event(&pretend.session, pretend_connection(&pretend));
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

/* It says so to each request, and hangs up: nothing is asked again and again. */
static void a_server_that_wants_a_credential_ends_everything_too(void **state)
{
    struct reply reply = {.answer = ANSWER_AUTH_REQUIRED, .code = -124};
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    session_ask(&pretend.session, VERB_EXISTS, "/", on_answer, NULL);
    session_ask(&pretend.session, VERB_GET, "/a", on_answer, NULL);
    request_answered(session_next_request(&pretend.session), &reply);
    assert_int_equal(answered, 2);
    assert_int_equal(last_answer, ANSWER_AUTH_REQUIRED);
    assert_int_equal(heard.refused, 1);
    assert_int_equal(pretend.core.server_error, -124);
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
    session_unwatch(&pretend.session, "/other"); /* this server knows how */
    pretend_run(&pretend);
    pretend_fail(&pretend, VERB_UNWATCH, PRETEND_LOSE_BEFORE, 0);
    session_unwatch(&pretend.session, "/gone");
    pretend_run(&pretend);
    pretend_connect(&pretend, 5);
    assert_int_equal(pretend.asked[VERB_UNWATCH], 3);
    pretend_free(&pretend);
}

static char last_line[200];
static int lines;

static void keep_line(void *host, int level, const char *format, va_list arguments)
{
    (void)host;
    if (level > LOG_INFO)
        return;
    vsnprintf(last_line, sizeof last_line, format, arguments);
    lines++;
}

static void keep_clamping(void *host, int level, const char *format, va_list arguments)
{
    if (level == LOG_WARNING)
        keep_line(host, level, format, arguments);
}

static void answer_one(struct pretend *pretend, enum verb verb, enum answer code_means, int code)
{
    struct reply reply = {.answer = code_means, .code = code};

    session_ask(&pretend->session, verb, "/some/where", on_answer, NULL);
    request_answered(session_next_request(&pretend->session), &reply);
}

/* With code, name and path; what is asked again, or every day's work, does not count. */
static void failures_are_told_with_zookeepers_own_code(void **state)
{
    struct reply reply = {.answer = ANSWER_OTHER, .code = -113};
    struct pretend pretend;
    struct request *request;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend_connect(&pretend, 5);
    pretend.core.log = keep_line;
    lines = 0;
    answer_one(&pretend, VERB_CREATE_CONTENDER, ANSWER_QUOTA, -125);
    assert_string_equal(last_line, "ZooKeeper refuses to create /some/where: QUOTAEXCEEDED (-125)");
    assert_int_equal(pretend.core.server_error, -125);
    answer_one(&pretend, VERB_CREATE_CONTENDER, ANSWER_LOST, -4);
    pretend_pass(&pretend, SECOND / 5);
    answer_one(&pretend, VERB_GET, ANSWER_NO_NODE, -101);
    answer_one(&pretend, VERB_CREATE_CONTAINER, ANSWER_NODE_EXISTS, -110);
    answer_one(&pretend, VERB_CREATE_CONTAINER, ANSWER_UNSUPPORTED, -6);
    answer_one(&pretend, VERB_UNWATCH, ANSWER_UNSUPPORTED, -6);
    answer_one(&pretend, VERB_GET, ANSWER_NO_MEMORY, -5);
    request = session_ask(&pretend.session, VERB_GET, "/nobody/listens", on_answer, NULL);
    assert_ptr_equal(session_next_request(&pretend.session), request);
    session_cancel(&(struct request *){request});
    request_answered(request, &reply);
    assert_int_equal(lines, 1);
    assert_int_equal(pretend.core.server_error, -125);
    answer_one(&pretend, VERB_CREATE_CONTENDER, ANSWER_UNSUPPORTED, -6);
    answer_one(&pretend, VERB_GET, ANSWER_REFUSED, -118);
    assert_int_equal(lines, 2);
    assert_int_equal(pretend.core.server_error, -6);
    session_auth_event(&pretend.session, pretend_connection(&pretend));
    assert_non_null(strstr(last_line, "AUTHFAILED (-115)"));
    assert_int_equal(pretend.core.server_error, -115);
    pretend.core.log = NULL;
    pretend_free(&pretend);
}

/* Servers clamp what was asked for. */
static void another_timeout_is_told(void **state)
{
    struct pretend pretend;
    struct heard heard;

    (void)state;
    begin(&pretend, &heard);
    pretend.core.log = keep_line;
    lines = 0;
    pretend_run(&pretend);
    connect_with(&pretend, 5, 10000);
    assert_int_equal(lines, 1); /* of the connection */
    session_disconnected_event(&pretend.session, pretend_connection(&pretend));
    connect_with(&pretend, 5, 4000);
    assert_int_equal(lines, 4);
    session_disconnected_event(&pretend.session, pretend_connection(&pretend));
    connect_with(&pretend, 5, 4000); /* said once */
    assert_int_equal(lines, 6);
    session_expired_event(&pretend.session, pretend_connection(&pretend));
    pretend_pass(&pretend, 10 * SECOND);
    lines = 0;
    pretend.core.log = keep_clamping;
    connect_with(&pretend, 6, 4000);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last_line, "4000 ms, not 10000 ms"));
    pretend.core.log = NULL;
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
        {ANSWER_AUTH_REQUIRED, ZKC_EACCES, false},
        {ANSWER_QUOTA, ZKC_EQUOTA, false},
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
        cmocka_unit_test(no_write_goes_ahead_of_a_beat_that_was_not_taken),
        cmocka_unit_test(a_session_whose_requests_are_refused_as_expired_is_lost),
        cmocka_unit_test(what_is_lost_is_not_asked_again_at_once),
        cmocka_unit_test(a_kept_session_writes_every_eighth_and_checks_each_in_turn),
        cmocka_unit_test(what_is_watched_costs_no_checks),
        cmocka_unit_test(what_is_not_watched_is_checked_together),
        cmocka_unit_test(several_that_have_gone_are_all_found),
        cmocka_unit_test(who_leaves_during_a_check_confuses_nobody),
        cmocka_unit_test(a_forbidden_check_stops_no_others),
        cmocka_unit_test(a_lost_check_is_repeated),
        cmocka_unit_test(a_watch_that_ends_is_noticed),
        cmocka_unit_test(a_beat_goes_before_what_is_queued),
        cmocka_unit_test(a_sync_goes_before_what_is_queued_too),
        cmocka_unit_test(a_burst_costs_no_lease),
        cmocka_unit_test(nor_does_it_after_a_longer_timeout),
        cmocka_unit_test(the_lease_lapses_for_who_keeps),
        cmocka_unit_test(beats_keep_the_lease_after_a_longer_timeout),
        cmocka_unit_test(a_connection_begins_with_a_beat),
        cmocka_unit_test(a_reconnection_makes_the_lease_whole_again),
        cmocka_unit_test(another_handle_counts_from_its_beginning),
        cmocka_unit_test(a_reconnection_after_the_lease_counts_for_nothing),
        cmocka_unit_test(a_deadline_that_a_reader_saw_pass_is_not_revived),
        cmocka_unit_test(the_first_lease_counts_from_the_opening_not_the_connection),
        cmocka_unit_test(a_server_that_talks_nonsense_is_not_believed),
        cmocka_unit_test(after_expiry_sessions_come_back_spread),
        cmocka_unit_test(a_session_that_no_server_takes_back_is_given_up),
        cmocka_unit_test(a_stalled_client_gets_the_request_again_later),
        cmocka_unit_test(a_refused_credential_ends_everything_until_asked_again),
        cmocka_unit_test(a_server_that_wants_a_credential_ends_everything_too),
        cmocka_unit_test(unwatching_is_dropped_when_somebody_watches_again),
        cmocka_unit_test(lost_unwatching_is_repeated),
        cmocka_unit_test(failures_are_told_with_zookeepers_own_code),
        cmocka_unit_test(another_timeout_is_told),
        cmocka_unit_test(answers_mean_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
