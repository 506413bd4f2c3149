/*
 * "One bad server does not cost the others": finding a server, and leaving one for another.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

static int server_of(struct actor *who)
{
    return cluster_server_of_session(session_of(who));
}

static void falls_silent_for(struct actor *who)
{
    cluster_link(who->machine, server_of(who), LINK_BLACKHOLE);
}

/* Looks often, for it must not be lost and found in between: it cannot be, once lost. */
static void holds_for(struct actor *who, int64_t ms)
{
    for (int64_t end = now() + ms; now() < end;) {
        run_for(ms / 100 + 1);
        assert_true(holds(who));
    }
    assert_int_equal(who->told, 0);
}

/* Opening: whichever server accepts and says nothing, another one is found at once. */
STORY(one_server_is_silent)
{
    struct actor *alice;

    scene(3);
    for (int server = 0; server < 3; server++) {
        alice = actor("alice", 0);
        cluster_link(alice->machine, server, LINK_BLACKHOLE);
        assert_true(took(alice, open_client, NO_LIMIT) < 600);
        run_for(3 * TIMEOUT);
        assert_true(zkc_sync_is_connected(alice->sync));
    }
    scene_end();
}

/* Opening: two of three are silent. */
STORY(only_one_server_answers)
{
    struct actor *alice;

    scene(3);
    alice = actor("alice", 0);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    cluster_link(alice->machine, 1, LINK_FINE);
    assert_true(took(alice, open_client, NO_LIMIT) < 900);
    scene_end();
}

/* Lease: the holder's server falls silent, to this client only or for good. */
static void a_holder_leaves(bool all)
{
    struct actor *alice;
    int server;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    run_for(3 * TIMEOUT);
    server = server_of(alice);
    if (all && server != cluster_leader())
        cluster_pause(server);
    else
        falls_silent_for(alice);
    holds_for(alice, 5 * TIMEOUT);
    cluster_heal();
    cluster_link(alice->machine, -1, LINK_FINE);
    holds_for(alice, 5 * TIMEOUT);
    scene_end();
}

STORY(a_holder_leaves_a_silent_server)
{
    a_holder_leaves(false);
}

STORY(a_holder_leaves_a_stopped_server)
{
    a_holder_leaves(true);
}

/* Lease: the server that the holder finds first has no quorum, and never answers a write. */
STORY(a_holder_leaves_a_server_that_is_cut_off)
{
    struct actor *alice;
    int server;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    run_for(3 * TIMEOUT);
    server = server_of(alice);
    if (server != cluster_leader())
        cluster_isolate(server);
    holds_for(alice, 5 * TIMEOUT);
    cluster_heal();
    scene_end();
}

/* Lease: the connection breaks ten times in each timeout. */
STORY(a_link_that_flaps)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    run_for(TIMEOUT);
    for (int i = 0; i < 60; i++) {
        cluster_reset(alice->machine);
        holds_for(alice, TIMEOUT / 10);
    }
    scene_end();
}

/* Watches: they are set anew where the session goes on, and nothing is missed meanwhile. */
STORY(a_waiter_leaves_a_silent_server)
{
    struct actor *alice, *bob;
    struct call *next;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(3 * TIMEOUT);
    falls_silent_for(bob);
    run_for(TIMEOUT / 10);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    assert_true(next->over);
    assert_int_equal(next->result, ZKC_OK);
    cluster_link(bob->machine, -1, LINK_FINE);
    run_for(TIMEOUT);
    assert_true(holds(bob));
    scene_end();
}

int stories_servers(void)
{
    const struct CMUnitTest tests[] = {
        story_test(one_server_is_silent),
        story_test(only_one_server_answers),
        story_test(a_holder_leaves_a_silent_server),
        story_test(a_holder_leaves_a_stopped_server),
        story_test(a_holder_leaves_a_server_that_is_cut_off),
        story_test(a_link_that_flaps),
        story_test(a_waiter_leaves_a_silent_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
