/* SPDX-License-Identifier: Apache-2.0 */
#include "core/endpoints.h"
#include "core/nodes.h"
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
#define LABEL63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

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

/* From a block of exactly its size, so that a sanitizer sees every step outside. */
static int parse_exact(const char *text, struct server_list *ret_list, char **ret_chroot,
                       const char **ret_why)
{
    char *copy = mem_strdup(text);
    int result;

    assert_non_null(copy);
    result = nodes_parse(copy, ret_list, ret_chroot, ret_why);
    memset(copy, 'x', strlen(copy)); /* the list has copies */
    mem_free(copy);
    return result;
}

struct expected {
    const char *host;
    unsigned port;
};

static void test_accepts(void **state)
{
    static const struct {
        const char *text;
        struct expected servers[4];
    } table[] = {
        {"localhost", {{"localhost", 2181}}},
        {"localhost:2182", {{"localhost", 2182}}},
        {"127.0.0.1:2181", {{"127.0.0.1", 2181}}},
        {"127.0.0.1", {{"127.0.0.1", 2181}}},
        {"0.0.0.0:1", {{"0.0.0.0", 1}}},
        {"255.255.255.255:65535", {{"255.255.255.255", 65535}}},
        {"a:1,b:65535,c", {{"a", 1}, {"b", 65535}, {"c", 2181}}},
        {"host:2181,host2,[::1]:2182", {{"host", 2181}, {"host2", 2181}, {"::1", 2182}}},
        {"host:00042", {{"host", 42}}},
        /* repeated servers stay */
        {"a,a", {{"a", 2181}, {"a", 2181}}},
        /* names */
        {"zk-1.example.org:2181", {{"zk-1.example.org", 2181}}},
        {"zk_1", {{"zk_1", 2181}}},
        {"ZK.Example.ORG.", {{"ZK.Example.ORG.", 2181}}},
        {"1host", {{"1host", 2181}}},
        {"3com.example", {{"3com.example", 2181}}},
        {"10.0.0.1.example", {{"10.0.0.1.example", 2181}}},
        {LABEL63, {{LABEL63, 2181}}},
        /* IPv6 */
        {"[::1]", {{"::1", 2181}}},
        {"[::]:1", {{"::", 1}}},
        {"::1", {{"::1", 2181}}},
        {"::", {{"::", 2181}}},
        {"::1,::2", {{"::1", 2181}, {"::2", 2181}}},
        {"2001:db8::7", {{"2001:db8::7", 2181}}},
        {"2001:DB8:0:0:0:0:0:7", {{"2001:DB8:0:0:0:0:0:7", 2181}}},
        {"1:2:3:4:5:6:7:8", {{"1:2:3:4:5:6:7:8", 2181}}},
        {"::ffff:10.0.0.1", {{"::ffff:10.0.0.1", 2181}}},
        {"[::ffff:10.0.0.1]:99", {{"::ffff:10.0.0.1", 99}}},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         {{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 2181}}},
        {"[::1:2182]", {{"::1:2182", 2181}}},
        {"::1:218", {{"::1:218", 2181}}}, /* hardly a port */
        {"::1:0042", {{"::1:0042", 2181}}},
        {"::1:218a", {{"::1:218a", 2181}}},
        {"1:2:3:4:5:6:7:2181", {{"1:2:3:4:5:6:7:2181", 2181}}},
        {"2001:db8::2181", {{"2001:db8::2181", 2181}}},
        {"[fe80::1%eth0]:2182", {{"fe80::1%eth0", 2182}}},
        {"fe80::1%eth0.5", {{"fe80::1%eth0.5", 2181}}},
        /* blanks around entries */
        {" a:1 , b:2 ", {{"a", 1}, {"b", 2}}},
        {"\ta\t,\r\nb:7\n", {{"a", 2181}, {"b", 7}}},
        {" [::1]:2182 ", {{"::1", 2182}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct server_list list;
        const char *why = "";
        char *chroot = NULL;
        size_t count = 0;

        if (parse_exact(table[i].text, &list, &chroot, &why) != 0)
            fail_msg("%s: %s", table[i].text, why);
        while (count < COUNT(table[i].servers) && table[i].servers[count].host != NULL)
            count++;
        assert_int_equal(list.count, count);
        for (size_t k = 0; k < count; k++) {
            assert_string_equal(list.at[k].host, table[i].servers[k].host);
            assert_int_equal(list.at[k].port, table[i].servers[k].port);
        }
        nodes_clear(&list);
    }
}

static void test_chroots(void **state)
{
    static const struct {
        const char *text, *chroot;
        size_t servers;
    } table[] = {
        {"a", NULL, 1},
        {"a/", NULL, 1},
        {"a:2181/ ", NULL, 1},
        {"a:2181/app", "/app", 1},
        {"a:2181,b:2181/app", "/app", 2},
        {" a , b /app/\xe6\x97\xa5 \n", "/app/\xe6\x97\xa5", 2},
        {"[::1]:2181/a/b;c", "/a/b;c", 1},
        {"::1/x", "/x", 1},
        {"a/x y", "/x y", 1},
        {"a/zookeeperx", "/zookeeperx", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct server_list list;
        const char *why = "";
        char *chroot = (char *)"untouched";

        if (parse_exact(table[i].text, &list, &chroot, &why) != 0)
            fail_msg("%s: %s", table[i].text, why);
        assert_int_equal(list.count, table[i].servers);
        if (table[i].chroot == NULL)
            assert_null(chroot);
        else
            assert_string_equal(chroot, table[i].chroot);
        nodes_clear(&list);
        mem_free(chroot);
    }
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text;
        const char *hint; /* part of what the user is told */
    } table[] = {
        {"", "is empty; write"},
        {" \t\r\n ", "is empty; write"},
        /* empty entries */
        {",", "entry"},
        {"a,", "entry"},
        {",a", "entry"},
        {"a,,b", "entry"},
        {"a, ,b", "entry"},
        /* a path that is none, or not at the end */
        {"/app", "is empty; write"},
        {"/", "is empty; write"},
        {" /app", "is empty; write"},
        {"a/app,b", "behind the last server"},
        {"a/x,b/y", "behind the last server"},
        {"a:2181/,b:2181", "behind the last server"},
        {"a/app/", "without a '/' at the end"},
        {"a/app//x", "none of a znode"},
        {"a/..", "none of a znode"},
        {"a/app/./x", "none of a znode"},
        {"a/zookeeper", "none of a znode"},
        {"a/zookeeper/x", "none of a znode"},
        {"a/\xff", "none of a znode"},
        {"a//", "at its end"},
        {"a//app", "at its end"},
        {"zk://a:2181", "at its end"},
        {"a,/app", "entry"},
        {"a:0/app", "1 to 65535"},
        /* ports */
        {"a:", "1 to 65535"},
        {"a:0", "1 to 65535"},
        {"a:00000", "1 to 65535"},
        {"a:65536", "1 to 65535"},
        {"a:99999", "1 to 65535"},
        {"a:000001", "1 to 65535"},
        {"a:4294967297", "1 to 65535"},
        {"a:18446744073709551617", "1 to 65535"},
        {"a:-1", "1 to 65535"},
        {"a:+1", "1 to 65535"},
        {"a:0x1", "1 to 65535"},
        {"a:http", "1 to 65535"},
        {"[::1]:", "1 to 65535"},
        {"[::1]:0", "1 to 65535"},
        {"[::1]:70000", "1 to 65535"},
        {"a:1,b:0", "1 to 65535"},
        /* addresses that other clients take for an address and a port */
        {"::1:2181", "[::1]:2181 or"},
        {"a,fe80::1:2181,b", "[::1]:2181 or"},
        {"fe80::1%eth0:2181", "IPv6"},
        {"1:2:3:4:5:6:7:8:2181", "[::1]:2181 or"},
        /* other separators than commas */
        {"a:2181;b:2181", "write commas"},
        {"a:2181 b:2181", "write commas"},
        {"a:2181\nb:2181", "write commas"},
        {"a:2181\tb:2181;c:2181", "write commas"},
        {"a:2181, b:2181 c:2181", "write commas"},
        {"a:2181;b", "write commas"},
        {"a;b", "write commas"},
        {"a b", "write commas"},
        {"a b:1", "write commas"},
        {"a :1", "write commas"},
        {"a: 1", "write commas"},
        {"a:1 2", "write commas"},
        {"[::1]:1;[::2]:1", "write commas"},
        {"[::1] [::2]", "write commas"},
        {"::1 ::2", "write commas"},
        {"[::1] :1", "write commas"},
        {"[ ::1]", "write commas"},
        {";", "write commas"},
        {"a:2181|b:2181", "with commas between servers"},
        {"a:2181+b:2181", "with commas between servers"},
        /* names */
        {":2181", "missing"},
        {":", "missing"},
        {" :1", "missing"},
        {"user@host", "not a host name"},
        {"a%b", "not a host name"},
        {"a\x01", "not a host name"},
        {"sch\xc3\xb6n", "not a host name"},
        {"\xff", "not a host name"},
        {"*", "not a host name"},
        {"a]:1", "not a host name"},
        {"\"a\"", "not a host name"},
        {LABEL63 "." LABEL63 "." LABEL63 "." LABEL63, "not a host name"},
        /* what looks like IPv4 must be it */
        {"256.0.0.1", "IPv4"},
        {"1.2.3", "IPv4"},
        {"1.2.3.4.5", "IPv4"},
        {"1.2.3.4.", "IPv4"},
        {"127.1:2181", "IPv4"},
        {"2181", "IPv4"},
        {"...", "IPv4"},
        {".", "IPv4"},
        {"1111111111111111111111111111111111111111111111111111", "IPv4"},
        {"1111111111111111111111111111111111111111111111", "IPv4"}, /* INET6_ADDRSTRLEN */
        /* IPv6 */
        {"[::1", "bracket"},
        {"[", "bracket"},
        {"[::1]2181", "bracket"},
        {"[::1]]:1", "bracket"},
        {"[]", "IPv6"},
        {"[]:1", "IPv6"},
        {"[host]:1", "IPv6"},
        {"[127.0.0.1]:1", "IPv6"},
        {"[:::1]", "IPv6"},
        {"[[::1]", "IPv6"},
        {"[::1%]", "IPv6"},
        {"[%eth0]", "IPv6"},
        {"::1]", "more than one colon"},
        {"a:1:2", "IPv6"},
        {"host::1", "more than one colon"},
        {"::g", "more than one colon"},
        {"1:2:3:4:5:6:7:8:9", "IPv6"},
        {"::1%eth0%eth1", "IPv6"},
        {"::1%abcdefghijklmnopqrstuvwxyz0123456789", "IPv6"},
        {"1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8", "IPv6"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct server_list list = {NULL, 4711};
        const char *why = NULL;
        char *chroot = NULL;

        if (parse_exact(table[i].text, &list, &chroot, &why) != -1)
            fail_msg("\"%s\" was accepted", table[i].text);
        assert_non_null(why);
        if (strstr(why, table[i].hint) == NULL)
            fail_msg("\"%s\": %s", table[i].text, why);
        assert_int_equal(list.count, 4711); /* not touched */
        assert_null(chroot);
        assert_int_equal(mem_live(), 0);
    }
}

/* count entries of "h:1" */
static char *many(size_t count)
{
    char *text = mem_zalloc(4 * count + 1);

    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + 4 * i, "h:1,", 4);
    text[4 * count - 1] = '\0';
    return text;
}

static void test_how_many(void **state)
{
    struct server_list list;
    const char *why = NULL;
    char *chroot = NULL;
    char *text = many(NODES_MAX);

    (void)state;
    assert_int_equal(parse_exact(text, &list, &chroot, &why), 0);
    assert_int_equal(list.count, NODES_MAX);
    nodes_clear(&list);
    mem_free(text);
    text = many(NODES_MAX + 1);
    assert_int_equal(parse_exact(text, &list, &chroot, &why), -1);
    assert_non_null(strstr(why, "64"));
    mem_free(text);
    text = many(100000);
    assert_int_equal(parse_exact(text, &list, &chroot, &why), -1);
    mem_free(text);
}

static void test_longest_name(void **state)
{
    char text[256];
    struct server_list list;
    const char *why;
    char *chroot = NULL;

    (void)state;
    memset(text, 'a', sizeof text);
    text[254] = '\0';
    assert_int_equal(parse_exact(text, &list, &chroot, &why), 0);
    assert_string_equal(list.at[0].host, text);
    nodes_clear(&list);
    text[254] = 'a';
    text[255] = '\0';
    assert_int_equal(parse_exact(text, &list, &chroot, &why), -1);
}

static void join(const struct endpoints *endpoints, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < endpoints->count; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? "," : "", endpoints->at[i]);
}

