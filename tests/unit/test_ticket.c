/*
 * Stories of one contender: joining, waiting, holding, losing, leaving.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pretend.h"
#include "base/mem.h"
#include "core/payload.h"
#include "core/ticket.h"

#include <zkcoord/zkcoord.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIR "/ns/lock/x"

struct story {
    struct pretend server;
    struct place *place;
    struct ticket *ticket;
    int queued, granted, failed, asked, revoked, gone, stuck;
    int detail;
    int error; /* of TICKET_FAILED */
    int64_t token;
};

static void on_event(void *owner, struct ticket *ticket, enum ticket_event event, int detail)
{
    struct story *story = owner;

    story->detail = detail;
    story->queued += event == TICKET_QUEUED;
    story->granted += event == TICKET_GRANTED;
    story->failed += event == TICKET_FAILED;
    story->asked += event == TICKET_ASKED;
    story->revoked += event == TICKET_REVOKED;
    story->stuck += event == TICKET_STUCK;
    story->gone += event == TICKET_GONE;
    if (event == TICKET_FAILED)
        story->error = detail;
    if (event == TICKET_GRANTED)
        story->token = ticket->token;
    if (event == TICKET_GONE)
        story->ticket = NULL;
}

static struct pretend_node *find_own(struct story *story)
{
    char *path = ticket_path(story->ticket);
    struct pretend_node *node = pretend_find(&story->server, path);

    mem_free(path);
    return node;
}

static void remove_node(struct story *story, const struct ticket *ticket)
{
    char *path = ticket_path(ticket);

    pretend_remove(&story->server, path);
    mem_free(path);
}

static void write_own(struct story *story, const char *text)
{
    char *path = ticket_path(story->ticket);

    pretend_write(&story->server, path, text);
    mem_free(path);
}

static void begin(struct story *story)
{
    memset(story, 0, sizeof *story);
    pretend_init(&story->server);
    story->place = pretend_place(DIR, "me", 2);
    pretend_add(&story->server, "/ns", 0);
    pretend_add(&story->server, "/ns/lock", 0);
    pretend_add(&story->server, DIR, 0);
}

static void end(struct story *story)
{
    pretend_free(&story->server);
    place_unref(story->place);
}

static void join(struct story *story)
{
    assert_int_equal(
        ticket_join(&story->server.session, story->place, false, on_event, story, &story->ticket),
        0);
    pretend_run(&story->server);
}

/* Somebody else of the same session; goes on by itself when nobody listens any more. */
static void join_another(struct story *story)
{
    struct ticket *another;

    assert_int_equal(ticket_join(&story->server.session, story->place, false, NULL, NULL, &another),
                     0);
}

static struct pretend_node *rival(struct story *story, int sequence)
{
    char path[256];

    snprintf(path, sizeof path, DIR "/_c_00000000-0000-4000-8000-%012d-lock-%010d", sequence,
             sequence);
    story->server.sequence = sequence + 1;
    return pretend_add(&story->server, path, 99);
}

static void without_rivals_it_takes_one_create_and_one_list(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    assert_int_equal(story.granted, 1);
    assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 1);
    assert_int_equal(story.server.asked[VERB_CHILDREN], 1);
    assert_int_equal(story.server.asked[VERB_GET], 0);
    assert_int_equal(story.token, find_own(&story)->czxid);
    ticket_leave(story.ticket);
    pretend_run(&story.server);
    assert_int_equal(story.gone, 1);
    assert_int_equal(story.server.asked[VERB_DELETE], 1);
    assert_int_equal(pretend_children(&story.server, DIR), 0);
    end(&story);
}

static void both_requests_are_sent_before_any_answer(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    story.server.deaf = true;
    join(&story);
    assert_int_equal(story.server.held_count, 2);
    assert_int_equal(story.server.held[0]->verb, VERB_CREATE_CONTENDER);
    assert_int_equal(story.server.held[1]->verb, VERB_CHILDREN);
    end(&story);
}

/* Who joins while a listing is under way shares the next one with all who did. */
static void contenders_of_a_session_share_listings(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    rival(&story, 3);
    story.server.deaf = true;
    join(&story);
    for (int i = 0; i < 9; i++)
        join_another(&story);
    pretend_run(&story.server);
    assert_int_equal(story.server.held_count, 11);
    pretend_hear(&story.server);
    assert_int_equal(story.queued, 1);
    assert_int_equal(pretend_children(&story.server, DIR), 11);
    assert_int_equal(story.server.asked[VERB_CHILDREN], 2);
    end(&story);
}

static void missing_ancestors_are_created(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_remove(&story.server, DIR);
    pretend_remove(&story.server, "/ns/lock");
    pretend_connect(&story.server, 7);
    join(&story);
    assert_int_equal(story.granted, 1);
    assert_non_null(pretend_find(&story.server, DIR));
    end(&story);
}

static void servers_without_containers_get_plain_ancestors(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_remove(&story.server, DIR);
    pretend_connect(&story.server, 7);
    pretend_fail(&story.server, VERB_CREATE_CONTAINER, PRETEND_ANSWER, 2);
    story.server.fault_answer = ANSWER_UNSUPPORTED;
    join(&story);
    assert_int_equal(story.granted, 1);
    assert_int_equal(story.server.asked[VERB_CREATE_PLAIN], 1);
    end(&story);
}

/* False: the allocation that failed kept it from joining. */
static bool joins_with_little_memory(struct story *story, long nth)
{
    pretend_remove(&story->server, DIR);
    pretend_connect(&story->server, 7);
    pretend_fail(&story->server, VERB_CREATE_CONTAINER, PRETEND_ANSWER, 2);
    story->server.fault_answer = ANSWER_UNSUPPORTED;
    mem_fail_after(nth);
    if (ticket_join(&story->server.session, story->place, false, on_event, story, &story->ticket) !=
        0)
        return false;
    pretend_run(&story->server);
    return true;
}

