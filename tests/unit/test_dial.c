/*
 * Finding a server: one bad address costs the others nothing, and a session that goes on elsewhere
 * takes its hold along.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pretend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define THREE "10.0.0.1,10.0.0.2,10.0.0.3"

static void begin(struct pretend *pretend, const char *addresses)
{
    pretend_init(pretend);
    pretend_addresses(pretend, addresses);
    pretend_run(pretend);
}

static struct connection *at(const struct pretend *pretend, int index)
{
    const struct list *head = &pretend->session.dial.connections, *link = head->next;

    while (index-- > 0 && link != head)
        link = link->next;
    assert_ptr_not_equal(link, head);
    return container_of(link, struct connection, link);
}

static size_t count(const struct pretend *pretend)
{
    const struct list *head = &pretend->session.dial.connections;
    size_t count = 0;

    for (const struct list *link = head->next; link != head; link = link->next)
        count++;
    return count;
}

/* ---- a new session ---- */

static void a_silent_address_costs_a_stagger(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, THREE);
    assert_int_equal(pretend.opened, 1);
    pretend_pass(&pretend, 260 * MILLISECOND);
    assert_int_equal(pretend.opened, 2);
    pretend_connect_to(&pretend, at(&pretend, 1), 5);
    pretend_run(&pretend);
    assert_true(session_connected(&pretend.session));
    assert_int_equal(pretend.closed, 1);
    assert_int_equal(count(&pretend), 1);
    pretend_pass(&pretend, 20 * SECOND);
    assert_int_equal(pretend.opened, 2);
    pretend_free(&pretend);
}

static void a_slow_address_is_not_given_up(void **state)
{
    struct pretend pretend;
    struct connection *first;

    (void)state;
    begin(&pretend, THREE);
    first = at(&pretend, 0);
    pretend_pass(&pretend, 9 * SECOND);
    assert_int_equal(pretend.opened, 3);
    assert_int_equal(pretend.closed, 0);
    pretend_connect_to(&pretend, first, 5);
    pretend_run(&pretend);
    assert_true(session_connected(&pretend.session));
    assert_int_equal(pretend.closed, 2);
    pretend_free(&pretend);
}

/* Libzookeeper would give the handshake up after two thirds of the timeout. */
static void a_server_slow_to_answer_is_asked_patiently(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, "10.0.0.1");
    pretend.sight = SIGHT_ASKING;
    pretend_pass(&pretend, 900 * MILLISECOND);
    assert_int_equal(pretend.opened, 1);
    assert_int_equal(connection_timeout(at(&pretend, 0)), 10 * SECOND);
    pretend_pass(&pretend, 7 * SECOND);
    assert_int_equal(pretend.opened, 2);
    assert_int_equal(connection_timeout(at(&pretend, 1)), 15 * SECOND);
    pretend_connect_to(&pretend, at(&pretend, 1), 5);
    pretend_run(&pretend);
    assert_true(session_connected(&pretend.session));
    assert_int_equal(count(&pretend), 1);
    pretend_free(&pretend);
}

/* The first may have failed meanwhile, and its handle tries again. */
static void a_patient_handle_takes_nobodys_turn(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, "10.0.0.1");
    pretend.sight = SIGHT_ASKING;
    pretend_pass(&pretend, 2 * SECOND);
    assert_int_equal(pretend.opened, 2);
    dial_failed(&pretend.session.dial, at(&pretend, 0));
    pretend.sight = SIGHT_BETWEEN;
    pretend_pass(&pretend, 1100 * MILLISECOND);
    assert_int_equal(pretend.opened, 3);
    assert_true(at(&pretend, 0)->patient);
    pretend_free(&pretend);
}

static void patience_is_for_servers_that_were_asked(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, "10.0.0.1");
    pretend.sight = SIGHT_TRYING;
    pretend_pass(&pretend, 9 * SECOND);
    assert_int_equal(pretend.opened, 1);
    pretend_free(&pretend);
}

static void a_refused_address_costs_a_look(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, THREE);
    pretend.sight = SIGHT_BETWEEN;
    pretend_pass(&pretend, 50 * MILLISECOND);
    assert_int_equal(pretend.opened, 3);
    pretend_free(&pretend);
}

static void a_refused_address_is_tried_anew_every_second(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, "10.0.0.1");
    pretend.sight = SIGHT_BETWEEN;
    pretend_pass(&pretend, 10 * SECOND);
    assert_in_range(pretend.opened, 9, 11);
    assert_int_equal(pretend.closed, pretend.opened - 1);
    pretend_free(&pretend);
}

