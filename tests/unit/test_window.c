/*
 * How many requests may be in flight: enough to keep a server busy, too few to keep a beat waiting.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#define MILLISECOND INT64_C(1000000)
#define T (4000 * MILLISECOND)
#define QUEUE 4096

/* A server that answers in order, each request work after the one before, delay after it was sent
 * at the earliest; and a client with endless wishes. */
struct line {
    struct window window;
    int64_t now, work, delay;
    int64_t disk;  /* what a write takes at the least */
    size_t writes; /* of so many requests one is a write; 1: all */
    int64_t timeout;
    int64_t sent[QUEUE];
    size_t first, last;
    int64_t longest; /* an answer took */
};

static void line_init(struct line *line, int64_t work, int64_t delay)
{
    *line = (struct line){.work = work, .delay = delay, .writes = 1, .timeout = T};
    window_init(&line->window);
}

static void answer_one(struct line *line)
{
    bool writes = line->first % line->writes == 0;
    int64_t sent, least = writes ? line->delay + line->disk : line->delay;

    for (; line->last - line->first < line->window.most; line->last++)
        line->sent[line->last % QUEUE] = line->now;
    sent = line->sent[line->first % QUEUE];
    line->now += line->work;
    if (line->now < sent + least)
        line->now = sent + least;
    if (line->now - sent > line->longest)
        line->longest = line->now - sent;
    line->first++;
    window_answered(&line->window, writes ? WINDOW_WRITE : WINDOW_READ, line->last - line->first,
                    sent, line->now, line->timeout);
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
    assert_true(line.window.most > 500);
    line.work = 2 * MILLISECOND;
    answer_many(&line, 2 * T);
    assert_true(line.window.most < 100);
    line.work = MILLISECOND / 20;
    answer_many(&line, 3 * T);
    assert_true(line.window.most > 500);
}

/* A fifth of a second away: not quick, but nothing queues up. */
static void distance_is_no_queue(void **state)
{
    struct line line;

    (void)state;
    line_init(&line, MILLISECOND / 20, T / 20);
    answer_many(&line, 4 * T);
    assert_int_equal(line.window.most, 1000);
}

/* A disk that needs more than T/32 is no queue, whatever was answered quickly before. */
static void writes_are_measured_by_writes(void **state)
{
    static const enum window_kind before[] = {WINDOW_READ, WINDOW_SYNC, WINDOW_WRITE};

    (void)state;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        struct line line;
        line_init(&line, MILLISECOND / 20, 0);
        line.timeout = 2000 * MILLISECOND;
        line.disk = 70 * MILLISECOND;
        if (before[i] != WINDOW_WRITE)
            window_answered(&line.window, before[i], 0, -MILLISECOND, 0, line.timeout);
        answer_many(&line, 2 * line.timeout);
        assert_int_equal(line.window.most, 1000);
    }
}

/* A read is answered in its turn, so not before a write that was sent before it. */
static void a_read_behind_a_write_is_no_queue(void **state)
{
    struct line line;

    (void)state;
    for (size_t writes = 2; writes <= 64; writes *= 2) {
        line_init(&line, MILLISECOND / 50, 0);
        line.timeout = 2000 * MILLISECOND;
        line.disk = 70 * MILLISECOND;
        line.writes = writes;
        window_answered(&line.window, WINDOW_READ, 0, -MILLISECOND, 0, line.timeout);
        answer_many(&line, 4 * line.timeout);
        assert_int_equal(line.window.most, 1000);
    }
}

/* Nor is a read that waited for nothing measured by a write of long ago. */
static void reads_are_measured_by_reads(void **state)
{
    struct window window;

    (void)state;
    window_init(&window);
    window_answered(&window, WINDOW_WRITE, 0, 0, T / 16, T);
    window_answered(&window, WINDOW_READ, 0, T, T + MILLISECOND, T);
    window_answered(&window, WINDOW_READ, 0, 2 * T, 2 * T + T / 16, T);
    assert_int_equal(window.most, 128);
}

/* What comes first on a connection may have waited behind others; the quickest of them counts. */
static void a_busy_connection_is_measured_too(void **state)
{
    struct window window;

    (void)state;
    window_init(&window);
    window_answered(&window, WINDOW_READ, 10, 0, T / 100, T);
    window_answered(&window, WINDOW_WRITE, 10, 0, T / 20, T);
    window_answered(&window, WINDOW_WRITE, 10, T, T + T / 40, T);
    assert_true(window.quickest[WINDOW_READ] == T / 100);
    assert_true(window.quickest[WINDOW_WRITE] == T / 40);
    assert_int_equal(window.most, 256);
}

/* All that was in flight comes late together, and counts once. */
static void one_pause_halves_once(void **state)
{
    struct line line;
    size_t before;

    (void)state;
    line_init(&line, MILLISECOND / 20, 0);
    answer_many(&line, T);
    before = line.window.most;
    line.now += T / 2;
    for (size_t i = 0; i < before; i++)
        answer_one(&line);
    assert_in_range(line.window.most, before / 2, before - 1);
}

/* However slow: what is not sent is never answered. */
static void something_is_always_sent(void **state)
{
    struct line line;

    (void)state;
    line_init(&line, T, 0);
    for (int i = 0; i < 1000; i++)
        answer_one(&line);
    assert_in_range(line.window.most, 1, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_server_is_sent_little),
        cmocka_unit_test(a_far_server_is_kept_busy),
        cmocka_unit_test(who_becomes_slow_is_sent_less_and_more_again),
        cmocka_unit_test(distance_is_no_queue),
        cmocka_unit_test(writes_are_measured_by_writes),
        cmocka_unit_test(a_read_behind_a_write_is_no_queue),
        cmocka_unit_test(reads_are_measured_by_reads),
        cmocka_unit_test(a_busy_connection_is_measured_too),
        cmocka_unit_test(one_pause_halves_once),
        cmocka_unit_test(something_is_always_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
