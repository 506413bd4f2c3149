/*
 * Listings that are shared: one for all who ask before it is sent, but nobody waits for ever for
 * those who come after him.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/shared_list.h"
#include "pretend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct guest {
    struct list_waiter list_waiter;
    int answers;
};

static void found(struct list_waiter *list_waiter, enum answer answer, const struct roster *roster)
{
    (void)answer;
    (void)roster;
    container_of(list_waiter, struct guest, list_waiter)->answers++;
}

static void ignore(void *owner, struct request *request, const struct reply *reply)
{
    (void)owner;
    (void)request;
    (void)reply;
}

/* Nothing is sent until it is opened. */
static void begin(struct pretend *pretend)
{
    pretend_init(pretend);
    pretend_connect(pretend, 5);
    pretend_add(pretend, "/it", 0);
    pretend->session.queue.window.most = 0;
}

static void open_up(struct pretend *pretend)
{
    pretend->session.queue.window.most = 100;
    session_ask(&pretend->session, VERB_EXISTS, "/", ignore, NULL);
    pretend_run(pretend);
}

static void join(struct pretend *pretend, struct guest *guest)
{
    list_waiter_init(&guest->list_waiter, found);
    guest->answers = 0;
    session_ask(&pretend->session, VERB_EXISTS, "/", ignore, NULL);
    assert_int_equal(shared_list_ask(&pretend->session, "/it", &guest->list_waiter), 0);
}

/* The second when the first has waited for long. */
static void join_apart(struct pretend *pretend, struct guest *first, struct guest *second)
{
    join(pretend, first);
    pretend->core.now += SECOND;
    join(pretend, second);
}

static enum verb last_queued(const struct pretend *pretend)
{
    return container_of(pretend->session.queue.waiting.previous, struct request, link)->verb;
}

static void who_asks_together_shares_one(void **state)
{
    struct pretend pretend;
    struct guest guests[3];

    (void)state;
    begin(&pretend);
    for (int i = 0; i < 3; i++)
        join(&pretend, &guests[i]);
    assert_int_equal(last_queued(&pretend), VERB_CHILDREN);
    open_up(&pretend);
    for (int i = 0; i < 3; i++)
        assert_int_equal(guests[i].answers, 1);
    assert_int_equal(pretend.asked[VERB_CHILDREN], 1);
    pretend_free(&pretend);
}

static void who_comes_much_later_does_not_hold_up_the_first(void **state)
{
    struct pretend pretend;
    struct guest first, second, third;

    (void)state;
    begin(&pretend);
    join_apart(&pretend, &first, &second);
    join(&pretend, &third);
    assert_int_equal(last_queued(&pretend), VERB_EXISTS);
    open_up(&pretend);
    assert_int_equal(first.answers, 1);
    assert_int_equal(second.answers, 1);
    assert_int_equal(third.answers, 1);
    assert_int_equal(pretend.asked[VERB_CHILDREN], 2);
    pretend_free(&pretend);
}

static void who_was_late_is_served_when_the_first_gives_up(void **state)
{
    struct pretend pretend;
    struct guest first, second;

    (void)state;
    begin(&pretend);
    join_apart(&pretend, &first, &second);
    shared_list_cancel(&first.list_waiter);
    assert_int_equal(last_queued(&pretend), VERB_CHILDREN);
    open_up(&pretend);
    assert_int_equal(first.answers, 0);
    assert_int_equal(second.answers, 1);
    assert_int_equal(pretend.asked[VERB_CHILDREN], 1);
    pretend_free(&pretend);
}

static void nothing_is_asked_for_nobody(void **state)
{
    struct pretend pretend;
    struct guest first, second;

    (void)state;
    begin(&pretend);
    join_apart(&pretend, &first, &second);
    shared_list_cancel(&second.list_waiter);
    shared_list_cancel(&first.list_waiter);
    open_up(&pretend);
    assert_int_equal(pretend.asked[VERB_CHILDREN], 0);
    pretend_free(&pretend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_together_shares_one),
        cmocka_unit_test(who_comes_much_later_does_not_hold_up_the_first),
        cmocka_unit_test(who_was_late_is_served_when_the_first_gives_up),
        cmocka_unit_test(nothing_is_asked_for_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