/* Its handle tries again by itself, and is seen to: a server that hangs up at every handshake. */
static void an_address_that_fails_again_and_again_is_tried_anew(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, "10.0.0.1");
    for (int i = 0; i < 100; i++) {
        pretend.sight = i % 2 == 0 ? SIGHT_BETWEEN : SIGHT_TRYING;
        pretend_pass(&pretend, 100 * MILLISECOND);
    }
    assert_in_range(pretend.opened, 8, 11);
    pretend_free(&pretend);
}

static void every_address_of_a_long_list_has_its_turn(void **state)
{
    struct pretend pretend;
    char list[NODES_MAX * 16] = "";

    (void)state;
    for (size_t i = 0, used = 0; i < NODES_MAX; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s10.0.0.%zu", i > 0 ? "," : "",
                                 i + 1);
    begin(&pretend, list);
    pretend_pass(&pretend, 4100 * MILLISECOND);
    assert_in_range(pretend.opened, NODES_MAX, NODES_MAX + 3);
    assert_true(count(&pretend) <= 8);
    pretend_free(&pretend);
}

static void a_name_that_is_known_late_is_tried_at_once(void **state)
{
    struct pretend pretend;

    (void)state;
    begin(&pretend, "10.0.0.1");
    pretend_pass(&pretend, 3 * SECOND);
    assert_in_range(pretend.names_asked, 3, 4);
    pretend_addresses(&pretend, "10.0.0.1,10.0.0.2");
    dial_names_changed(&pretend.session.dial);
    pretend_run(&pretend);
    assert_int_equal(pretend.opened, 2);
    assert_string_equal(at(&pretend, 1)->address, "10.0.0.2:2181");
    pretend_free(&pretend);
}

static void a_strange_server_costs_the_others_nothing(void **state)
{
    struct pretend pretend;
    char password[SESSION_PASSWORD] = "";

    (void)state;
    begin(&pretend, THREE);
    session_connected_event(&pretend.session, at(&pretend, 0), 0, password, 10000);
    pretend_pass(&pretend, 260 * MILLISECOND);
    assert_int_equal(pretend.opened, 2);
    pretend_connect_to(&pretend, at(&pretend, 1), 5);
    pretend_run(&pretend);
    assert_true(session_connected(&pretend.session));
    pretend_free(&pretend);
}

/* ---- a session that exists ---- */

struct keeper {
    struct listener listener;
    int lapses;
};

static void hear_nothing(struct listener *listener, enum session_event event)
{
    (void)listener;
    (void)event;
}

static size_t path_of(struct listener *listener, char *room)
{
    (void)listener;
    if (room != NULL)
        strcpy(room, "/held");
    return sizeof "/held";
}

static bool owns(struct listener *listener, const char *path)
{
    (void)listener;
    return strcmp(path, "/held") == 0;
}

static bool guard(struct listener *listener)
{
    (void)listener;
    return true;
}

static void checked(struct listener *listener, enum answer answer)
{
    (void)listener;
    (void)answer;
}

static void lapsed(struct listener *listener, int64_t end)
{
    (void)end;
    container_of(listener, struct keeper, listener)->lapses++;
}

static const struct listener_ops ops = {hear_nothing, path_of, owns, guard, checked, lapsed};

static void begin_holding(struct pretend *pretend, struct keeper *keeper)
{
    begin(pretend, THREE);
    pretend_add(pretend, "/held", 5);
    pretend_connect(pretend, 5);
    memset(keeper, 0, sizeof *keeper);
    listener_init(&keeper->listener, &ops);
    session_keep(&pretend->session, &keeper->listener);
    pretend_pass(pretend, 10 * SECOND);
    assert_int_equal(keeper->lapses, 0);
}

static void end_holding(struct pretend *pretend, struct keeper *keeper)
{
    session_keep_no_more(&pretend->session, &keeper->listener);
    pretend_free(pretend);
}

static enum answer told;

static void tell(void *owner, struct request *request, const struct reply *reply)
{
    (void)owner;
    (void)request;
    told = reply->answer;
}

static enum watch_event watched;

static void fired(struct watcher *watcher, enum watch_event event)
{
    (void)watcher;
    watched = event;
}

/* Its server is deaf from now on, and what it has not answered stays so. */
static void fall_silent(struct pretend *pretend)
{
    pretend->deaf = true;
    pretend_pass(pretend, 3 * SECOND);
}

