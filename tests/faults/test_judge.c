/* SPDX-License-Identifier: Apache-2.0 */
/* The judge is judged: by journals that tell lies, each of which it must find. No server. */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define MS 1000000
#define BOUND (1000 * MS)
#define CONTENDERS 3

struct court {
    char dir[64];
    char files[CONTENDERS][96];
    struct journal *journals[CONTENDERS];
    struct life lives[CONTENDERS];
    struct judge *judge;
};

static void begin(struct court *c)
{
    char dir[] = "/tmp/zkc-judge-XXXXXX";

    *c = (struct court){.judge = judge_new()};
    assert_non_null(mkdtemp(dir));
    memcpy(c->dir, dir, sizeof(dir));
    for (int i = 0; i < CONTENDERS; i++) {
        snprintf(c->files[i], sizeof(c->files[i]), "%s/%d", dir, i);
        c->journals[i] = journal_create(c->files[i]);
        assert_non_null(c->journals[i]);
    }
}

/* In milliseconds, as all times here. */
static void believe_until(struct court *c, int who, int64_t token, int64_t first, int64_t last,
                          int64_t over)
{
    struct belief b = {.token = token,
                       .before = (first - 1) * MS,
                       .first = first * MS,
                       .last = last * MS,
                       .over = over * MS};

    journal_note(c->journals[who], JOURNAL_ASK, (first - 2) * MS, 0);
    journal_begin(c->journals[who], &b);
}

static void believe(struct court *c, int who, int64_t token, int64_t first, int64_t last)
{
    believe_until(c, who, token, first, last, last + 1);
    journal_note(c->journals[who], JOURNAL_RELEASE, last * MS, token);
}

/* All is well: three turns for each. */
static void tell_truth(struct court *c)
{
    for (int i = 0; i < 9; i++)
        believe(c, i % 3, 10 + i, 100 + 10 * i, 108 + 10 * i);
}

static struct verdict judged(struct court *c)
{
    struct verdict v;

    for (int i = 0; i < CONTENDERS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "number %d", i);
        journal_close(c->journals[i]);
        judge_add(c->judge, name, c->files[i], c->lives[i]);
        unlink(c->files[i]);
    }
    rmdir(c->dir);
    v = judge_decide(c->judge);
    verdict_print(&v, "judged");
    judge_free(c->judge);
    return v;
}

static void truth_is_believed(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    judge_healed(c.judge, 150 * MS, BOUND);
    v = judged(&c);
    assert_int_equal(verdict_wrongs(&v), 0);
    assert_int_equal(v.beliefs, 9);
    assert_int_equal(v.contenders, 3);
    assert_int_equal(v.releases, 8);
    assert_int_equal(v.takeovers, 0);
    assert_int_equal(v.least_release, 2 * MS);
    assert_int_equal(v.longest_wait, 20 * MS);
}

static void overlap_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe(&c, 0, 19, 190, 200);
    believe(&c, 1, 20, 200, 210); /* in the same nanosecond */
    v = judged(&c);
    assert_int_equal(v.overlaps, 1);
    assert_int_equal(verdict_wrongs(&v), 1);
}

/* The one who overlaps is not the one just before. */
static void distant_overlap_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe_until(&c, 0, 19, 190, 230, 231);
    for (int i = 0; i < 8; i++)
        believe(&c, 1, 20 + i, 240 + 10 * i, 248 + 10 * i);
    believe_until(&c, 0, 30, 330, 500, 501);
    believe(&c, 1, 31, 350, 352);
    believe(&c, 1, 32, 354, 356);
    believe(&c, 2, 33, 480, 490);
    v = judged(&c);
    assert_int_equal(v.overlaps, 3);
    assert_int_equal(verdict_wrongs(&v), 3);
}

/* A process that is stopped still believes when it goes on. */
static void belief_without_end_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe_until(&c, 0, 19, 190, 260, 0);
    believe(&c, 1, 20, 250, 255);
    v = judged(&c);
    assert_int_equal(v.overlaps, 1);
}

/* What was over comes back to life: the same token once more. */
static void revival_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe(&c, 0, 19, 190, 200);
    believe(&c, 0, 19, 220, 225);
    v = judged(&c);
    assert_int_equal(v.disorders, 1);
    assert_int_equal(verdict_wrongs(&v), 1);
}

