/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

size_t text_decode(const char *text, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)text;
    size_t length;
    uint32_t code = byte[0];

    if (code < 0x80) {
        *ret_code = code;
        return 1;
    }
    if (code < 0xc0 || code >= 0xf8)
        return 0;
    length = code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
    code &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (byte[i] & 0x3f);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return length;
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

bool text_steers(uint32_t code)
{
    return is_control(code) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void text_tame(char *text)
{
    char *out = text;
    uint32_t code;

    while (*text != '\0') {
        size_t length = text_decode(text, &code);

        if (length == 0 || text_steers(code)) {
            *out++ = '?';
        } else {
            memmove(out, text, length);
            out += length;
        }
        text += length == 0 ? 1 : length;
    }
    *out = '\0';
}