/* What the silent server was asked is answered into the void. */
static void connect_elsewhere(struct pretend *pretend, int index)
{
    struct request *asked[sizeof pretend->held / sizeof *pretend->held];
    size_t count = pretend->held_count;

    memcpy(asked, pretend->held, sizeof asked);
    pretend->held_count = 0;
    pretend_connect_to(pretend, at(pretend, index), 5);
    for (size_t i = 0; i < count; i++)
        request_answered(asked[i], &(struct reply){.answer = ANSWER_LOST});
}

static void hear_elsewhere(struct pretend *pretend, int index)
{
    pretend->deaf = false;
    connect_elsewhere(pretend, index);
    pretend_run(pretend);
}

static void a_hold_outlives_the_silence_of_its_server(void **state)
{
    struct pretend pretend;
    struct keeper keeper;

    (void)state;
    begin_holding(&pretend, &keeper);
    fall_silent(&pretend);
    assert_int_equal(pretend.opened, 3);
    assert_true(session_connected(&pretend.session));
    pretend.sight = SIGHT_CONNECTED;
    hear_elsewhere(&pretend, 1);
    pretend_pass(&pretend, 30 * SECOND);
    assert_int_equal(keeper.lapses, 0);
    assert_int_equal(pretend.closed, 0); /* closing what it left would end the session */
    pretend.sight = SIGHT_BETWEEN;
    pretend_pass(&pretend, SECOND);
    assert_int_equal(pretend.closed, 2);
    assert_int_equal(count(&pretend), 1);
    end_holding(&pretend, &keeper);
}

static void a_server_that_answers_late_is_not_left(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    const struct connection *first;

    (void)state;
    begin_holding(&pretend, &keeper);
    first = pretend.session.dial.current;
    pretend.deaf = true;
    pretend_pass(&pretend, 5 * SECOND / 2);
    assert_true(pretend.opened > 1);
    pretend_hear(&pretend);
    pretend_pass(&pretend, 30 * SECOND);
    assert_ptr_equal(pretend.session.dial.current, first);
    assert_int_equal(keeper.lapses, 0);
    end_holding(&pretend, &keeper);
}

static void nothing_is_read_elsewhere_before_a_write(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    struct watcher watcher;

    (void)state;
    begin_holding(&pretend, &keeper);
    watcher_init(&watcher, fired);
    watcher_add(&pretend.session.watches, &watcher, "/held");
    session_ask(&pretend.session, VERB_EXISTS, "/held", tell, NULL);
    fall_silent(&pretend);
    session_ask(&pretend.session, VERB_EXISTS, "/held", tell, NULL);
    watched = WATCH_DELETED;
    told = ANSWER_OK;
    connect_elsewhere(&pretend, 1);
    assert_int_equal(told, ANSWER_LOST);
    assert_int_equal(watched, WATCH_LOST);
    pretend_run(&pretend);
    assert_string_equal(pretend.held[0]->path, "/held"); /* the beat looks after the node */
    assert_int_equal(pretend.held[0]->verb, VERB_CHECK);
    assert_ptr_equal(pretend.held[1], pretend.session.queue.fence);
    assert_int_equal(pretend.held[1]->verb, VERB_CHECK);
    pretend_hear(&pretend);
    assert_int_equal(told, ANSWER_OK);
    end_holding(&pretend, &keeper);
}

static void nothing_is_believed_behind_a_write_that_is_refused(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    struct request *fence;

    (void)state;
    begin_holding(&pretend, &keeper);
    fall_silent(&pretend);
    connect_elsewhere(&pretend, 1);
    session_ask(&pretend.session, VERB_EXISTS, "/held", tell, NULL);
    pretend_run(&pretend);
    fence = pretend.held[1];
    pretend.held[1] = pretend.held[--pretend.held_count];
    told = ANSWER_OK;
    request_answered(fence, &(struct reply){.answer = ANSWER_REFUSED});
    assert_int_equal(told, ANSWER_LOST);
    assert_ptr_equal(pretend.session.queue.fence, fence);
    pretend_hear(&pretend);
    pretend_pass(&pretend, SECOND);
    assert_null(pretend.session.queue.fence);
    end_holding(&pretend, &keeper);
}

