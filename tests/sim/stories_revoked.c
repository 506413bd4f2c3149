/*
 * "Two states for users", "Own node", "Session expiry" of the design.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

static bool is_told(struct actor *who)
{
    return who->told > 0;
}

static int pleas;

static void plea(void *arg)
{
    (void)arg;
    pleas++;
}

static int listen_to_pleas(struct actor *who)
{
    pleas = 0;
    return zkc_lock_on_asked(who->lock, plea, NULL);
}

static bool is_asked(struct actor *who)
{
    (void)who;
    return pleas > 0;
}

/* The first in line. */
static int ask_the_holder(struct actor *who, zkc_context *context)
{
    zkc_contenders *all;
    int result = zkc_lock_contenders(who->lock, context, &all);

    if (result != ZKC_OK)
        return result;
    result = zkc_contender_ask(who->sync, zkc_contenders_at(all, 0), context);
    zkc_contenders_free(all);
    return result;
}

/* A holder that listens is told once that it is asked to give up, and goes on holding. */
STORY(a_holder_is_asked)
{
    struct actor *alice, *bob;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(alice, listen_to_pleas), ZKC_OK);
    assert_int_equal(does(bob, ask_the_holder, NO_LIMIT), ZKC_OK);
    assert_true(comes(is_asked, alice, MOMENT));
    assert_int_equal(does(bob, ask_the_holder, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    assert_int_equal(pleas, 1);
    assert_true(holds(alice));
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    assert_int_equal(pleas, 1);
    scene_end();
}

/* Nothing is missed: not while nobody listened, and not while the connection was lost. */
STORY(a_holder_was_asked)
{
    struct actor *alice, *bob;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(bob, ask_the_holder, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(alice, listen_to_pleas), ZKC_OK);
    assert_true(comes(is_asked, alice, MOMENT));
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(alice, listen_to_pleas), ZKC_OK);
    run_for(MOMENT);
    cluster_reset(alice->machine);
    assert_int_equal(does(bob, ask_the_holder, NO_LIMIT), ZKC_OK);
    assert_true(comes(is_asked, alice, TIMEOUT));
    assert_true(holds(alice));
    scene_end();
}

/* Two states: a disconnection inside the lease changes nothing. */
STORY(a_short_disconnection)
{
    struct actor *alice;
    int64_t number;
    int fd;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    fd = revoked_fd(alice);
    number = token(alice);
    run_for(TIMEOUT);
    for (int i = 0; i < 30; i++) {
        cluster_reset(alice->machine);
        run_for(TIMEOUT / 6);
        assert_true(holds(alice));
    }
    assert_true(token(alice) == number);
    assert_int_equal(alice->told, 0);
    assert_false(sim_alarm_readable(fd));
    assert_int_equal(reason(alice), ZKC_OK);
    scene_end();
}

/* Two states: somebody ends the session. Everyone who waits for it hears of it, once. */
STORY(a_session_that_is_ended)
{
    struct actor *alice;
    struct call *watch;
    int64_t number, session;
    int fd;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    fd = revoked_fd(alice);
    watch = begins(alice, wait_revoked, NO_LIMIT);
    number = token(alice);
    session = session_of(alice);
    run_for(TIMEOUT);
    stranger_ends_session(alice);
    assert_true(comes(is_told, alice, TIMEOUT));
    assert_false(holds(alice));
    assert_true(sim_alarm_readable(fd));
    assert_int_equal(outcome(watch), ZKC_OK);
    assert_true(reason(alice) == ZKC_EDELETED || reason(alice) == ZKC_EEXPIRED);
    run_for(TIMEOUT);
    assert_int_equal(alice->told, 1);
    /* The client lives on, and needs no release. */
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_false(sim_alarm_readable(fd));
    assert_true(token(alice) > number);
    assert_true(session_of(alice) != session);
    assert_int_equal(alice->told, 1);
    scene_end();
}

/* Two states: expiry that no watch tells of first is told as such. */
STORY(a_session_that_is_ended_without_a_watch)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    stranger_ends_session(alice);
    run_for(TIMEOUT / 5 + MOMENT);
    assert_false(holds(alice));
    assert_true(reason(alice) == ZKC_EDELETED || reason(alice) == ZKC_EEXPIRED);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK); /* nothing is waited for */
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_ENOTHELD);
    scene_end();
}

/* Two states: an operator deletes the node of a lock whose holder listens. */
STORY(a_node_that_an_operator_deletes)
{
    struct actor *alice, *bob;
    struct call *next;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    stranger_deletes(node_of(token(alice), LOCK_DIRECTORY));
    run_for(MOMENT);
    assert_false(holds(alice));
    assert_int_equal(alice->told, 1);
    assert_int_equal(alice->reason, ZKC_EDELETED);
    assert_int_equal(outcome(next), ZKC_OK);
    assert_true(holds(bob));
    assert_false(holds(alice));
    scene_end();
}

