/* SPDX-License-Identifier: Apache-2.0 */
#include "core/roster.h"
#include "base/mem.h"
#include "core/name.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#ifndef ZKC_TEST_ALLOC
#error "compile unit tests with -DZKC_TEST_ALLOC"
#endif

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint64_t random_state;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void seed_random(void)
{
    const char *text = getenv("ZKC_SEED");

    random_state = text != NULL ? strtoull(text, NULL, 0) : 1;
    print_message("ZKC_SEED=%" PRIu64 "\n", random_state);
}

static void shuffle(const char **names, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = (size_t)(next_random() % i);
        const char *swap = names[i - 1];
        names[i - 1] = names[k];
        names[k] = swap;
    }
}

static void expect(const struct roster *roster, const char *const *names, size_t count)
{
    assert_int_equal(roster->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(roster->at[i].name, names[i]);
}

static void test_sorts_contenders_of_all_peers(void **state)
{
    static const char *const names[] = {
        "x-0100a3f4c2d70001-0000000005",
        "ready",
        "ffff__lock__0000000003",
        "_c_b-lock-0000000009",
        "",
        "_c_a-lock-0000000010",
        "0000__rlock__0000000004",
        "_c_0f8fad5b-d9cb-469f-a165-708677289501",
        "_c_c-__WRIT__0000000001",
    };
    static const char *const sorted[] = {
        "_c_c-__WRIT__0000000001",       "ffff__lock__0000000003", "0000__rlock__0000000004",
        "x-0100a3f4c2d70001-0000000005", "_c_b-lock-0000000009",   "_c_a-lock-0000000010",
    };
    static const int64_t sequences[] = {1, 3, 4, 5, 9, 10};
    struct roster roster;

    (void)state;
    memset(&roster, 0xa5, sizeof roster); /* what was there before does not matter */
    assert_int_equal(roster_build(&roster, names, COUNT(names)), 0);
    expect(&roster, sorted, COUNT(sorted));
    assert_false(roster.ambiguous);
    for (size_t i = 0; i < roster.count; i++) {
        assert_int_equal(roster.at[i].sequence, sequences[i]);
        assert_int_equal(roster.at[i].czxid, 0);
    }
    roster_clear(&roster);
}

static void test_copies_names(void **state)
{
    char name[] = "_c_a-lock-0000000001";
    const char *names[] = {name};
    struct roster roster;

    (void)state;
    assert_int_equal(roster_build(&roster, names, 1), 0);
    memset(name, 'x', sizeof name - 1);
    assert_string_equal(roster.at[0].name, "_c_a-lock-0000000001");
    roster_clear(&roster);
}

static void test_empty(void **state)
{
    static const char *const foreign[] = {"ready", "", "lease_holder", "x0000000001"};
    struct roster roster = {NULL, 7, true};

    (void)state;
    assert_int_equal(roster_build(&roster, NULL, 0), 0);
    assert_int_equal(roster.count, 0);
    assert_false(roster.ambiguous);
    assert_int_equal(roster_build(&roster, foreign, COUNT(foreign)), 0);
    assert_int_equal(roster.count, 0);
    assert_false(roster.ambiguous);
    roster_clear(&roster);
}

static void test_zeroed_is_valid(void **state)
{
    const char *name = "x-0000000001";
    struct roster roster;

    (void)state;
    memset(&roster, 0, sizeof roster);
    assert_true(roster_find(&roster, "x-0000000001") == ROSTER_NOBODY);
    roster_remove(&roster, 0);
    roster_sort_by_czxid(&roster);
    roster_clear(&roster);
    assert_int_equal(roster_build(&roster, &name, 1), 0);
    roster_clear(&roster);
    assert_null(roster.at);
    assert_int_equal(roster.count, 0);
    roster_clear(&roster);
}

static void test_ambiguous(void **state)
{
    static const struct {
        const char *names[3];
        bool ambiguous;
    } table[] = {
        {{"a-0000000001", "b-0000000002", "c-0000000003"}, false},
        {{"a-0000000000", "b-0000000002", "c-0000000003"}, false},
        {{"a-0000000000", "ready", "x"}, false},
        /* repeated: at the front, at the end, of the very same name, between foreign ones */
        {{"a-0000000001", "b-0000000001", "c-0000000003"}, true},
        {{"a-0000000001", "b-0000000003", "c-0000000003"}, true},
        {{"a-0000000003", "b-0000000001", "c-0000000003"}, true},
        {{"a-0000000001", "a-0000000001", "c-0000000003"}, true},
        {{"a-__READ__0000000001", "ready", "a-__WRIT__0000000001"}, true},
        /* repeated only among those that are no contenders */
        {{"a-0000000001", "b0000000001", "c.0000000001"}, false},
        /* negative */
        {{"a--000000001", "b-0000000002", "c-0000000003"}, true},
        {{"a-0000000001", "b-0000000002", "c--2147483648"}, true},
        {{"ready", "b--000000002", "x"}, true},
        /* near the end: 2147483647 - 65536 = 2147418111 */
        {{"a-0000000001", "b-0000000002", "c-2147483647"}, true},
        {{"a-0000000001", "b-0000000002", "c-2147418111"}, true},
        {{"a-0000000001", "b-0000000002", "c-2147418110"}, false},
        {{"a-2147418111", "x", "y"}, true},
        {{"a-2147418110", "b-2147418109", "y"}, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct roster roster;
        assert_int_equal(roster_build(&roster, table[i].names, 3), 0);
        if (roster.ambiguous != table[i].ambiguous)
            fail_msg("%s, %s, %s", table[i].names[0], table[i].names[1], table[i].names[2]);
        roster_clear(&roster);
    }
}

static void test_order_does_not_depend_on_the_listing(void **state)
{
    static const char *const sorted[] = {
        "z--2147483648", "a--000000007",        "a-0000000001", "b-0000000001",
        "b_0000000001",  "\xff\xfe-0000000001", "a-0000000002", "%s%n%n-2147483647",
    };
    const char *names[COUNT(sorted)];

    (void)state;
    seed_random();
    memcpy(names, sorted, sizeof sorted);
    for (int i = 0; i < 1000; i++) {
        struct roster roster;
        shuffle(names, COUNT(names));
        assert_int_equal(roster_build(&roster, names, COUNT(names)), 0);
        expect(&roster, sorted, COUNT(sorted));
        roster_clear(&roster);
    }
}

static void test_find(void **state)
{
    static const char *const names[] = {"c-0000000003", "a-0000000001", "b-0000000002"};
    struct roster roster;

    (void)state;
    assert_int_equal(roster_build(&roster, names, COUNT(names)), 0);
    assert_int_equal(roster_find(&roster, "a-0000000001"), 0);
    assert_int_equal(roster_find(&roster, "b-0000000002"), 1);
    assert_int_equal(roster_find(&roster, "c-0000000003"), 2);
    assert_true(roster_find(&roster, "a-000000000") == ROSTER_NOBODY);
    assert_true(roster_find(&roster, "a-00000000011") == ROSTER_NOBODY);
    assert_true(roster_find(&roster, "") == ROSTER_NOBODY);
    roster_clear(&roster);
}

static void test_remove(void **state)
{
    static const char *const names[] = {"a-0000000001", "b-0000000002", "c-0000000003",
                                        "d-0000000004"};
    static const char *const without_b[] = {"a-0000000001", "c-0000000003", "d-0000000004"};
    static const char *const only_c[] = {"c-0000000003"};
    struct roster roster;

    (void)state;
    assert_int_equal(roster_build(&roster, names, COUNT(names)), 0);
    roster_remove(&roster, ROSTER_NOBODY);
    roster_remove(&roster, 4);
    expect(&roster, names, 4);
    roster_remove(&roster, 1);
    expect(&roster, without_b, 3);
    roster_remove(&roster, 2); /* the last */
    roster_remove(&roster, 0); /* the first */
    expect(&roster, only_c, 1);
    roster_remove(&roster, 0);
    assert_int_equal(roster.count, 0);
    roster_clear(&roster);
}

static void test_sorts_by_czxid(void **state)
{
    /* in the order that is right, with czxids */
    static const struct {
        const char *name;
        int64_t czxid;
    } right[] = {
        {"a-2147483646", 5},
        {"z-2147483647", 6},
        {"y-2147483647", 7},
        /* one multi: sequence, then name */
        {"n--2147483648", 8},
        {"m-0000000001", 8},
        {"k-0000000002", 8},
        {"l-0000000002", 8},
        {"b-0000000000", INT64_C(0x7fffffffffffffff)},
    };
    const char *names[COUNT(right)];

    (void)state;
    seed_random();
    for (size_t i = 0; i < COUNT(right); i++)
        names[i] = right[i].name;
    for (int round = 0; round < 1000; round++) {
        struct roster roster;
        shuffle(names, COUNT(names));
        assert_int_equal(roster_build(&roster, names, COUNT(names)), 0);
        assert_true(roster.ambiguous);
        for (size_t i = 0; i < COUNT(right); i++)
            roster.at[roster_find(&roster, right[i].name)].czxid = right[i].czxid;
        for (size_t i = COUNT(right); i > 1; i--) { /* no help from a stable sort */
            size_t k = (size_t)(next_random() % i);
            struct roster_entry swap = roster.at[i - 1];
            roster.at[i - 1] = roster.at[k];
            roster.at[k] = swap;
        }
        roster_sort_by_czxid(&roster);
        assert_int_equal(roster.count, COUNT(right));
        for (size_t i = 0; i < COUNT(right); i++) {
            assert_string_equal(roster.at[i].name, right[i].name);
            assert_int_equal(roster.at[i].czxid, right[i].czxid);
        }
        roster_clear(&roster);
    }
}

static void test_random_listings(void **state)
{
    char text[64][32];
    const char *names[64];

    (void)state;
    seed_random();
    for (int round = 0; round < 5000; round++) {
        size_t count = (size_t)(next_random() % 65), contenders = 0;
        struct roster roster;
        struct name name;

        for (size_t i = 0; i < count; i++) {
            uint64_t bits = next_random();
            snprintf(text[i], sizeof text[i], "%c%c%010" PRId32, (char)('a' + bits % 26),
                     "-_x"[(bits >> 8) % 3], (int32_t)((bits >> 16) % 40) - 5);
            names[i] = text[i];
            contenders += name_parse(text[i], &name);
        }
        assert_int_equal(roster_build(&roster, names, count), 0);
        assert_int_equal(roster.count, contenders);
        bool ambiguous = false;
        for (size_t i = 0; i < roster.count; i++) {
            const struct roster_entry *entry = &roster.at[i];
            assert_true(name_parse(entry->name, &name));
            assert_int_equal(name.sequence, entry->sequence);
            assert_true(roster_find(&roster, entry->name) <= i);
            ambiguous = ambiguous || entry->sequence < 0;
            if (i == 0)
                continue;
            assert_true(entry[-1].sequence <= entry->sequence);
            if (entry[-1].sequence == entry->sequence) {
                assert_true(strcmp(entry[-1].name, entry->name) <= 0);
                ambiguous = true;
            }
        }
        assert_int_equal(roster.ambiguous, ambiguous);
        while (roster.count > 0)
            roster_remove(&roster, (size_t)(next_random() % roster.count));
        roster_clear(&roster);
    }
}

static void test_without_memory(void **state)
{
    static const char *const names[] = {"c-0000000003", "a-0000000001", "ready"};
    long before = mem_live(), n;

    (void)state;
    for (n = 1;; n++) {
        struct roster roster = {NULL, 5, true};
        mem_fail_after(n);
        int result = roster_build(&roster, names, COUNT(names));
        mem_fail_after(-1);
        if (result == 0) {
            assert_int_equal(roster.count, 2);
            roster_clear(&roster);
            break;
        }
        assert_int_equal(result, -1);
        assert_null(roster.at);
        assert_int_equal(roster.count, 0);
        assert_int_equal(mem_live(), before);
    }
    assert_true(n > 1);
    assert_int_equal(mem_live(), before);
}

static int check_leaks(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_sorts_contenders_of_all_peers, check_leaks),
        cmocka_unit_test_teardown(test_copies_names, check_leaks),
        cmocka_unit_test_teardown(test_empty, check_leaks),
        cmocka_unit_test_teardown(test_zeroed_is_valid, check_leaks),
        cmocka_unit_test_teardown(test_ambiguous, check_leaks),
        cmocka_unit_test_teardown(test_order_does_not_depend_on_the_listing, check_leaks),
        cmocka_unit_test_teardown(test_find, check_leaks),
        cmocka_unit_test_teardown(test_remove, check_leaks),
        cmocka_unit_test_teardown(test_sorts_by_czxid, check_leaks),
        cmocka_unit_test_teardown(test_random_listings, check_leaks),
        cmocka_unit_test_teardown(test_without_memory, check_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
