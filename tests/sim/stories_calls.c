/*
 * "Threads" and "Event loops" of the design. A child after fork cannot be simulated: real processes
 * show it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"
#include "core/payload.h"
#include "run/client.h"

#include <string.h>

/* Completions of asynchronous calls, and where they ran. */
static struct {
    int calls;
    int result;
    int inner;        /* what a call inside the callback returned */
    bool on_a_thread; /* of somebody's, not libzookeeper's */
    bool dispatching;
    bool outside; /* ran although nobody dispatched */
} done;

static void completed(void *arg, int result)
{
    (void)arg;
    done.calls++;
    done.result = result;
    done.on_a_thread = fiber_current() != NULL;
    done.outside = done.outside || !done.dispatching;
}

static int acquire_async(struct actor *who)
{
    memset(&done, 0, sizeof done);
    return zkc_lock_acquire_async(who->lock, -1, completed, who);
}

static int release_async(struct actor *who)
{
    memset(&done, 0, sizeof done);
    return zkc_lock_release_async(who->lock, completed, who);
}

static int cancel(struct actor *who)
{
    return zkc_lock_cancel(who->lock);
}

static bool is_done(struct actor *who)
{
    (void)who;
    return done.calls > 0;
}

/* Threads: a handle is one contender. */
STORY(a_second_call_of_one_handle)
{
    struct actor *alice, *bob;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_EALREADY);
    assert_int_equal(does(alice, try_acquire, NO_LIMIT), ZKC_EALREADY);
    assert_int_equal(on(bob, acquire_async), ZKC_OK);
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_EALREADY);
    assert_int_equal(does(bob, release, NO_LIMIT), ZKC_EALREADY);
    assert_true(holds(alice));
    assert_int_equal(on(bob, cancel), ZKC_OK);
    assert_true(comes(is_done, bob, MOMENT));
    run_for(MOMENT);
    assert_int_equal(done.result, ZKC_ECANCELED);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    scene_end();
}

static int acquire_second(struct actor *who, zkc_context *context)
{
    zkc_lock *second;
    int result = zkc_lock_open(who->sync, "a", NULL, &second);

    if (result == ZKC_OK)
        result = zkc_lock_acquire(second, context);
    zkc_lock_close(second);
    return result;
}

/* Threads: two handles of one client are two contenders. */
STORY(two_handles_of_one_client)
{
    struct actor *alice;
    struct call *second;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    second = begins(alice, acquire_second, NO_LIMIT);
    run_for(TIMEOUT);
    assert_false(second->over);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(second), ZKC_OK);
    scene_end();
}

/* Inside a callback. */
static void completed_and_blocks(void *arg, int result)
{
    struct actor *who = arg;

    completed(arg, result);
    done.inner = zkc_lock_release(who->lock, NULL);
}

static int acquire_and_block(struct actor *who)
{
    memset(&done, 0, sizeof done);
    return zkc_lock_acquire_async(who->lock, -1, completed_and_blocks, who);
}

/* Threads: callbacks run on no thread of libzookeeper's, and what blocks is refused inside. */
STORY(a_blocking_call_inside_a_callback)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(on(alice, acquire_and_block), ZKC_OK);
    assert_true(comes(is_done, alice, TIMEOUT));
    assert_int_equal(done.result, ZKC_OK);
    assert_true(done.on_a_thread);
    assert_int_equal(done.inner, ZKC_ECALLBACK);
    assert_true(holds(alice));
    scene_end();
}

static void completed_and_closes(void *arg, int result)
{
    struct actor *who = arg;

    completed(arg, result);
    zkc_lock_close(who->lock);
    who->lock = NULL;
}

static int acquire_and_close(struct actor *who)
{
    memset(&done, 0, sizeof done);
    return zkc_lock_acquire_async(who->lock, -1, completed_and_closes, who);
}

/* Threads: a callback under no lock of ours may close what it is about. */
STORY(a_lock_that_is_closed_inside_its_callback)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(on(alice, acquire_and_close), ZKC_OK);
    assert_true(comes(is_done, alice, TIMEOUT));
    run_for(MOMENT);
    assert_int_equal(done.calls, 1);
    assert_null(alice->lock);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    scene_end();
}

/* A callback that takes its time. */
static void completed_slowly(void *arg, int result)
{
    fiber_sleep(TICK * SIM_MS);
    completed(arg, result);
}

static void elected_slowly(void *arg, int result, zkc_elected *elected)
{
    struct actor *who = arg;

    who->elected = elected;
    completed_slowly(arg, result);
}

static int acquire_slowly(struct actor *who)
{
    memset(&done, 0, sizeof done);
    return zkc_lock_acquire_async(who->lock, TICK, completed_slowly, who);
}

static int elect_slowly(struct actor *who)
{
    memset(&done, 0, sizeof done);
    return zkc_leader_elect_async(who->leader, TICK, elected_slowly, who);
}

static int close_lock(struct actor *who, zkc_context *context)
{
    (void)context;
    zkc_lock_close(who->lock);
    who->lock = NULL;
    return done.calls;
}

static int close_leader(struct actor *who, zkc_context *context)
{
    (void)context;
    zkc_leader_close(who->leader);
    who->leader = NULL;
    return done.calls;
}

