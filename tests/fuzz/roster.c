/*
 * Listings, one child on each line: the queue has all contenders and no others, in a total order
 * that does not depend on the order of the listing. SPDX-License-Identifier: Apache-2.0
 */
#include "core/roster.h"
#include "core/name.h"
#include "fuzz.h"

#define NAMES_MAX 256

static size_t split(char *text, const char **names)
{
    size_t count = 0;
    char *line;

    while (count < NAMES_MAX && (line = fuzz_line(&text)) != NULL)
        names[count++] = line;
    return count;
}

static size_t occurrences(const char *const *names, size_t count, const char *name)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += strcmp(names[i], name) == 0;
    return found;
}

static void has_all_and_no_others(const struct roster *roster, const char *const *names,
                                  size_t count)
{
    const char *listed[NAMES_MAX];
    size_t contenders = 0;
    struct name name;

    for (size_t i = 0; i < roster->count; i++)
        listed[i] = roster->at[i].name;
    for (size_t i = 0; i < count; i++) {
        bool contender = name_parse(names[i], &name);
        contenders += contender;
        REQUIRE(occurrences(listed, roster->count, names[i]) ==
                (contender ? occurrences(names, count, names[i]) : 0));
    }
    REQUIRE(roster->count == contenders);
}

static void is_in_order(const struct roster *roster)
{
    bool ambiguous = false;
    struct name name;

    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_entry *entry = &roster->at[i];
        REQUIRE(name_parse(entry->name, &name) && name.sequence == entry->sequence);
        ambiguous = ambiguous || entry->sequence < 0 || entry->sequence >= INT32_MAX - 65536;
        if (i > 0 && entry[-1].sequence == entry->sequence) {
            ambiguous = true;
            REQUIRE(strcmp(entry[-1].name, entry->name) <= 0);
        }
        REQUIRE(i == 0 || entry[-1].sequence <= entry->sequence);
    }
    REQUIRE(roster->ambiguous == ambiguous);
}

static void is_found(const struct roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        size_t at = roster_find(roster, roster->at[i].name);
        REQUIRE(at <= i && strcmp(roster->at[at].name, roster->at[i].name) == 0);
    }
}

static void equal(const struct roster *a, const struct roster *b)
{
    REQUIRE(a->count == b->count && a->ambiguous == b->ambiguous);
    for (size_t i = 0; i < a->count; i++) {
        REQUIRE(strcmp(a->at[i].name, b->at[i].name) == 0);
        REQUIRE(a->at[i].czxid == b->at[i].czxid);
    }
}

/* A few czxids for many names: as after multis, and unlike the sequence numbers. */
static void sort_by_czxid(struct roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        const char *name = roster->at[i].name;
        roster->at[i].czxid = 1 + (name[0] + 3 * name[strlen(name) - 1]) % 7;
    }
    roster_sort_by_czxid(roster);
    for (size_t i = 1; i < roster->count; i++) {
        const struct roster_entry *a = &roster->at[i - 1], *b = &roster->at[i];
        REQUIRE(
            a->czxid < b->czxid || (a->czxid == b->czxid && a->sequence < b->sequence) ||
            (a->czxid == b->czxid && a->sequence == b->sequence && strcmp(a->name, b->name) <= 0));
    }
}

static void removes(struct roster *roster, size_t seed)
{
    while (roster->count > 0) {
        size_t count = roster->count, at = seed++ % (count + 1);
        roster_remove(roster, at);
        REQUIRE(roster->count == (at < count ? count - 1 : count));
        if (at == count)
            roster_remove(roster, 0);
    }
}

static void fails_cleanly(const char *const *names, size_t count, bool contenders)
{
    struct roster roster;
    int result;

    mem_fail_after(1);
    result = roster_build(&roster, names, count);
    mem_fail_after(0);
    REQUIRE(result == (contenders ? -1 : 0) && roster.count == 0 && roster.at == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *names[NAMES_MAX], *reversed[NAMES_MAX];
    char *text = fuzz_text(data, size);
    size_t count = split(text, names);
    struct roster roster, other;

    for (size_t i = 0; i < count; i++)
        reversed[i] = names[count - 1 - i];
    REQUIRE(roster_build(&roster, names, count) == 0);
    REQUIRE(roster_build(&other, reversed, count) == 0);
    has_all_and_no_others(&roster, names, count);
    is_in_order(&roster);
    is_found(&roster);
    equal(&roster, &other);
    fails_cleanly(names, count, roster.count > 0);
    sort_by_czxid(&roster);
    sort_by_czxid(&other);
    equal(&roster, &other);
    removes(&roster, size);
    roster_clear(&roster);
    roster_clear(&other);
    free(text);
    REQUIRE(mem_live() == 0);
    return 0;
}