static void endpoints_are_each_once_and_families_in_turn(void **state)
{
    static const struct {
        const char *text;
        const char *joined;
    } table[] = {
        {"10.0.0.1", "10.0.0.1:2181"},
        {"10.0.0.1:65535", "10.0.0.1:65535"},
        {"10.0.0.2:2,10.0.0.1:1", "10.0.0.1:1,10.0.0.2:2"},
        {"10.0.0.1,10.0.0.2,10.0.0.1", "10.0.0.1:2181,10.0.0.2:2181"},
        {"10.0.0.1:1,10.0.0.1:2", "10.0.0.1:1,10.0.0.1:2"},
        /* no brackets */
        {"[::1]:2182", "::1:2182"},
        {"2001:db8::7", "2001:db8::7:2181"},
        {"[fe80::1%eth0]:1", "fe80::1%eth0:1"},
        {"10.0.0.1:1,10.0.0.2:1,10.0.0.3:1,[::1]:1,[::2]:1",
         "::1:1,10.0.0.1:1,::2:1,10.0.0.2:1,10.0.0.3:1"},
    };
    char joined[128];

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct endpoints endpoints = {NULL, 0};
        struct server_list list;
        const char *why;
        char *chroot = NULL;

        assert_int_equal(nodes_parse(table[i].text, &list, &chroot, &why), 0);
        assert_int_equal(endpoints_set(&endpoints, &list), 0);
        join(&endpoints, joined, sizeof joined);
        assert_string_equal(joined, table[i].joined);
        endpoints_clear(&endpoints);
        nodes_clear(&list);
    }
}

