/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"
#include "base/mem.h"

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

/* Asks about a copy of exactly its size, so that a sanitizer sees every step outside. */
static bool ask(bool (*question)(const char *), const char *text)
{
    char *copy = mem_strdup(text);
    bool answer;

    assert_non_null(copy);
    answer = question(copy);
    mem_free(copy);
    return answer;
}

static void expect_all(bool (*question)(const char *), const char *const *texts, size_t count,
                       bool expected)
{
    for (size_t i = 0; i < count; i++)
        if (ask(question, texts[i]) != expected)
            fail_msg("number %zu: \"%s\" is %s", i, texts[i], expected ? "valid" : "not valid");
}

/* The encoding of any number below 2^21, also of those that are no characters. */
static size_t put_code(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* PathUtils.java of ZooKeeper, for one character */
static bool server_takes(uint32_t code)
{
    if (code >= 0x10000)
        return false; /* a pair of surrogates in Java */
    return !(code <= 0x1f || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) ||
             (code >= 0xfff0 && code <= 0xffff));
}

/* ---- UTF-8 ---- */

static void test_utf8(void **state)
{
    static const char *const good[] = {
        "",
        "plain",
        "\x01\x1f\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "sch\xc3\xb6n \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80",
    };
    static const char *const bad[] = {
        /* alone */
        "\x80",
        "\xbf",
        "\xc2",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xfe",
        "\xff",
        "\xf8\x88\x80\x80\x80",
        "\xfc\x84\x80\x80\x80\x80",
        /* cut short in the middle */
        "a\xc2z",
        "a\xe2\x82z",
        "a\xf0\x9f\x98z",
        "a\xe2\xe2\x82\xac",
        "\xc2\xc2\x80",
        "ok\x80",
        "\xc2\xc2",
        "\xe2\x82\xc2",
        /* what begins like the middle of a character, or like five bytes */
        "\x82\x80",
        "\xbf\xbf",
        "\xf8\x90\x80\x80",
        /* overlong */
        "\xc0\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        /* surrogates */
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xed\xa0\xbd\xed\xb8\x80",
        /* past U+10FFFF */
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf7\xbf\xbf\xbf",
    };

    (void)state;
    expect_all(path_utf8_valid, good, COUNT(good), true);
    expect_all(path_utf8_valid, bad, COUNT(bad), false);
}

static void test_utf8_every_character(void **state)
{
    char text[8];

    (void)state;
    for (uint32_t code = 1; code < 0x200000; code++) {
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        text[put_code(text, code)] = '\0';
        if (path_utf8_valid(text) != valid)
            fail_msg("U+%04" PRIX32, code);
    }
}

/* ---- paths ---- */

static void test_paths(void **state)
{
    static const char *const good[] = {
        "/",
        "/a",
        "/a/b/c",
        "/micro/sync",
        "/micro/sync/lock/my%2Flock",
        "/...",
        "/a/...",
        "/.a",
        "/a.",
        "/..a",
        "/a..",
        "/a/..b/c",
        "/a b",
        "/ ",
        "/~",
        "/sch\xc3\xb6n",
        "/\xc2\xa0",     /* U+00A0 */
        "/\xed\x9f\xbf", /* U+D7FF */
        "/\xef\xa4\x80", /* U+F900 */
        "/\xef\xbf\xaf", /* U+FFEF */
        "/zookeeperx",
        "/zookeepe",
        "/zookeeper-locks",
        "/a/zookeeper",
        "/Zookeeper",
    };
    static const char *const bad[] = {
        "",
        "a",
        "a/b",
        " /a",
        "//",
        "/a/",
        "/a//",
        "/a//b",
        "//a",
        "/.",
        "/..",
        "/./a",
        "/../a",
        "/a/.",
        "/a/..",
        "/a/./b",
        "/a/../b",
        "/a\x01",
        "/\x1f",
        "/a\n/b",
        "/\x7f",
        "/\xc2\x80",         /* U+0080 */
        "/\xc2\x9f",         /* U+009F */
        "/\xed\xa0\x80",     /* U+D800, not UTF-8 either */
        "/\xee\x80\x80",     /* U+E000 */
        "/\xef\xa3\xbf",     /* U+F8FF */
        "/\xef\xbf\xb0",     /* U+FFF0 */
        "/\xef\xbf\xbd",     /* U+FFFD */
        "/\xef\xbf\xbf",     /* U+FFFF */
        "/\xf0\x90\x80\x80", /* U+10000 */
        "/\xf0\x9f\x98\x80", /* an emoji: surrogates for the server */
        "/a\xff",
        "/a\xc3",
        "/a\xc3/b",
        "/zookeeper",
        "/zookeeper/",
        "/zookeeper/quota",
        "/zookeeper/config/x",
    };

    (void)state;
    expect_all(path_valid, good, COUNT(good), true);
    expect_all(path_valid, bad, COUNT(bad), false);
}