static void no_memory_is_called_no_memory(void **state)
{
    int refused = 0;

    (void)state;
    for (long nth = 1; nth <= 40; nth++) {
        struct story story;
        begin(&story);
        if (joins_with_little_memory(&story, nth)) {
            assert_int_equal(story.granted + story.failed, 1);
            if (story.failed > 0)
                assert_int_equal(story.error, ZKC_ENOMEM);
            refused += story.failed;
        }
        mem_fail_after(0);
        end(&story);
    }
    assert_true(refused >= 4);
}

static void a_second_waits_and_inherits_without_a_request(void **state)
{
    struct story story;
    struct pretend_node *first;
    size_t lists;
    char path[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    first = rival(&story, 3);
    strcpy(path, first->path);
    join(&story);
    assert_int_equal(story.queued, 1);
    assert_int_equal(story.granted, 0);
    pretend_pass(&story.server, 30 * SECOND);
    lists = story.server.asked[VERB_CHILDREN];
    story.server.deaf = true; /* no answer could help from here on */
    pretend_remove(&story.server, path);
    assert_int_equal(story.granted, 1);
    assert_int_equal(story.server.asked[VERB_CHILDREN], lists);
    end(&story);
}

/* Curator's writer takes the read lock as well, with a node of its own number, and then leaves. */
static void a_writer_that_becomes_a_reader_still_holds(void **state)
{
    const char *writer = DIR "/_c_00000000-0000-4000-8000-000000000003-__WRIT__0000000003";
    const char *reader = DIR "/_c_00000000-0000-4000-8000-000000000009-__READ__0000000003";
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    pretend_add(&story.server, writer, 99);
    story.server.sequence = 4;
    join(&story);
    assert_int_equal(story.queued, 1);
    pretend_add(&story.server, reader, 99);
    pretend_remove(&story.server, writer);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 0);
    pretend_remove(&story.server, reader);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 1);
    end(&story);
}

static void a_third_lists_again_when_the_second_leaves(void **state)
{
    struct story story;
    char first[256], second[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    strcpy(second, rival(&story, 4)->path);
    join(&story);
    pretend_remove(&story.server, second);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 0);
    assert_int_equal(story.queued, 2);
    pretend_remove(&story.server, first);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 1);
    end(&story);
}

static void two_places_ahead_are_watched(void **state)
{
    struct story story;
    char first[256], second[256], third[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    strcpy(second, rival(&story, 4)->path);
    strcpy(third, rival(&story, 5)->path);
    join(&story);
    assert_false(pretend_find(&story.server, first)->watched);
    assert_true(pretend_find(&story.server, second)->watched);
    assert_true(pretend_find(&story.server, third)->watched);
    end(&story);
}

/* What was asked for when the one beyond went serves when the one ahead goes at its heels. */
static void a_look_becomes_the_listing(void **state)
{
    struct story story;
    char first[256], second[256], third[256];
    size_t lists;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    strcpy(second, rival(&story, 4)->path);
    strcpy(third, rival(&story, 5)->path);
    join(&story);
    lists = story.server.asked[VERB_CHILDREN];
    pretend_remove(&story.server, first);
    pretend_remove(&story.server, second);
    pretend_remove(&story.server, third);
    assert_int_equal(story.granted, 0);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 1);
    assert_int_equal(story.server.asked[VERB_CHILDREN], lists + 1);
    end(&story);
}

static void a_waiter_whose_own_node_vanished_first_does_not_inherit(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    join(&story);
    pretend_pass(&story.server, 5 * SECOND);
    rival(&story, 9); /* somebody behind us */
    remove_node(&story, story.ticket);
    pretend_remove(&story.server, first);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 0); /* the one behind us holds now; we are queued behind it */
    assert_int_equal(pretend_children(&story.server, DIR), 2);
    end(&story);
}

static void after_a_reconnection_it_lists_before_it_inherits(void **state)
{
    struct story story;
    char first[256];
    size_t lists;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    join(&story);
    pretend_disconnect(&story.server);
    pretend_connect(&story.server, 7);
    lists = story.server.asked[VERB_CHILDREN];
    pretend_remove(&story.server, first);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 1);
    assert_int_equal(story.server.asked[VERB_CHILDREN], lists + 1);
    end(&story);
}

static void try_does_not_wait(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    rival(&story, 3);
    assert_int_equal(
        ticket_join(&story.server.session, story.place, true, on_event, &story, &story.ticket), 0);
    pretend_run(&story.server);
    assert_int_equal(story.failed, 1);
    assert_int_equal(story.gone, 1);
    assert_int_equal(pretend_children(&story.server, DIR), 1);
    end(&story);
}

static void begin_with_lost_create(struct story *story, enum pretend_fault how)
{
    begin(story);
    pretend_connect(&story->server, 7);
    pretend_fail(&story->server, VERB_CREATE_CONTENDER, how, 0);
    join(story);
}

static void a_create_whose_reply_was_lost_is_found_by_its_uuid(void **state)
{
    struct story story;

    (void)state;
    begin_with_lost_create(&story, PRETEND_LOSE_AFTER);
    assert_int_equal(story.granted, 0);
    pretend_connect(&story.server, 7);
    assert_int_equal(story.granted, 1);
    assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 1);
    assert_int_equal(pretend_children(&story.server, DIR), 1);
    assert_int_equal(story.token, find_own(&story)->czxid);
    end(&story);
}

static void a_create_that_was_never_applied_is_sent_again(void **state)
{
    struct story story;

    (void)state;
    begin_with_lost_create(&story, PRETEND_LOSE_BEFORE);
    pretend_connect(&story.server, 7);
    assert_int_equal(story.granted, 1);
    assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 2);
    assert_int_equal(pretend_children(&story.server, DIR), 1);
    end(&story);
}

/* ---- creates that were given up and are applied after all ---- */

/* The node that the newest create would have made. */
static void name_of_create(const struct story *story, char path[256])
{
    snprintf(path, 256, "%.*s%010d", (int)story->ticket->bid->prefix_length,
             story->ticket->bid->path, 7);
}

