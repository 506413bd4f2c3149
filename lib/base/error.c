/* SPDX-License-Identifier: Apache-2.0 */
#include <zkcoord/zkcoord.h>

const char *zkc_strerror(int error)
{
    switch (error) {
#define ERROR_TEXT(name, value, text) \
    case value:                       \
        return text;
        ZKC_ERRORS(ERROR_TEXT)
#undef ERROR_TEXT
    default:
        return "unknown error";
    }
}

const char *zkc_version(void)
{
    return ZKC_VERSION;
}
