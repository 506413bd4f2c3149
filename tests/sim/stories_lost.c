/*
 * "Lost replies" and "Release" of the design: every way out leaves nothing behind.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

static bool queue_is_empty(struct actor *who)
{
    (void)who;
    return queue_length(LOCK_DIRECTORY) == 0;
}

/* The directory exists, so that the next request of an acquire is the create that counts. */
static struct actor *enters_again(const char *name)
{
    struct actor *who = enters(name);

    assert_int_equal(does(who, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(who, release, NO_LIMIT), ZKC_OK);
    return who;
}

/* Lost replies: the create was applied, its reply is lost. It is found again by its uuid. */
STORY(a_create_whose_reply_is_lost)
{
    struct actor *alice;

    scene(3);
    alice = enters_again("alice");
    cluster_reset_at_next(alice->machine, true);
    count_from_now();
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(asked(alice, VERB_CREATE_CONTENDER), 1);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_non_null(node_of(token(alice), LOCK_DIRECTORY));
    scene_end();
}

/* Lost replies: the create never arrived. One is sent again, once that is known. */
STORY(a_create_that_is_lost)
{
    struct actor *alice;

    scene(3);
    alice = enters_again("alice");
    cluster_reset_at_next(alice->machine, false);
    count_from_now();
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(asked(alice, VERB_CREATE_CONTENDER), 2);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    scene_end();
}

/* Lost replies: only replies are lost, until the client changes the server. */
STORY(a_server_that_is_not_heard)
{
    struct actor *alice;

    scene(3);
    alice = enters_again("alice");
    cluster_link(alice->machine, cluster_server_of_session(session_of(alice)), LINK_TO_CLIENT);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    cluster_link(alice->machine, -1, LINK_FINE);
    scene_end();
}

/*
 * Lost replies: the servers' disks are slow, and her create is not decided yet when she looks for
 * it at another server. Only a write before the search makes it wait.
 */
STORY(a_search_before_the_create_is_decided)
{
    struct actor *alice;
    struct call *wish;

    scene(3);
    alice = enters_again("alice");
    for (int i = 0; i < cluster_servers(); i++)
        cluster_slow(i, TICK / 2 * SIM_MS);
    count_from_now();
    wish = begins(alice, acquire, NO_LIMIT);
    until_asks(alice, VERB_CREATE_CONTENDER);
    run_for(5);
    cluster_link(alice->machine, cluster_server_of_session(session_of(alice)), LINK_REFUSED);
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_int_equal(asked(alice, VERB_CREATE_CONTENDER), 1);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    cluster_link(alice->machine, -1, LINK_FINE);
    cluster_heal();
    scene_end();
}

/*
 * Lost replies: a thread of her server has read the create when the connection is reset, and hands
 * it on when she has come back to that server, looked for her node and made another.
 */
static struct actor *has_a_stray(int server)
{
    struct actor *alice = enters_at("alice", server);

    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    cluster_strand_next(alice->machine);
    count_from_now();
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(asked(alice, VERB_CREATE_CONTENDER), 2);
    run_for(TIMEOUT);
    cluster_unstrand(alice->machine);
    run_for(MOMENT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 2);
    return alice;
}

static int list_contenders(struct actor *who, zkc_context *context)
{
    zkc_contenders *all;
    int result = zkc_lock_contenders(who->lock, context, &all);

    if (result == ZKC_OK)
        zkc_contenders_free(all);
    return result;
}

/* Whatever listing shows it: of one who contends, or of one who only looks. */
static void stray_goes(int server, act_fn lists)
{
    struct actor *alice = has_a_stray(server), *bob = enters("bob");
    struct call *next, *listing;

    next = begins(bob, acquire, NO_LIMIT);
    run_for(MOMENT);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_false(next->over); /* behind a node of nobody */
    listing = begins(alice, lists, NO_LIMIT);
    run_for(2 * MOMENT);
    assert_true(next->over);
    assert_int_equal(outcome(next), ZKC_OK);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(listing), ZKC_OK);
    scene_end();
}