/* Given up; what it asked for is in the hands of a server still. */
static void begin_with_stray(struct story *story, char path[256])
{
    begin_with_lost_create(story, PRETEND_LOSE_BEFORE);
    name_of_create(story, path);
    pretend_connect(&story->server, 7);
    assert_int_equal(story->granted, 1);
    assert_int_equal(story->server.session.strays.count, 1);
}

static void a_create_applied_after_all_is_undone(enum verb lost, enum pretend_fault fault)
{
    struct story story;
    char path[256];

    begin_with_stray(&story, path);
    pretend_add(&story.server, path, 7);
    if (fault != PRETEND_NONE)
        pretend_fail(&story.server, lost, fault, 0);
    join_another(&story); /* any listing will do */
    pretend_run(&story.server);
    if (fault != PRETEND_NONE)
        pretend_connect(&story.server, 7);
    assert_null(pretend_find(&story.server, path));
    assert_int_equal(pretend_children(&story.server, DIR), 2);
    assert_int_equal(story.server.session.strays.count, 0);
    assert_int_equal(story.revoked, 0);
    end(&story);
}

static void a_node_that_comes_after_all_is_deleted(void **state)
{
    (void)state;
    a_create_applied_after_all_is_undone(VERB_DELETE, PRETEND_NONE);
    a_create_applied_after_all_is_undone(VERB_DELETE, PRETEND_LOSE_BEFORE);
    a_create_applied_after_all_is_undone(VERB_DELETE, PRETEND_LOSE_AFTER);
    a_create_applied_after_all_is_undone(VERB_EXISTS, PRETEND_LOSE_BEFORE);
}

static void a_forbidden_delete_of_a_stray_is_tried_again(void **state)
{
    struct story story;
    char path[256];

    (void)state;
    begin_with_stray(&story, path);
    pretend_add(&story.server, path, 7);
    pretend_answer(&story.server, VERB_DELETE, ANSWER_NO_AUTH);
    join_another(&story);
    pretend_run(&story.server);
    assert_non_null(pretend_find(&story.server, path));
    join_another(&story);
    pretend_run(&story.server);
    assert_null(pretend_find(&story.server, path));
    end(&story);
}

/* Nobody of this session contends there any more. */
static void nobody_looks(int64_t late, int64_t soon, size_t looks)
{
    struct story story;
    char path[256];
    size_t asked;

    begin_with_stray(&story, path);
    ticket_leave(story.ticket);
    pretend_run(&story.server);
    asked = story.server.asked[VERB_CHILDREN];
    pretend_pass(&story.server, late);
    pretend_add(&story.server, path, 7);
    pretend_fail(&story.server, VERB_CHILDREN, PRETEND_LOSE_BEFORE, 0);
    pretend_pass(&story.server, soon);
    pretend_connect(&story.server, 7);
    assert_int_equal(pretend_children(&story.server, DIR), 0);
    assert_int_equal(story.server.asked[VERB_CHILDREN] - asked, looks + 1);
    end(&story);
}

static void a_node_that_comes_when_nobody_looks_is_deleted(void **state)
{
    (void)state;
    nobody_looks(0, 3 * SECOND, 1);
    nobody_looks(8 * SECOND, 10 * SECOND, 3);
    nobody_looks(1000 * SECOND, 278 * SECOND, 9);
}

static void a_strangers_copy_of_a_stray_is_left_alone(void **state)
{
    struct story story;
    char path[256];

    (void)state;
    begin_with_stray(&story, path);
    pretend_add(&story.server, path, 99);
    join_another(&story);
    pretend_run(&story.server);
    assert_non_null(pretend_find(&story.server, path));
    assert_int_equal(story.server.session.strays.count, 1);
    end(&story);
}

static void strays_end_with_their_session(void **state)
{
    struct story story;
    char path[256];

    (void)state;
    begin_with_stray(&story, path);
    pretend_add(&story.server, path, 7);
    pretend_fail(&story.server, VERB_DELETE, PRETEND_LOSE_BEFORE, 0);
    join_another(&story);
    pretend_run(&story.server);
    pretend_expire(&story.server);
    assert_int_equal(story.server.session.strays.count, 0);
    pretend_connect(&story.server, 8);
    assert_int_equal(story.server.session.strays.count, 0);
    end(&story);
}

static void only_so_many_strays_are_remembered(void **state)
{
    struct story story;
    uint8_t random[16] = {0};

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    for (int i = 0; i < 2 * STRAYS_MAX; i++) {
        random[0] = (uint8_t)i;
        random[1] = (uint8_t)(i >> 8);
        assert_int_equal(strays_add(&story.server.session.strays, story.place, random), 0);
    }
    assert_int_equal(story.server.session.strays.count, STRAYS_MAX);
    assert_int_equal(story.place->references, 1 + STRAYS_MAX);
    end(&story);
}

/* Somebody else's node under the prefix of ours, listed before it. */
static void copy_the_prefix(struct story *story, const char *rest)
{
    struct pretend_node *ours = &story->server.nodes[story->server.count - 1], swapped = *ours;
    char path[256];

    snprintf(path, sizeof path, "%.*s%s", (int)strlen(ours->path) - 10, ours->path, rest);
    *ours = *pretend_add(&story->server, path, 99);
    story->server.nodes[story->server.count - 1] = swapped;
}

static void our_node_is_found_behind_copies_of_its_prefix(void **state)
{
    static const char *const copies[] = {"", "0000000003", "0000000004-0000000007", "-000000001"};
    struct story story;

    (void)state;
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
        for (int leave = 0; leave < 2; leave++) {
            begin(&story);
            story.server.sequence = 5;
            pretend_connect(&story.server, 7);
            pretend_fail(&story.server, VERB_CREATE_CONTENDER, PRETEND_LOSE_AFTER, 0);
            join(&story);
            copy_the_prefix(&story, copies[i]);
            if (leave)
                ticket_leave(story.ticket);
            pretend_connect(&story.server, 7);
            assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 1);
            assert_int_equal(story.gone, leave);
            assert_int_equal(pretend_children(&story.server, DIR), leave ? 1 : 2);
            end(&story);
        }
    }
}

