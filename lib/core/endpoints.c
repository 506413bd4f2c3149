/* SPDX-License-Identifier: Apache-2.0 */
#include "core/endpoints.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_ipv6(const char *text)
{
    return strchr(text, ':') != strrchr(text, ':');
}

/* By family, then by text: name servers like to turn the order, which is no change. */
static int by_family(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;

    return is_ipv6(a) != is_ipv6(b) ? is_ipv6(a) - is_ipv6(b) : strcmp(a, b);
}

/* IPv6 goes without brackets: libzookeeper splits at the last colon. */
static char *format(const struct server_address *server)
{
    size_t size = strlen(server->host) + sizeof ":65535";
    char *text = mem_alloc(size);

    if (text != NULL)
        snprintf(text, size, "%s:%u", server->host, server->port & 0xffff);
    return text;
}

static int fill(struct endpoints *list, const struct server_list *numeric)
{
    list->at = mem_zalloc((numeric->count + 1) * sizeof *list->at);
    if (list->at == NULL)
        return -1;
    for (size_t i = 0; i < numeric->count; i++) {
        list->at[i] = format(&numeric->at[i]);
        if (list->at[i] == NULL)
            return -1;
        list->count++;
    }
    return 0;
}

static void forget_twins(struct endpoints *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && strcmp(list->at[kept - 1], list->at[i]) == 0)
            mem_free(list->at[i]);
        else
            list->at[kept++] = list->at[i];
    }
    list->count = kept;
}

/* One family may be cut off as a whole, so they take turns (RFC 8305, section 4). */
static int alternate(struct endpoints *list)
{
    char **mixed = mem_zalloc((list->count + 1) * sizeof *mixed);
    size_t four = 0, next[2], used = 0;

    if (mixed == NULL)
        return -1;
    while (four < list->count && !is_ipv6(list->at[four]))
        four++;
    next[0] = 0;
    next[1] = four;
    while (used < list->count) {
        if (next[1] < list->count)
            mixed[used++] = list->at[next[1]++];
        if (next[0] < four)
            mixed[used++] = list->at[next[0]++];
    }
    mem_free(list->at);
    list->at = mixed;
    return 0;
}

int endpoints_set(struct endpoints *endpoints, const struct server_list *numeric)
{
    struct endpoints list = {NULL, 0};
    int result = fill(&list, numeric);

    if (result == 0 && list.count > 1) {
        qsort(list.at, list.count, sizeof *list.at, by_family);
        forget_twins(&list);
        result = alternate(&list);
    }
    if (result != 0) {
        endpoints_clear(&list);
        return -1;
    }
    endpoints_clear(endpoints);
    *endpoints = list;
    return 0;
}

void endpoints_clear(struct endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++)
        mem_free(endpoints->at[i]);
    mem_free(endpoints->at);
    memset(endpoints, 0, sizeof *endpoints);
}
