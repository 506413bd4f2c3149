/*
 * "Held is a promise with a deadline", "Lease", "Clock" of the design.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

/* Until when belief may last, if nothing more is heard than what is on its way now. */
static int64_t belief_ends(struct actor *who)
{
    run_for(MOMENT);
    return now() + remaining(who);
}

/* Believes up to that very millisecond, and then no more. */
static void believes_until(struct actor *who, int64_t end)
{
    run_to(end - 2);
    assert_true(holds(who));
    run_to(end + 2);
    assert_false(holds(who));
    assert_int_equal(remaining(who), 0);
}

/* The other has been granted since, later than the old belief ended and its node was gone. */
static void handed_over(struct actor *from, struct call *to, int64_t end)
{
    assert_int_equal(outcome(to), ZKC_OK);
    assert_true(beliefs_removed_at(token(from)) > end * SIM_MS);
    assert_true(to->ended > beliefs_removed_at(token(from)));
    assert_true(token(to->actor) > token(from));
}

/* Held is a promise with a deadline: the holder's link goes dead, both ways. */
STORY(a_holder_in_a_black_hole)
{
    struct actor *alice, *bob;
    struct call *next;
    int64_t end;
    int fd;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    fd = revoked_fd(alice);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(3 * TIMEOUT);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    end = belief_ends(alice);
    run_to(end - 2);
    assert_false(sim_alarm_readable(fd));
    believes_until(alice, end);
    assert_true(sim_alarm_readable(fd));
    run_for(MOMENT);
    assert_int_equal(alice->told, 1);
    assert_int_equal(alice->reason, ZKC_ELEASE);
    assert_int_equal(reason(alice), ZKC_ELEASE);
    handed_over(alice, next, end);
    cluster_link(alice->machine, -1, LINK_FINE);
    run_for(TIMEOUT);
    assert_int_equal(alice->told, 1);
    assert_false(holds(alice));
    scene_end();
}

/* The holder's server loses the others; the next one is at another server. */
static void is_cut_off_with_its_holder(int server, int other)
{
    struct actor *alice = enters_at("alice", server), *bob = enters_at("bob", other);
    struct call *next;
    int64_t end;

    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(3 * TIMEOUT);
    cluster_isolate(server);
    end = belief_ends(alice);
    believes_until(alice, end);
    handed_over(alice, next, end);
    cluster_heal();
    run_for(TIMEOUT);
    scene_end();
}

/* Held is a promise with a deadline: a follower that is cut off goes on answering reads. */
STORY(a_holder_at_a_follower_that_is_cut_off)
{
    scene(3);
    is_cut_off_with_its_holder(a_follower(), cluster_leader());
}

/* Held is a promise with a deadline: a leader without its quorum goes on answering even sync. */
STORY(a_holder_at_a_leader_that_is_cut_off)
{
    scene(3);
    is_cut_off_with_its_holder(cluster_leader(), a_follower());
}

/* Lease: it counts from the sending. Answers come late, then none. */
STORY(answers_that_are_late)
{
    struct actor *alice, *bob;
    struct call *next;
    int64_t end;

    scene(1);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(3 * TIMEOUT);
    cluster_link_delay(alice->machine, -1, 3 * TIMEOUT / 10);
    run_for(TIMEOUT);
    cluster_link(alice->machine, -1, LINK_TO_SERVER);
    run_for(3 * TIMEOUT / 10); /* what is on its way to her may still help */
    end = belief_ends(alice);
    if (holds(alice))
        believes_until(alice, end);
    handed_over(alice, next, end);
    cluster_link_delay(alice->machine, -1, 0);
    cluster_link(alice->machine, -1, LINK_FINE);
    run_for(TIMEOUT);
    scene_end();
}

/*
 * Lease: a check of the own node every T/8, only while something is held; nobody's watch
 * hears of it.
 */
STORY(beats_while_something_is_held)
{
    struct actor *alice, *bob;
    struct call *next;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    count_from_now();
    run_for(4 * TIMEOUT);
    assert_int_equal(asked(alice, VERB_CHECK), 0);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(MOMENT);
    count_from_now();
    run_for(4 * TIMEOUT);
    assert_in_range(asked(alice, VERB_CHECK), 30, 34);
    assert_int_equal(asked(bob, VERB_GET), 0);
    assert_int_equal(asked(bob, VERB_CHILDREN), 0);
    assert_true(holds(alice));
    assert_true(remaining(alice) >= TIMEOUT / 4);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(next), ZKC_OK);
    count_from_now();
    run_for(4 * TIMEOUT);
    assert_int_equal(asked(alice, VERB_CHECK), 0);
    scene_end();
}

