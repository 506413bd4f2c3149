/*
 * "Fencing token", "Grant order" and the round trips of the design.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

#include <zookeeper/zookeeper.h>

#include <stdio.h>
#include <string.h>

#define CROWD 6
#define FAR 60 /* ms to a server and back are two of these, less than a 32nd of the timeout */

/* Who waits, in this order, behind somebody who holds. */
static void gather(struct actor *crowd[], struct call *wishes[], int count)
{
    static const char *const names[] = {"alice", "bob", "carol", "dave", "eve", "frank"};

    for (int i = 0; i < count; i++)
        crowd[i] = enters(names[i]);
    for (int i = 0; i < count; i++) {
        wishes[i] = begins(crowd[i], acquire, NO_LIMIT);
        run_for(MOMENT);
    }
    assert_true(wishes[0]->over);
}

/* Idle beats are none. */
static int questions(const struct actor *who)
{
    return asked(who, VERB_CREATE_CONTENDER) + asked(who, VERB_CHILDREN) + asked(who, VERB_GET) +
           asked(who, VERB_CHECK);
}

/* Grant order: first come, first served; tokens grow. */
STORY(first_come_first_served)
{
    struct actor *crowd[CROWD];
    struct call *wishes[CROWD];

    scene(3);
    gather(crowd, wishes, CROWD);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(outcome(wishes[i]), ZKC_OK);
        assert_true(i == 0 || token(crowd[i]) > token(crowd[i - 1]));
        for (int later = i + 1; later < CROWD; later++)
            assert_false(wishes[later]->over);
        assert_int_equal(does(crowd[i], release, NO_LIMIT), ZKC_OK);
    }
    scene_end();
}

/*
 * Grant order: no herd. One waiter wakes per release, it asks nothing before its grant, and of the
 * others only who is next in line now hears of it: it begins to watch its own node.
 */
STORY(one_waiter_wakes)
{
    struct actor *crowd[CROWD];
    struct call *wishes[CROWD];

    scene(3);
    gather(crowd, wishes, CROWD);
    run_for(TIMEOUT / 10); /* right after a beat of everybody's */
    count_from_now();
    assert_int_equal(does(crowd[0], release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wishes[1]), ZKC_OK);
    assert_int_equal(asked(crowd[0], VERB_DELETE), 1);
    for (int i = 1; i < CROWD; i++)
        assert_true(i == 2 || questions(crowd[i]) == 0); /* that one may hear of it sooner */
    run_for(MOMENT);
    for (int i = 2; i < CROWD; i++) {
        assert_int_equal(asked(crowd[i], VERB_CHILDREN), 0);
        assert_int_equal(asked(crowd[i], VERB_GET), i == 2);
    }
    scene_end();
}

/* Grant order: at any depth, who is granted asks nothing; it looked when its predecessor was. */
STORY(a_hand_over_asks_nothing)
{
    struct actor *crowd[CROWD];
    struct call *wishes[CROWD];

    scene(3);
    gather(crowd, wishes, CROWD);
    for (int i = 0; i < CROWD - 1; i++) {
        run_for(MOMENT);
        count_from_now();
        assert_int_equal(does(crowd[i], release, NO_LIMIT), ZKC_OK);
        assert_int_equal(outcome(wishes[i + 1]), ZKC_OK);
        assert_int_equal(asked(crowd[i + 1], VERB_CHILDREN), 0);
        assert_int_equal(asked(crowd[i + 1], VERB_GET), 0);
        assert_int_equal(asked(crowd[i + 1], VERB_EXISTS), 0);
        run_for(MOMENT);
        if (i + 2 < CROWD)
            assert_int_equal(asked(crowd[i + 2], VERB_CHILDREN), i > 0);
    }
    scene_end();
}

/* Who looks because the one two ahead has given up finds another there, and is not next. */
STORY(one_beyond_gives_up)
{
    struct actor *crowd[CROWD];
    struct call *wishes[CROWD];

    scene(3);
    gather(crowd, wishes, CROWD);
    zkc_context_cancel(wishes[2]->context);
    assert_int_equal(outcome(wishes[2]), ZKC_ECANCELED);
    run_for(MOMENT);
    zkc_context_cancel(wishes[3]->context);
    assert_int_equal(outcome(wishes[3]), ZKC_ECANCELED);
    run_for(MOMENT);
    assert_false(wishes[4]->over);
    assert_int_equal(does(crowd[0], release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wishes[1]), ZKC_OK);
    run_for(MOMENT);
    assert_false(wishes[4]->over);
    assert_int_equal(does(crowd[1], release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wishes[4]), ZKC_OK);
    scene_end();
}

/*
 * Grant order: when one in the middle gives up, who stood behind it looks for another to watch, and
 * the one behind that one looks who is two ahead now.
 */