static void falling_token_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe(&c, 0, 30, 190, 195);
    believe(&c, 1, 29, 200, 205);
    believe(&c, 2, 31, 210, 215);
    v = judged(&c);
    assert_int_equal(v.disorders, 1);
    assert_int_equal(verdict_wrongs(&v), 1);
}

static void starvation_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe(&c, 0, 19, 500, 505);
    believe(&c, 1, 20, 510 + BOUND / MS, 515 + BOUND / MS); /* too late */
    judge_healed(c.judge, 490 * MS, BOUND);
    v = judged(&c);
    assert_int_equal(v.starved, 2);
    assert_int_equal(verdict_wrongs(&v), 2);
}

static void the_dead_need_no_turn(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe(&c, 0, 19, 500, 505);
    believe(&c, 1, 20, 510, 515);
    c.lives[2].died = 480 * MS;
    judge_healed(c.judge, 490 * MS, BOUND);
    v = judged(&c);
    assert_int_equal(verdict_wrongs(&v), 0);
}

static void the_newborn_need_no_turn(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    believe(&c, 0, 19, 500, 505);
    believe(&c, 1, 20, 510, 515);
    c.lives[2].born = 490 * MS + 1;
    judge_healed(c.judge, 490 * MS, BOUND);
    v = judged(&c);
    assert_int_equal(verdict_wrongs(&v), 0);
}

static void ghost_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    judge_left(c.judge, "_c_0-lock-0000000001");
    v = judged(&c);
    assert_int_equal(v.ghosts, 1);
    assert_int_equal(verdict_wrongs(&v), 1);
}

static void error_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    tell_truth(&c);
    journal_note(c.journals[1], JOURNAL_ERROR, 200 * MS, -19);
    v = judged(&c);
    assert_int_equal(v.errors, 1);
    assert_int_equal(verdict_wrongs(&v), 1);
}

static void garbage_is_found(void **state)
{
    struct court c;
    struct verdict v;
    FILE *f;

    (void)state;
    begin(&c);
    tell_truth(&c);
    f = fopen(c.files[2], "a");
    assert_non_null(f);
    fputs("belief 1 2 3\n", f);
    fclose(f);
    v = judged(&c);
    assert_int_equal(v.errors, 1);
}

static void silence_is_found(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    unlink(c.files[2]);
    v = judged(&c);
    assert_int_equal(v.errors, 2); /* no journal of one, and nobody ever held */
}

/* Takeovers and releases are measured apart. */
static void margins_are_measured(void **state)
{
    struct court c;
    struct verdict v;

    (void)state;
    begin(&c);
    believe_until(&c, 0, 10, 100, 200, 201);
    journal_note(c.journals[0], JOURNAL_REVOKED, 205 * MS, -16);
    believe_until(&c, 1, 11, 250, 300, 0); /* killed */
    believe_until(&c, 2, 12, 370, 400, 401);
    journal_note(c.journals[2], JOURNAL_RELEASE, 400 * MS, 12);
    believe_until(&c, 0, 13, 410, 420, 421);
    journal_note(c.journals[0], JOURNAL_RELEASE, 430 * MS, 13); /* was over already */
    believe_until(&c, 1, 14, 500, 510, 511);
    v = judged(&c);
    assert_int_equal(v.takeovers, 3);
    assert_int_equal(v.least_takeover, 50 * MS);
    assert_int_equal(v.sure_takeover, 49 * MS);
    assert_int_equal(v.median_takeover, 70 * MS);
    assert_int_equal(v.releases, 1);
    assert_int_equal(v.least_release, 10 * MS);
    assert_int_equal(verdict_wrongs(&v), 0);
}

/* As a scenario looks at journals that are being written. */
static void newest_belief_is_read(void **state)
{
    struct court c;
    struct belief b = {.token = 200, .before = 2000 * MS, .first = 2001 * MS, .last = 2002 * MS};
    struct belief read;
    struct verdict v;
    bool kept;

    (void)state;
    begin(&c);
    assert_false(journal_newest(c.files[0], &read, &kept));
    for (int i = 0; i < 100; i++)
        believe(&c, 0, 10 + i, 100 + 10 * i, 108 + 10 * i);
    journal_begin(c.journals[0], &b);
    assert_true(journal_newest(c.files[0], &read, &kept));
    assert_int_equal(read.token, 200);
    assert_int_equal(read.over, 0);
    assert_false(kept);
    journal_note(c.journals[0], JOURNAL_KEPT, 2003 * MS, 200);
    b.last = 2004 * MS;
    b.over = 2005 * MS;
    journal_update(c.journals[0], &b);
    assert_true(journal_newest(c.files[0], &read, &kept));
    assert_true(kept);
    assert_int_equal(read.last, b.last);
    assert_int_equal(read.over, b.over);
    v = judged(&c);
    assert_int_equal(verdict_wrongs(&v), 0);
}