/* Lease: the beat shows in passing that the node is still there, and here that it is not. */
STORY(a_beat_finds_the_node_gone)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    stranger_deletes(node_of(token(alice), LOCK_DIRECTORY));
    run_for(TIMEOUT / 8 + MOMENT);
    assert_false(holds(alice));
    assert_int_equal(reason(alice), ZKC_EDELETED);
    scene_end();
}

static bool has_time(struct actor *who)
{
    return remaining(who) >= TIMEOUT / 4;
}

/* Lease: the first grant's is shorter, but enough to begin with; later proofs lengthen it. */
STORY(the_first_grant)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    run_for(1000);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_true(has_time(alice));
    assert_true(remaining(alice) <= TIMEOUT - 1000);
    for (int i = 0; i < 100; i++) {
        run_for(TIMEOUT / 30);
        assert_true(has_time(alice));
    }
    scene_end();
}

/* Lease: what was idle for long has one, too, and needs no second round trip for it. */
STORY(a_grant_after_an_idle_time)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    for (int i = 0; i < 10; i++) {
        run_for(TIMEOUT + i * TIMEOUT / 10);
        count_from_now();
        assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
        assert_int_equal(asked(alice, VERB_CREATE_CONTENDER), 1);
        assert_int_equal(asked(alice, VERB_CHILDREN), 1);
        assert_int_equal(asked(alice, VERB_CHECK), 0);
        assert_true(has_time(alice));
        assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    }
    scene_end();
}

