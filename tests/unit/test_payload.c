/* SPDX-License-Identifier: Apache-2.0 */
#include "core/payload.h"
#include "base/mem.h"
#include "core/path.h"

#include <inttypes.h>
#include <jansson.h>
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

static zkc_node make_node(const char *id, const char *address, int64_t port, const zkc_pair *pairs,
                          size_t count)
{
    zkc_node node;

    ZKC_INIT(&node);
    node.id = id;
    node.address = address;
    node.port = port;
    node.metadata = pairs;
    node.metadata_count = count;
    return node;
}

/* ---- encoding ---- */

static void expect_encoded(const zkc_node *node, const char *expected)
{
    char *text = NULL;
    size_t length = 0;

    assert_int_equal(payload_encode(node, &text, &length), ZKC_OK);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    mem_free(text);
}

static void expect_not_encoded(const zkc_node *node, int result)
{
    char untouched[] = "untouched", *text = untouched;
    size_t length = 4711;

    assert_int_equal(payload_encode(node, &text, &length), result);
    assert_ptr_equal(text, untouched);
    assert_int_equal(length, 4711);
    assert_int_equal(mem_live(), 0);
}

static void test_encodes_like_go(void **state)
{
    static const zkc_pair pairs[] = {{"zone", "eu"}, {"a", "1"}, {"Z", ""}, {"", "no key"}};
    zkc_node node = make_node("web-1", "10.0.0.1", 8080, NULL, 0);

    (void)state;
    expect_encoded(&node, "{\"id\":\"web-1\",\"address\":\"10.0.0.1\",\"port\":8080,"
                          "\"metadata\":{}}");
    node = make_node("web-1", "::1", 65535, pairs, COUNT(pairs)); /* in the given order */
    expect_encoded(&node, "{\"id\":\"web-1\",\"address\":\"::1\",\"port\":65535,"
                          "\"metadata\":{\"zone\":\"eu\",\"a\":\"1\",\"Z\":\"\",\"\":\"no key\"}}");
    node = make_node(NULL, NULL, 0, pairs, 0);
    expect_encoded(&node, "{\"id\":\"\",\"address\":\"\",\"port\":0,\"metadata\":{}}");
}

static void test_encodes_many_pairs_in_order(void **state)
{
    char keys[500][8], expected[8192];
    zkc_pair pairs[500];
    zkc_node node;
    int used = snprintf(expected, sizeof expected,
                        "{\"id\":\"a\",\"address\":\"b\",\"port\":1,\"metadata\":{");

    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i * 7919 % COUNT(pairs));
        pairs[i].key = keys[i];
        pairs[i].value = "v";
        used += snprintf(expected + used, sizeof expected - (size_t)used, "%s\"%s\":\"v\"",
                         i > 0 ? "," : "", keys[i]);
    }
    snprintf(expected + used, sizeof expected - (size_t)used, "}}");
    node = make_node("a", "b", 1, pairs, COUNT(pairs));
    expect_encoded(&node, expected);
}

static void test_encodes_any_text(void **state)
{
    static const zkc_pair pairs[] = {{"Stra\xc3\x9f"
                                      "e",
                                      "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80"}};
    zkc_node node = make_node("\"q\\b/\n\t\x01\x1f\x7f", "<a&b>", 1, pairs, 1);

    (void)state;
    expect_encoded(&node, "{\"id\":\"\\\"q\\\\b/\\n\\t\\u0001\\u001F\x7f\",\"address\":\"<a&b>\","
                          "\"port\":1,\"metadata\":{\"Stra\xc3\x9f"
                          "e\":\"\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80\"}}");
}

