/*
 * "Shared locks": readers together, a writer alone, first come first served.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

/* Readers hold together, and each is granted by the round trip that its own node takes. */
STORY(readers_hold_together)
{
    struct actor *alice, *bob;

    scene(3);
    alice = enters_to_share("alice");
    bob = enters_to_share("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    count_from_now();
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    assert_true(holds(alice) && holds(bob));
    assert_int_equal(asked(bob, VERB_CREATE_CONTENDER), 1);
    assert_int_equal(asked(bob, VERB_CHILDREN), 1);
    assert_int_equal(asked(bob, VERB_GET), 0);
    run_for(2 * TIMEOUT);
    assert_true(holds(alice) && holds(bob));
    scene_end();
}

/* Two readers hold and a writer waits; then they leave, one or the other first. */
static void readers_leave(bool last_first)
{
    struct actor *readers[2], *carol;
    struct call *wish;

    scene(3);
    readers[0] = enters_to_share("alice");
    readers[1] = enters_to_share("bob");
    carol = enters("carol");
    assert_int_equal(does(readers[0], acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(readers[1], acquire, NO_LIMIT), ZKC_OK);
    wish = begins(carol, acquire, NO_LIMIT);
    run_for(MOMENT);
    assert_int_equal(does(readers[last_first], release, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_false(wish->over);
    assert_true(holds(readers[!last_first]));
    assert_int_equal(does(readers[!last_first], release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wish), ZKC_OK);
    scene_end();
}

/* A writer waits for every reader ahead of it. */
STORY(a_writer_waits_for_all_readers)
{
    readers_leave(false);
}

/* Nor is it enough that the reader which it watched has left. */
STORY(a_writer_does_not_follow_the_last_reader_only)
{
    readers_leave(true);
}

/* First come first served: a writer that waits is not passed by readers that came after it. */
STORY(a_waiting_writer_holds_up_later_readers)
{
    struct actor *alice, *bob, *carol;
    struct call *writes, *reads;

    scene(3);
    alice = enters_to_share("alice");
    bob = enters("bob");
    carol = enters_to_share("carol");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    writes = begins(bob, acquire, NO_LIMIT);
    run_for(MOMENT);
    reads = begins(carol, acquire, NO_LIMIT);
    run_for(MOMENT);
    assert_false(writes->over || reads->over);
    assert_int_equal(does(carol, try_acquire, NO_LIMIT), ZKC_EALREADY);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(writes), ZKC_OK);
    run_for(MOMENT);
    assert_false(reads->over);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(reads), ZKC_OK);
    assert_true(token(carol) > token(bob));
    scene_end();
}

/* All readers behind a writer take over at once, and none asks anything: no herd of listings. */
STORY(all_readers_follow_a_writer_without_asking)
{
    static const char *const names[] = {"bob", "carol", "dave"};
    struct actor *alice, *readers[3];
    struct call *wishes[3];

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    for (int i = 0; i < 3; i++) {
        readers[i] = enters_to_share(names[i]);
        wishes[i] = begins(readers[i], acquire, NO_LIMIT);
        run_for(MOMENT);
    }
    count_from_now();
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outcome(wishes[i]), ZKC_OK);
        assert_int_equal(asked(readers[i], VERB_CHILDREN), 0);
        assert_int_equal(asked(readers[i], VERB_GET), 0);
    }
    assert_true(holds(readers[0]) && holds(readers[1]) && holds(readers[2]));
    scene_end();
}

/* The nearest writer gives up; the one that holds is still in the way. */
STORY(a_reader_whose_writer_gives_up_waits_for_the_next)
{
    struct actor *alice, *bob, *carol;
    struct call *writes, *reads;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    carol = enters_to_share("carol");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    writes = begins(bob, acquire, NO_LIMIT);
    run_for(MOMENT);
    reads = begins(carol, acquire, NO_LIMIT);
    run_for(MOMENT);
    zkc_context_cancel(writes->context);
    assert_int_equal(outcome(writes), ZKC_ECANCELED);
    run_for(MOMENT);
    assert_false(reads->over);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(reads), ZKC_OK);
    scene_end();
}

/* Only what excludes a reader is a reason not to have it at once. */
STORY(readers_need_not_wait_to_try)
{
    struct actor *alice, *bob, *carol;

    scene(3);
    alice = enters_to_share("alice");
    bob = enters_to_share("bob");
    carol = enters("carol");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(bob, try_acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(carol, try_acquire, NO_LIMIT), ZKC_EBUSY);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(carol, try_acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, try_acquire, NO_LIMIT), ZKC_EBUSY);
    scene_end();
}

/* A paused reader does not hold any more when the writer behind it is granted; beliefs.c sees. */
STORY(a_writer_outlives_a_paused_reader)
{
    struct actor *alice, *bob, *carol;
    struct call *wish;

    scene(3);
    alice = enters_to_share("alice");
    bob = enters_to_share("bob");
    carol = enters("carol");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK);
    wish = begins(carol, acquire, NO_LIMIT);
    run_for(MOMENT);
    machine_pause(alice->machine);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wish), ZKC_OK);
    machine_resume(alice->machine);
    assert_false(holds(alice));
    assert_true(holds(carol));
    scene_end();
}

static zkc_lock *others[2];

static int open_others(struct actor *who)
{
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.shared = 1;
    for (int i = 0; i < 2; i++)
        if (zkc_lock_open(who->sync, "a", &options, &others[i]) != ZKC_OK)
            return ZKC_ENOMEM;
    return ZKC_OK;
}

static int close_others(struct actor *who)
{
    (void)who;
    for (int i = 0; i < 2; i++)
        zkc_lock_close(others[i]);
    return ZKC_OK;
}

static int acquire_others(struct actor *who, zkc_context *context)
{
    int result = zkc_lock_acquire(others[0], context);

    (void)who;
    return result != ZKC_OK ? result : zkc_lock_acquire(others[1], context);
}

static int others_hold(struct actor *who)
{
    (void)who;
    return zkc_lock_is_held(others[0]) + zkc_lock_is_held(others[1]);
}

/* Two readers of one session hold both; the grant of one does not depose the other. */
STORY(two_readers_of_one_session)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(on(alice, open_others), ZKC_OK);
    assert_int_equal(does(alice, acquire_others, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(alice, others_hold), 2);
    assert_int_equal(does(alice, try_acquire, NO_LIMIT), ZKC_EBUSY);
    run_for(TIMEOUT);
    assert_int_equal(on(alice, others_hold), 2);
    assert_int_equal(on(alice, close_others), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    scene_end();
}

int stories_shared(void)
{
    const struct CMUnitTest tests[] = {
        story_test(readers_hold_together),
        story_test(a_writer_waits_for_all_readers),
        story_test(a_writer_does_not_follow_the_last_reader_only),
        story_test(a_waiting_writer_holds_up_later_readers),
        story_test(all_readers_follow_a_writer_without_asking),
        story_test(a_reader_whose_writer_gives_up_waits_for_the_next),
        story_test(readers_need_not_wait_to_try),
        story_test(a_writer_outlives_a_paused_reader),
        story_test(two_readers_of_one_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
