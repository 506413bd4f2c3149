/* SPDX-License-Identifier: Apache-2.0 */
#include "core/name.h"

#include <string.h>

#define SEQUENCE_DIGITS 10

/* Of Curator's read-write lock. */
#define READER "-__READ__"
#define WRITER "-__WRIT__"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c == '-' || c == '_';
}

/* Writes 32 hexadecimal digits of uuid at out, with dashes among them or not; returns its end. */
static char *format_uuid(char *out, const uint8_t random[16], bool dashes)
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        unsigned byte = random[i];
        if (i == 6)
            byte = (byte & 0x0f) | 0x40; /* version 4 */
        if (i == 8)
            byte = (byte & 0x3f) | 0x80; /* variant of RFC 4122 */
        if (dashes && (i == 4 || i == 6 || i == 8 || i == 10))
            *out++ = '-';
        *out++ = hex[byte >> 4];
        *out++ = hex[byte & 0x0f];
    }
    return out;
}

static char *append(char *out, const char *text)
{
    size_t length = strlen(text);

    memcpy(out, text, length + 1);
    return out + length;
}

size_t name_format(char buffer[NAME_PREFIX_MAX], zkc_dialect dialect, enum mode mode,
                   const uint8_t random[16])
{
    static const struct {
        const char *before, *after;
        bool dashes;
    } dialects[] = {
        [ZKC_DIALECT_LOCK] = {"_c_", "-lock-", true},
        [ZKC_DIALECT_LATCH] = {"_c_", "-latch-", true},
        [ZKC_DIALECT_KAZOO] = {"", "__lock__", false},
        [ZKC_DIALECT_READ_WRITE] = {"_c_", WRITER, true},
    };
    char *end = append(buffer, dialects[dialect].before);

    end = format_uuid(end, random, dialects[dialect].dashes);
    end = append(end, mode == MODE_SHARED ? READER : dialects[dialect].after);
    return (size_t)(end - buffer);
}

void name_format_sequence(char buffer[NAME_SEQUENCE_MAX + 1], int32_t sequence)
{
    uint32_t rest = sequence < 0 ? 0 - (uint32_t)sequence : (uint32_t)sequence;
    size_t length = sequence < 0 && rest >= 1000000000 ? SEQUENCE_DIGITS + 1 : SEQUENCE_DIGITS;

    memset(buffer, '0', length);
    buffer[length] = '\0';
    for (char *digit = buffer + length; rest > 0; rest /= 10)
        *--digit = (char)('0' + rest % 10);
    if (sequence < 0)
        buffer[0] = '-';
}

/* Reads the digits at the end of child. Returns how many; more than SEQUENCE_DIGITS are not read.
 */
static size_t trailing_digits(const char *child, size_t length, int64_t *ret_value)
{
    size_t count = 0;

    while (count < length && is_digit(child[length - count - 1]))
        count++;
    *ret_value = 0;
    if (count > SEQUENCE_DIGITS)
        return count;
    for (size_t i = length - count; i < length; i++)
        *ret_value = *ret_value * 10 + (child[i] - '0');
    return count;
}

/*
 * Whether "%010d" of -value could have written count digits. A zero in front of ten digits means
 * that the '-' before them is a separator.
 */
static bool negative_fits(size_t count, int64_t value)
{
    if (count == SEQUENCE_DIGITS - 1)
        return value > 0;
    return count == SEQUENCE_DIGITS && value >= 1000000000 && value <= -(int64_t)INT32_MIN;
}

static enum mode mode_of(const char *child, size_t prefix)
{
    size_t length = strlen(READER);

    return prefix >= length && memcmp(child + prefix - length, READER, length) == 0 ? MODE_SHARED
                                                                                    : MODE_ALONE;
}

bool name_parse(const char *child, struct name *ret_name)
{
    size_t length = strlen(child);
    int64_t value;
    size_t count = trailing_digits(child, length, &value);
    size_t start = length - count;

    if (start >= 2 && child[start - 1] == '-' && is_separator(child[start - 2]) &&
        negative_fits(count, value)) {
        ret_name->sequence = -value;
        ret_name->mode = mode_of(child, start - 1);
        return true;
    }
    if (count != SEQUENCE_DIGITS || start < 1 || !is_separator(child[start - 1]) ||
        value > INT32_MAX)
        return false;
    ret_name->sequence = value;
    ret_name->mode = mode_of(child, start);
    return true;
}

bool name_leaves_reader(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strstr(slash != NULL ? slash : path, WRITER) != NULL;
}