/* A copy alone is no node of ours. */
static void a_copy_of_our_prefix_is_not_adopted(void **state)
{
    struct story story;
    char path[256];

    (void)state;
    begin(&story);
    story.server.sequence = 5;
    pretend_connect(&story.server, 7);
    pretend_fail(&story.server, VERB_CREATE_CONTENDER, PRETEND_LOSE_AFTER, 0);
    join(&story);
    copy_the_prefix(&story, "0000000009");
    strcpy(path, story.server.nodes[story.server.count - 1].path);
    pretend_remove(&story.server, path);
    pretend_connect(&story.server, 7);
    assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 2);
    assert_int_equal(story.granted, 1);
    assert_int_equal(pretend_children(&story.server, DIR), 2);
    end(&story);
}

static void the_search_is_preceded_by_a_quorum_write(void **state)
{
    struct story story;

    (void)state;
    begin_with_lost_create(&story, PRETEND_LOSE_AFTER);
    story.server.deaf = true;
    pretend_connect(&story.server, 7);
    assert_true(story.server.held_count >= 2);
    assert_int_equal(story.server.held[0]->verb, VERB_CHECK);
    assert_int_equal(story.server.held[1]->verb, VERB_CHILDREN);
    end(&story);
}

/* Without the quorum write the listing proves nothing: the create may still be under way. */
static void a_search_without_memory_for_its_write_is_repeated(void **state)
{
    struct story story;

    (void)state;
    begin_with_lost_create(&story, PRETEND_LOSE_BEFORE);
    pretend_answer(&story.server, VERB_CHECK, ANSWER_NO_MEMORY);
    pretend_connect(&story.server, 7);
    assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 1);
    pretend_pass(&story.server, 2 * SECOND);
    assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 2);
    assert_int_equal(story.granted, 1);
    end(&story);
}

static size_t count_held(const struct story *story, enum verb verb)
{
    size_t count = 0;

    for (size_t i = 0; i < story->server.held_count; i++)
        count += story->server.held[i]->verb == verb;
    return count;
}

/*
 * The client refuses the listing at once, and the write before it is lost later: the search begins
 * again at that moment, and not once more when the time has come for the refused one.
 */
static void a_search_that_has_begun_again_is_not_due(void **state)
{
    struct reply refused = {.answer = ANSWER_NO_MEMORY}, lost = {.answer = ANSWER_LOST};
    struct story story;

    (void)state;
    begin_with_lost_create(&story, PRETEND_LOSE_AFTER);
    story.server.deaf = true;
    pretend_connect(&story.server, 7);
    assert_int_equal(story.server.held[1]->verb, VERB_CHILDREN);
    request_answered(story.server.held[1], &refused);
    assert_int_equal(story.failed, 1);
    story.server.held_count = 0;
    story.server.connected = false;
    session_disconnected_event(&story.server.session, pretend_connection(&story.server));
    request_answered(story.server.held[0], &lost);
    pretend_connect(&story.server, 7);
    assert_int_equal(count_held(&story, VERB_CHILDREN), 1);
    pretend_pass(&story.server, 2 * SECOND);
    assert_int_equal(count_held(&story, VERB_CHILDREN), 1);
    pretend_hear(&story.server);
    assert_int_equal(story.gone, 1);
    assert_int_equal(pretend_children(&story.server, DIR), 0);
    end(&story);
}

static void leaving_while_the_create_is_unknown_leaves_no_node(void **state)
{
    struct story story;

    (void)state;
    begin_with_lost_create(&story, PRETEND_LOSE_AFTER);
    ticket_leave(story.ticket);
    assert_int_equal(story.gone, 0);
    pretend_connect(&story.server, 7);
    assert_int_equal(story.gone, 1);
    assert_int_equal(story.granted, 0);
    assert_int_equal(pretend_children(&story.server, DIR), 0);
    end(&story);
}

static void leaving_before_anything_was_sent_sends_nothing(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    join(&story);
    ticket_leave(story.ticket);
    pretend_run(&story.server);
    assert_int_equal(story.gone, 1);
    pretend_connect(&story.server, 7);
    assert_int_equal(story.server.asked[VERB_CREATE_CONTENDER], 0);
    end(&story);
}

static void a_delete_whose_reply_was_lost_is_repeated(void **state)
{
    struct story story;

    (void)state;
    for (int applied = 0; applied < 2; applied++) {
        begin(&story);
        pretend_connect(&story.server, 7);
        join(&story);
        pretend_fail(&story.server, VERB_DELETE, applied ? PRETEND_LOSE_AFTER : PRETEND_LOSE_BEFORE,
                     0);
        ticket_leave(story.ticket);
        pretend_run(&story.server);
        assert_int_equal(story.gone, 0);
        pretend_connect(&story.server, 7);
        assert_int_equal(story.gone, 1);
        assert_int_equal(pretend_children(&story.server, DIR), 0);
        end(&story);
    }
}

static void a_forbidden_delete_is_reported_and_tried_again(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    pretend_answer(&story.server, VERB_DELETE, ANSWER_NO_AUTH);
    ticket_leave(story.ticket);
    pretend_run(&story.server);
    assert_int_equal(story.stuck, 1);
    assert_int_equal(story.detail, ZKC_EACCES);
    pretend_pass(&story.server, 2 * SECOND);
    assert_int_equal(story.gone, 1);
    end(&story);
}

static void a_waiter_joins_again_when_the_session_was_replaced(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    join(&story);
    pretend_expire(&story.server);
    pretend_pass(&story.server, 3 * SECOND);
    pretend_connect(&story.server, 8);
    assert_int_equal(story.granted, 0);
    pretend_remove(&story.server, first);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 1);
    assert_int_equal(find_own(&story)->owner, 8);
    end(&story);
}

static void a_holder_is_revoked_when_the_session_expires(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    pretend_expire(&story.server);
    assert_int_equal(story.revoked, 1);
    assert_int_equal(story.gone, 1);
    end(&story);
}

