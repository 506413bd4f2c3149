/*
 * Reading who contends, once and following.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pretend.h"
#include "core/peek.h"

#include <zkcoord/zkcoord.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIR "/ns/leader/x"

struct story {
    struct pretend server;
    struct peek peek;
    int calls;
    int result;
    size_t count;
    char first[256];
    char data[64];
    int64_t czxid[8];
    int refuse; /* how many results to turn down for want of memory */
};

static int on_result(void *owner, int result, struct seat *seats, size_t count)
{
    struct story *story = owner;

    if (story->refuse > 0) {
        story->refuse--;
        return -1;
    }
    story->calls++;
    story->result = result;
    story->count = count;
    story->first[0] = '\0';
    for (size_t i = 0; i < count && i < 8; i++)
        story->czxid[i] = seats[i].stat.czxid;
    if (count > 0) {
        snprintf(story->first, sizeof story->first, "%s", seats[0].path);
        snprintf(story->data, sizeof story->data, "%s", (const char *)seats[0].data);
    }
    return 0;
}

static void begin(struct story *story)
{
    memset(story, 0, sizeof *story);
    pretend_init(&story->server);
    pretend_add(&story->server, "/ns", 0);
    pretend_add(&story->server, "/ns/leader", 0);
    pretend_add(&story->server, DIR, 0);
    pretend_connect(&story->server, 7);
}

static void candidate(struct story *story, int sequence, char *ret_path)
{
    struct pretend_node *node;

    sprintf(ret_path, DIR "/_c_00000000-0000-4000-8000-%012d-lock-%010d", sequence, sequence);
    node = pretend_add(&story->server, ret_path, 99);
    node->length = (size_t)sprintf(node->data, "number %d", sequence);
}

static void look(struct story *story, bool first_only, bool following)
{
    peek_start(&story->peek, &story->server.session, DIR, first_only, following, on_result, story);
    pretend_run(&story->server);
}

static void end(struct story *story)
{
    peek_stop(&story->peek);
    pretend_run(&story->server);
    pretend_free(&story->server);
}

static void everybody_is_read_in_order(void **state)
{
    struct story story;
    char path[256], first[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, first);
    candidate(&story, 5, path);
    candidate(&story, 6, path);
    pretend_add(&story.server, DIR "/config", 0);
    look(&story, false, false);
    assert_int_equal(story.calls, 1);
    assert_int_equal(story.count, 3);
    assert_string_equal(story.first, first);
    assert_string_equal(story.data, "number 4");
    assert_true(story.czxid[0] < story.czxid[1] && story.czxid[1] < story.czxid[2]);
    end(&story);
}

/* A number that no server gave: who made it up is ahead of those who came before, as for a ticket.
 */
static void the_order_is_that_of_the_queue(void **state)
{
    struct story story;
    char late[256], path[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, path);
    candidate(&story, 5, path);
    candidate(&story, 2, late);
    look(&story, false, false);
    assert_int_equal(story.count, 3);
    assert_string_equal(story.first, late);
    look(&story, true, false);
    assert_string_equal(story.first, late);
    end(&story);
}

static void nobody_and_no_directory_are_empty_not_errors(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    look(&story, false, false);
    assert_int_equal(story.calls, 1);
    assert_int_equal(story.result, ZKC_OK);
    assert_int_equal(story.count, 0);
    pretend_remove(&story.server, DIR);
    look(&story, false, false);
    assert_int_equal(story.calls, 2);
    assert_int_equal(story.count, 0);
    end(&story);
}

static void reading_the_first_reads_only_the_first(void **state)
{
    struct story story;
    char path[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, path);
    candidate(&story, 5, path);
    look(&story, true, false);
    assert_int_equal(story.count, 1);
    assert_int_equal(story.server.asked[VERB_GET], 1);
    end(&story);
}

static void a_forbidden_directory_is_an_error_once(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_answer(&story.server, VERB_CHILDREN, ANSWER_NO_AUTH);
    look(&story, false, false);
    assert_int_equal(story.calls, 1);
    assert_int_equal(story.result, ZKC_EACCES);
    end(&story);
}

static void forbidden_content_still_shows_the_contender(void **state)
{
    struct story story;
    char path[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, path);
    pretend_answer(&story.server, VERB_GET, ANSWER_NO_AUTH);
    look(&story, false, false);
    assert_int_equal(story.result, ZKC_OK);
    assert_int_equal(story.count, 1);
    end(&story);
}