static void an_abandoned_connection_that_comes_through_is_used(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    struct connection *late;

    (void)state;
    begin_holding(&pretend, &keeper);
    fall_silent(&pretend);
    late = at(&pretend, 2);
    hear_elsewhere(&pretend, 1);
    assert_int_equal(late->state, CONNECTION_ABANDONED);
    assert_false(late->disowned); /* without the id its handshake would come to nothing */
    pretend_connect_to(&pretend, late, 5);
    pretend_run(&pretend);
    assert_ptr_equal(pretend.session.dial.current, late);
    pretend_pass(&pretend, 30 * SECOND);
    assert_int_equal(keeper.lapses, 0);
    end_holding(&pretend, &keeper);
}

/* The dial waits for its handshake for a fifth of the timeout. */
static void an_abandoned_handle_forgets_the_session_in_the_end(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    struct connection *late;

    (void)state;
    begin_holding(&pretend, &keeper);
    fall_silent(&pretend);
    late = at(&pretend, 2);
    pretend.sight = SIGHT_TRYING;
    hear_elsewhere(&pretend, 1);
    pretend_pass(&pretend, 1900 * MILLISECOND);
    assert_false(late->disowned);
    pretend_pass(&pretend, 300 * MILLISECOND);
    assert_true(late->disowned);
    assert_int_equal(pretend.closed, 0);
    pretend.sight = SIGHT_BETWEEN;
    pretend_pass(&pretend, SECOND);
    assert_int_equal(count(&pretend), 1);
    end_holding(&pretend, &keeper);
}

/* It would take the session back before the other one has its answer, and that one likewise. */
static void a_handle_does_not_go_after_a_session_that_a_rival_may_have(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    struct connection *late, *lost;
    size_t opened;

    (void)state;
    begin_holding(&pretend, &keeper);
    assert_false(pretend.session.dial.current->disowned);
    fall_silent(&pretend);
    assert_true(pretend.session.dial.current->disowned);
    late = at(&pretend, 2);
    pretend.sight = SIGHT_CONNECTED;
    hear_elsewhere(&pretend, 1);
    lost = pretend.session.dial.current;
    assert_true(lost->disowned);
    opened = pretend.opened;
    pretend_disconnect(&pretend);
    assert_int_equal(lost->state, CONNECTION_ABANDONED);
    pretend_pass(&pretend, 400 * MILLISECOND);
    assert_int_equal(pretend.opened, opened);
    pretend_connect_to(&pretend, late, 5);
    pretend_run(&pretend);
    assert_ptr_equal(pretend.session.dial.current, late);
    pretend.sight = SIGHT_BETWEEN;
    pretend_pass(&pretend, SECOND);
    assert_false(late->disowned);
    assert_int_equal(keeper.lapses, 0);
    end_holding(&pretend, &keeper);
}

/* It asks for no session already, and would take ours for expired. */
static void a_handle_that_went_down_meanwhile_does_not_get_the_session_back(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    struct connection *current;

    (void)state;
    begin_holding(&pretend, &keeper);
    current = pretend.session.dial.current;
    fall_silent(&pretend);
    assert_true(current->disowned);
    pretend.disowned_for_good = true;
    pretend.sight = SIGHT_BETWEEN;
    pretend_hear(&pretend);
    pretend_pass(&pretend, SECOND);
    assert_int_equal(count(&pretend), 1);
    assert_true(current->disowned);
    pretend_disconnect(&pretend);
    assert_int_equal(current->state, CONNECTION_ABANDONED);
    session_expired_event(&pretend.session, current);
    assert_int_equal(keeper.lapses, 0);
    assert_int_not_equal(pretend.session.id, 0);
    end_holding(&pretend, &keeper);
}

/* What answers late is not dead: where a handshake takes long the next one waits for longer. */
static void the_next_handshake_waits_for_one_that_is_known_to_be_slow(void **state)
{
    struct pretend pretend;
    struct keeper keeper;

    (void)state;
    begin_holding(&pretend, &keeper);
    pretend.session.dial.took = SECOND;
    pretend_disconnect(&pretend);
    pretend_pass(&pretend, 1400 * MILLISECOND);
    assert_int_equal(pretend.opened, 1);
    pretend_pass(&pretend, 200 * MILLISECOND);
    assert_int_equal(pretend.opened, 2);
    end_holding(&pretend, &keeper);
}

