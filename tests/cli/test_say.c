/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to a standard error that nobody reads: say() never waits. */
#include <stdbool.h>

#include "clock.h"
#include "say.h"
#include "scribe.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define MESSAGES 5000
#define LIMIT_S 60
#define BOUND (15000 * MS) /* far more than scribe_close() may take, for a busy machine */

/* A full pipe in the place of standard error. */
struct stage {
    struct scribe scribe;
    FILE *reader;
    int saved;
};

static void fill(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, "\n", 1) == 1)
        ;
    assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

static void begin(struct stage *stage, bool full)
{
    int ends[2];

    alarm(LIMIT_S); /* whoever waits for ever is ended */
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    if (full)
        fill(ends[1]);
    stage->reader = fdopen(ends[0], "r");
    assert_non_null(stage->reader);
    stage->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    assert_true(scribe_open(&stage->scribe));
    assert_true(scribe_start(&stage->scribe));
}

static void end(struct stage *stage)
{
    int64_t began = clock_ns();

    scribe_close(&stage->scribe);
    dup2(stage->saved, STDERR_FILENO);
    close(stage->saved);
    fclose(stage->reader); /* frees a thread that still writes */
    alarm(0);
    assert_true(clock_ns() - began < BOUND);
}

/* Each is written or counted; what is written stands in its order, before the count. */
static void dropped_and_counted(void **state)
{
    struct stage stage;
    unsigned number, last = 0, read = 0, lost = 0;
    bool ordered = true;
    char line[SAY_MAX];

    (void)state;
    begin(&stage, true);
    for (unsigned i = 0; i < MESSAGES; i++)
        say("message %u", i);
    while (fgets(line, sizeof line, stage.reader) != NULL) {
        if (sscanf(line, "zkcoord: nobody read here: %u messages are lost", &lost) == 1)
            break;
        if (sscanf(line, "zkcoord: message %u", &number) != 1)
            continue;
        ordered = ordered && (read++ == 0 || number > last);
        last = number;
    }
    end(&stage);
    assert_true(ordered);
    assert_int_equal(read + lost, MESSAGES);
}

/* A line that is written anew each second is not worth a place behind others. */
static void in_place_not_queued(void **state)
{
    struct stage stage;
    char line[SAY_MAX];
    int count = 0;

    (void)state;
    begin(&stage, true);
    for (int i = 0; i < MESSAGES; i++)
        say_in_place("the line");
    say("the end");
    while (fgets(line, sizeof line, stage.reader) != NULL && strstr(line, "the end") == NULL)
        ;
    for (const char *at = line; (at = strstr(at, "the line")) != NULL; at++)
        count++;
    end(&stage);
    assert_true(count <= 2); /* one that the thread writes, one behind it */
}

static void ends_although_nobody_reads(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage, true);
    say("the last words");
    end(&stage);
}

/* The end waits for what was said last. */
static void the_last_words_are_written(void **state)
{
    struct stage stage;
    char line[SAY_MAX];

    (void)state;
    begin(&stage, false);
    say("first");
    say("last");
    scribe_close(&stage.scribe);
    assert_int_equal(fcntl(fileno(stage.reader), F_SETFL, O_NONBLOCK), 0);
    assert_non_null(fgets(line, sizeof line, stage.reader));
    assert_string_equal(line, "zkcoord: first\n");
    assert_non_null(fgets(line, sizeof line, stage.reader));
    assert_string_equal(line, "zkcoord: last\n");
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropped_and_counted),
        cmocka_unit_test(in_place_not_queued),
        cmocka_unit_test(ends_although_nobody_reads),
        cmocka_unit_test(the_last_words_are_written),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