/* Lease: reads prove nothing. Where writes get no answer nothing is granted, whoever is first. */
STORY(no_grant_from_a_server_without_a_quorum)
{
    struct actor *alice, *bob;
    struct call *wish;
    int follower;

    scene(3);
    follower = a_follower();
    alice = enters_at("alice", follower);
    bob = enters_at("bob", cluster_leader());
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    wish = begins(alice, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    cluster_isolate(follower);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    run_for(20 * TIMEOUT);
    assert_false(wish->over);
    cluster_heal();
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_true(holds(alice));
    scene_end();
}

/* Clock: a pause counts, and the first question after it is answered rightly. */
STORY(a_pause_past_the_lease)
{
    struct actor *alice;
    int64_t end;
    int fd;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    fd = revoked_fd(alice);
    run_for(TIMEOUT);
    machine_pause(alice->machine);
    end = belief_ends(alice);
    run_to(end + 2);
    assert_true(sim_alarm_readable(fd));
    assert_false(holds(alice));
    assert_int_equal(remaining(alice), 0);
    run_for(3 * TIMEOUT);
    assert_true(beliefs_removed_at(token(alice)) > end * SIM_MS);
    machine_resume(alice->machine);
    assert_false(holds(alice));
    assert_int_equal(reason(alice), ZKC_ELEASE);
    run_for(TIMEOUT);
    assert_false(holds(alice));
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    scene_end();
}

/* Clock: the answers that waited in the socket meanwhile make no "no" a "yes". */
STORY(a_pause_with_an_answer_in_the_socket)
{
    struct actor *alice;
    int64_t end, number;
    bool answered_no;

    scene(1);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    number = token(alice);
    count_from_now();
    run_for(TIMEOUT);
    cluster_link_delay(alice->machine, -1, MOMENT * SIM_MS);
    count_from_now();
    until_asks(alice, VERB_CHECK); /* a beat is on its way */
    machine_pause(alice->machine);
    end = belief_ends(alice);
    run_to(end + 2);
    answered_no = !holds(alice);
    machine_resume(alice->machine);
    assert_true(answered_no);
    for (int i = 0; i < MOMENT; i++) {
        run_for(1);
        assert_false(holds(alice) && token(alice) == number);
    }
    run_for(TIMEOUT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    scene_end();
}

/* Clock: a short one changes nothing. */
STORY(a_pause_within_the_lease)
{
    struct actor *alice;
    int64_t number;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    number = token(alice);
    run_for(TIMEOUT);
    machine_pause(alice->machine);
    run_for(TIMEOUT / 5);
    machine_resume(alice->machine);
    assert_true(holds(alice));
    run_for(2 * TIMEOUT);
    assert_true(holds(alice));
    assert_true(token(alice) == number);
    assert_int_equal(alice->told, 0);
    scene_end();
}

/* Lease: less a margin for drift. Her clock loses a hundredth, and still she stops first. */
static void drifts(int ppm)
{
    struct actor *alice, *bob;
    struct call *next;
    int64_t end;

    scene(3);
    alice = actor("alice", ppm);
    bob = enters("bob");
    assert_int_equal(does(alice, open_client, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(3 * TIMEOUT);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    while (holds(alice))
        run_for(1);
    end = now();
    handed_over(alice, next, end);
    cluster_link(alice->machine, -1, LINK_FINE);
    run_for(TIMEOUT);
    scene_end();
}

STORY(a_clock_that_is_slow)
{
    drifts(-9900);
}

STORY(a_clock_that_is_fast)
{
    drifts(9900);
}

/* Lease: a reconnection and one write make it whole again, however little was left. */
STORY(a_short_cut)
{
    struct actor *alice;
    int64_t cut;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    run_for(3 * TIMEOUT);
    cluster_bar(alice->machine, true);
    cluster_reset(alice->machine);
    cut = remaining(alice) - TIMEOUT / 20;
    run_for(cut);
    assert_true(holds(alice));
    cluster_bar(alice->machine, false);
    run_for(TIMEOUT / 60 + MOMENT); /* libzookeeper rests for so long when it has tried them all */
    assert_true(holds(alice));
    assert_true(remaining(alice) >= TIMEOUT - TIMEOUT / 100 - TIMEOUT / 8 - cut - 3 * MOMENT - 100);
    run_for(3 * TIMEOUT);
    assert_true(holds(alice));
    scene_end();
}

/* Lease: a link that flaps costs nothing, and each time what is left grows beyond the usual. */
STORY(a_link_that_flaps)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    for (int i = 0; i < 60; i++) {
        run_for(TIMEOUT / 6);
        cluster_reset(alice->machine);
        run_for(TIMEOUT / 60 + MOMENT);
        assert_true(remaining(alice) >= TIMEOUT * 3 / 4);
    }
    assert_true(holds(alice));
    scene_end();
}

/*
 * Lease: a reconnection alone is no proof. The server that takes her back knows a leader without a
 * quorum, which has touched her session in vain.
 */
STORY(a_reconnection_to_a_leader_without_a_quorum)
{
    struct actor *alice, *bob;
    struct call *next;
    int64_t end;
    int leader;

    scene(3);
    leader = cluster_leader();
    alice = enters_at("alice", leader);
    bob = enters_at("bob", a_follower());
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    next = begins(bob, acquire, NO_LIMIT);
    run_for(3 * TIMEOUT);
    cluster_isolate(leader);
    end = belief_ends(alice);
    cluster_reset(alice->machine);
    believes_until(alice, end);
    handed_over(alice, next, end);
    cluster_heal();
    run_for(TIMEOUT);
    scene_end();
}

/* Lease: the servers take long to make the session. Who is granted keeps it. */
STORY(a_session_made_late)
{
    for (int late = 0; late < TIMEOUT * 3 / 2; late += TIMEOUT / 16) {
        struct actor *alice;
        struct call *wish;
        scene(3);
        alice = actor("alice", 0);
        cluster_link(alice->machine, -1, LINK_BLACKHOLE);
        alice->options.connect_timeout_ms = -1; /* does not wait */
        assert_int_equal(does(alice, open_client, NO_LIMIT), ZKC_OK);
        wish = begins(alice, acquire, NO_LIMIT);
        run_for(late);
        cluster_link(alice->machine, -1, LINK_FINE);
        assert_int_equal(outcome(wish), ZKC_OK);
        listens(alice);
        run_for(3 * TIMEOUT);
        assert_true(holds(alice));
        assert_int_equal(alice->told, 0);
        scene_end();
    }
}

int stories_lease(void)
{
    const struct CMUnitTest tests[] = {
        story_test(a_holder_in_a_black_hole),
        story_test(a_holder_at_a_follower_that_is_cut_off),
        story_test(a_holder_at_a_leader_that_is_cut_off),
        story_test(answers_that_are_late),
        story_test(beats_while_something_is_held),
        story_test(a_beat_finds_the_node_gone),
        story_test(the_first_grant),
        story_test(a_grant_after_an_idle_time),
        story_test(no_grant_from_a_server_without_a_quorum),
        story_test(a_pause_past_the_lease),
        story_test(a_pause_with_an_answer_in_the_socket),
        story_test(a_pause_within_the_lease),
        story_test(a_clock_that_is_slow),
        story_test(a_clock_that_is_fast),
        story_test(a_short_cut),
        story_test(a_link_that_flaps),
        story_test(a_reconnection_to_a_leader_without_a_quorum),
        story_test(a_session_made_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