/* Own node: nor need he listen, once he holds for longer than a moment. */
STORY(a_node_that_an_operator_deletes_unheard)
{
    struct actor *alice, *bob;
    struct call *next;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    cluster_reset(alice->machine); /* the watch outlives its connection */
    run_for(TIMEOUT);
    stranger_deletes(node_of(token(alice), LOCK_DIRECTORY));
    run_for(MOMENT);
    assert_false(holds(alice));
    assert_int_equal(reason(alice), ZKC_EDELETED);
    assert_int_equal(outcome(next), ZKC_OK);
    scene_end();
}

/*
 * Two states: the library sees to it that the node of a revoked grant goes. All servers are down
 * for longer than the timeout; the session survives that, the grant does not.
 */
STORY(all_servers_down_for_longer_than_the_session)
{
    struct actor *alice, *bob;
    struct call *next;
    int64_t session;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    session = session_of(alice);
    for (int i = 0; i < cluster_servers(); i++)
        cluster_crash(i);
    run_for(2 * TIMEOUT);
    assert_int_equal(alice->told, 1);
    assert_int_equal(alice->reason, ZKC_ELEASE);
    assert_false(next->over);
    cluster_heal();
    assert_int_equal(outcome(next), ZKC_OK);
    assert_true(session_of(alice) == session);
    assert_null(node_of(token(alice), LOCK_DIRECTORY));
    assert_false(holds(alice));
    assert_int_equal(alice->told, 1);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    scene_end();
}

/* Two states: revoked is for good, even when the session and the node are still there. */
STORY(a_link_that_comes_back_after_the_lease)
{
    struct actor *alice;
    int64_t number;

    scene(1);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    number = token(alice);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    run_for(MOMENT);
    run_for(remaining(alice) + 2);
    assert_false(holds(alice));
    cluster_link(alice->machine, -1, LINK_FINE);
    for (int i = 0; i < 2 * TIMEOUT; i += MOMENT) {
        assert_false(holds(alice));
        run_for(MOMENT);
    }
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_true(token(alice) > number);
    scene_end();
}

static int given_up; /* completions */

static void on_given_up(void *arg, int result)
{
    (void)arg;
    given_up += result == ZKC_OK;
}

static int give_up(struct actor *who)
{
    return who->elected != NULL ? zkc_elected_resign_async(who->elected, on_given_up, NULL)
                                : zkc_lock_release_async(who->lock, on_given_up, NULL);
}

static int close_it(struct actor *who, zkc_context *context)
{
    (void)context;
    zkc_lock_close(who->lock);
    zkc_elected_close(who->elected);
    who->lock = NULL;
    who->elected = NULL;
    return ZKC_OK;
}

/* No server can be reached, and none of its threads has run since the lease ended. */
static struct actor *lapses_unnoticed(act_fn take)
{
    struct actor *alice;

    scene(3);
    given_up = 0;
    alice = enters("alice");
    assert_int_equal(does(alice, take, NO_LIMIT), ZKC_OK);
    listens(alice);
    run_for(TIMEOUT);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    machine_pause(alice->machine);
    run_for(TIMEOUT);
    assert_false(holds(alice));
    return alice;
}

static void ends_unnoticed(struct actor *alice, struct call *end)
{
    machine_resume(alice->machine);
    run_for(MOMENT);
    if (end != NULL) {
        assert_true(end->over);
        assert_int_equal(end->result, ZKC_OK);
    }
    assert_int_equal(alice->told, 1);
    assert_int_equal(alice->reason, ZKC_ELEASE);
    cluster_link(alice->machine, -1, LINK_FINE);
    scene_end();
}

static void given_up_at_once(act_fn take, act_fn leave)
{
    struct actor *alice = lapses_unnoticed(take);

    assert_int_equal(on(alice, give_up), ZKC_OK);
    assert_int_equal(reason(alice), ZKC_ELEASE);
    run_for(MOMENT);
    ends_unnoticed(alice, NULL);
    assert_int_equal(given_up, 1);
    alice = lapses_unnoticed(take);
    ends_unnoticed(alice, begins(alice, leave, NO_LIMIT));
}

/* Two states: once it is not held, nothing is waited for, and the loss is told all the same. */
STORY(a_lock_given_up_after_its_lease)
{
    given_up_at_once(acquire, release);
}

STORY(a_leadership_given_up_after_its_lease)
{
    given_up_at_once(elect, resign);
}

/* Two states: nor does closing it hide the loss. */
STORY(a_lock_closed_after_its_lease)
{
    struct actor *alice = lapses_unnoticed(acquire);

    ends_unnoticed(alice, begins(alice, close_it, NO_LIMIT));
}