static void a_lost_reply_is_read_again(void **state)
{
    struct story story;
    char path[256];

    (void)state;
    for (int verb = 0; verb < 2; verb++) {
        begin(&story);
        candidate(&story, 4, path);
        pretend_fail(&story.server, verb == 0 ? VERB_CHILDREN : VERB_GET, PRETEND_LOSE_AFTER, 0);
        look(&story, false, false);
        assert_int_equal(story.calls, 0);
        pretend_connect(&story.server, 7);
        assert_int_equal(story.calls, 1);
        assert_int_equal(story.count, 1);
        end(&story);
    }
}

static void following_tells_each_change(void **state)
{
    struct story story;
    char first[256], second[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, first);
    candidate(&story, 5, second);
    look(&story, true, true);
    assert_string_equal(story.first, first);
    pretend_remove(&story.server, first);
    pretend_run(&story.server);
    assert_string_equal(story.first, second);
    pretend_remove(&story.server, second);
    pretend_run(&story.server);
    assert_int_equal(story.count, 0);
    assert_true(story.server.children_watched);
    candidate(&story, 6, first);
    watches_fire(&story.server.session.watches, DIR, WATCH_CHILDREN);
    pretend_run(&story.server);
    assert_string_equal(story.first, first);
    end(&story);
}

static void a_directory_that_comes_later_is_noticed(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    pretend_remove(&story.server, DIR);
    look(&story, true, true);
    assert_int_equal(story.calls, 1);
    assert_int_equal(story.count, 0);
    pretend_add(&story.server, DIR, 0);
    candidate(&story, 6, first);
    watches_fire(&story.server.session.watches, DIR, WATCH_CREATED);
    pretend_run(&story.server);
    assert_string_equal(story.first, first);
    end(&story);
}

static void following_survives_a_new_session(void **state)
{
    struct story story;
    char first[256], second[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, first);
    candidate(&story, 5, second);
    look(&story, true, true);
    pretend_expire(&story.server);
    pretend_remove(&story.server, first);
    pretend_pass(&story.server, 3 * SECOND);
    pretend_connect(&story.server, 8);
    assert_string_equal(story.first, second);
    end(&story);
}

static void following_gets_over_errors_and_want_of_memory(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, first);
    story.refuse = 2;
    pretend_answer(&story.server, VERB_CHILDREN, ANSWER_NO_AUTH);
    look(&story, true, true);
    assert_int_equal(story.calls, 0);
    pretend_pass(&story.server, 4 * SECOND);
    assert_int_equal(story.calls, 1);
    assert_string_equal(story.first, first);
    end(&story);
}

static void a_leader_that_may_not_be_read_is_polled(void **state)
{
    struct story story;
    char first[256], second[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, first);
    candidate(&story, 5, second);
    pretend_answer(&story.server, VERB_GET, ANSWER_NO_AUTH);
    look(&story, true, true);
    assert_string_equal(story.first, first);
    pretend_remove(&story.server, first); /* no event */
    pretend_pass(&story.server, 3 * SECOND);
    assert_string_equal(story.first, second);
    end(&story);
}

static void stopping_leaves_no_watch(void **state)
{
    struct story story;
    char first[256];

    (void)state;
    begin(&story);
    candidate(&story, 4, first);
    look(&story, true, true);
    assert_true(pretend_find(&story.server, first)->watched);
    peek_stop(&story.peek);
    peek_stop(&story.peek);
    pretend_run(&story.server);
    assert_false(pretend_find(&story.server, first)->watched);
    end(&story);
}

static void repeated_numbers_are_told_apart_by_age(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    pretend_add(&story.server, DIR "/_c_ffffffff-ffff-4fff-8fff-ffffffffffff-lock-2147483647", 9);
    pretend_add(&story.server, DIR "/_c_00000000-ffff-4fff-8fff-ffffffffffff-lock-2147483647", 9);
    look(&story, true, false);
    assert_non_null(strstr(story.first, "_c_ffffffff"));
    look(&story, true, true);
    assert_non_null(strstr(story.first, "_c_ffffffff"));
    end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_is_read_in_order),
        cmocka_unit_test(the_order_is_that_of_the_queue),
        cmocka_unit_test(nobody_and_no_directory_are_empty_not_errors),
        cmocka_unit_test(reading_the_first_reads_only_the_first),
        cmocka_unit_test(a_forbidden_directory_is_an_error_once),
        cmocka_unit_test(forbidden_content_still_shows_the_contender),
        cmocka_unit_test(a_lost_reply_is_read_again),
        cmocka_unit_test(following_tells_each_change),
        cmocka_unit_test(a_directory_that_comes_later_is_noticed),
        cmocka_unit_test(following_survives_a_new_session),
        cmocka_unit_test(following_gets_over_errors_and_want_of_memory),
        cmocka_unit_test(a_leader_that_may_not_be_read_is_polled),
        cmocka_unit_test(stopping_leaves_no_watch),
        cmocka_unit_test(repeated_numbers_are_told_apart_by_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
