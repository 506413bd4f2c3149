/* SPDX-License-Identifier: Apache-2.0 */
#include "core/roster.h"
#include "base/mem.h"
#include "core/name.h"

#include <stdlib.h>
#include <string.h>

/* So near to its end the server's counter may already stand still for some creates. */
#define FIRST_SUSPECT (INT32_MAX - 65536)

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_sequence(const void *left, const void *right)
{
    const struct roster_entry *a = left;
    const struct roster_entry *b = right;
    int order = compare(a->sequence, b->sequence);

    return order != 0 ? order : strcmp(a->name, b->name);
}

static int by_czxid(const void *left, const void *right)
{
    const struct roster_entry *a = left;
    const struct roster_entry *b = right;
    int order = compare(a->czxid, b->czxid);

    return order != 0 ? order : by_sequence(left, right);
}

/* The bytes that the contenders' entries and names take; 0 without contenders. */
static size_t size_needed(const char *const *names, size_t count)
{
    struct name name;
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        if (name_parse(names[i], &name))
            size += sizeof(struct roster_entry) + strlen(names[i]) + 1;
    return size;
}

/* Names go into the same block as the entries, from its end downwards. */
static void fill(struct roster *roster, char *end, const char *const *names, size_t count)
{
    struct name name;

    for (size_t i = 0; i < count; i++) {
        struct roster_entry *entry = &roster->at[roster->count];
        size_t size = strlen(names[i]) + 1;
        if (!name_parse(names[i], &name))
            continue;
        end -= size;
        entry->name = memcpy(end, names[i], size);
        entry->sequence = name.sequence;
        entry->mode = name.mode;
        entry->czxid = 0;
        roster->count++;
    }
}

/* Of a sorted roster that is not empty. */
static bool is_ambiguous(const struct roster *roster)
{
    if (roster->at[0].sequence < 0 || roster->at[roster->count - 1].sequence >= FIRST_SUSPECT)
        return true;
    for (size_t i = 1; i < roster->count; i++)
        if (roster->at[i].sequence == roster->at[i - 1].sequence)
            return true;
    return false;
}

int roster_build(struct roster *roster, const char *const *names, size_t count)
{
    size_t size = size_needed(names, count);

    memset(roster, 0, sizeof *roster);
    if (size == 0)
        return 0;
    roster->at = mem_alloc(size);
    if (roster->at == NULL)
        return -1;
    fill(roster, (char *)roster->at + size, names, count);
    qsort(roster->at, roster->count, sizeof *roster->at, by_sequence);
    roster->ambiguous = is_ambiguous(roster);
    return 0;
}

int roster_copy(struct roster *copy, const struct roster *roster)
{
    const char **names = mem_alloc((roster->count + 1) * sizeof *names);
    int result;

    if (names == NULL)
        return -1;
    for (size_t i = 0; i < roster->count; i++)
        names[i] = roster->at[i].name;
    result = roster_build(copy, names, roster->count);
    mem_free(names);
    return result;
}

size_t roster_find(const struct roster *roster, const char *name)
{
    for (size_t i = 0; i < roster->count; i++)
        if (strcmp(roster->at[i].name, name) == 0)
            return i;
    return ROSTER_NOBODY;
}

void roster_remove(struct roster *roster, size_t index)
{
    if (index >= roster->count)
        return;
    roster->count--;
    memmove(&roster->at[index], &roster->at[index + 1],
            (roster->count - index) * sizeof *roster->at);
}

void roster_sort_by_czxid(struct roster *roster)
{
    if (roster->count > 1)
        qsort(roster->at, roster->count, sizeof *roster->at, by_czxid);
}

void roster_clear(struct roster *roster)
{
    mem_free(roster->at);
    memset(roster, 0, sizeof *roster);
}