static void test_encode_refuses(void **state)
{
    static const char *const bad_texts[] = {"\xff",         "a\x80", "\xc0\xaf",
                                            "\xed\xa0\x80", "\xc3",  "\xf4\x90\x80\x80"};
    static const zkc_pair no_key[] = {{"a", "1"}, {NULL, "2"}};
    static const zkc_pair no_value[] = {{"a", "1"}, {"b", NULL}};
    static const zkc_pair repeated[] = {{"a", "1"}, {"b", "2"}, {"a", "1"}};
    static const zkc_pair repeated_empty[] = {{"", "1"}, {"", "2"}};
    static const int64_t bad_ports[] = {-1, 65536, INT64_MIN, INT64_MAX};
    zkc_node node;

    (void)state;
    for (size_t i = 0; i < COUNT(bad_texts); i++) {
        zkc_pair pair = {bad_texts[i], "v"};
        node = make_node(bad_texts[i], "a", 1, NULL, 0);
        expect_not_encoded(&node, ZKC_EINVAL);
        node = make_node("i", bad_texts[i], 1, NULL, 0);
        expect_not_encoded(&node, ZKC_EINVAL);
        node = make_node("i", "a", 1, &pair, 1);
        expect_not_encoded(&node, ZKC_EINVAL);
        pair = (zkc_pair){"k", bad_texts[i]};
        expect_not_encoded(&node, ZKC_EINVAL);
    }
    for (size_t i = 0; i < COUNT(bad_ports); i++) {
        node = make_node("i", "a", bad_ports[i], NULL, 0);
        expect_not_encoded(&node, ZKC_EINVAL);
    }
    node = make_node("i", "a", 1, no_key, 2);
    expect_not_encoded(&node, ZKC_EINVAL);
    node = make_node("i", "a", 1, no_value, 2);
    expect_not_encoded(&node, ZKC_EINVAL);
    node = make_node("i", "a", 1, repeated, 3);
    expect_not_encoded(&node, ZKC_EINVAL);
    node = make_node("i", "a", 1, repeated_empty, 2);
    expect_not_encoded(&node, ZKC_EINVAL);
    node = make_node("i", "a", 1, NULL, 1);
    expect_not_encoded(&node, ZKC_EINVAL);
}

static void test_encode_is_bounded(void **state)
{
    size_t frame = strlen("{\"id\":\"\",\"address\":\"\",\"port\":0,\"metadata\":{}}");
    char *id = mem_alloc(PAYLOAD_WRITE_MAX), *text;
    zkc_node node = make_node(id, "", 0, NULL, 0);
    size_t length;

    (void)state;
    assert_non_null(id);
    memset(id, 'a', PAYLOAD_WRITE_MAX);
    id[PAYLOAD_WRITE_MAX - frame] = '\0';
    assert_int_equal(payload_encode(&node, &text, &length), ZKC_OK);
    assert_int_equal(length, PAYLOAD_WRITE_MAX);
    mem_free(text);
    id[PAYLOAD_WRITE_MAX - frame] = 'a';
    id[PAYLOAD_WRITE_MAX - frame + 1] = '\0';
    assert_int_equal(payload_encode(&node, &text, &length), ZKC_EINVAL);
    mem_free(id);
}

/* ---- decoding ---- */

/* From a block of exactly its size without a NUL, so that a sanitizer sees every step outside. */
static zkc_node *decode(const char *data, size_t length)
{
    char *copy = mem_alloc(length);
    zkc_node sentinel, *node = &sentinel;

    assert_non_null(copy);
    memcpy(copy, data, length);
    assert_int_equal(payload_decode(copy, length, &node), ZKC_OK);
    memset(copy, 'x', length); /* the node has copies */
    mem_free(copy);
    assert_ptr_not_equal(node, &sentinel);
    return node;
}

struct decoding {
    const char *text;
    const char *id;
    const char *address;
    int64_t port;
    zkc_pair pairs[3];
};

static void expect_node(const zkc_node *node, const struct decoding *expected)
{
    size_t count = 0;

    if (node == NULL)
        fail_msg("%s: foreign", expected->text);
    while (count < COUNT(expected->pairs) && expected->pairs[count].key != NULL)
        count++;
    assert_int_equal(node->size, sizeof *node);
    assert_string_equal(node->id, expected->id);
    assert_string_equal(node->address, expected->address);
    if (node->port != expected->port)
        fail_msg("%s: port %" PRId64, expected->text, node->port);
    if (node->metadata_count != count)
        fail_msg("%s: %zu pairs", expected->text, node->metadata_count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(node->metadata[i].key, expected->pairs[i].key);
        assert_string_equal(node->metadata[i].value, expected->pairs[i].value);
    }
}