STORY(a_leadership_closed_after_its_lease)
{
    struct actor *alice = lapses_unnoticed(elect);

    ends_unnoticed(alice, begins(alice, close_it, NO_LIMIT));
}

/* Own node: whoever holds a lock watches it at once when asked for a descriptor or a callback. */
STORY(the_own_node_of_a_lock_is_watched_when_wanted)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(cluster_watches(), 0);
    revoked_fd(alice);
    run_for(MOMENT);
    assert_int_equal(cluster_watches(), 1);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(cluster_watches(), 0);
    scene_end();
}

/* Own node: always for leaders, so that an operator can depose them. */
STORY(a_leader_that_is_deposed)
{
    struct actor *alice, *bob;
    struct call *next;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(cluster_watches(), 1);
    next = begins(bob, elect, NO_LIMIT);
    run_for(TIMEOUT);
    assert_true(holds(alice));
    stranger_deletes(node_of(token(alice), LEADER_DIRECTORY));
    run_for(MOMENT);
    assert_false(holds(alice));
    assert_int_equal(reason(alice), ZKC_EDELETED);
    assert_int_equal(outcome(next), ZKC_OK);
    assert_true(token(bob) > token(alice));
    scene_end();
}

/*
 * Own node: its owner is looked at before a grant from a listing. While the waiter is away a
 * stranger puts another node in the place of his, under the same name.
 */
STORY(a_node_that_is_not_ours_any_more)
{
    struct actor *alice, *bob;
    struct call *wish;
    struct cluster_node nodes[2];
    int64_t first;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    wish = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    assert_int_equal(cluster_children(LOCK_DIRECTORY, nodes, 2), 2);
    first = nodes[1].czxid;
    cluster_link(bob->machine, -1, LINK_REFUSED);
    run_for(MOMENT);
    stranger_deletes(nodes[1].path);
    assert_true(cluster_create(nodes[1].path, "", false));
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    cluster_link(bob->machine, -1, LINK_FINE);
    run_for(4 * TIMEOUT);
    assert_false(wish->over);
    assert_true(cluster_delete(nodes[1].path));
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_true(token(bob) > first);
    scene_end();
}

/* Session expiry while waiting: he joins again on the new session, inside the same wait. */
STORY(a_waiter_whose_session_ends)
{
    struct actor *alice, *bob;
    struct call *wish;
    struct cluster_node nodes[2];
    int64_t session;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    wish = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    session = session_of(bob);
    stranger_ends_session(bob);
    run_for(TIMEOUT);
    assert_false(wish->over);
    assert_int_equal(cluster_children(LOCK_DIRECTORY, nodes, 2), 2);
    assert_true(nodes[1].owner != session && nodes[1].owner == session_of(bob));
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_true(token(bob) == nodes[1].czxid);
    scene_end();
}

/* Session expiry while waiting: after an outage he is granted his own node, never the dead one. */
STORY(a_waiter_who_was_away_for_longer_than_his_session)
{
    struct actor *alice, *bob, *carol;
    struct call *bobs, *carols;
    int64_t dead;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    carol = enters("carol");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    bobs = begins(bob, acquire, NO_LIMIT);
    run_for(MOMENT);
    carols = begins(carol, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    dead = session_of(bob);
    cluster_link(bob->machine, -1, LINK_BLACKHOLE);
    run_for(3 * TIMEOUT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 2);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    cluster_link(bob->machine, -1, LINK_FINE);
    assert_int_equal(outcome(carols), ZKC_OK);
    run_for(4 * TIMEOUT);
    assert_false(bobs->over);
    assert_int_equal(does(carol, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(bobs), ZKC_OK);
    assert_true(session_of(bob) != dead);
    assert_non_null(node_of(token(bob), LOCK_DIRECTORY));
    scene_end();
}

int stories_revoked(void)
{
    const struct CMUnitTest tests[] = {
        story_test(a_holder_is_asked),
        story_test(a_holder_was_asked),
        story_test(a_short_disconnection),
        story_test(a_session_that_is_ended),
        story_test(a_session_that_is_ended_without_a_watch),
        story_test(a_node_that_an_operator_deletes),
        story_test(a_node_that_an_operator_deletes_unheard),
        story_test(all_servers_down_for_longer_than_the_session),
        story_test(a_link_that_comes_back_after_the_lease),
        story_test(a_lock_given_up_after_its_lease),
        story_test(a_leadership_given_up_after_its_lease),
        story_test(a_lock_closed_after_its_lease),
        story_test(a_leadership_closed_after_its_lease),
        story_test(the_own_node_of_a_lock_is_watched_when_wanted),
        story_test(a_leader_that_is_deposed),
        story_test(a_node_that_is_not_ours_any_more),
        story_test(a_waiter_whose_session_ends),
        story_test(a_waiter_who_was_away_for_longer_than_his_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