STORY(one_in_the_middle_gives_up)
{
    struct actor *crowd[CROWD];
    struct call *wishes[CROWD];

    scene(3);
    gather(crowd, wishes, CROWD);
    count_from_now();
    zkc_context_cancel(wishes[3]->context);
    assert_int_equal(outcome(wishes[3]), ZKC_ECANCELED);
    run_for(MOMENT);
    assert_int_equal(asked(crowd[4], VERB_CHILDREN), 1);
    assert_int_equal(asked(crowd[5], VERB_CHILDREN), 1);
    for (int i = 1; i < 4; i++)
        assert_int_equal(asked(crowd[i], VERB_CHILDREN), 0);
    assert_int_equal(queue_length(LOCK_DIRECTORY), CROWD - 1);
    for (int i = 0; i < CROWD; i++) {
        if (i == 3)
            continue;
        assert_int_equal(outcome(wishes[i]), ZKC_OK);
        assert_int_equal(does(crowd[i], release, NO_LIMIT), ZKC_OK);
    }
    scene_end();
}

/* Two who contend; the second is far away, and asks for the watch of the first just now. */
static struct call *is_about_to_watch(struct actor **ret_alice, struct actor **ret_bob)
{
    struct call *wish;

    scene(3);
    *ret_alice = enters("alice");
    *ret_bob = enters("bob");
    assert_int_equal(does(*ret_alice, acquire, NO_LIMIT), ZKC_OK);
    cluster_link_delay((*ret_bob)->machine, -1, FAR * SIM_MS);
    run_for(2 * FAR);
    count_from_now();
    wish = begins(*ret_bob, acquire, NO_LIMIT);
    until_asks(*ret_bob, VERB_GET);
    return wish;
}

/* Grant order: who is ahead goes between the listing and the watch. */
STORY(nobody_is_there_to_be_watched)
{
    struct actor *alice, *bob;
    struct call *wish = is_about_to_watch(&alice, &bob);

    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    run_for(8 * FAR);
    assert_true(wish->over);
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_true(holds(bob));
    scene_end();
}

/* Grant order: the request for the watch is lost with the connection. */
STORY(a_watch_that_is_lost)
{
    struct actor *alice, *bob;
    struct call *wish = is_about_to_watch(&alice, &bob);

    cluster_reset(bob->machine);
    run_for(TIMEOUT);
    assert_false(wish->over);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    run_for(8 * FAR);
    assert_true(wish->over);
    assert_int_equal(outcome(wish), ZKC_OK);
    scene_end();
}

/* Grant order: who waits with others' nodes around it is not disturbed by them. */
STORY(foreign_children)
{
    static const char *const names[] = {"hello", "lock-", "x-lock-0000000000x", "-", "%2F"};
    struct actor *alice, *bob;
    struct call *next;
    char path[64];

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", LOCK_DIRECTORY, names[i]);
        assert_true(cluster_create(path, "{", false));
    }
    next = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    assert_false(next->over);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(next), ZKC_OK);
    scene_end();
}

/* Speed: an acquire is one round trip, create and list in one flush; so is a release. */
STORY(round_trips_without_contention)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    cluster_link_delay(alice->machine, -1, FAR * SIM_MS);
    run_for(TIMEOUT);
    count_from_now();
    assert_in_range(took(alice, acquire, NO_LIMIT), 2 * FAR, 2 * FAR + MOMENT);
    assert_int_equal(questions(alice), 2);
    count_from_now();
    assert_in_range(took(alice, release, NO_LIMIT), 2 * FAR, 2 * FAR + MOMENT);
    assert_int_equal(asked(alice, VERB_DELETE), 1);
    assert_int_equal(questions(alice), 0);
    scene_end();
}

/* Speed: a hand-over takes the news alone, half a round trip of whoever is next. */
STORY(round_trips_of_a_hand_over)
{
    struct actor *alice, *bob;
    struct call *next;
    int64_t released;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    cluster_link_delay(bob->machine, -1, FAR * SIM_MS);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(2 * TIMEOUT);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    released = beliefs_removed_at(token(alice));
    assert_int_equal(outcome(next), ZKC_OK);
    assert_in_range((next->ended - released) / SIM_MS, FAR, FAR + MOMENT);
    assert_true(remaining(bob) >= TIMEOUT / 4);
    cluster_link_delay(bob->machine, -1, 0);
    scene_end();
}

static bool directory_is_gone(struct actor *who)
{
    (void)who;
    return !cluster_exists(LOCK_DIRECTORY);
}

/* Fencing token: it grows over the end of the directory; sequence numbers start again. */
STORY(tokens_survive_the_directory)
{
    struct actor *alice;
    int64_t before;

    scene_with(&(struct cluster_options){.servers = 3, .container_check = 2 * TIMEOUT * SIM_MS});
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    before = token(alice);
    assert_non_null(strstr(node_of(before, LOCK_DIRECTORY), "-lock-0000000000"));
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_true(comes(directory_is_gone, alice, 10 * TIMEOUT));
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_non_null(strstr(node_of(token(alice), LOCK_DIRECTORY), "-lock-0000000000"));
    assert_true(token(alice) > before);
    scene_end();
}