#define NONE           \
    {                  \
        {              \
            NULL, NULL \
        }              \
    }

static void test_decodes(void **state)
{
    static const struct decoding table[] = {
        {"{\"id\":\"web-1\",\"address\":\"10.0.0.1\",\"port\":8080,\"metadata\":{}}", "web-1",
         "10.0.0.1", 8080, NONE},
        {"{\"id\":\"i\",\"address\":\"a\",\"port\":65535,\"metadata\":{\"b\":\"1\",\"a\":\"2\"}}",
         "i",
         "a",
         65535,
         {{"b", "1"}, {"a", "2"}}},
        /* any order, any blanks, members of others */
        {" \t\r\n{ \"metadata\" : { \"k\" : \"v\" } , \"more\" : [ 1 , { } ] ,\n \"port\" : 1 ,"
         " \"id\" : \"i\" } \n",
         "i",
         "",
         1,
         {{"k", "v"}}},
        /* one member of the right type is enough */
        {"{\"id\":\"i\"}", "i", "", 0, NONE},
        {"{\"id\":\"\"}", "", "", 0, NONE},
        {"{\"address\":\"a\"}", "", "a", 0, NONE},
        {"{\"port\":7}", "", "", 7, NONE},
        {"{\"port\":0}", "", "", 0, NONE},
        {"{\"metadata\":{}}", "", "", 0, NONE},
        {"{\"metadata\":{\"k\":1}}", "", "", 0, NONE},
        /* wrong types count as missing */
        {"{\"id\":1,\"address\":\"a\"}", "", "a", 0, NONE},
        {"{\"id\":null,\"address\":\"a\"}", "", "a", 0, NONE},
        {"{\"id\":[\"i\"],\"address\":\"a\"}", "", "a", 0, NONE},
        {"{\"id\":{},\"address\":\"a\"}", "", "a", 0, NONE},
        {"{\"id\":true,\"address\":\"a\"}", "", "a", 0, NONE},
        {"{\"id\":\"i\",\"address\":2}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":\"80\"}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":true}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":null}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":-1}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":65536}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":80.5}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":65535.5}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":-0.5}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":1e300}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"port\":123456789012345678901234567890}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"metadata\":null}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"metadata\":[\"k\",\"v\"]}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"metadata\":\"k\"}", "i", "", 0, NONE},
        {"{\"id\":\"i\",\"other\":-123456789012345678901234567890}", "i", "", 0, NONE},
        /* the same number in other clothes */
        {"{\"port\":80.0}", "", "", 80, NONE},
        {"{\"port\":8e1}", "", "", 80, NONE},
        {"{\"port\":-0}", "", "", 0, NONE},
        /* metadata values that are no texts are left out */
        {"{\"metadata\":{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":{\"e\":\"f\"},\"g\":[],\"h\":\"\"}}",
         "",
         "",
         0,
         {{"b", "x"}, {"h", ""}}},
        {"{\"metadata\":{\"\":\"v\"}}", "", "", 0, {{"", "v"}}},
        /* names are compared as they are */
        {"{\"ID\":\"I\",\"Id\":\"x\",\"address\":\"a\"}", "", "a", 0, NONE},
        /* of repeated members the last counts */
        {"{\"id\":\"1\",\"id\":\"2\"}", "2", "", 0, NONE},
        {"{\"id\":\"1\",\"id\":2,\"port\":1}", "", "", 1, NONE},
        {"{\"metadata\":{\"a\":\"1\",\"a\":\"2\"}}", "", "", 0, {{"a", "2"}}},
        /* escapes and UTF-8 */
        {"{\"id\":\"\\u00f6\\n\\\"\\/\\ud83d\\ude00\",\"address\":\"\xc3\xb6\"}",
         "\xc3\xb6\n\"/\xf0\x9f\x98\x80", "\xc3\xb6", 0, NONE},
        {"{\"i\\u0064\":\"i\"}", "i", "", 0, NONE},
        {"{\"id\":\"[[{{\\\"}\",\"address\":\"\\\\\"}", "[[{{\"}", "\\", 0, NONE},
        /* an escaped NUL makes it a text that C cannot hold */
        {"{\"id\":\"a\\u0000b\",\"address\":\"a\"}", "", "a", 0, NONE},
        {"{\"id\":\"i\",\"address\":\"\\u0000\"}", "i", "", 0, NONE},
        {"{\"metadata\":{\"a\":\"x\\u0000\",\"b\":\"y\"}}", "", "", 0, {{"b", "y"}}},
        {"{\"id\":\"i\",\"other\":\"\\u0000\"}", "i", "", 0, NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        zkc_node *node = decode(table[i].text, strlen(table[i].text));
        expect_node(node, &table[i]);
        mem_free(node);
    }
}