/* A listing shows names only: without the answer about its owner our name proves nothing. */
static void a_name_is_not_believed_without_its_owner(void **state)
{
    static const enum answer answers[] = {ANSWER_OK, ANSWER_REFUSED, ANSWER_NO_MEMORY};
    struct story story;

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        char ahead[3][256], own[256];
        begin(&story);
        pretend_connect(&story.server, 7);
        for (int k = 0; k < 3; k++)
            strcpy(ahead[k], rival(&story, 3 + k)->path);
        join(&story);
        strcpy(own, find_own(&story)->path);
        pretend_remove(&story.server, own); /* not watched yet */
        pretend_add(&story.server, own, 99);
        if (answers[i] != ANSWER_OK)
            pretend_answer(&story.server, VERB_EXISTS, answers[i]);
        for (int k = 3; k-- > 0;)
            pretend_remove(&story.server, ahead[k]);
        pretend_pass(&story.server, SECOND);
        assert_int_equal(story.granted, 0);
        assert_int_equal(story.failed, answers[i] == ANSWER_NO_MEMORY);
        if (story.failed == 0) {
            pretend_remove(&story.server, own);
            pretend_pass(&story.server, SECOND);
            assert_int_equal(story.granted, 1);
        }
        end(&story);
    }
}

static void a_short_disconnection_changes_nothing(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    pretend_pass(&story.server, 20 * SECOND);
    pretend_disconnect(&story.server);
    pretend_pass(&story.server, 2 * SECOND);
    pretend_connect(&story.server, 7);
    pretend_pass(&story.server, 20 * SECOND);
    assert_int_equal(story.revoked, 0);
    assert_true(atomic_load(&story.server.session.deadline) > story.server.core.now);
    end(&story);
}

static void a_silent_server_revokes_before_the_timeout_is_over(void **state)
{
    struct story story;
    int64_t silent_since;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    pretend_pass(&story.server, 20 * SECOND);
    story.server.deaf = true;
    silent_since = story.server.core.now;
    while (story.revoked == 0)
        pretend_pass(&story.server, SECOND / 10);
    assert_true(story.server.core.now - silent_since < 10 * SECOND);
    assert_true(story.server.core.now - silent_since >= 4 * SECOND - SECOND / 5);
    assert_int_equal(story.detail, REVOKED_LEASE);
    end(&story);
}

static void reads_alone_do_not_keep_a_hold(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    for (int i = 0; i < 200 && story.revoked == 0; i++) {
        /* a server cut off from its quorum: reads are answered, writes are not */
        pretend_answer(&story.server, VERB_CHECK, ANSWER_REFUSED);
        pretend_pass(&story.server, SECOND / 10);
    }
    assert_int_equal(story.revoked, 1);
    end(&story);
}

static void a_node_deleted_by_somebody_is_noticed_by_the_beat(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    remove_node(&story, story.ticket);
    assert_int_equal(story.revoked, 0); /* nobody asked to hear of it at once */
    pretend_pass(&story.server, 3 * SECOND);
    assert_int_equal(story.revoked, 1);
    end(&story);
}

static struct ticket *elder;
static int elders_end; /* how many grants the younger had when the elder was revoked, or -1 */
static struct story *younger;

static void on_elder(void *owner, struct ticket *ticket, enum ticket_event event, int detail)
{
    (void)owner;
    (void)ticket;
    if (event == TICKET_REVOKED) {
        assert_int_equal(detail, REVOKED_DELETED);
        elders_end = younger->granted;
    }
}

/* Two contenders of one session: who is first knows that the other's node is gone. */
static void a_grant_ends_another_of_the_same_session_first(void **state)
{
    struct story story;

    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        begin(&story);
        younger = &story;
        elders_end = -1;
        pretend_connect(&story.server, 7);
        assert_int_equal(
            ticket_join(&story.server.session, story.place, false, on_elder, NULL, &elder), 0);
        pretend_run(&story.server);
        if (waits)
            join(&story);
        remove_node(&story, elder); /* nobody watches it for the elder */
        if (!waits)
            join(&story);
        assert_int_equal(story.granted, 1);
        assert_int_equal(elders_end, 0);
        end(&story);
    }
}

static void a_watched_node_deleted_by_somebody_is_noticed_at_once(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    ticket_watch_own(story.ticket);
    pretend_run(&story.server);
    remove_node(&story, story.ticket);
    assert_int_equal(story.revoked, 1);
    assert_int_equal(story.detail, REVOKED_DELETED);
    pretend_run(&story.server);
    assert_int_equal(story.gone, 1);
    end(&story);
}

/* T is ten seconds: nobody who lets go within a sixteenth asks for a watch. */
static void what_is_held_for_longer_is_watched(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    pretend_pass(&story.server, 10 * SECOND / 16 - 1);
    assert_int_equal(story.server.asked[VERB_GET], 0);
    pretend_pass(&story.server, 10 * SECOND / 16 + 1);
    assert_int_equal(story.server.asked[VERB_GET], 1);
    pretend_pass(&story.server, 100 * SECOND);
    assert_int_equal(story.server.asked[VERB_GET], 1);
    remove_node(&story, story.ticket);
    assert_int_equal(story.revoked, 1);
    assert_int_equal(story.detail, REVOKED_DELETED);
    end(&story);
}

/* Whatever becomes of its watch, its end is noticed within a quarter of the timeout. */
static void noticed_without_a_watch(enum answer refusal)
{
    struct story story;

    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    pretend_answer(&story.server, VERB_GET, refusal);
    pretend_pass(&story.server, 10 * SECOND / 8);
    assert_int_equal(story.server.asked[VERB_GET], 1);
    find_own(&story)->watched = false;
    remove_node(&story, story.ticket);
    pretend_pass(&story.server, 10 * SECOND / 4);
    assert_int_equal(story.revoked, 1);
    end(&story);
}

