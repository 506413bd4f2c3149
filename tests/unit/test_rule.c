/*
 * Whom a contender waits for, and who may hold with whom: the rule of each recipe as a table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOBODY ROSTER_NOBODY

/* "rwk" is a queue of a reader, a writer and an exclusive contender of another dialect. */
static struct roster queue_of(const char *kinds)
{
    static const char *const ends[] = {"-__READ__", "-__WRIT__", "-lock-"};
    char text[8][40];
    const char *names[8];
    struct roster roster;
    size_t count = strlen(kinds);

    for (size_t i = 0; i < count; i++) {
        const char *end = ends[kinds[i] == 'r' ? 0 : kinds[i] == 'w' ? 1 : 2];
        snprintf(text[i], sizeof text[i], "_c_%c%s%010zu", (int)('a' + i), end, i);
        names[i] = text[i];
    }
    assert_int_equal(roster_build(&roster, names, count), 0);
    return roster;
}

struct row {
    const char *queue;
    size_t me, below, blocker;
};

static void check(const struct rule *rule, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct roster roster = queue_of(rows[i].queue);
        assert_int_equal(rule->blocker(&roster, rows[i].me, rows[i].below), rows[i].blocker);
        roster_clear(&roster);
    }
}

static void a_lock_waits_for_the_nearest_that_it_excludes(void **state)
{
    static const struct row rows[] = {
        {"k", 0, 0, NOBODY},    {"kk", 1, 1, 0},       {"kkk", 2, 2, 1},     {"kkk", 2, 1, 0},
        {"kkk", 2, 0, NOBODY},  {"r", 0, 0, NOBODY},   {"rr", 1, 1, NOBODY}, {"rrw", 2, 2, 1},
        {"rrw", 2, 1, 0},       {"wr", 1, 1, 0},       {"kr", 1, 1, 0},      {"wrr", 2, 2, 0},
        {"rwr", 2, 2, 1},       {"rwr", 2, 1, NOBODY}, {"wrwr", 3, 3, 2},    {"wrwr", 3, 2, 0},
        {"wrwr", 3, 0, NOBODY}, {"rwrrk", 4, 4, 3},
    };

    (void)state;
    check(&lock_rule, rows, sizeof rows / sizeof *rows);
}

static void an_election_has_one_queue(void **state)
{
    static const struct row rows[] = {
        {"k", 0, 0, NOBODY}, {"kk", 1, 1, 0}, {"rr", 1, 1, 0}, {"wrr", 2, 2, 1}, {"wrr", 2, 1, 0},
    };

    (void)state;
    check(&rule_queue, rows, sizeof rows / sizeof *rows);
}

static void only_readers_hold_together(void **state)
{
    (void)state;
    for (enum mode a = 0; a < MODES; a++)
        for (enum mode b = 0; b < MODES; b++) {
            assert_int_equal(lock_rule.conflicts(a, b), a != MODE_SHARED || b != MODE_SHARED);
            assert_true(rule_queue.conflicts(a, b));
        }
}

/* The one that is found is excluded, and nobody between it and below is. */
static void the_blocker_is_the_nearest_conflict(void **state)
{
    static const struct rule *const rules[] = {&lock_rule, &rule_queue};

    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        char kinds[7] = "";
        struct roster roster;
        for (int i = 0; i < 6; i++)
            kinds[i] = (bits >> i & 1) != 0 ? 'r' : 'w';
        roster = queue_of(kinds);
        for (size_t r = 0; r < 2; r++)
            for (size_t me = 0; me < 6; me++) {
                size_t found = rules[r]->blocker(&roster, me, me);
                for (size_t i = found == NOBODY ? 0 : found; i < me; i++)
                    assert_int_equal(rules[r]->conflicts(roster.at[i].mode, roster.at[me].mode),
                                     i == found);
            }
        roster_clear(&roster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_waits_for_the_nearest_that_it_excludes),
        cmocka_unit_test(an_election_has_one_queue),
        cmocka_unit_test(only_readers_hold_together),
        cmocka_unit_test(the_blocker_is_the_nearest_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
