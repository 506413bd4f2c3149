/* SPDX-License-Identifier: Apache-2.0 */
#include "core/name.h"
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

#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"
#define HEX32 "0f8fad5bd9cb469fa16570867728950e"
#define UNTOUCHED INT64_C(424242424242)

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

/* ---- reading ---- */

struct reading {
    const char *child;
    int64_t sequence;
};

/* From a block of exactly its size, so that a sanitizer sees every step outside. */
static bool parse_exact(const char *child, int64_t *ret_sequence)
{
    char *copy = mem_strdup(child);
    struct name name = {.sequence = UNTOUCHED};
    bool ok;

    assert_non_null(copy);
    ok = name_parse(copy, &name);
    mem_free(copy);
    *ret_sequence = name.sequence;
    return ok;
}

static void accept(const struct reading *reading)
{
    int64_t sequence;

    if (!parse_exact(reading->child, &sequence))
        fail_msg("%s is a contender", reading->child);
    if (sequence != reading->sequence)
        fail_msg("%s: read %" PRId64, reading->child, sequence);
}

static void refuse(const char *child)
{
    int64_t sequence;

    if (parse_exact(child, &sequence))
        fail_msg("%s is no contender, read %" PRId64, child, sequence);
    assert_int_equal(sequence, UNTOUCHED);
}