/* Threads: who closes while a callback runs waits for it, whatever the callback was told. */
static void closes_meanwhile(act_fn take, int (*take_slowly)(struct actor *), act_fn close,
                             bool in_time)
{
    struct actor *alice, *bob;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    if (!in_time)
        assert_int_equal(does(alice, take, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(bob, take_slowly), ZKC_OK);
    run_for(TICK + TICK / 2 - (in_time ? TICK : 0));
    assert_int_equal(done.calls, 0);
    assert_int_equal(does(bob, close, NO_LIMIT), 1);
    assert_int_equal(done.result, in_time ? ZKC_OK : ZKC_ETIMEDOUT);
    scene_end();
}

STORY(a_lock_that_is_closed_during_its_callback)
{
    closes_meanwhile(acquire, acquire_slowly, close_lock, true);
    closes_meanwhile(acquire, acquire_slowly, close_lock, false);
}

STORY(a_candidate_that_is_closed_during_its_callback)
{
    closes_meanwhile(elect, elect_slowly, close_leader, true);
    closes_meanwhile(elect, elect_slowly, close_leader, false);
}

/* Event loops: each call completes exactly once, also when all its ends come together. */
STORY(a_call_with_many_ends)
{
    struct actor *alice, *bob;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(bob, acquire_async), ZKC_OK);
    run_for(TIMEOUT);
    stranger_ends_session(bob);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    on(bob, cancel);
    assert_int_equal(does(bob, close_client, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    assert_int_equal(done.calls, 1);
    assert_true(done.result == ZKC_ECANCELED || done.result == ZKC_OK ||
                done.result == ZKC_ECLOSED);
    scene_end();
}

/* ---- a program with an event loop of its own ---- */

static int loop_fd(struct actor *who)
{
    return zkc_sync_fd(who->sync);
}

static int dispatch(struct actor *who, zkc_context *context)
{
    int count;

    (void)context;
    done.dispatching = true;
    count = zkc_sync_dispatch(who->sync);
    done.dispatching = false;
    return count;
}

/* Event loops: the descriptor says when, and callbacks run inside dispatch only. */
STORY(an_event_loop)
{
    struct actor *alice;
    int fd;

    scene(3);
    alice = enters("alice");
    fd = on(alice, loop_fd);
    assert_true(fd >= 0);
    assert_int_equal(on(alice, acquire_async), ZKC_OK);
    assert_false(sim_alarm_readable(fd));
    run_for(TIMEOUT);
    assert_true(sim_alarm_readable(fd));
    assert_int_equal(done.calls, 0);
    assert_true(holds(alice)); /* known before it is told */
    assert_int_equal(does(alice, dispatch, NO_LIMIT), 1);
    assert_false(sim_alarm_readable(fd));
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result, ZKC_OK);
    assert_int_equal(does(alice, dispatch, NO_LIMIT), 0);
    assert_int_equal(on(alice, release_async), ZKC_OK);
    assert_false(holds(alice));
    run_for(MOMENT);
    assert_true(sim_alarm_readable(fd));
    assert_int_equal(does(alice, dispatch, NO_LIMIT), 1);
    assert_int_equal(done.result, ZKC_OK);
    assert_false(done.outside);
    scene_end();
}

/* Event loops: a revocation is told there, too. */
STORY(a_revocation_in_an_event_loop)
{
    struct actor *alice;
    int fd;

    scene(3);
    alice = enters("alice");
    fd = on(alice, loop_fd);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    listens(alice);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    run_for(2 * TIMEOUT);
    assert_int_equal(alice->told, 0);
    assert_true(sim_alarm_readable(fd));
    assert_int_equal(does(alice, dispatch, NO_LIMIT), 1);
    assert_int_equal(alice->told, 1);
    assert_int_equal(alice->reason, ZKC_ELEASE);
    assert_false(sim_alarm_readable(fd));
    cluster_link(alice->machine, -1, LINK_FINE);
    scene_end();
}

/* Whose mutex must be free while data is parsed, and how often it was. */
static struct actor *lister;
static int parsed_freely;

int __real_payload_decode(const void *data, size_t length, zkc_node **ret_node);
int __wrap_payload_decode(const void *data, size_t length, zkc_node **ret_node);

int __wrap_payload_decode(const void *data, size_t length, zkc_node **ret_node)
{
    if (lister != NULL && pthread_mutex_trylock(&lister->sync->mutex) == 0) {
        pthread_mutex_unlock(&lister->sync->mutex);
        parsed_freely++;
    }
    return __real_payload_decode(data, length, ret_node);
}

static int list(struct actor *who, zkc_context *context)
{
    zkc_contenders *all;
    int result = zkc_lock_contenders(who->lock, context, &all);

    if (result == ZKC_OK)
        zkc_contenders_free(all);
    return result;
}

/* Threads: data of others takes as long to parse as they like, and holds nobody up. */
STORY(a_listing_of_what_takes_long_to_parse)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_true(cluster_create(LOCK_DIRECTORY "/other-", "{\"id\":\"other\"}", true));
    run_for(MOMENT); /* until all servers know of it */
    parsed_freely = 0;
    lister = alice;
    assert_int_equal(does(alice, list, NO_LIMIT), ZKC_OK);
    lister = NULL;
    assert_int_equal(parsed_freely, 2);
    stranger_deletes(LOCK_DIRECTORY "/other-0000000001");
    scene_end();
}

int stories_calls(void)
{
    const struct CMUnitTest tests[] = {
        story_test(a_second_call_of_one_handle),
        story_test(two_handles_of_one_client),
        story_test(a_blocking_call_inside_a_callback),
        story_test(a_lock_that_is_closed_inside_its_callback),
        story_test(a_lock_that_is_closed_during_its_callback),
        story_test(a_candidate_that_is_closed_during_its_callback),
        story_test(a_call_with_many_ends),
        story_test(an_event_loop),
        story_test(a_revocation_in_an_event_loop),
        story_test(a_listing_of_what_takes_long_to_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