/* Fencing token: a sequence at its end repeats; the order of creation still holds. */
STORY(sequence_numbers_at_their_end)
{
    struct actor *crowd[CROWD];
    struct call *wishes[CROWD];

    scene_with(&(struct cluster_options){.servers = 3, .first_sequence = INT32_MAX - CROWD / 2});
    gather(crowd, wishes, CROWD);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(outcome(wishes[i]), ZKC_OK);
        for (int later = i + 1; later < CROWD; later++)
            assert_false(wishes[later]->over);
        assert_int_equal(does(crowd[i], release, NO_LIMIT), ZKC_OK);
    }
    scene_end();
}

static struct zoo_op check;

static int fill_check(struct actor *who)
{
    return zkc_lock_check_op(who->lock, &check);
}

/* Fencing token: an operation for multi transactions that names our node, while we hold. */
STORY(an_operation_that_fails_unless_we_hold)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(on(alice, fill_check), ZKC_ENOTHELD);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(alice, fill_check), ZKC_OK);
    assert_int_equal(check.type, ZOO_CHECK_OP);
    assert_string_equal(check.check_op.path, node_of(token(alice), LOCK_DIRECTORY));
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(alice, fill_check), ZKC_ENOTHELD);
    scene_end();
}

/* ---- one client with several locks of one path ---- */

#define LOCKS 3

/* The same process and client each, with a lock of its own. */
static struct actor row[LOCKS];

static int open_lock(struct actor *who)
{
    return zkc_lock_open(who->sync, "a", NULL, &who->lock);
}

static int close_lock(struct actor *who)
{
    zkc_lock_close(who->lock);
    return ZKC_OK;
}

static void close_row(void)
{
    for (int i = 0; i < LOCKS; i++)
        on(&row[i], close_lock);
}

/* Behind somebody who holds. */
static struct actor *queue_up(struct actor *holder, struct call *wishes[LOCKS])
{
    struct actor *who = enters("bob");

    assert_int_equal(does(holder, acquire, NO_LIMIT), ZKC_OK);
    for (int i = 0; i < LOCKS; i++) {
        row[i] = *who;
        assert_int_equal(on(&row[i], open_lock), ZKC_OK);
        wishes[i] = begins(&row[i], acquire, NO_LIMIT);
        run_for(MOMENT);
    }
    return who;
}

/* What one contender knows when it is granted, the client's next one knows: nobody lists again. */
STORY(one_client_waits_in_a_row)
{
    struct call *wishes[LOCKS];
    struct actor *alice, *bob;

    scene(3);
    alice = enters("alice");
    bob = queue_up(alice, wishes);
    count_from_now();
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wishes[0]), ZKC_OK);
    assert_int_equal(does(&row[0], release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wishes[1]), ZKC_OK);
    assert_int_equal(does(&row[1], release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wishes[2]), ZKC_OK);
    assert_int_equal(asked(bob, VERB_CHILDREN), 0);
    close_row();
    scene_end();
}

/* Who gave up was never granted: the one behind it has to look for another. */
STORY(one_client_gives_up_in_a_row)
{
    struct call *wishes[LOCKS];
    struct actor *alice, *bob;

    scene(3);
    alice = enters("alice");
    bob = queue_up(alice, wishes);
    count_from_now();
    zkc_context_cancel(wishes[1]->context);
    assert_int_equal(outcome(wishes[1]), ZKC_ECANCELED);
    run_for(MOMENT);
    assert_int_equal(asked(bob, VERB_CHILDREN), 1);
    assert_false(wishes[2]->over);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wishes[0]), ZKC_OK);
    run_for(MOMENT);
    assert_false(wishes[2]->over);
    close_row();
    assert_int_equal(outcome(wishes[2]), ZKC_ECLOSED);
    scene_end();
}

int stories_queue(void)
{
    const struct CMUnitTest tests[] = {
        story_test(first_come_first_served),
        story_test(one_client_waits_in_a_row),
        story_test(one_client_gives_up_in_a_row),
        story_test(one_waiter_wakes),
        story_test(a_hand_over_asks_nothing),
        story_test(one_beyond_gives_up),
        story_test(one_in_the_middle_gives_up),
        story_test(nobody_is_there_to_be_watched),
        story_test(a_watch_that_is_lost),
        story_test(foreign_children),
        story_test(round_trips_without_contention),
        story_test(round_trips_of_a_hand_over),
        story_test(tokens_survive_the_directory),
        story_test(sequence_numbers_at_their_end),
        story_test(an_operation_that_fails_unless_we_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