static void a_deletion_is_noticed_where_the_watch_was_refused(void **state)
{
    (void)state;
    noticed_without_a_watch(ANSWER_NO_AUTH);
    noticed_without_a_watch(ANSWER_OTHER);
}

/* The packet of watches is full: the session checks it instead, among the others. */
static void a_deletion_is_noticed_where_there_is_no_room(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    story.server.session.watches.key_bytes = (size_t)1 << 20;
    join(&story);
    join_another(&story);
    pretend_pass(&story.server, 10 * SECOND);
    assert_int_equal(story.server.asked[VERB_GET], 0);
    remove_node(&story, story.ticket);
    pretend_pass(&story.server, 10 * SECOND / 4);
    assert_int_equal(story.revoked, 1);
    story.server.session.watches.key_bytes = 0;
    end(&story);
}

static void repeated_numbers_are_ordered_by_czxid(void **state)
{
    struct story story;
    struct pretend_node *older;
    char path[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    story.server.sequence = 2147483647;
    older = pretend_add(&story.server,
                        DIR "/_c_ffffffff-ffff-4fff-8fff-ffffffffffff-lock-2147483647", 99);
    strcpy(path, older->path);
    join(&story);
    assert_int_equal(story.granted, 0); /* by name we would be first */
    pretend_remove(&story.server, path);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 1);
    end(&story);
}

static void other_writes_do_not_hide_a_deleted_node(void **state)
{
    struct story story;
    struct ticket *busy = NULL;
    struct place *place = pretend_place("/ns/lock", "", 0);

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    remove_node(&story, story.ticket);
    for (int i = 0; i < 40; i++) {
        ticket_join(&story.server.session, place, false, NULL, NULL, &busy);
        pretend_run(&story.server);
        ticket_leave(busy);
        pretend_pass(&story.server, SECOND);
    }
    assert_int_equal(story.revoked, 1);
    place_unref(place);
    end(&story);
}

static void a_found_node_that_cannot_be_adopted_is_deleted_later(void **state)
{
    struct story story;

    (void)state;
    begin_with_lost_create(&story, PRETEND_LOSE_AFTER);
    pretend_answer(&story.server, VERB_EXISTS, ANSWER_NO_MEMORY);
    pretend_connect(&story.server, 7);
    assert_int_equal(story.failed, 1);
    assert_int_equal(story.error, ZKC_ENOMEM);
    pretend_pass(&story.server, 3 * SECOND);
    assert_int_equal(story.gone, 1);
    assert_int_equal(pretend_children(&story.server, DIR), 0);
    end(&story);
}

static void a_beat_that_waits_does_not_outlive_its_ticket(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    ticket_watch_own(story.ticket);
    pretend_run(&story.server);
    pretend_disconnect(&story.server);
    pretend_connect(&story.server, 7);
    story.server.core.now += 2 * SECOND;
    core_run_timers(&story.server.core); /* the beat is queued, not sent */
    remove_node(&story, story.ticket);
    core_run_timers(&story.server.core);
    assert_int_equal(story.gone, 1);
    pretend_run(&story.server); /* nothing is sent with the path of a ticket that is gone */
    end(&story);
}

static void a_deletion_seen_after_the_lease_is_a_lapse(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    ticket_watch_own(story.ticket);
    pretend_run(&story.server);
    story.server.core.now += 30 * SECOND; /* stopped, then the event comes before any timer */
    remove_node(&story, story.ticket);
    assert_int_equal(story.revoked, 1);
    assert_int_equal(story.detail, REVOKED_LEASE);
    end(&story);
}

/* A reader has called the lease of an older grant over; what was granted since goes on. */
static void a_lapse_ends_only_what_was_granted_before_it(void **state)
{
    struct story story, other = {0};
    struct place *place = pretend_place("/ns/lock", "me", 2);
    struct session *session = &story.server.session;
    int64_t end_then;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    end_then = atomic_load(&session->deadline);
    pretend_pass(&story.server, 8 * SECOND);
    assert_int_equal(ticket_join(session, place, false, on_event, &other, &other.ticket), 0);
    pretend_run(&story.server);
    assert_int_equal(other.granted, 1);
    assert_int_equal(story.revoked, 0);
    atomic_store(&session->lapsed, end_then);
    session_ask_clock(session);
    assert_int_equal(story.revoked, 1);
    assert_int_equal(story.detail, REVOKED_LEASE);
    pretend_pass(&story.server, 8 * SECOND);
    assert_int_equal(other.revoked, 0);
    end(&story);
    place_unref(place);
}

static void a_late_reconnection_saves_the_hold(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    pretend_pass(&story.server, 20 * SECOND); /* a beat has just been answered */
    pretend_disconnect(&story.server);
    pretend_pass(&story.server, 4 * SECOND + SECOND / 2);
    assert_int_equal(story.revoked, 0);
    pretend_connect(&story.server, 7);
    pretend_pass(&story.server, 30 * SECOND);
    assert_int_equal(story.revoked, 0);
    end(&story);
}

static void foreign_children_are_ignored(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    pretend_add(&story.server, DIR "/config", 0);
    pretend_add(&story.server, DIR "/-", 0);
    pretend_add(&story.server, DIR "/0000000000", 0);
    join(&story);
    assert_int_equal(story.granted, 1);
    end(&story);
}

static void leaving_the_queue_takes_the_watch_away(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    join(&story);
    assert_true(pretend_find(&story.server, first)->watched);
    ticket_leave(story.ticket);
    pretend_run(&story.server);
    assert_false(pretend_find(&story.server, first)->watched);
    assert_int_equal(pretend_children(&story.server, DIR), 1);
    end(&story);
}

static void an_unreadable_predecessor_is_polled(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    /* the watch of our own node comes first */
    pretend_fail(&story.server, VERB_GET, PRETEND_ANSWER, 1);
    story.server.fault_answer = ANSWER_NO_AUTH;
    join(&story);
    assert_int_equal(story.failed, 0);
    assert_false(pretend_find(&story.server, first)->watched);
    pretend_pass(&story.server, 60 * SECOND);
    assert_true(story.server.asked[VERB_EXISTS] >= 20);
    pretend_remove(&story.server, first); /* no event */
    pretend_pass(&story.server, 3 * SECOND);
    assert_int_equal(story.granted, 1);
    end(&story);
}