/* ---- in the middle of writing ---- */

/* Puts bytes into a journal, from another one's line at the same place. */
static void tear(const char *file, off_t at, const char *bytes, size_t count)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, at), count);
    close(fd);
}

static size_t content(const char *file, char *bytes, size_t size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t count = pread(fd, bytes, size, 0);

    assert_true(count > 0);
    close(fd);
    return (size_t)count;
}

/* A belief that is brought up to date is read as it was, as it will be, or not at all. */
static void half_a_line_is_no_belief(void **state)
{
    struct court c;
    struct belief b = {.token = 7, .before = 1, .first = 2, .last = 19999}, read;
    char old[1024], new[1024];
    size_t size;
    bool kept;

    (void)state;
    begin(&c);
    journal_begin(c.journals[0], &b);
    size = content(c.files[0], old, sizeof(old));
    b.last = 20000;
    b.over = 20001;
    journal_update(c.journals[0], &b);
    assert_int_equal(content(c.files[0], new, sizeof(new)), size);
    for (size_t cut = 1; cut < size; cut++) {
        tear(c.files[0], 0, new, cut);
        tear(c.files[0], (off_t)cut, old + cut, size - cut);
        if (!journal_newest(c.files[0], &read, &kept))
            continue;
        assert_true(read.last == 19999 || read.last == 20000);
        assert_int_equal(read.over, read.last == 20000 ? 20001 : 0);
    }
    judged(&c);
}

/* One that is being appended is not there yet; afterwards it would be a journal without an end. */
static void half_a_line_is_not_there_yet(void **state)
{
    struct court c;
    struct belief b = {.token = 7, .before = 1, .first = 2, .last = 3}, read;
    struct verdict v;
    char bytes[1024];
    size_t size;
    bool kept;

    (void)state;
    begin(&c);
    journal_begin(c.journals[0], &b);
    size = content(c.files[0], bytes, sizeof(bytes));
    b.token = 8;
    journal_begin(c.journals[0], &b);
    for (size_t cut = size - 1; cut > 0; cut--) {
        assert_int_equal(truncate(c.files[0], (off_t)(size + cut)), 0);
        assert_true(journal_newest(c.files[0], &read, &kept));
        assert_int_equal(read.token, 7);
    }
    v = judged(&c);
    assert_int_equal(v.errors, 1);
}

/* Where a page ends the kernel may stop writing, if the process is killed. */
static void no_line_goes_over_a_page(void **state)
{
    struct court c;
    char bytes[4 * 4096];
    size_t size;

    (void)state;
    begin(&c);
    for (int i = 0; i < 100; i++)
        believe(&c, 0, 10 + i, 100 + 10 * i, 108 + 10 * i);
    size = content(c.files[0], bytes, sizeof(bytes));
    assert_int_equal(size, sizeof(bytes));
    for (size_t page = 4096; page <= size; page += 4096)
        assert_int_equal(bytes[page - 1], '\n');
    judged(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_is_believed),
        cmocka_unit_test(overlap_is_found),
        cmocka_unit_test(distant_overlap_is_found),
        cmocka_unit_test(belief_without_end_is_found),
        cmocka_unit_test(revival_is_found),
        cmocka_unit_test(falling_token_is_found),
        cmocka_unit_test(starvation_is_found),
        cmocka_unit_test(the_dead_need_no_turn),
        cmocka_unit_test(the_newborn_need_no_turn),
        cmocka_unit_test(ghost_is_found),
        cmocka_unit_test(error_is_found),
        cmocka_unit_test(garbage_is_found),
        cmocka_unit_test(silence_is_found),
        cmocka_unit_test(margins_are_measured),
        cmocka_unit_test(newest_belief_is_read),
        cmocka_unit_test(half_a_line_is_no_belief),
        cmocka_unit_test(half_a_line_is_not_there_yet),
        cmocka_unit_test(no_line_goes_over_a_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