static void test_no_metadata_is_null(void **state)
{
    zkc_node *node = decode("{\"id\":\"i\",\"metadata\":{\"a\":1}}", 29);

    (void)state;
    assert_non_null(node);
    assert_null(node->metadata);
    assert_int_equal(node->metadata_count, 0);
    mem_free(node);
}

static void expect_foreign(const char *data, size_t length)
{
    zkc_node *node = decode(data, length);

    if (node != NULL)
        fail_msg("\"%.*s\" is foreign", (int)length, data);
}

static void is_plea(const char *data, bool is_node, const char *expected)
{
    char *plea = payload_plea(data, strlen(data), is_node);

    assert_string_equal(plea, expected);
    assert_true(payload_asks(plea, strlen(plea)));
    mem_free(plea);
}

static void test_a_plea_keeps_the_node(void **state)
{
    const char *asked = "__REVOKE__{\"id\":\"i\"}";
    zkc_node *node;

    (void)state;
    is_plea("{\"id\":\"i\"}", true, asked);
    is_plea(asked, true, asked);
    is_plea("10.0.0.1", false, "__REVOKE__");
    is_plea("__REVOKE__", false, "__REVOKE__");
    is_plea("", false, "__REVOKE__");
    assert_false(payload_asks("__REVOKE__", 9));
    assert_false(payload_asks("__REVOKE__0", 11));
    node = decode(asked, strlen(asked));
    assert_string_equal(node->id, "i");
    mem_free(node);
}

