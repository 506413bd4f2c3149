/*
 * Servers that hang up at requests which they do not know, as older ClickHouse Keepers do.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

#include <zookeeper/zookeeper.h>

/* ZooKeeper's ways but for these requests. */
static void scene_without(int unknown)
{
    scene_with(&(struct cluster_options){.servers = 3, .hangs_up_at = unknown});
}

/* Sessions are not taken back after a reconnection, either. */
static void scene_of_keepers(int unknown)
{
    scene_with(
        &(struct cluster_options){.servers = 3, .hangs_up_at = unknown, .forgets_sessions = true});
}

static int server_error(struct actor *who)
{
    return zkc_sync_server_error(who->sync);
}

/* Three levels are asked for at once, so often. */
static void plain_parents(int most_trials)
{
    struct actor *alice = enters("alice");

    assert_in_range(took(alice, acquire, NO_LIMIT), 0, TIMEOUT / 2);
    assert_in_range(asked(alice, VERB_CREATE_CONTAINER), 1, 3 * most_trials);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    count_from_now();
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK); /* another directory */
    assert_int_equal(asked(alice, VERB_CREATE_CONTAINER), 0);
    assert_int_equal(asked(alice, VERB_CREATE_PLAIN), 3);
    assert_int_equal(does(alice, resign, NO_LIMIT), ZKC_OK);
    scene_end();
}

STORY(no_containers)
{
    scene_without(UNKNOWN_CONTAINER);
    plain_parents(3);
}

STORY(no_containers_and_no_session_taken_back)
{
    scene_of_keepers(UNKNOWN_CONTAINER);
    plain_parents(1);
}

/* It is an error, in bounded time; while it is known nothing is asked any more. */
static void cannot_acquire(int most_trials)
{
    struct actor *alice = enters("alice");
    struct call *wish = begins(alice, acquire, NO_LIMIT);

    assert_int_equal(outcome(wish), ZKC_ESERVER);
    assert_in_range((wish->ended - wish->began) / SIM_MS, 0, TIMEOUT);
    assert_in_range(asked(alice, VERB_CREATE_CONTENDER), 2, most_trials);
    assert_int_equal(on(alice, server_error), ZUNIMPLEMENTED);
    run_for(TIMEOUT);
    count_from_now();
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_ESERVER);
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_ESERVER);
    assert_int_equal(asked(alice, VERB_CREATE_CONTENDER), 0);
    scene_end();
}

STORY(no_create2)
{
    scene_without(UNKNOWN_CREATE2);
    cannot_acquire(10);
}

STORY(no_create2_and_no_session_taken_back)
{
    scene_of_keepers(UNKNOWN_CREATE2);
    cannot_acquire(10);
}

/* One waiter's cancel does not cost what else the client holds. */
STORY(no_watches_removed_and_no_session_taken_back)
{
    struct actor *alice, *bob;
    int64_t session;

    scene_of_keepers(UNKNOWN_REMOVE_WATCHES);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK);
    session = session_of(alice);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(does(alice, acquire, TIMEOUT / 10), ZKC_ETIMEDOUT);
        run_for(TIMEOUT);
        assert_true(holds(alice));
    }
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_true(session_of(alice) == session);
    assert_int_equal(asked(alice, VERB_UNWATCH), 0);
    assert_int_equal(does(alice, resign, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT); /* now that there is nothing to lose it is tried, once */
    assert_int_equal(asked(alice, VERB_UNWATCH), 1);
    assert_int_equal(does(alice, acquire, TIMEOUT / 10), ZKC_ETIMEDOUT);
    run_for(TIMEOUT);
    assert_int_equal(asked(alice, VERB_UNWATCH), 1);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_true(holds(bob));
    scene_end();
}

/* Nor its place in another queue, and where there is nothing else its own node goes first. */
STORY(no_watches_removed_while_something_is_waited_for)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene_of_keepers(UNKNOWN_REMOVE_WATCHES);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(bob, elect, NO_LIMIT), ZKC_OK);
    wish = begins(alice, elect, NO_LIMIT);
    run_for(MOMENT);
    assert_int_equal(does(alice, acquire, TIMEOUT / 10), ZKC_ETIMEDOUT);
    run_for(TIMEOUT);
    assert_int_equal(asked(alice, VERB_CREATE_CONTENDER), 2);
    assert_int_equal(asked(alice, VERB_UNWATCH), 0);
    zkc_context_cancel(wish->context);
    assert_int_equal(outcome(wish), ZKC_ECANCELED);
    run_for(MOMENT);
    assert_int_equal(queue_length(LEADER_DIRECTORY), 1);
    assert_int_equal(does(bob, resign, NO_LIMIT), ZKC_OK);
    scene_end();
}

/* Where sessions are taken back it is the same: no endless series of connections. */
STORY(no_watches_removed)
{
    struct actor *alice, *bob;

    scene_without(UNKNOWN_REMOVE_WATCHES);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, TIMEOUT / 10), ZKC_ETIMEDOUT);
    run_for(10 * TIMEOUT);
    assert_in_range(asked(alice, VERB_UNWATCH), 1, 3); /* another handle has no watch to remove */
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(cluster_watches(), 0); /* it went with its node */
    scene_end();
}

/* A link that flaps with every kind of request in flight is none of these. */
STORY(a_flapping_link)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    for (int i = 0; i < 30; i++) {
        struct call *wish;
        cluster_reset_at_next(alice->machine, false);
        wish = begins(alice, i % 2 == 0 ? acquire : elect, NO_LIMIT);
        run_for(3);
        cluster_reset(alice->machine);
        run_for(3);
        cluster_reset(alice->machine);
        assert_int_equal(outcome(wish), ZKC_OK);
        assert_int_equal(does(alice, i % 2 == 0 ? release : resign, NO_LIMIT), ZKC_OK);
    }
    assert_in_range(asked(alice, VERB_CREATE_CONTAINER), 6, 30);
    assert_int_equal(asked(alice, VERB_CREATE_PLAIN), 0);
    scene_end();
}

int stories_unknown(void)
{
    const struct CMUnitTest tests[] = {
        story_test(no_containers),
        story_test(no_containers_and_no_session_taken_back),
        story_test(no_create2),
        story_test(no_create2_and_no_session_taken_back),
        story_test(no_watches_removed_and_no_session_taken_back),
        story_test(no_watches_removed_while_something_is_waited_for),
        story_test(no_watches_removed),
        story_test(a_flapping_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