static void past_what_a_packet_can_carry_waiters_poll(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    story.server.session.watches.key_bytes += 1024 * 1024; /* as if thousands were watched */
    join(&story);
    assert_int_equal(story.queued, 1);
    assert_int_equal(story.server.asked[VERB_GET], 0);
    pretend_remove(&story.server, first);
    pretend_pass(&story.server, 5 * SECOND);
    assert_int_equal(story.granted, 1);
    story.server.session.watches.key_bytes -= 1024 * 1024;
    assert_int_equal(story.server.session.watches.key_bytes, 0);
    end(&story);
}

static void who_polled_watches_once_there_is_room(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    strcpy(first, rival(&story, 3)->path);
    story.server.session.watches.key_bytes += 1024 * 1024;
    join(&story);
    story.server.session.watches.key_bytes -= 1024 * 1024;
    assert_false(pretend_find(&story.server, first)->watched);
    pretend_pass(&story.server, 5 * SECOND);
    assert_true(pretend_find(&story.server, first)->watched);
    pretend_remove(&story.server, first);
    pretend_run(&story.server);
    assert_int_equal(story.granted, 1);
    end(&story);
}

static void a_holder_without_room_for_a_watch_looks_at_its_node(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    story.server.session.watches.key_bytes += 1024 * 1024; /* as if thousands were watched */
    ticket_watch_own(story.ticket);
    pretend_pass(&story.server, 10 * SECOND);
    assert_false(find_own(&story)->watched);
    assert_in_range(story.server.asked[VERB_GET], 4, 6);
    write_own(&story, PAYLOAD_PLEA);
    pretend_pass(&story.server, 3 * SECOND);
    assert_int_equal(story.asked, 1);
    pretend_pass(&story.server, 10 * SECOND);
    assert_int_equal(story.asked, 1);
    story.server.session.watches.key_bytes -= 1024 * 1024; /* the others have gone */
    pretend_pass(&story.server, 3 * SECOND);
    assert_true(find_own(&story)->watched);
    end(&story);
}

static void a_holder_whose_watch_fails_sets_it_later(void **state)
{
    struct story story;

    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        begin(&story);
        pretend_connect(&story.server, 7);
        join(&story);
        if (refused)
            pretend_answer(&story.server, VERB_GET, ANSWER_NO_MEMORY);
        else
            mem_fail_after(1);
        ticket_watch_own(story.ticket);
        mem_fail_after(0);
        pretend_run(&story.server);
        assert_false(find_own(&story)->watched);
        write_own(&story, PAYLOAD_PLEA);
        pretend_pass(&story.server, 3 * SECOND);
        assert_int_equal(story.asked, 1);
        assert_true(find_own(&story)->watched);
        end(&story);
    }
}

/* Only these bytes, only when they were written over ours, and once. */
static void only_a_request_is_a_request(void **state)
{
    static const char *const others[] = {"", "__REVOKE_", "__REVOKE__ ", "__revoke__",
                                         "__REVOKE__0"};
    struct story story;

    (void)state;
    begin(&story);
    place_unref(story.place);
    story.place = pretend_place(DIR, PAYLOAD_PLEA, strlen(PAYLOAD_PLEA));
    pretend_connect(&story.server, 7);
    join(&story);
    ticket_watch_own(story.ticket);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        pretend_run(&story.server);
        write_own(&story, others[i]);
    }
    pretend_run(&story.server);
    assert_int_equal(story.asked, 0);
    for (int i = 0; i < 2; i++) {
        write_own(&story, PAYLOAD_PLEA);
        pretend_run(&story.server);
    }
    assert_int_equal(story.asked, 1);
    assert_int_equal(story.revoked, 0);
    end(&story);
}

/* Ours leaves it told who is asked. */
static void a_request_before_a_node_is_a_request(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    join(&story);
    ticket_watch_own(story.ticket);
    pretend_run(&story.server);
    write_own(&story, PAYLOAD_PLEA "{\"id\":\"i\"}");
    pretend_run(&story.server);
    assert_int_equal(story.asked, 1);
    assert_int_equal(story.revoked, 0);
    end(&story);
}

static void a_missing_directory_below_a_forbidden_one_is_forbidden(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_remove(&story.server, DIR);
    pretend_remove(&story.server, "/ns/lock");
    pretend_connect(&story.server, 7);
    pretend_fail(&story.server, VERB_CREATE_CONTAINER, PRETEND_ANSWER, 1);
    story.server.fault_answer = ANSWER_NO_AUTH;
    join(&story);
    assert_int_equal(story.failed, 1);
    assert_int_equal(story.error, ZKC_EACCES);
    end(&story);
}

static void a_forbidden_directory_is_a_clear_error(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    pretend_answer(&story.server, VERB_CREATE_CONTENDER, ANSWER_NO_AUTH);
    join(&story);
    assert_int_equal(story.failed, 1);
    assert_int_equal(story.gone, 1);
    end(&story);
}

static void a_refused_credential_fails_the_waiters(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    join(&story);
    session_auth_event(&story.server.session, pretend_connection(&story.server));
    pretend_run(&story.server);
    assert_int_equal(story.failed, 1);
    assert_int_equal(story.gone, 1);
    end(&story);
}

static void an_idle_session_proves_itself_before_it_grants(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    story.server.core.now += 60 * SECOND; /* a pause in which nothing was sent */
    join(&story);
    assert_int_equal(story.granted, 0);
    pretend_pass(&story.server, 6 * SECOND);
    assert_int_equal(story.granted, 1);
    assert_true(session_grantable(&story.server.session));
    end(&story);
}