static void test_path_every_character(void **state)
{
    char path[16];

    (void)state;
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        size_t length;
        if (code == '/')
            continue;
        path[0] = '/';
        path[1] = 'a';
        length = 2 + put_code(path + 2, code);
        path[length] = 'b';
        path[length + 1] = '\0';
        if (path_valid(path) != server_takes(code))
            fail_msg("U+%04" PRIX32, code);
    }
}

static void test_path_length(void **state)
{
    char *path = mem_alloc(PATH_MAX_BYTES + 2);

    (void)state;
    assert_non_null(path);
    memset(path, 'a', PATH_MAX_BYTES + 1);
    path[0] = '/';
    path[PATH_MAX_BYTES] = '\0';
    assert_true(path_valid(path));
    path[PATH_MAX_BYTES] = 'a';
    path[PATH_MAX_BYTES + 1] = '\0';
    assert_false(path_valid(path));
    mem_free(path);
}

static void test_parent(void **state)
{
    static const struct {
        const char *path;
        size_t length;
    } table[] = {
        {"/", 0},
        {"/a", 0},
        {"/abc", 0},
        {"/a/b", 2},
        {"/a/b/c", 4},
        {"/abc/d", 4},
        {"/sch\xc3\xb6n/x", 7},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(path_parent_length(table[i].path), table[i].length);
}

/* ---- ids ---- */

static void test_ids(void **state)
{
    static const char *const good[] = {"a",  ".",        "..",  "/",        "%",
                                       "\n", "\x7f",     "a/b", "\xc3\xb6", "\xf0\x9f\x98\x80",
                                       " ",  "zookeeper"};
    static const char *const bad[] = {"", "\xff", "a\x80", "\xc0\xaf", "\xed\xa0\x80", "\xc3"};
    char id[PATH_ID_MAX + 2];

    (void)state;
    expect_all(path_id_valid, good, COUNT(good), true);
    expect_all(path_id_valid, bad, COUNT(bad), false);
    memset(id, 'a', sizeof id);
    id[PATH_ID_MAX] = '\0';
    assert_true(path_id_valid(id));
    id[PATH_ID_MAX] = 'a';
    id[PATH_ID_MAX + 1] = '\0';
    assert_false(path_id_valid(id));
}

struct encoding {
    const char *id;
    const char *component;
};

static const struct encoding encodings[] = {
    {"simple", "simple"},
    {"with space", "with space"},
    {"a-b_c.d~e:f@g+h,i;j=k?l#m[n]", "a-b_c.d~e:f@g+h,i;j=k?l#m[n]"},
    {"\\\"'<>|*&^$!(){}`", "\\\"'<>|*&^$!(){}`"},
    {"/", "%2F"},
    {"a/b/c", "a%2Fb%2Fc"},
    {"/a/", "%2Fa%2F"},
    {"%", "%25"},
    {"%2F", "%252F"},
    {"%25", "%2525"},
    {"100%", "100%25"},
    {".", "%2E"},
    {"..", "%2E%2E"},
    {"...", "..."},
    {".a", ".a"},
    {"a.", "a."},
    {"a..b", "a..b"},
    {"./..", ".%2F.."},
    {"\x01", "%01"},
    {"a\nb\tc", "a%0Ab%09c"},
    {"\x1f ", "%1F "},
    {"\x7f", "%7F"},
    {"sch\xc3\xb6n", "sch\xc3\xb6n"},
    {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
    {"\xc2\x80", "%C2%80"},
    {"\xc2\x9f", "%C2%9F"},
    {"\xc2\xa0", "\xc2\xa0"},
    {"\xed\x9f\xbf", "\xed\x9f\xbf"},
    {"\xee\x80\x80", "%EE%80%80"},
    {"\xef\xa3\xbf", "%EF%A3%BF"},
    {"\xef\xa4\x80", "\xef\xa4\x80"},
    {"\xef\xbf\xaf", "\xef\xbf\xaf"},
    {"\xef\xbf\xb0", "%EF%BF%B0"},
    {"\xef\xbf\xbd", "%EF%BF%BD"},
    {"ok \xf0\x9f\x98\x80!", "ok %F0%9F%98%80!"},
    {"zookeeper", "zookeeper"},
};

static void test_join(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++) {
        char expected[128];
        char *path = path_join("/micro/sync", "lock", encodings[i].id);

        assert_non_null(path);
        snprintf(expected, sizeof expected, "/micro/sync/lock/%s", encodings[i].component);
        assert_string_equal(path, expected);
        assert_true(path_valid(path));
        mem_free(path);
        path = path_join("/", "leader", encodings[i].id);
        assert_non_null(path);
        snprintf(expected, sizeof expected, "/leader/%s", encodings[i].component);
        assert_string_equal(path, expected);
        mem_free(path);
    }
}

static void test_join_longest(void **state)
{
    char id[PATH_ID_MAX + 1];
    char *path;

    (void)state;
    memset(id, '/', PATH_ID_MAX);
    id[PATH_ID_MAX] = '\0';
    path = path_join("/n", "lock", id);
    assert_non_null(path);
    assert_int_equal(strlen(path), strlen("/n/lock/") + 3 * PATH_ID_MAX);
    assert_true(path_valid(path));
    mem_free(path);
}

/* Against the contract; yet it ends, and what comes out can be a path. */
static void test_join_malformed(void **state)
{
    char *path = path_join("/n", "lock", "a\xff\xc3");

    (void)state;
    assert_non_null(path);
    assert_string_equal(path, "/n/lock/a%FF%C3");
    mem_free(path);
}

static void test_under(void **state)
{
    static const struct {
        const char *chroot, *path, *whole;
    } table[] = {
        {NULL, "/", "/"},
        {NULL, "/a/b", "/a/b"},
        {"/app", "/", "/app"},
        {"/app", "/a/b", "/app/a/b"},
        {"/app/x", "/a", "/app/x/a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *whole = path_under(table[i].chroot, table[i].path);
        assert_string_equal(whole, table[i].whole);
        mem_free(whole);
    }
    mem_fail_after(1);
    assert_null(path_under("/app", "/a"));
    mem_fail_after(-1);
}

static void test_child(void **state)
{
    static const struct {
        const char *parent, *name, *path;
    } table[] = {
        {"/", "a", "/a"},
        {"/a", "b", "/a/b"},
        {"/a/b", "%s%n", "/a/b/%s%n"},
        {"/sch\xc3\xb6n", "_c_x-lock-0000000001", "/sch\xc3\xb6n/_c_x-lock-0000000001"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        char *path = path_child(table[i].parent, table[i].name);
        assert_non_null(path);
        assert_string_equal(path, table[i].path);
        mem_free(path);
    }
}

static void expect_decoded(const char *component, const char *id)
{
    char *copy = mem_strdup(component);
    char *decoded;

    assert_non_null(copy);
    decoded = path_decode_id(copy);
    assert_non_null(decoded);
    assert_string_equal(decoded, id);
    mem_free(decoded);
    mem_free(copy);
}

static void test_decode(void **state)
{
    static const struct encoding foreign[] = {
        {"A", "%41"}, /* we would not write it, yet it can only mean that */
    };
    static const char *const unchanged[] = {
        "",    "plain", "%",      "a%",        "%2",   "a%2",    "%2f",    "%2g",
        "%g2", "%%",    "% 2F",   "%-1",       "%00",  "a%00b",  "%FF",    "a%80b",
        "%C3", "%C3x",  "%C0%AF", "%ED%A0%80", "100%", "%c3%b6", "%C3%b6", "\xc3\xb6",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++)
        expect_decoded(encodings[i].component, encodings[i].id);
    for (size_t i = 0; i < COUNT(foreign); i++)
        expect_decoded(foreign[i].component, foreign[i].id);
    for (size_t i = 0; i < COUNT(unchanged); i++)
        expect_decoded(unchanged[i], unchanged[i]);
    expect_decoded("%%2F", "%/");
    expect_decoded("%25%", "%%");
    expect_decoded("%252F", "%2F");     /* once only */
    expect_decoded("%2F%FF", "%2F%FF"); /* all or none */
    expect_decoded("%2F%2f", "/%2f");
}

static void expect_round_trip(const char *id)
{
    char *path = path_join("/n", "lock", id);
    char *decoded;

    assert_non_null(path);
    if (!path_valid(path))
        fail_msg("%s is not valid", path);
    assert_int_equal(path_parent_length(path), strlen("/n/lock"));
    decoded = path_decode_id(path + strlen("/n/lock/"));
    assert_non_null(decoded);
    assert_string_equal(decoded, id);
    mem_free(decoded);
    mem_free(path);
}

/* What decodes to the id it came from is injective. */
static void test_every_character_survives(void **state)
{
    char id[16];

    (void)state;
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        id[put_code(id, code)] = '\0';
        expect_round_trip(id);
    }
}

static void test_random_ids_survive(void **state)
{
    static const uint32_t often[] = {'%', '/', '.', '2', 'F', '0', 0x1f, 0x7f, 0x9f, 0xf6, 0xe000};
    char id[PATH_ID_MAX + 1];

    (void)state;
    seed_random();
    for (int round = 0; round < 20000; round++) {
        size_t length = 0, wanted = 1 + (size_t)(next_random() % 40);
        while (wanted-- > 0) {
            uint32_t code = often[next_random() % COUNT(often)];
            if (next_random() % 8 == 0)
                code = 1 + (uint32_t)(next_random() % 0xd7ff);
            length += put_code(id + length, code);
        }
        id[length] = '\0';
        assert_true(path_id_valid(id));
        expect_round_trip(id);
    }
}

static void test_decode_survives_noise(void **state)
{
    static const char alphabet[] = "%%%%2FEC0389aAbB/.\xc3\xb6\xff";
    char component[40];

    (void)state;
    seed_random();
    for (int round = 0; round < 50000; round++) {
        size_t length = (size_t)(next_random() % sizeof component);
        char *copy, *id;
        for (size_t i = 0; i < length; i++)
            component[i] = alphabet[next_random() % (sizeof alphabet - 1)];
        component[length] = '\0';
        copy = mem_strdup(component);
        assert_non_null(copy);
        id = path_decode_id(copy);
        assert_non_null(id);
        assert_true(path_utf8_valid(id) || !path_utf8_valid(component));
        mem_free(id);
        mem_free(copy);
    }
}

/* ---- memory ---- */

static char *join_sample(void)
{
    return path_join("/n", "lock", "a/b");
}

static char *decode_sample(void)
{
    return path_decode_id("a%2Fb");
}

static char *child_sample(void)
{
    return path_child("/n", "a");
}

static void test_without_memory(void **state)
{
    char *(*const samples[])(void) = {join_sample, decode_sample, child_sample};
    long before = mem_live();

    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        long n = 1;
        char *result;
        for (;; n++) {
            mem_fail_after(n);
            result = samples[i]();
            mem_fail_after(-1);
            if (result != NULL)
                break;
            assert_int_equal(mem_live(), before);
        }
        assert_true(n > 1);
        mem_free(result);
        assert_int_equal(mem_live(), before);
    }
}

static int check_leaks(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_utf8, check_leaks),
        cmocka_unit_test_teardown(test_utf8_every_character, check_leaks),
        cmocka_unit_test_teardown(test_paths, check_leaks),
        cmocka_unit_test_teardown(test_path_every_character, check_leaks),
        cmocka_unit_test_teardown(test_path_length, check_leaks),
        cmocka_unit_test_teardown(test_parent, check_leaks),
        cmocka_unit_test_teardown(test_ids, check_leaks),
        cmocka_unit_test_teardown(test_join, check_leaks),
        cmocka_unit_test_teardown(test_join_longest, check_leaks),
        cmocka_unit_test_teardown(test_join_malformed, check_leaks),
        cmocka_unit_test_teardown(test_under, check_leaks),
        cmocka_unit_test_teardown(test_child, check_leaks),
        cmocka_unit_test_teardown(test_decode, check_leaks),
        cmocka_unit_test_teardown(test_every_character_survives, check_leaks),
        cmocka_unit_test_teardown(test_random_ids_survive, check_leaks),
        cmocka_unit_test_teardown(test_decode_survives_noise, check_leaks),
        cmocka_unit_test_teardown(test_without_memory, check_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
