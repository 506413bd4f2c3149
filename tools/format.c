/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"
#include "text.h"

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

void format_text(const char *from, char *text, size_t size)
{
    snprintf(text, size, "%s", from);
    text_tame(text);
}

void format_holder(const zkc_contender *contender, char *text, size_t size)
{
    const char *name = strrchr(contender->path, '/') + 1;

    if (contender->node != NULL && *contender->node->id != '\0')
        name = contender->node->id;
    format_text(name, text, size);
}

static const char *deed(const zkc_contender *holder, enum claim_kind kind)
{
    if (kind == CLAIM_LEADER)
        return "led";
    return holder->shared ? "shared" : "held";
}

void format_hold(const zkc_contenders *all, enum claim_kind kind, char *text, size_t size)
{
    const zkc_contender *first = zkc_contenders_at(all, 0);
    size_t others = claim_holders(all) - 1;
    char name[320], more[48] = "";

    format_holder(first, name, sizeof name);
    if (others > 0)
        snprintf(more, sizeof more, " and %zu other%s", others, others > 1 ? "s" : "");
    snprintf(text, size, "%s by %s%s", deed(first, kind), name, more);
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
    text_tame(text);
}