static void test_foreign_data_is_no_error(void **state)
{
    static const char *const table[] = {
        "",
        " ",
        "10.0.0.1",
        "__REVOKE__",
        "unlock",
        "host.example.org",
        "\x12\x34",
        "\xff\xfe\xfd",
        "\xef\xbb\xbf{\"id\":\"i\"}",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "\"id\"",
        "[{\"id\":\"i\"}]",
        "[\"id\",\"address\"]",
        "{\"version\":1,\"holder\":\"x\",\"end\":\"2024\"}",
        /* objects, but not one of the members with the right type */
        "{\"id\":1}",
        "{\"id\":null,\"address\":null,\"port\":null,\"metadata\":null}",
        "{\"port\":\"80\"}",
        "{\"port\":65536}",
        "{\"port\":-1}",
        "{\"port\":1.5}",
        "{\"port\":-0.5}",
        "{\"metadata\":[]}",
        "{\"id\":\"a\\u0000b\"}",
        "{\"node\":{\"id\":\"i\"}}",
        /* not JSON */
        "{\"id\":\"i\"",
        "{\"id\":\"i",
        "{\"id\":\"i\\",
        "{\"id\":\"i\\\"}",
        "{\"id\"}",
        "{\"id\":}",
        "{id:\"i\"}",
        "{'id':'i'}",
        "{\"id\":\"i\",}",
        "{\"id\":\"i\"} x",
        "{\"id\":\"i\"}{}",
        "{\"id\":\"i\"}]",
        "{\"id\":\"i\",\"port\":01}",
        "{\"id\":\"i\",\"port\":NaN}",
        "{\"id\":\"a\nb\"}",
        "{\"id\":\"\\x\"}",
        "{\"id\":\"\\ud800\"}",
        "{\"id\":\"\xff\"}",
        "{\"id\":\"\xc3",
        "{\"id\":\"\xed\xa0\x80\"}",
        "{\"id\":\"i\",\"\xff\":1}",
        "{\"id\":\"i\",\"other\":1e999}",
        "{\"id\":\"i\" /* comment */}",
        "}{\"id\":\"i\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        expect_foreign(table[i], strlen(table[i]));
    expect_foreign("\0", 1);
    expect_foreign("{\"id\":\"i\"}\0", 11);
    expect_foreign("{\"id\":\"i\0\"}", 11);
    expect_foreign("\0{\"id\":\"i\"}", 11);
    expect_foreign("{\"id\":\"i\"\0}", 11);
}

static void test_no_data(void **state)
{
    zkc_node sentinel, *node = &sentinel;

    (void)state;
    assert_int_equal(payload_decode(NULL, 0, &node), ZKC_OK);
    assert_null(node);
}

/* {"id":"i","x":[[...]]} with that many brackets around, counting the object's */
static zkc_node *decode_nested(size_t depth, char open, char close)
{
    const char *head = "{\"id\":\"i\",\"x\":[";
    size_t used = strlen(head) - 1, inner = depth - 1;
    char *text = mem_alloc(used + 6 * depth + 2), *out = text + used;
    zkc_node *node;

    assert_non_null(text);
    memcpy(text, head, used);
    for (size_t i = 0; i < inner; i++) {
        *out++ = open;
        if (open == '{' && i + 1 < inner) {
            memcpy(out, "\"k\":", 4);
            out += 4;
        }
    }
    for (size_t i = 0; i < inner; i++)
        *out++ = close;
    *out++ = '}';
    node = decode(text, (size_t)(out - text));
    mem_free(text);
    return node;
}

static void test_depth_is_bounded(void **state)
{
    zkc_node *node = decode_nested(PAYLOAD_DEPTH_MAX, '[', ']');

    (void)state;
    assert_non_null(node);
    mem_free(node);
    node = decode_nested(PAYLOAD_DEPTH_MAX, '{', '}');
    assert_non_null(node);
    mem_free(node);
    assert_null(decode_nested(PAYLOAD_DEPTH_MAX + 1, '[', ']'));
    assert_null(decode_nested(PAYLOAD_DEPTH_MAX + 1, '{', '}'));
    assert_null(decode_nested(100000, '[', ']'));
    assert_null(decode_nested(100000, '{', '}'));
}

/* Brackets in texts, and closed ones, do not count. */
static void test_breadth_is_not_depth(void **state)
{
    const char *head = "{\"id\":\"i\",\"slash\":\"\\\\\",\"brackets\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[["
                       "[[[[[[[[[[[[[[[[[\","
                       "\"x\":[1";
    size_t used = strlen(head), rounds = 1000;
    char *text = mem_alloc(used + 5 * rounds + 2);
    zkc_node *node;

    (void)state;
    assert_non_null(text);
    memcpy(text, head, used);
    for (size_t i = 0; i < rounds; i++, used += 5)
        memcpy(text + used, i % 2 == 0 ? ",[{}]" : ",[[]]", 5);
    memcpy(text + used, "]}", 2);
    node = decode(text, used + 2);
    assert_non_null(node);
    mem_free(node);
    mem_free(text);
}

static void test_size_is_bounded(void **state)
{
    const char *text = "{\"id\":\"i\"}";
    char *data = mem_alloc(PAYLOAD_READ_MAX + 1);
    zkc_node *node;

    (void)state;
    assert_non_null(data);
    memset(data, ' ', PAYLOAD_READ_MAX + 1);
    memcpy(data, text, strlen(text));
    node = decode(data, PAYLOAD_READ_MAX);
    assert_non_null(node);
    mem_free(node);
    assert_null(decode(data, PAYLOAD_READ_MAX + 1));
    mem_free(data);
}

/* ---- both ---- */

static char *random_text(char *buffer, size_t size)
{
    static const char *const pieces[] = {"a",
                                         "\"",
                                         "\\",
                                         "/",
                                         "\n",
                                         "\x01",
                                         "\xc3\xb6",
                                         "{",
                                         "]",
                                         "%00",
                                         "\xef\xbf\xbf",
                                         "\x7f",
                                         "\xf0\x9f\x98\x80"};
    size_t used = 0, wanted = (size_t)(next_random() % size);

    buffer[0] = '\0';
    for (;;) {
        const char *piece = pieces[next_random() % COUNT(pieces)];
        if (used + strlen(piece) > wanted)
            return buffer;
        memcpy(buffer + used, piece, strlen(piece) + 1);
        used += strlen(piece);
    }
}

static void test_what_is_written_can_be_read(void **state)
{
    char id[24], address[24], keys[6][24], values[6][24];
    zkc_pair pairs[6];

    (void)state;
    seed_random();
    for (int round = 0; round < 5000; round++) {
        size_t count = (size_t)(next_random() % 7), length;
        zkc_node node;
        zkc_node *read;
        char *text;

        for (size_t i = 0; i < count; i++) {
            keys[i][0] = (char)('0' + i); /* no two alike */
            random_text(keys[i] + 1, sizeof keys[i] - 1);
            pairs[i].key = keys[i];
            pairs[i].value = random_text(values[i], sizeof values[i]);
        }
        random_text(id, sizeof id);
        random_text(address, sizeof address);
        node = make_node(id, address, (int64_t)(next_random() % 65536), pairs, count);
        assert_int_equal(payload_encode(&node, &text, &length), ZKC_OK);
        assert_int_equal(strlen(text), length);
        read = decode(text, length);
        mem_free(text);
        assert_non_null(read);
        assert_string_equal(read->id, id);
        assert_string_equal(read->address, address);
        assert_int_equal(read->port, node.port);
        assert_int_equal(read->metadata_count, count);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(read->metadata[i].key, keys[i]);
            assert_string_equal(read->metadata[i].value, values[i]);
        }
        mem_free(read);
    }
}