STORY(a_create_that_comes_after_all)
{
    scene(3);
    stray_goes(a_follower(), acquire);
    scene(3);
    stray_goes(cluster_leader(), list_contenders);
}

/* Lost replies: the same when she has given up meanwhile, and nobody of hers looks any more. */
STORY(a_create_that_comes_when_nobody_looks)
{
    struct actor *alice;
    struct call *wish;

    scene(3);
    alice = enters_at("alice", a_follower());
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    cluster_strand_next(alice->machine);
    wish = begins(alice, acquire, NO_LIMIT);
    run_for(5);
    zkc_context_cancel(wish->context);
    assert_int_equal(outcome(wish), ZKC_ECANCELED);
    run_for(TIMEOUT / 6);
    cluster_unstrand(alice->machine);
    run_for(MOMENT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_true(comes(queue_is_empty, alice, TIMEOUT / 4));
    scene_end();
}

/* Lost replies: she gives up while it is not known whether there is a node. */
static void gives_up(bool applied)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene(3);
    alice = enters_again("alice");
    bob = enters("bob");
    cluster_reset_at_next(alice->machine, applied);
    wish = begins(alice, acquire, NO_LIMIT);
    run_for(5);
    cluster_link(alice->machine, -1, LINK_REFUSED);
    run_for(TIMEOUT / 10);
    assert_false(wish->over);
    zkc_context_cancel(wish->context);
    run_for(MOMENT);
    assert_true(wish->over);
    assert_int_equal(outcome(wish), ZKC_ECANCELED);
    assert_int_equal(queue_length(LOCK_DIRECTORY), applied ? 1 : 0);
    cluster_link(alice->machine, -1, LINK_FINE);
    assert_true(comes(queue_is_empty, alice, TIMEOUT / 2));
    assert_int_equal(does(bob, acquire, MOMENT), ZKC_OK);
    scene_end();
}

/* Lost replies: she gives up while the create is on its way. */
STORY(given_up_while_the_create_is_under_way)
{
    struct actor *alice;
    struct call *wish;

    scene(3);
    alice = enters_again("alice");
    cluster_link_delay(alice->machine, -1, MOMENT * SIM_MS);
    wish = begins(alice, acquire, NO_LIMIT);
    run_for(MOMENT / 2);
    zkc_context_cancel(wish->context);
    run_for(MOMENT / 4);
    assert_true(wish->over);
    assert_int_equal(outcome(wish), ZKC_ECANCELED);
    run_for(8 * MOMENT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    assert_true(session_of(alice) != 0);
    scene_end();
}

STORY(given_up_after_a_create_whose_reply_is_lost)
{
    gives_up(true);
}

STORY(given_up_after_a_create_that_is_lost)
{
    gives_up(false);
}

/* Out of acquire by time: at the deadline, though no server can be reached. */
STORY(out_of_time_while_disconnected)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    wish = begins(alice, acquire, TIMEOUT / 2);
    run_for(MOMENT);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    assert_int_equal(outcome(wish), ZKC_ETIMEDOUT);
    assert_in_range((wish->ended - wish->began) / SIM_MS, TIMEOUT / 2, TIMEOUT / 2 + MOMENT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 2);
    cluster_link(alice->machine, -1, LINK_FINE);
    run_for(TIMEOUT / 2);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_true(holds(bob));
    scene_end();
}

/* Out of acquire by time, cancellation or because it was only a try: nothing is left. */
STORY(out_of_a_queue)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, try_acquire, NO_LIMIT), ZKC_EBUSY);
    wish = begins(alice, acquire, TIMEOUT);
    assert_int_equal(outcome(wish), ZKC_ETIMEDOUT);
    assert_in_range((wish->ended - wish->began) / SIM_MS, TIMEOUT, TIMEOUT + MOMENT);
    wish = begins(alice, acquire, NO_LIMIT);
    run_for(MOMENT);
    zkc_context_cancel(wish->context);
    assert_int_equal(outcome(wish), ZKC_ECANCELED);
    run_for(MOMENT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_int_equal(cluster_watches(), 1); /* the holder's own */
    scene_end();
}