static void test_clear_nothing(void **state)
{
    struct server_list list;
    const char *why;
    char *chroot = NULL;

    (void)state;
    memset(&list, 0, sizeof list);
    nodes_clear(&list);
    assert_int_equal(nodes_parse("10.0.0.1", &list, &chroot, &why), 0);
    nodes_clear(&list);
    assert_null(list.at);
    assert_int_equal(list.count, 0);
    nodes_clear(&list);
}

static void test_numeric(void **state)
{
    static const struct {
        const char *text;
        bool numeric;
    } table[] = {
        {"10.0.0.1", true},       {"::1", true},        {"[::1]:2181,10.0.0.1:1", true},
        {"fe80::1%eth0", true},   {"localhost", false}, {"10.0.0.1,localhost", false},
        {"localhost,::1", false}, {"10.0.0.1x", false}, {"abcd", false},
        {"10.0.0.1.a:1", false},
    };
    struct server_list empty;

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct server_list list;
        const char *why;
        char *chroot = NULL;
        assert_int_equal(nodes_parse(table[i].text, &list, &chroot, &why), 0);
        if (nodes_all_numeric(&list) != table[i].numeric)
            fail_msg("%s", table[i].text);
        nodes_clear(&list);
    }
    memset(&empty, 0, sizeof empty);
    assert_true(nodes_all_numeric(&empty));
}