static void an_abandoned_connection_ends_no_session(void **state)
{
    struct pretend pretend;
    struct keeper keeper;
    struct connection *left;

    (void)state;
    begin_holding(&pretend, &keeper);
    fall_silent(&pretend);
    left = pretend.session.dial.current;
    hear_elsewhere(&pretend, 1);
    session_expired_event(&pretend.session, left);
    session_auth_event(&pretend.session, left);
    pretend_run(&pretend);
    assert_true(session_connected(&pretend.session));
    end_holding(&pretend, &keeper);
}

static void the_same_server_comes_first_after_a_loss(void **state)
{
    struct pretend pretend;
    struct keeper keeper;

    (void)state;
    begin_holding(&pretend, &keeper);
    pretend_disconnect(&pretend);
    pretend_pass(&pretend, 400 * MILLISECOND);
    assert_int_equal(pretend.opened, 1);
    pretend_pass(&pretend, 200 * MILLISECOND);
    assert_int_equal(pretend.opened, 2);
    end_holding(&pretend, &keeper);
}

/* Servers that were given a backup take the session back, in a state that it has outlived. */
static void a_session_of_an_older_state_is_lost(void **state)
{
    struct pretend pretend;
    uint64_t generation;

    (void)state;
    begin(&pretend, "10.0.0.1");
    pretend_add(&pretend, "/dir", 0);
    pretend_connect(&pretend, 5);
    session_ask(&pretend.session, VERB_CREATE_CONTENDER, "/dir/a", tell, NULL);
    pretend_run(&pretend);
    assert_int_equal(told, ANSWER_OK);
    generation = pretend.session.generation;
    pretend.zxid = 0;
    session_ask(&pretend.session, VERB_CREATE_CONTENDER, "/dir/a", tell, NULL);
    pretend_run(&pretend);
    assert_int_equal(told, ANSWER_EXPIRED);
    pretend_pass(&pretend, 3 * SECOND);
    pretend_connect(&pretend, 6);
    assert_int_equal(pretend.session.generation, generation + 1);
    pretend_free(&pretend);
}

/* One that handshakes but has no quorum never answers the write. */
static void a_server_without_a_quorum_is_left_again(void **state)
{
    struct pretend pretend;
    struct keeper keeper;

    (void)state;
    begin_holding(&pretend, &keeper);
    pretend.deaf = true;
    while (pretend.opened < 2)
        pretend_pass(&pretend, SECOND / 10);
    connect_elsewhere(&pretend, 1);
    pretend_pass(&pretend, 19 * SECOND / 10);
    assert_int_equal(pretend.opened, 2);
    pretend_pass(&pretend, SECOND / 2);
    assert_int_equal(pretend.opened, 3);
    end_holding(&pretend, &keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_address_costs_a_stagger),
        cmocka_unit_test(a_slow_address_is_not_given_up),
        cmocka_unit_test(a_server_slow_to_answer_is_asked_patiently),
        cmocka_unit_test(a_patient_handle_takes_nobodys_turn),
        cmocka_unit_test(patience_is_for_servers_that_were_asked),
        cmocka_unit_test(a_refused_address_costs_a_look),
        cmocka_unit_test(a_refused_address_is_tried_anew_every_second),
        cmocka_unit_test(an_address_that_fails_again_and_again_is_tried_anew),
        cmocka_unit_test(every_address_of_a_long_list_has_its_turn),
        cmocka_unit_test(a_name_that_is_known_late_is_tried_at_once),
        cmocka_unit_test(a_strange_server_costs_the_others_nothing),
        cmocka_unit_test(a_hold_outlives_the_silence_of_its_server),
        cmocka_unit_test(a_server_that_answers_late_is_not_left),
        cmocka_unit_test(nothing_is_read_elsewhere_before_a_write),
        cmocka_unit_test(nothing_is_believed_behind_a_write_that_is_refused),
        cmocka_unit_test(an_abandoned_connection_that_comes_through_is_used),
        cmocka_unit_test(an_abandoned_handle_forgets_the_session_in_the_end),
        cmocka_unit_test(a_handle_does_not_go_after_a_session_that_a_rival_may_have),
        cmocka_unit_test(a_handle_that_went_down_meanwhile_does_not_get_the_session_back),
        cmocka_unit_test(the_next_handshake_waits_for_one_that_is_known_to_be_slow),
        cmocka_unit_test(an_abandoned_connection_ends_no_session),
        cmocka_unit_test(a_session_of_an_older_state_is_lost),
        cmocka_unit_test(a_server_without_a_quorum_is_left_again),
        cmocka_unit_test(the_same_server_comes_first_after_a_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