/* Damaged bytes: nothing but a node or foreign data may come of it. */
static void test_survives_damage(void **state)
{
    static const char sample[] = "{\"id\":\"w\\u00f6\",\"address\":\"10.0.0.1\",\"port\":8080,"
                                 "\"metadata\":{\"a\":\"1\",\"b\":[{\"c\":null}]}}";
    static const char bytes[] = "{}[]\",:\\u0019.-+eEtrfn \n\x00\x01\x7f\x80\xc3\xff";
    char data[sizeof sample];

    (void)state;
    seed_random();
    for (int round = 0; round < 50000; round++) {
        size_t length = sizeof sample - 1;
        zkc_node *node;

        memcpy(data, sample, sizeof sample);
        for (uint64_t n = next_random() % 4; n > 0; n--)
            data[next_random() % length] = bytes[next_random() % (sizeof bytes - 1)];
        if (next_random() % 4 == 0)
            length = (size_t)(next_random() % length);
        node = decode(data, length);
        if (node != NULL) {
            assert_true(node->port >= 0 && node->port <= 65535);
            assert_true(path_utf8_valid(node->id) && path_utf8_valid(node->address));
            for (size_t i = 0; i < node->metadata_count; i++)
                assert_true(path_utf8_valid(node->metadata[i].key) &&
                            path_utf8_valid(node->metadata[i].value));
        }
        mem_free(node);
    }
}

/* ---- memory ---- */

