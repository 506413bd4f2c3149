/*
 * Child names: read as "%010d" of an int32 after a separator and as nothing else; what we write and
 * the server completes reads back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/name.h"
#include "fuzz.h"

#include <inttypes.h>

/* Whether the last length characters are a separator and what "%010d" writes. */
static bool ends_so(const char *text, size_t length, int64_t *ret_sequence)
{
    size_t all = strlen(text);
    const char *number = text + all - length;
    char written[16];
    long long value;

    if (all <= length || (number[-1] != '-' && number[-1] != '_'))
        return false;
    value = strtoll(number, NULL, 10);
    if (value < INT32_MIN || value > INT32_MAX)
        return false;
    snprintf(written, sizeof written, "%010d", (int)value);
    if (strcmp(written, number) != 0)
        return false;
    *ret_sequence = value;
    return true;
}

static void reads(const char *text)
{
    int64_t expected = 0;
    struct name name = {0};
    bool contender = ends_so(text, NAME_SEQUENCE_MAX, &expected) || ends_so(text, 10, &expected);

    REQUIRE(name_parse(text, &name) == contender);
    if (contender)
        REQUIRE(name.sequence == expected);
}

static void reads_ours(const uint8_t *data, size_t size)
{
    uint8_t random[16] = {0};
    char child[NAME_PREFIX_MAX + NAME_SEQUENCE_MAX], prefix[NAME_PREFIX_MAX];
    int32_t sequence = 0;
    zkc_dialect dialect = (zkc_dialect)(size % (ZKC_DIALECT_READ_WRITE + 1));
    bool reads = dialect == ZKC_DIALECT_READ_WRITE && size > 16 && (data[16] & 1) != 0;
    enum mode mode = reads ? MODE_SHARED : MODE_ALONE;
    struct name name;
    size_t length;

    memcpy(random, data, size < sizeof random ? size : sizeof random);
    if (size >= sizeof random + sizeof sequence)
        memcpy(&sequence, data + sizeof random, sizeof sequence);
    length = name_format(prefix, dialect, mode, random);
    REQUIRE(length < NAME_PREFIX_MAX && strlen(prefix) == length);
    snprintf(child, sizeof child, "%s%010" PRId32, prefix, sequence);
    REQUIRE(name_parse(child, &name) && name.sequence == sequence && name.mode == mode);
    if (dialect == ZKC_DIALECT_KAZOO)
        REQUIRE(child[12] == '4' && strchr("89ab", child[16]) != NULL);
    else
        REQUIRE(child[3 + 14] == '4' && strchr("89ab", child[3 + 19]) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);

    reads(text);
    reads_ours(data, size);
    free(text);
    return 0;
}
