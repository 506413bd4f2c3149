/*
 * Heap and map: against a plain model, with random operations.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/heap.h"
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT 200

static unsigned seed(void)
{
    const char *text = getenv("ZKC_SEED");
    unsigned value = text != NULL ? (unsigned)strtoul(text, NULL, 10) : (unsigned)time(NULL);

    print_message("repeat with ZKC_SEED=%u\n", value);
    return value;
}

static int64_t least(const struct heap_node *nodes)
{
    int64_t key = INT64_MAX;

    for (size_t i = 0; i < COUNT; i++)
        if (heap_contains(&nodes[i]) && nodes[i].key < key)
            key = nodes[i].key;
    return key;
}

static void the_root_is_always_the_least(void **state)
{
    struct heap heap = {NULL};
    struct heap_node nodes[COUNT];
    unsigned random = seed();

    (void)state;
    memset(nodes, 0, sizeof nodes);
    for (int step = 0; step < 20000; step++) {
        struct heap_node *node = &nodes[(size_t)rand_r(&random) % COUNT];
        if (heap_contains(node))
            heap_remove(&heap, node);
        else
            heap_insert(&heap, node, rand_r(&random) % 50);
        assert_int_equal(heap.root == NULL ? INT64_MAX : heap.root->key, least(nodes));
    }
    while (heap.root != NULL)
        heap_remove(&heap, heap.root);
    for (size_t i = 0; i < COUNT; i++)
        assert_false(heap_contains(&nodes[i]));
}

static void removing_what_is_in_no_heap_is_harmless(void **state)
{
    struct heap heap = {NULL};
    struct heap_node node = {0};

    (void)state;
    heap_remove(&heap, &node);
    assert_null(heap.root);
}

static void a_map_finds_what_was_put_in(void **state)
{
    struct map map;
    struct map_entry entries[COUNT];
    char keys[COUNT][16];

    (void)state;
    map_init(&map);
    assert_null(map_find(&map, "nothing"));
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "key-%zu", i);
        list_init(&entries[i].link);
        map_insert(&map, &entries[i], keys[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(map_find(&map, keys[i]), &entries[i]);
    for (size_t i = 0; i < COUNT; i += 2)
        map_remove(&map, &entries[i]);
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(map_find(&map, keys[i]), i % 2 == 0 ? NULL : &entries[i]);
    assert_int_equal(map.count, COUNT / 2);
    map_clear(&map);
    assert_int_equal(map.count, 0);
}

static void one_key_may_have_many_entries(void **state)
{
    struct map map;
    struct map_entry entries[3], other;
    struct list taken;
    int count = 0;

    (void)state;
    map_init(&map);
    list_init(&taken);
    list_init(&other.link);
    map_insert(&map, &other, "other");
    for (size_t i = 0; i < 3; i++) {
        list_init(&entries[i].link);
        map_insert(&map, &entries[i], "same");
    }
    for (struct map_entry *e = map_find(&map, "same"); e != NULL; e = map_find_next(&map, e))
        assert_ptr_equal(e, &entries[count++]);
    assert_int_equal(count, 3);
    assert_null(map_find_next(&map, &other));
    count = 0;
    map_take(&map, "same", &taken);
    while (list_pop(&taken) != NULL)
        count++;
    assert_int_equal(count, 3);
    assert_int_equal(map.count, 1);
    assert_null(map_find(&map, "same"));
    assert_ptr_equal(map_find(&map, "other"), &other);
    map_clear(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_always_the_least),
        cmocka_unit_test(removing_what_is_in_no_heap_is_harmless),
        cmocka_unit_test(a_map_finds_what_was_put_in),
        cmocka_unit_test(one_key_may_have_many_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