static void test_survives_noise(void **state)
{
    static const char alphabet[] = "aZ019..::::,,[]%/ -_\t\xff";
    char text[48];
    int accepted = 0;

    (void)state;
    seed_random();
    for (int round = 0; round < 200000; round++) {
        size_t length = (size_t)(next_random() % sizeof text);
        struct server_list list;
        const char *why = NULL;
        char *chroot = NULL;

        for (size_t i = 0; i < length; i++)
            text[i] = alphabet[next_random() % (sizeof alphabet - 1)];
        text[length] = '\0';
        if (parse_exact(text, &list, &chroot, &why) != 0) {
            assert_non_null(why);
            continue;
        }
        accepted++;
        assert_true(list.count >= 1);
        for (size_t i = 0; i < list.count; i++) {
            assert_true(list.at[i].port >= 1 && list.at[i].port <= 65535);
            assert_true(list.at[i].host[0] != '\0');
            assert_null(strpbrk(list.at[i].host, ",/[] \t\xff"));
        }
        nodes_clear(&list);
        mem_free(chroot);
    }
    assert_true(accepted > 100);
}

static void test_parse_without_memory(void **state)
{
    struct server_list list = {NULL, 4711};
    const char *why = NULL;
    char *chroot = NULL;
    long n = 1;
    int result;

    (void)state;
    for (;; n++) {
        mem_fail_after(n);
        result = nodes_parse("a:1,[::1]:2,10.0.0.1/app", &list, &chroot, &why);
        mem_fail_after(-1);
        if (result == 0)
            break;
        assert_int_equal(result, -2);
        assert_null(why);
        assert_int_equal(list.count, 4711);
        assert_int_equal(mem_live(), 0);
    }
    assert_true(n > 5); /* the chroot, the array and three hosts */
    assert_int_equal(list.count, 3);
    assert_string_equal(chroot, "/app");
    nodes_clear(&list);
    mem_free(chroot);
}

