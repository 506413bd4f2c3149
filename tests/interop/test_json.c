/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a node and go micro's registry.Node, by Go's own encoder and decoder. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "base/mem.h"
#include "core/payload.h"
#include "child.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SOON deadline_in_ms(30000)
#define LINE 4096
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* By the names of Go's map, which Go sorts. */
#define NODE(id, address, port, ...)                                          \
    {                                                                         \
        sizeof(zkc_node), id, address, port, (const zkc_pair[]){__VA_ARGS__}, \
            sizeof((const zkc_pair[]){__VA_ARGS__}) / sizeof(zkc_pair)        \
    }
#define BARE(id, address, port)                      \
    {                                                \
        sizeof(zkc_node), id, address, port, NULL, 0 \
    }

/* What peers/registry_node.go writes, in that order. */
static const zkc_node from_go[] = {
    NODE("web-1", "10.0.0.1", 8080, {"rack", "7"}, {"zone", "b"}),
    BARE("", "", 0),
    BARE("", "", 65535),
    NODE("n\xc3\xa4m-\xe6\x97\xa5\xe6\x9c\xac-\xf0\x9f\x98\x80", "::1", 1,
         {"\xd0\xba", "\xe2\x80\xa8\xc3\x9f"}),
    NODE("<a&b>", "\"\\/", 2, {"", ""}, {"\n\t\x01", "\x7f"}),
    BARE("\xef\xbf\xbd\xef\xbf\xbd", "", 3),
    BARE("only", "", 0),
    BARE("", "", 4),
    NODE("", "", 0, {"k", "v"}),
};

static const zkc_node from_us[] = {
    BARE(NULL, NULL, 0),
    BARE("web-1", "10.0.0.1", 65535),
    NODE("a", "b", 1, {"k", "v"}),
    NODE("n\xc3\xa4m-\xe6\x97\xa5\xe6\x9c\xac-\xf0\x9f\x98\x80", "[::1]", 1,
         {"\xd0\xba", "\xe2\x80\xa8\xc3\x9f"}, {"\xd0\xbb", ""}),
    NODE("<a&b>", "\"\\/", 2, {"", ""}, {"\n\t\b\f\r\x01\x1f", "\x7f"}),
};

static struct child *go(const char *word)
{
    char launcher[LINE];
    const char *argv[] = {launcher, getenv("ZKC_INTEROP"), "json", word, NULL};
    struct child *child;

    snprintf(launcher, sizeof launcher, "%s/tests/interop/peers/run", getenv("top_srcdir"));
    child = child_start_program(argv);
    assert_non_null(child);
    return child;
}

static void same_text(const char *text, const char *expected)
{
    assert_string_equal(text, expected != NULL ? expected : "");
}

static void same_node(const char *text, const zkc_node *expected)
{
    zkc_node *node = NULL;

    print_message("%s\n", text);
    assert_int_equal(payload_decode(text, strlen(text), &node), ZKC_OK);
    assert_non_null(node);
    same_text(node->id, expected->id);
    same_text(node->address, expected->address);
    assert_int_equal(node->port, expected->port);
    assert_int_equal(node->metadata_count, expected->metadata_count);
    for (size_t i = 0; i < expected->metadata_count; i++) {
        assert_string_equal(node->metadata[i].key, expected->metadata[i].key);
        assert_string_equal(node->metadata[i].value, expected->metadata[i].value);
    }
    mem_free(node);
}

static void we_read_what_go_writes(void **state)
{
    struct child *child = go("write");
    char line[LINE];

    (void)state;
    for (size_t i = 0; i < COUNT(from_go); i++) {
        assert_true(child_read_line(child, line, sizeof line, SOON));
        same_node(line, &from_go[i]);
    }
    assert_false(child_read_line(child, line, sizeof line, SOON));
    child_free(child);
}

/* And then, by reading what it makes of it, that it has understood. */
static void go_reads_what_we_write(void **state)
{
    struct child *child = go(NULL);
    char line[LINE];

    (void)state;
    for (size_t i = 0; i < COUNT(from_us); i++) {
        char *text;
        size_t length;
        assert_int_equal(payload_encode(&from_us[i], &text, &length), ZKC_OK);
        assert_true(child_write_line(child, text));
        mem_free(text);
        assert_true(child_read_line(child, line, sizeof line, SOON));
        same_node(line, &from_us[i]);
    }
    child_free(child);
}

/* Where Go does not escape for HTML and has its metadata sorted as ours, it is the same bytes. */
static void both_write_the_same(void **state)
{
    struct child *child = go("write");
    char line[LINE];
    char *text;
    size_t length;

    (void)state;
    assert_true(child_read_line(child, line, sizeof line, SOON));
    assert_int_equal(payload_encode(&from_go[0], &text, &length), ZKC_OK);
    assert_string_equal(text, line);
    mem_free(text);
    child_free(child);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(we_read_what_go_writes),
        cmocka_unit_test(go_reads_what_we_write),
        cmocka_unit_test(both_write_the_same),
    };

    harness_start(argc, argv, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