static void test_reads_all_peers(void **state)
{
    static const struct reading table[] = {
        /* ours, and Curator's mutex and LeaderSelector */
        {"_c_" UUID "-lock-0000000000", 0},
        {"_c_" UUID "-lock-0000000042", 42},
        /* Curator: LeaderLatch, read-write lock, semaphore; without protection */
        {"_c_" UUID "-latch-0000000007", 7},
        {"_c_" UUID "-__WRIT__0000000008", 8},
        {"_c_" UUID "-__READ__0000000009", 9},
        {"_c_" UUID "-lease-0000000010", 10},
        {"lock-0000000011", 11},
        {"latch-0000000012", 12},
        /* Kazoo */
        {HEX32 "__lock__0000000013", 13},
        {HEX32 "__rlock__0000000014", 14},
        /* go-zk */
        {"_c_" HEX32 "-lock-0000000015", 15},
        /* ZooKeeper C */
        {"x-0100a3f4c2d70001-0000000016", 16},
        {"x-000000000000000a-0000000017", 17},
        /* ZooKeeper Java: session in decimal, may be negative */
        {"x-72057594037927936-0000000018", 18},
        {"x--72057594037927936-0000000019", 19},
        {"x--5-0000000001", 1},
        {"n_0000000020", 20},
        /* the ZooKeeper manual */
        {UUID "-lock-0000000021", 21},
        {"read-0000000022", 22},
        {"write-0000000023", 23},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        accept(&table[i]);
}

static void test_reads_the_whole_range(void **state)
{
    static const struct reading table[] = {
        {"x-2147483647", INT32_MAX},
        {"x-2147483646", INT32_MAX - 1},
        {"x-1000000000", 1000000000},
        {"x-0999999999", 999999999},
        {"-0000000001", 1},
        {"_0000000001", 1},
        {"__0000000001", 1},
        /* negative */
        {"_c_x-lock--000000005", -5},
        {"_c_" UUID "-lock--000000001", -1},
        {HEX32 "__lock__-000000001", -1},
        {"u__lock__-2147483648", INT32_MIN},
        {"x-00ab--2147483647", -INT64_C(2147483647)},
        {"x-00ab--2147483648", INT32_MIN},
        {"x--1000000000", -1000000000},
        {"x_-1000000000", -1000000000},
        {"x--999999999", -999999999},
        {"--000000001", -1},
        {"_-000000001", -1},
        {"x--5--000000001", -1},
        {"x---000000001", -1},
        /* ten digits with a zero in front are never negative: the '-' is a separator */
        {"x--0000000005", 5},
        {"x_-0000000005", 5},
        {"x--0999999999", 999999999},
        {"---0000000005", 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        accept(&table[i]);
}

static void test_refuses_what_has_no_sequence(void **state)
{
    static const char *const table[] = {
        "",
        "-",
        "_",
        "--",
        "x",
        "lock",
        "ready",
        "lease_holder",
        UUID,
        HEX32,
        HEX32 "__party__",
        "_c_" UUID "-lock-",
        "_c_" UUID "-lock-x",
        /* a uuid's last group in decimal is twelve digits */
        "0f8fad5b-d9cb-469f-a165-708677289501",
        "_c_0f8fad5b-d9cb-469f-a165-000000000001",
        /* too few, too many digits */
        "0",
        "0000000001",
        "-000000001",
        "_000000001",
        "x-000000001",
        "x-00000001",
        "x-00000000001",
        "x-10000000000",
        "x--00000001",
        "x--00000000001",
        "x-99999999999999999999999999999999999999999999",
        "99999999999999999999999999999999999999999999",
        /* no separator */
        "x0000000001",
        "lock.0000000001",
        "lock/0000000001",
        "lock+0000000001",
        "queue-|0000000001",
        "a-lock0000000001",
        "x.-000000001",
        "x-000000005",
        "ab-000000005",
        "|-000000001",
        /* out of range */
        "x-2147483648",
        "x-4294967295",
        "x-9999999999",
        "x--2147483649",
        "x--9999999999",
        "x_-2147483649",
        /* "%010d" never writes minus zero */
        "x--000000000",
        /* not at the end, or not digits */
        "x-0000000001-",
        "x-0000000001 ",
        "x-0000000001\n",
        "x- 000000001",
        "x-+000000001",
        "x-0x00000001",
        "x-000000000a",
        "x-00000 0001",
        "x-\xd9\xa0\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4",
        "x-000000000\xff",
        "\xff\xfe\xfd",
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        refuse(table[i]);
}

static void test_ten_minus_and_zeros_is_positive(void **state)
{
    struct reading reading = {"x--0000000000", 0};

    (void)state;
    accept(&reading);
}

/* All magnitudes alike. */
static int32_t random_sequence(uint64_t bits)
{
    return (int32_t)((int64_t)(bits & 0xffffffff) + INT32_MIN) >> (bits >> 32) % 32;
}

static void test_reads_what_the_server_prints(void **state)
{
    static const char *const prefixes[] = {"_c_" UUID "-lock-", HEX32 "__lock__",
                                           "x-72057594037927936-", "n_"};
    char child[128];

    (void)state;
    seed_random();
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next_random();
        int32_t sequence = random_sequence(bits);
        snprintf(child, sizeof child, "%s%010" PRId32, prefixes[bits >> 62], sequence);
        accept(&(struct reading){child, sequence});
    }
}

static void test_survives_noise(void **state)
{
    static const char alphabet[] = "0000112349--__-_xc/.\xff";
    char child[40];

    (void)state;
    seed_random();
    for (int i = 0; i < 200000; i++) {
        size_t length = (size_t)(next_random() % sizeof child);
        int64_t sequence;
        for (size_t k = 0; k < length; k++)
            child[k] = alphabet[next_random() % (sizeof alphabet - 1)];
        child[length == sizeof child ? length - 1 : length] = '\0';
        if (parse_exact(child, &sequence)) {
            char printed[16];
            int digits = snprintf(printed, sizeof printed, "%010" PRId64, sequence);
            size_t start = strlen(child) - (size_t)digits;
            /* whatever is read is there, as the server would print it, after a separator */
            assert_string_equal(child + start, printed);
            assert_true(child[start - 1] == '-' || child[start - 1] == '_');
        } else {
            assert_int_equal(sequence, UNTOUCHED);
        }
    }
}

/* ---- writing ---- */

static void check_writing(int32_t sequence)
{
    char printed[NAME_SEQUENCE_MAX + 1], written[NAME_SEQUENCE_MAX + 1];

    snprintf(printed, sizeof printed, "%010" PRId32, sequence);
    name_format_sequence(written, sequence);
    assert_string_equal(written, printed);
}

static void test_writes_numbers_as_the_server_does(void **state)
{
    static const int32_t ends[] = {0,          1,           -1,        999999999, 1000000000,
                                   -999999999, -1000000000, INT32_MAX, INT32_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        check_writing(ends[i]);
    seed_random();
    for (int i = 0; i < 100000; i++)
        check_writing(random_sequence(next_random()));
}

static void test_writes_version_4_uuids(void **state)
{
    static const struct {
        uint8_t random[16];
        zkc_dialect dialect;
        enum mode mode;
        const char *prefix;
    } table[] = {
        {{0}, ZKC_DIALECT_LOCK, MODE_ALONE, "_c_00000000-0000-4000-8000-000000000000-lock-"},
        {{0}, ZKC_DIALECT_LATCH, MODE_ALONE, "_c_00000000-0000-4000-8000-000000000000-latch-"},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff},
         ZKC_DIALECT_LOCK,
         MODE_ALONE,
         "_c_ffffffff-ffff-4fff-bfff-ffffffffffff-lock-"},
        {{0x0f, 0x8f, 0xad, 0x5b, 0xd9, 0xcb, 0x46, 0x9f, 0xa1, 0x65, 0x70, 0x86, 0x77, 0x28, 0x95,
          0x0e},
         ZKC_DIALECT_LATCH,
         MODE_ALONE,
         "_c_" UUID "-latch-"},
        {{0}, ZKC_DIALECT_KAZOO, MODE_ALONE, "00000000000040008000000000000000__lock__"},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff},
         ZKC_DIALECT_KAZOO,
         MODE_ALONE,
         "ffffffffffff4fffbfffffffffffffff__lock__"},
        {{0},
         ZKC_DIALECT_READ_WRITE,
         MODE_ALONE,
         "_c_00000000-0000-4000-8000-000000000000-__WRIT__"},
        {{0},
         ZKC_DIALECT_READ_WRITE,
         MODE_SHARED,
         "_c_00000000-0000-4000-8000-000000000000-__READ__"},
        {{0}, ZKC_DIALECT_LOCK, MODE_SHARED, "_c_00000000-0000-4000-8000-000000000000-__READ__"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char buffer[NAME_PREFIX_MAX];
        memset(buffer, 'x', sizeof buffer);
        assert_int_equal(name_format(buffer, table[i].dialect, table[i].mode, table[i].random),
                         strlen(table[i].prefix));
        assert_string_equal(buffer, table[i].prefix);
    }
}

static void test_writes_what_it_reads(void **state)
{
    (void)state;
    seed_random();
    for (int i = 0; i < 10000; i++) {
        uint8_t random[16];
        char prefix[NAME_PREFIX_MAX], child[NAME_PREFIX_MAX + NAME_SEQUENCE_MAX];
        int32_t sequence = (int32_t)(next_random() & 0x7fffffff);
        zkc_dialect dialect = (zkc_dialect)(i % 4);
        enum mode mode = dialect == ZKC_DIALECT_READ_WRITE && i % 8 > 3 ? MODE_SHARED : MODE_ALONE;
        struct name name;
        size_t length;
        int64_t read;

        for (size_t k = 0; k < sizeof random; k++)
            random[k] = (uint8_t)next_random();
        length = name_format(prefix, dialect, mode, random);
        assert_int_equal(length, strlen(prefix));
        assert_false(parse_exact(prefix, &read));
        snprintf(child, sizeof child, "%s%010" PRId32, prefix, sequence);
        assert_true(parse_exact(child, &read));
        assert_int_equal(read, sequence);
        assert_true(name_parse(child, &name));
        assert_int_equal(name.mode, mode);
    }
}

/* Only what Curator's read-write lock calls a reader shares; a mistake grants too much. */
static void test_only_a_reader_shares(void **state)
{
    static const struct {
        const char *child;
        enum mode mode;
    } table[] = {
        {"_c_" UUID "-__READ__0000000007", MODE_SHARED},
        {"-__READ__0000000007", MODE_SHARED},
        {"_c_" UUID "-__READ__-2147483648", MODE_SHARED},
        {"_c_" UUID "-__WRIT__0000000007", MODE_ALONE},
        {"_c_" UUID "-lock-0000000007", MODE_ALONE},
        {"__READ__0000000007", MODE_ALONE},
        {"_c_" UUID "-__READ__-0000000007", MODE_ALONE},
        {"-__READ__-lock-0000000007", MODE_ALONE},
        {"-__read__0000000007", MODE_ALONE},
        {UUID "__rlock__0000000007", MODE_ALONE}, /* Kazoo's */
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct name name;
        assert_true(name_parse(table[i].child, &name));
        assert_int_equal(name.mode, table[i].mode);
    }
}

static void test_longest_names_fit(void **state)
{
    char prefix[NAME_PREFIX_MAX], sequence[32];
    uint8_t random[16] = {0};

    (void)state;
    assert_true(name_format(prefix, ZKC_DIALECT_READ_WRITE, MODE_SHARED, random) < NAME_PREFIX_MAX);
    assert_int_equal(snprintf(sequence, sizeof sequence, "%010d", INT32_MIN), NAME_SEQUENCE_MAX);
    assert_true(snprintf(sequence, sizeof sequence, "%010d", INT32_MAX) <= NAME_SEQUENCE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_all_peers),
        cmocka_unit_test(test_reads_the_whole_range),
        cmocka_unit_test(test_refuses_what_has_no_sequence),
        cmocka_unit_test(test_ten_minus_and_zeros_is_positive),
        cmocka_unit_test(test_reads_what_the_server_prints),
        cmocka_unit_test(test_survives_noise),
        cmocka_unit_test(test_writes_numbers_as_the_server_does),
        cmocka_unit_test(test_writes_version_4_uuids),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_only_a_reader_shares),
        cmocka_unit_test(test_longest_names_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
