/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"
#include "say.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 24
#define LONGEST_MS (INT64_C(400) * 86400 * 1000)
#define TIMEOUT_LEAST_MS 100 /* no connection takes less, on a bad day */
#define TIMEOUT_MOST_MS 86400000
#define FIRST_CODE 1000 /* getopt's value for entry 0; letters are smaller */

/* ---- values ---- */

static double unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"", 1e3}, {"s", 1e3}, {"ms", 1}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ms;
    return 0;
}

bool time_parse(const char *text, int64_t *ret_ms)
{
    char *end;
    double value;

    if (strspn(text, "0123456789.") == 0)
        return false;
    value = strtod(text, &end);
    if (strspn(text, "0123456789.") != (size_t)(end - text))
        return false;
    value *= unit_ms(end);
    if (unit_ms(end) == 0 || !(value <= (double)LONGEST_MS))
        return false;
    *ret_ms = (int64_t)(value + 0.999999); /* never less than was said */
    return true;
}

static bool number_parse(const char *text, long least, long most, int *ret_number)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        return false;
    *ret_number = (int)value;
    return true;
}

static bool dialect_parse(const char *text, zkc_dialect *ret_dialect)
{
    static const char *const names[] = {
        [ZKC_DIALECT_LOCK] = "lock",
        [ZKC_DIALECT_LATCH] = "latch",
        [ZKC_DIALECT_KAZOO] = "kazoo",
        [ZKC_DIALECT_READ_WRITE] = "read-write",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_dialect = (zkc_dialect)i;
            return true;
        }
    return false;
}

/* Others can read the command line of a process, so it is not left there. */
static bool copy_secret(char *text, char **ret_copy)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return false;
    memset(text, '*', strlen(text));
    free(*ret_copy);
    *ret_copy = copy;
    return true;
}

static bool store(const struct option_entry *entry, char *text)
{
    switch (entry->kind) {
    case OPTION_FLAG:
        *(bool *)entry->value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)entry->value = text;
        return true;
    case OPTION_SECRET:
        return copy_secret(text, entry->value);
    case OPTION_TIME:
        return time_parse(text, entry->value);
    case OPTION_TIMEOUT:
        return time_parse(text, entry->value) && *(int64_t *)entry->value >= TIMEOUT_LEAST_MS &&
               *(int64_t *)entry->value <= TIMEOUT_MOST_MS;
    case OPTION_STATUS:
        return number_parse(text, 0, 255, entry->value);
    case OPTION_NUMBER:
        return number_parse(text, 1, 1000, entry->value);
    case OPTION_DIALECT:
        return dialect_parse(text, entry->value);
    }
    return false;
}

/* ---- tables for getopt_long ---- */

struct tables {
    struct option_entry entries[ENTRIES_MAX];
    size_t count;
    struct option longs[ENTRIES_MAX + 1];
    char shorts[2 + 2 * ENTRIES_MAX + 1];
};

static void add(struct tables *tables, const struct option_entry *entry)
{
    struct option *option = &tables->longs[tables->count];
    size_t length = strlen(tables->shorts);

    option->name = entry->name;
    option->has_arg = entry->kind == OPTION_FLAG ? no_argument : required_argument;
    option->val = FIRST_CODE + (int)tables->count;
    if (entry->letter != 0) {
        tables->shorts[length++] = (char)entry->letter;
        if (option->has_arg == required_argument)
            tables->shorts[length] = ':';
    }
    tables->entries[tables->count++] = *entry;
}

static void build(struct tables *tables, const struct option_entry *own, size_t count,
                  struct common *common)
{
    const struct option_entry shared[] = {
        {"nodes", 0, OPTION_TEXT, &common->nodes},
        {"namespace", 0, OPTION_TEXT, &common->name_space},
        {"session-timeout", 0, OPTION_TIMEOUT, &common->session_timeout_ms},
        {"auth", 0, OPTION_SECRET, &common->auth},
        {"auth-file", 0, OPTION_TEXT, &common->auth_file},
        {"help", 'h', OPTION_FLAG, &common->help},
    };

    memset(tables, 0, sizeof *tables);
    strcpy(tables->shorts, "+:"); /* stop at the first word; tell a missing value apart */
    for (size_t i = 0; i < count; i++)
        add(tables, &own[i]);
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        add(tables, &shared[i]);
}

static const char *expected(enum option_kind kind)
{
    switch (kind) {
    case OPTION_TIME:
        return "a time: write seconds, or a number and ms, s, m, h or d";
    case OPTION_TIMEOUT:
        return "in range: a session timeout is 100 ms to 24 h";
    case OPTION_STATUS:
        return "an exit status from 0 to 255";
    case OPTION_DIALECT:
        return "a dialect: lock, latch, kazoo or, for a lock, read-write";
    default:
        return "a positive number";
    }
}

static const struct option_entry *find(const struct tables *tables, int code)
{
    if (code >= FIRST_CODE)
        return &tables->entries[code - FIRST_CODE];
    for (size_t i = 0; i < tables->count; i++)
        if (tables->entries[i].letter == code)
            return &tables->entries[i];
    return NULL;
}

/* What getopt refused: of several letters in one word it says which. */
static const char *refused(const char *word, char letter[3])
{
    if (optopt <= 0 || optopt >= FIRST_CODE)
        return word;
    letter[0] = '-';
    letter[1] = (char)optopt;
    letter[2] = '\0';
    return letter;
}

static bool take_one(const struct tables *tables, int code, char *word)
{
    const struct option_entry *entry = find(tables, code);
    char letter[3];

    if (code == ':') {
        say_usage("option '%s' needs a value", refused(word, letter));
    } else if (entry == NULL) {
        say_usage("there is no option '%s'", refused(word, letter));
    } else if (!store(entry, optarg)) {
        say_usage("option --%s: '%s' is not %s", entry->name, optarg, expected(entry->kind));
    } else {
        return true;
    }
    return false;
}

bool options_take(struct words *words, const struct option_entry *own, size_t count,
                  struct common *common)
{
    struct tables tables;
    int code;

    if (words->closed)
        return true;
    build(&tables, own, count, common);
    opterr = 0;
    optind = 0; /* begin anew; getopt skips the first word, which was taken already */
    while ((code = getopt_long(words->count + 1, words->at - 1, tables.shorts, tables.longs,
                               NULL)) != -1)
        if (!take_one(&tables, code, (words->at - 1)[optind - 1]))
            return false;
    words->closed = optind > 1 && strcmp((words->at - 1)[optind - 1], "--") == 0;
    words->at += optind - 1;
    words->count -= optind - 1;
    return true;
}

char *words_take(struct words *words)
{
    if (words->count == 0)
        return NULL;
    words->count--;
    return *words->at++;
}

void common_complete(struct common *common)
{
    const char *space = getenv("ZKCOORD_NAMESPACE");

    if (common->name_space == NULL && space != NULL && *space != '\0')
        common->name_space = space;
}