/* What its answer says, a request to give up for one, is not lost when the grant comes first. */
static void a_look_at_the_own_node_outlives_the_grant(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    story.server.core.now += 60 * SECOND;
    join(&story);
    story.server.deaf = true;
    ticket_watch_own(story.ticket);
    pretend_run(&story.server);
    story.server.deaf = false;
    pretend_pass(&story.server, 6 * SECOND);
    assert_int_equal(story.granted, 1);
    pretend_hear(&story.server);
    assert_non_null(story.ticket->own_watch);
    assert_int_equal(story.ticket->own_watch->epoch, story.server.session.epoch);
    end(&story);
}

static void an_idle_session_that_was_awake_grants_at_once(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_connect(&story.server, 7);
    pretend_pass(&story.server, 60 * SECOND);
    assert_true(story.server.asked[VERB_SYNC] >= 20); /* no write while nothing is held */
    assert_int_equal(story.server.asked[VERB_CHECK], 0);
    join(&story);
    assert_int_equal(story.granted, 1);
    end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rivals_it_takes_one_create_and_one_list),
        cmocka_unit_test(both_requests_are_sent_before_any_answer),
        cmocka_unit_test(contenders_of_a_session_share_listings),
        cmocka_unit_test(missing_ancestors_are_created),
        cmocka_unit_test(servers_without_containers_get_plain_ancestors),
        cmocka_unit_test(no_memory_is_called_no_memory),
        cmocka_unit_test(a_second_waits_and_inherits_without_a_request),
        cmocka_unit_test(a_writer_that_becomes_a_reader_still_holds),
        cmocka_unit_test(a_third_lists_again_when_the_second_leaves),
        cmocka_unit_test(two_places_ahead_are_watched),
        cmocka_unit_test(a_look_becomes_the_listing),
        cmocka_unit_test(a_waiter_whose_own_node_vanished_first_does_not_inherit),
        cmocka_unit_test(after_a_reconnection_it_lists_before_it_inherits),
        cmocka_unit_test(try_does_not_wait),
        cmocka_unit_test(a_create_whose_reply_was_lost_is_found_by_its_uuid),
        cmocka_unit_test(a_create_that_was_never_applied_is_sent_again),
        cmocka_unit_test(a_node_that_comes_after_all_is_deleted),
        cmocka_unit_test(a_forbidden_delete_of_a_stray_is_tried_again),
        cmocka_unit_test(a_node_that_comes_when_nobody_looks_is_deleted),
        cmocka_unit_test(a_strangers_copy_of_a_stray_is_left_alone),
        cmocka_unit_test(strays_end_with_their_session),
        cmocka_unit_test(only_so_many_strays_are_remembered),
        cmocka_unit_test(our_node_is_found_behind_copies_of_its_prefix),
        cmocka_unit_test(a_copy_of_our_prefix_is_not_adopted),
        cmocka_unit_test(the_search_is_preceded_by_a_quorum_write),
        cmocka_unit_test(a_search_without_memory_for_its_write_is_repeated),
        cmocka_unit_test(a_search_that_has_begun_again_is_not_due),
        cmocka_unit_test(leaving_while_the_create_is_unknown_leaves_no_node),
        cmocka_unit_test(leaving_before_anything_was_sent_sends_nothing),
        cmocka_unit_test(a_delete_whose_reply_was_lost_is_repeated),
        cmocka_unit_test(a_forbidden_delete_is_reported_and_tried_again),
        cmocka_unit_test(a_waiter_joins_again_when_the_session_was_replaced),
        cmocka_unit_test(a_holder_is_revoked_when_the_session_expires),
        cmocka_unit_test(a_name_is_not_believed_without_its_owner),
        cmocka_unit_test(a_short_disconnection_changes_nothing),
        cmocka_unit_test(a_silent_server_revokes_before_the_timeout_is_over),
        cmocka_unit_test(reads_alone_do_not_keep_a_hold),
        cmocka_unit_test(a_node_deleted_by_somebody_is_noticed_by_the_beat),
        cmocka_unit_test(a_grant_ends_another_of_the_same_session_first),
        cmocka_unit_test(a_watched_node_deleted_by_somebody_is_noticed_at_once),
        cmocka_unit_test(what_is_held_for_longer_is_watched),
        cmocka_unit_test(a_deletion_is_noticed_where_the_watch_was_refused),
        cmocka_unit_test(a_deletion_is_noticed_where_there_is_no_room),
        cmocka_unit_test(repeated_numbers_are_ordered_by_czxid),
        cmocka_unit_test(other_writes_do_not_hide_a_deleted_node),
        cmocka_unit_test(a_found_node_that_cannot_be_adopted_is_deleted_later),
        cmocka_unit_test(a_beat_that_waits_does_not_outlive_its_ticket),
        cmocka_unit_test(a_deletion_seen_after_the_lease_is_a_lapse),
        cmocka_unit_test(a_lapse_ends_only_what_was_granted_before_it),
        cmocka_unit_test(a_late_reconnection_saves_the_hold),
        cmocka_unit_test(foreign_children_are_ignored),
        cmocka_unit_test(leaving_the_queue_takes_the_watch_away),
        cmocka_unit_test(an_unreadable_predecessor_is_polled),
        cmocka_unit_test(past_what_a_packet_can_carry_waiters_poll),
        cmocka_unit_test(who_polled_watches_once_there_is_room),
        cmocka_unit_test(a_holder_without_room_for_a_watch_looks_at_its_node),
        cmocka_unit_test(a_holder_whose_watch_fails_sets_it_later),
        cmocka_unit_test(only_a_request_is_a_request),
        cmocka_unit_test(a_request_before_a_node_is_a_request),
        cmocka_unit_test(a_missing_directory_below_a_forbidden_one_is_forbidden),
        cmocka_unit_test(a_forbidden_directory_is_a_clear_error),
        cmocka_unit_test(a_refused_credential_fails_the_waiters),
        cmocka_unit_test(an_idle_session_proves_itself_before_it_grants),
        cmocka_unit_test(a_look_at_the_own_node_outlives_the_grant),
        cmocka_unit_test(an_idle_session_that_was_awake_grants_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
