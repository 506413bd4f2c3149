/*
 * Elections: who leads, who follows, and who only looks.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

#include <string.h>

#define SEEN_MAX 32

/* What an observer was told, one after the other; 0: nobody led. */
struct view {
    zkc_observer *observer;
    int64_t tokens[SEEN_MAX];
    int count;
};
static struct view view;

static void seen(void *arg, const zkc_contender *leader)
{
    struct view *seeing = arg;

    if (seeing->count < SEEN_MAX)
        seeing->tokens[seeing->count] = leader == NULL ? 0 : leader->token;
    seeing->count++;
}

static int observe(struct actor *who)
{
    memset(&view, 0, sizeof view);
    return zkc_leader_observe(who->leader, seen, &view, &view.observer);
}

static int stop_observing(struct actor *who, zkc_context *context)
{
    (void)who;
    (void)context;
    zkc_observer_close(view.observer);
    return ZKC_OK;
}

static int status(struct actor *who)
{
    return (int)zkc_leader_status(who->leader);
}

static int64_t current_token;

static int current(struct actor *who, zkc_context *context)
{
    zkc_contenders *found = NULL;
    int result = zkc_leader_current(who->leader, context, &found);

    if (result == ZKC_OK)
        current_token = zkc_contenders_at(found, 0)->token;
    zkc_contenders_free(found);
    return result;
}

/* Status: follower, candidate, elected; and follower again once the lease ran out. */
STORY(a_career)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(on(bob, status), ZKC_FOLLOWER);
    assert_int_equal(does(bob, current, NO_LIMIT), ZKC_ENOLEADER);
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK);
    wish = begins(bob, elect, NO_LIMIT);
    run_for(MOMENT);
    assert_int_equal(on(bob, status), ZKC_CANDIDATE);
    assert_int_equal(on(alice, status), ZKC_ELECTED);
    assert_int_equal(does(bob, current, NO_LIMIT), ZKC_OK);
    assert_true(current_token == token(alice));
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_int_equal(on(alice, status), ZKC_FOLLOWER);
    assert_int_equal(on(bob, status), ZKC_ELECTED);
    cluster_link(alice->machine, -1, LINK_FINE);
    scene_end();
}

/* Speed: leadership is handed over by the news of the resignation alone. */
STORY(a_resignation)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK);
    wish = begins(bob, elect, NO_LIMIT);
    run_for(TIMEOUT + TIMEOUT / 10);
    count_from_now();
    assert_int_equal(does(alice, resign, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_int_equal(asked(bob, VERB_CHILDREN), 0);
    assert_int_equal(asked(bob, VERB_CHECK), 0);
    scene_end();
}

/* Observers: the present state first, then every change, in order. */
STORY(an_observer)
{
    struct actor *alice, *bob, *carol;
    struct call *wish;
    int64_t first;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    carol = enters("carol");
    assert_int_equal(on(carol, observe), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(view.count, 1);
    assert_int_equal(view.tokens[0], 0);
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK);
    first = token(alice);
    run_for(MOMENT);
    assert_int_equal(view.count, 2);
    assert_true(view.tokens[1] == first);
    wish = begins(bob, elect, NO_LIMIT);
    run_for(TIMEOUT);
    assert_int_equal(view.count, 2);
    assert_int_equal(does(alice, resign, NO_LIMIT), ZKC_OK);
    assert_int_equal(outcome(wish), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(view.count, 3);
    assert_true(view.tokens[2] == token(bob));
    assert_int_equal(does(bob, resign, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(view.count, 4);
    assert_int_equal(view.tokens[3], 0);
    assert_int_equal(does(carol, stop_observing, NO_LIMIT), ZKC_OK);
    run_for(MOMENT);
    assert_int_equal(cluster_watches(), 0);
    scene_end();
}

/* Observers: what changed while they were away is not missed in the end. */
static void misses_nothing(enum link_fault fault, int64_t away)
{
    struct actor *alice, *bob, *carol;

    scene(3);
    alice = enters("alice");
    bob = enters("bob");
    carol = enters("carol");
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(carol, observe), ZKC_OK);
    run_for(MOMENT);
    cluster_link(carol->machine, -1, fault);
    assert_int_equal(does(alice, resign, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(bob, elect, NO_LIMIT), ZKC_OK);
    run_for(away);
    cluster_link(carol->machine, -1, LINK_FINE);
    run_for(2 * TIMEOUT);
    assert_true(view.count >= 2 && view.count <= 4);
    assert_true(view.tokens[view.count - 1] == token(bob));
    assert_int_equal(does(carol, stop_observing, NO_LIMIT), ZKC_OK);
    scene_end();
}

STORY(an_observer_who_was_away)
{
    misses_nothing(LINK_REFUSED, MOMENT);
}

STORY(an_observer_who_was_away_for_longer_than_its_session)
{
    misses_nothing(LINK_BLACKHOLE, 3 * TIMEOUT);
}

STORY(an_observer_who_does_not_hear)
{
    misses_nothing(LINK_TO_CLIENT, TIMEOUT / 10);
}

/* Observers: a stranger's data is handed out as it is, a change of it is a change. */
static char raw[16];

static void seen_raw(void *arg, const zkc_contender *leader)
{
    seen(arg, leader);
    memset(raw, 0, sizeof raw);
    if (leader != NULL && leader->node == NULL && leader->data_length < sizeof raw)
        memcpy(raw, leader->data, leader->data_length);
}

static int observe_raw(struct actor *who)
{
    memset(&view, 0, sizeof view);
    return zkc_leader_observe(who->leader, seen_raw, &view, &view.observer);
}

STORY(a_leader_whose_data_changes)
{
    struct actor *alice, *carol;

    scene(3);
    alice = enters("alice");
    carol = enters("carol");
    assert_int_equal(does(alice, elect, NO_LIMIT), ZKC_OK);
    assert_int_equal(on(carol, observe_raw), ZKC_OK);
    run_for(MOMENT);
    assert_string_equal(raw, "");
    assert_true(cluster_set(node_of(token(alice), LEADER_DIRECTORY), "not JSON"));
    run_for(MOMENT);
    assert_string_equal(raw, "not JSON");
    assert_int_equal(view.count, 2);
    assert_true(holds(alice));
    assert_int_equal(does(carol, stop_observing, NO_LIMIT), ZKC_OK);
    scene_end();
}

int stories_leader(void)
{
    const struct CMUnitTest tests[] = {
        story_test(a_career),
        story_test(a_resignation),
        story_test(an_observer),
        story_test(an_observer_who_was_away),
        story_test(an_observer_who_was_away_for_longer_than_its_session),
        story_test(an_observer_who_does_not_hear),
        story_test(a_leader_whose_data_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