/* Out of acquire by the end of its client. */
STORY(a_client_that_is_closed_while_it_waits)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    wish = begins(alice, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    assert_int_equal(does(alice, close_client, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wish), ZKC_ECLOSED);
    run_for(MOMENT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_int_equal(cluster_sessions(), 1);
    scene_end();
}

/* Release: over in this process before anything is sent; the next is granted. */
STORY(a_release)
{
    struct actor *alice, *bob;
    struct call *next, *end;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    cluster_link_delay(alice->machine, -1, 3 * MOMENT * SIM_MS);
    end = begins(alice, release, NO_LIMIT);
    run_for(1);
    assert_false(holds(alice));
    assert_false(end->over);
    assert_int_equal(outcome(end), ZKC_OK);
    assert_true(end->ended > beliefs_removed_at(token(alice)));
    assert_int_equal(outcome(next), ZKC_OK);
    assert_int_equal(alice->told, 0); /* no revocation */
    scene_end();
}

/* Release: the delete's reply is lost, or the delete. It is asked for again until it is known. */
static void delete_is_lost(bool applied)
{
    struct actor *alice;

    scene(3);
    alice = enters_again("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    cluster_reset_at_next(alice->machine, applied);
    count_from_now();
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(asked(alice, VERB_DELETE), 2);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    scene_end();
}

STORY(a_delete_whose_reply_is_lost)
{
    delete_is_lost(true);
}

STORY(a_delete_that_is_lost)
{
    delete_is_lost(false);
}

/* Release: disconnected it waits as long as its context allows, then the background goes on. */
STORY(a_release_while_disconnected)
{
    struct actor *alice, *bob;
    struct call *next, *end;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    cluster_link(alice->machine, -1, LINK_REFUSED);
    run_for(MOMENT);
    end = begins(alice, release, TIMEOUT / 6);
    run_for(1);
    assert_false(holds(alice));
    assert_int_equal(outcome(end), ZKC_ETIMEDOUT);
    assert_in_range((end->ended - end->began) / SIM_MS, TIMEOUT / 6, TIMEOUT / 6 + MOMENT);
    assert_false(next->over);
    cluster_link(alice->machine, -1, LINK_FINE);
    run_for(TIMEOUT / 3);
    assert_true(next->over);
    assert_int_equal(outcome(next), ZKC_OK);
    assert_true(beliefs_removed_at(token(alice)) < (now() + TIMEOUT) * SIM_MS);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    scene_end();
}

/* Release: without a limit it waits for the outage to end. */
STORY(a_release_that_waits_for_a_server)
{
    struct actor *alice;
    struct call *end;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    end = begins(alice, release, NO_LIMIT);
    run_for(5 * TIMEOUT);
    assert_false(end->over);
    cluster_link(alice->machine, -1, LINK_FINE);
    assert_int_equal(outcome(end), ZKC_OK);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    scene_end();
}

int stories_lost(void)
{
    const struct CMUnitTest tests[] = {
        story_test(a_create_whose_reply_is_lost),
        story_test(a_create_that_is_lost),
        story_test(a_server_that_is_not_heard),
        story_test(a_search_before_the_create_is_decided),
        story_test(a_create_that_comes_after_all),
        story_test(a_create_that_comes_when_nobody_looks),
        story_test(given_up_while_the_create_is_under_way),
        story_test(given_up_after_a_create_whose_reply_is_lost),
        story_test(given_up_after_a_create_that_is_lost),
        story_test(out_of_time_while_disconnected),
        story_test(out_of_a_queue),
        story_test(a_client_that_is_closed_while_it_waits),
        story_test(a_release),
        story_test(a_delete_whose_reply_is_lost),
        story_test(a_delete_that_is_lost),
        story_test(a_release_while_disconnected),
        story_test(a_release_that_waits_for_a_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