static void encode_sweep(void)
{
    static const zkc_pair pairs[] = {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"},
                                     {"f", "6"}, {"g", "7"}, {"h", "8"}, {"i", "9"}};
    zkc_node node = make_node("i", "a", 1, pairs, COUNT(pairs));
    char untouched[] = "untouched", *text = untouched;
    long before = mem_live(), n = 1;
    size_t length = 4711;

    for (;; n++) {
        int result;
        mem_fail_after(n);
        result = payload_encode(&node, &text, &length);
        mem_fail_after(-1);
        if (result == ZKC_OK)
            break;
        assert_int_equal(result, ZKC_ENOMEM);
        assert_ptr_equal(text, untouched);
        assert_int_equal(length, 4711);
        assert_int_equal(mem_live(), before);
    }
    assert_true(n > 1);
    assert_string_equal(text, "{\"id\":\"i\",\"address\":\"a\",\"port\":1,\"metadata\":"
                              "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\","
                              "\"f\":\"6\",\"g\":\"7\",\"h\":\"8\",\"i\":\"9\"}}");
    mem_free(text);
    assert_int_equal(mem_live(), before);
}

/* No text as long as jansson's first buffer: it does not notice when that cannot grow. */
static const char small_sample[] = "{\"id\":\"i\",\"address\":\"a\",\"port\":1,\"metadata\":"
                                   "{\"a\":\"1\",\"b\":\"2\",\"c\":[3],\"d\":{}}}";

static const struct decoding small_decoded = {small_sample, "i", "a", 1, {{"a", "1"}, {"b", "2"}}};

/* Calls payload_decode() with one failing allocation after the other. Returns how many failed. */
static long decode_sweep(long *ret_foreign)
{
    zkc_node sentinel, *node;
    long before = mem_live(), n = 1;

    *ret_foreign = 0;
    for (;; n++) {
        int result;
        node = &sentinel;
        mem_fail_after(n);
        result = payload_decode(small_sample, sizeof small_sample - 1, &node);
        mem_fail_after(-1);
        if (result == ZKC_OK && node != NULL)
            break;
        if (result == ZKC_OK) {
            ++*ret_foreign;
        } else {
            assert_int_equal(result, ZKC_ENOMEM);
            assert_ptr_equal(node, &sentinel);
        }
        assert_int_equal(mem_live(), before);
    }
    expect_node(node, &small_decoded);
    mem_free(node);
    assert_int_equal(mem_live(), before);
    return n - 1;
}

static void test_without_memory(void **state)
{
    long foreign;

    (void)state;
    encode_sweep();
    assert_true(decode_sweep(&foreign) > 0);
    assert_int_equal(foreign, 0);
}

/* Here jansson's allocations fail as well. The library itself never sets these functions. */
static void test_without_memory_in_jansson(void **state)
{
    json_malloc_t old_malloc;
    json_free_t old_free;
    long failed, foreign;

    (void)state;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(mem_alloc, mem_free);
    encode_sweep();
    failed = decode_sweep(&foreign);
    json_set_alloc_funcs(old_malloc, old_free);
    assert_true(failed > 10);
    assert_true(foreign < failed / 2); /* texts: jansson calls them invalid tokens */
}

static int check_leaks(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_encodes_like_go, check_leaks),
        cmocka_unit_test_teardown(test_encodes_many_pairs_in_order, check_leaks),
        cmocka_unit_test_teardown(test_encodes_any_text, check_leaks),
        cmocka_unit_test_teardown(test_encode_refuses, check_leaks),
        cmocka_unit_test_teardown(test_encode_is_bounded, check_leaks),
        cmocka_unit_test_teardown(test_decodes, check_leaks),
        cmocka_unit_test_teardown(test_no_metadata_is_null, check_leaks),
        cmocka_unit_test_teardown(test_a_plea_keeps_the_node, check_leaks),
        cmocka_unit_test_teardown(test_foreign_data_is_no_error, check_leaks),
        cmocka_unit_test_teardown(test_no_data, check_leaks),
        cmocka_unit_test_teardown(test_depth_is_bounded, check_leaks),
        cmocka_unit_test_teardown(test_breadth_is_not_depth, check_leaks),
        cmocka_unit_test_teardown(test_size_is_bounded, check_leaks),
        cmocka_unit_test_teardown(test_what_is_written_can_be_read, check_leaks),
        cmocka_unit_test_teardown(test_survives_damage, check_leaks),
        cmocka_unit_test_teardown(test_without_memory, check_leaks),
        cmocka_unit_test_teardown(test_without_memory_in_jansson, check_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
