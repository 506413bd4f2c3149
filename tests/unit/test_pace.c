/*
 * How many requests may be in flight: enough to keep a server busy, too few to keep a beat waiting.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MILLISECOND INT64_C(1000000)
#define T (4000 * MILLISECOND)
#define QUEUE 4096

/* A server that answers in order, each request work after the one before, delay after it was sent
 * at the earliest; and a client with endless wishes. */
struct line {
    struct pace pace;
    int64_t now, work, delay;
    int64_t sent[QUEUE];
    size_t first, last;
    int64_t longest; /* an answer took */
};

static void line_init(struct line *line, int64_t work, int64_t delay)
{
    *line = (struct line){.work = work, .delay = delay};
    pace_init(&line->pace);
}

static void answer_one(struct line *line)
{
    int64_t sent;

    for (; line->last - line->first < line->pace.most; line->last++) {
        line->sent[line->last % QUEUE] = line->now;
        pace_sent(&line->pace, line->last - line->first, line->now);
    }
    sent = line->sent[line->first % QUEUE];
    line->now += line->work;
    if (line->now < sent + line->delay)
        line->now = sent + line->delay;
    if (line->now - sent > line->longest)
        line->longest = line->now - sent;
    line->first++;
    pace_answered(&line->pace, true, line->last - line->first, sent, line->now, T);
}

static void answer_many(struct line *line, int64_t until)
{
    line->longest = 0;
    while (line->now < until)
        answer_one(line);
}

static void a_slow_server_is_sent_little(void **state)
{
    struct line line;

    (void)state;
    for (int64_t work = MILLISECOND / 100; work <= 4 * MILLISECOND; work *= 2) {
        line_init(&line, work, 0);
        answer_many(&line, 2 * T);
        answer_many(&line, 8 * T);
        assert_true(line.longest < T / 8);
    }
}

/* Forty milliseconds away, 20,000 requests a second. */
static void a_far_server_is_kept_busy(void **state)
{
    struct line line;
    size_t before;

    (void)state;
    line_init(&line, MILLISECOND / 20, 40 * MILLISECOND);
    answer_many(&line, T);
    before = line.first;
    answer_many(&line, 2 * T);
    assert_true((line.first - before) * (size_t)(MILLISECOND / 20) > T * 9 / 10);
}

static void who_becomes_slow_is_sent_less_and_more_again(void **state)
{
    struct line line;

    (void)state;
    line_init(&line, MILLISECOND / 20, 0);
    answer_many(&line, T);
    assert_true(line.pace.most > 500);
    line.work = 2 * MILLISECOND;
    answer_many(&line, 2 * T);
    assert_true(line.pace.most < 100);
    line.work = MILLISECOND / 20;
    answer_many(&line, 3 * T);
    assert_true(line.pace.most > 500);
}

/* A fifth of a second away: not quick, but nothing queues up. */
static void distance_is_no_queue(void **state)
{
    struct line line;

    (void)state;
    line_init(&line, MILLISECOND / 20, T / 20);
    answer_many(&line, 4 * T);
    assert_int_equal(line.pace.most, 1000);
}

/* Neither the answers of a server that is nearer, nor what has waited behind others. */
static void only_the_leader_shows_the_distance(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace);
    pace_sent(&pace, 0, 0);
    pace_sent(&pace, 1, 0);
    pace_answered(&pace, false, 1, 0, T / 20, T);
    assert_true(pace.quickest == 0);
    pace_answered(&pace, true, 0, 0, T / 20, T);
    assert_true(pace.quickest == 0);
    pace_sent(&pace, 0, T);
    pace_answered(&pace, true, 0, T, T + T / 20, T);
    assert_true(pace.quickest == T / 20);
}

/* All that was in flight comes late together, and counts once. */
static void one_pause_halves_once(void **state)
{
    struct line line;
    size_t before;

    (void)state;
    line_init(&line, MILLISECOND / 20, 0);
    answer_many(&line, T);
    before = line.pace.most;
    line.now += T / 2;
    for (size_t i = 0; i < before; i++)
        answer_one(&line);
    assert_in_range(line.pace.most, before / 2, before - 1);
}

/* However slow: what is not sent is never answered. */
static void something_is_always_sent(void **state)
{
    struct line line;

    (void)state;
    line_init(&line, T, 0);
    for (int i = 0; i < 1000; i++)
        answer_one(&line);
    assert_in_range(line.pace.most, 1, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_server_is_sent_little),
        cmocka_unit_test(a_far_server_is_kept_busy),
        cmocka_unit_test(who_becomes_slow_is_sent_less_and_more_again),
        cmocka_unit_test(distance_is_no_queue),
        cmocka_unit_test(only_the_leader_shows_the_distance),
        cmocka_unit_test(one_pause_halves_once),
        cmocka_unit_test(something_is_always_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
