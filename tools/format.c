/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void format_time(int64_t ms, char *text, size_t size)
{
    time_t then = (time_t)(ms / 1000), now = time(NULL);
    struct tm local, today;

    if (localtime_r(&then, &local) == NULL || localtime_r(&now, &today) == NULL) {
        snprintf(text, size, "%" PRId64, ms);
        return;
    }
    if (local.tm_year == today.tm_year && local.tm_yday == today.tm_yday)
        strftime(text, size, "%H:%M:%S", &local);
    else
        strftime(text, size, "%Y-%m-%d %H:%M:%S", &local);
}

/* What others wrote into their znodes must not steer our terminal: no U+0000..1F, U+7F..9F. */
static void tame(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (at[0] < 0x20 || at[0] == 0x7f)
            at[0] = '?';
        else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
            at[0] = at[1] = '?';
    }
}

void format_text(const char *from, char *text, size_t size)
{
    snprintf(text, size, "%s", from);
    tame(text);
}

void format_holder(const zkc_contender *contender, char *text, size_t size)
{
    const char *name = strrchr(contender->path, '/') + 1;

    if (contender->node != NULL && *contender->node->id != '\0')
        name = contender->node->id;
    format_text(name, text, size);
}

void format_address(const zkc_contender *contender, char *text, size_t size)
{
    const zkc_node *node = contender->node;

    if (node == NULL || *node->address == '\0')
        snprintf(text, size, "-");
    else if (node->port != 0)
        snprintf(text, size, "%s:%" PRId64, node->address, node->port);
    else
        snprintf(text, size, "%s", node->address);
    tame(text);
}
