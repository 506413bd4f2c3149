/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "core/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check_id(const char *parent, const char *id, const char *expected)
{
    struct place *place = place_new(parent, id, "me", 2);

    assert_non_null(place);
    assert_string_equal(place->parent, parent);
    assert_string_equal(place_id(place), expected);
    assert_int_equal(place->length, 2);
    assert_memory_equal(place->data, "me", 2);
    place_unref(place);
}

static void test_id(void **state)
{
    (void)state;
    check_id("/shared/jobs", NULL, "/shared/jobs");
    check_id("/", NULL, "/");
    check_id("/ns/lock/job", "job", "job");
    check_id("/ns/lock/a%2Fb", "a/b", "a/b");
    check_id("/ns/lock/%2E", ".", ".");
    check_id("/ns/lock/%C2%85", "\xc2\x85", "\xc2\x85");
}

static void test_longest(void **state)
{
    char parent[8000], id[513];

    (void)state;
    memset(id, '/', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    memset(parent, 'x', sizeof parent - 1);
    parent[0] = '/';
    parent[sizeof parent - 1] = '\0';
    check_id(parent, id, id);
}

static void test_data(void **state)
{
    char data[] = "mine";
    struct place *copied = place_new("/a", NULL, data, 4);
    struct place *borrowed = place_borrow("/a", NULL, data, 4);
    struct place *empty = place_new("/a", NULL, "", 0);

    (void)state;
    assert_non_null(copied);
    assert_non_null(borrowed);
    assert_non_null(empty);
    data[0] = 'X';
    assert_memory_equal(copied->data, "mine", 4);
    assert_ptr_equal(borrowed->data, data);
    assert_int_equal(borrowed->length, 4);
    assert_non_null(empty->data); /* none at all would be another znode */
    assert_int_equal(empty->length, 0);
    place_unref(copied);
    place_unref(borrowed);
    place_unref(empty);
}

static void test_references(void **state)
{
    long before = mem_live();
    struct place *place = place_new("/ns/lock/a%2Fb", "a/b", "me", 2);

    (void)state;
    assert_int_equal(mem_live(), before + 1);
    assert_ptr_equal(place_ref(place), place);
    place_unref(place);
    assert_string_equal(place_id(place), "a/b");
    place_unref(place);
    place_unref(NULL);
    assert_int_equal(mem_live(), before);
}

static void test_no_memory(void **state)
{
    (void)state;
    mem_fail_after(1);
    assert_null(place_new("/a", NULL, "me", 2));
    mem_fail_after(1);
    assert_null(place_borrow("/a", NULL, "me", 2));
    mem_fail_after(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id),        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_data),      cmocka_unit_test(test_references),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