static void endpoints_without_memory_stay_as_they_were(void **state)
{
    struct endpoints endpoints = {NULL, 0};
    struct server_list list;
    const char *why;
    char *chroot = NULL;
    long n = 1;

    (void)state;
    assert_int_equal(nodes_parse("10.0.0.9", &list, &chroot, &why), 0);
    assert_int_equal(endpoints_set(&endpoints, &list), 0);
    nodes_clear(&list);
    assert_int_equal(nodes_parse("10.0.0.1,[::1]:1", &list, &chroot, &why), 0);
    for (long before = mem_live();; n++) {
        int result;
        mem_fail_after(n);
        result = endpoints_set(&endpoints, &list);
        mem_fail_after(-1);
        if (result == 0)
            break;
        assert_int_equal(mem_live(), before);
        assert_string_equal(endpoints.at[0], "10.0.0.9:2181");
    }
    assert_true(n > 3);
    assert_int_equal(endpoints.count, 2);
    endpoints_clear(&endpoints);
    nodes_clear(&list);
}

static int check_leaks(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_accepts, check_leaks),
        cmocka_unit_test_teardown(test_chroots, check_leaks),
        cmocka_unit_test_teardown(test_refuses, check_leaks),
        cmocka_unit_test_teardown(test_how_many, check_leaks),
        cmocka_unit_test_teardown(test_longest_name, check_leaks),
        cmocka_unit_test_teardown(endpoints_are_each_once_and_families_in_turn, check_leaks),
        cmocka_unit_test_teardown(test_clear_nothing, check_leaks),
        cmocka_unit_test_teardown(test_numeric, check_leaks),
        cmocka_unit_test_teardown(test_survives_noise, check_leaks),
        cmocka_unit_test_teardown(test_parse_without_memory, check_leaks),
        cmocka_unit_test_teardown(endpoints_without_memory_stay_as_they_were, check_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
