/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"
#include "format.h"
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes in one lock or election. */
typedef void (*take_fn)(void *arg, enum contest_kind kind, const char *id,
                        const zkc_contenders *all);

static int take_one(struct lookup *lookup, enum contest_kind kind, const char *id, take_fn take,
                    void *arg)
{
    zkc_contenders *all;
    int error = lookup_list(lookup, kind, id, &all);

    if (error != ZKC_OK)
        return error;
    if (zkc_contenders_count(all) > 0)
        take(arg, kind, id, all);
    zkc_contenders_free(all);
    return ZKC_OK;
}

static int take_kind(struct lookup *lookup, enum contest_kind kind, const char *id, take_fn take,
                     void *arg)
{
    zkc_ids *ids;
    int error;

    if (id != NULL)
        return take_one(lookup, kind, id, take, arg);
    error = lookup_ids(lookup, kind, &ids);
    if (error != ZKC_OK)
        return error;
    for (size_t i = 0; error == ZKC_OK && i < zkc_ids_count(ids); i++)
        error = take_one(lookup, kind, zkc_ids_at(ids, i), take, arg);
    zkc_ids_free(ids);
    return error;
}

/* ---- a table ---- */

enum column { KIND, ID, PLACE, NODE, ADDRESS, SINCE, TOKEN, COLUMNS };

struct row {
    char *cells[COLUMNS];
};

struct table {
    struct row *rows;
    size_t count;
    bool failed;
};

static bool add_row(struct table *table, const char *const cells[COLUMNS])
{
    struct row *rows = realloc(table->rows, (table->count + 1) * sizeof *rows);

    if (rows == NULL)
        return false;
    table->rows = rows;
    for (int i = 0; i < COLUMNS; i++) {
        rows[table->count].cells[i] = strdup(cells[i]);
        if (rows[table->count].cells[i] == NULL) {
            while (i-- > 0)
                free(rows[table->count].cells[i]);
            return false;
        }
    }
    table->count++;
    return true;
}

static void row_of(struct table *table, enum contest_kind kind, const char *id,
                   const zkc_contender *one)
{
    char place[32], name[320], address[320], since[32], token[32], safe_id[520];
    const char *cells[COLUMNS] = {contest_noun(kind), safe_id, place, name, address, since, token};

    format_text(id, safe_id, sizeof safe_id);
    if (one->position == 0)
        snprintf(place, sizeof place, "%s", kind == CONTEST_LOCK ? "holds" : "leads");
    else
        snprintf(place, sizeof place, "%" PRId64, one->position);
    format_holder(one, name, sizeof name);
    format_address(one, address, sizeof address);
    format_time(one->since_ms, since, sizeof since);
    snprintf(token, sizeof token, "%" PRId64, one->token);
    table->failed |= !add_row(table, cells);
}

static void take_rows(void *arg, enum contest_kind kind, const char *id, const zkc_contenders *all)
{
    for (size_t i = 0; i < zkc_contenders_count(all); i++)
        row_of(arg, kind, id, zkc_contenders_at(all, i));
}

/* Characters, not bytes: all but the first byte of one in UTF-8 begin with 10. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_table(const struct table *table, FILE *file)
{
    int widths[COLUMNS] = {0};

    for (size_t i = 0; i < table->count; i++)
        for (int j = 0; j < COLUMNS; j++)
            if (width_of(table->rows[i].cells[j]) > widths[j])
                widths[j] = width_of(table->rows[i].cells[j]);
    for (size_t i = 0; i < table->count; i++)
        for (int j = 0; j < COLUMNS; j++) {
            const char *cell = table->rows[i].cells[j];

            fprintf(file, "%s%*s", cell, j == COLUMNS - 1 ? 0 : widths[j] - width_of(cell) + 2, "");
            if (j == COLUMNS - 1)
                fputc('\n', file);
        }
}

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (int j = 0; j < COLUMNS; j++)
            free(table->rows[i].cells[j]);
    free(table->rows);
}

int picture_table(struct lookup *lookup, const char *id, char **ret_text)
{
    static const char *const head[COLUMNS] = {"KIND",    "ID",    "PLACE", "NODE",
                                              "ADDRESS", "SINCE", "TOKEN"};
    struct table table = {NULL, 0, false};
    size_t size;
    FILE *file;
    int error;

    table.failed = !add_row(&table, head);
    error = take_kind(lookup, CONTEST_LOCK, id, take_rows, &table);
    if (error == ZKC_OK)
        error = take_kind(lookup, CONTEST_LEADER, id, take_rows, &table);
    file = error == ZKC_OK && !table.failed ? open_memstream(ret_text, &size) : NULL;
    if (file != NULL) {
        print_table(&table, file);
        if (fclose(file) != 0)
            error = ZKC_ENOMEM;
    } else if (error == ZKC_OK) {
        error = ZKC_ENOMEM;
    }
    free_table(&table);
    return error;
}

/* ---- JSON ---- */

static void take_object(void *arg, enum contest_kind kind, const char *id,
                        const zkc_contenders *all)
{
    json_t *list = json_object_get(arg, kind == CONTEST_LOCK ? "locks" : "elections");

    json_array_append_new(list,
                          json_pack("{s:s, s:o}", "id", id, "contenders", json_contenders(all)));
}

int picture_json(struct lookup *lookup, const char *id, char **ret_text)
{
    json_t *all = json_pack("{s:[], s:[]}", "locks", "elections");
    int error = all == NULL ? ZKC_ENOMEM : take_kind(lookup, CONTEST_LOCK, id, take_object, all);
    char *text = NULL;

    if (error == ZKC_OK)
        error = take_kind(lookup, CONTEST_LEADER, id, take_object, all);
    if (error == ZKC_OK)
        text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    if (error == ZKC_OK && (text == NULL || asprintf(ret_text, "%s\n", text) < 0))
        error = ZKC_ENOMEM;
    free(text);
    return error;
}

/* ---- names ---- */

/* As it is for a script, tamed for a terminal. */
static void print_name(const char *id, FILE *file)
{
    char safe[520];

    format_text(id, safe, sizeof safe);
    if (strchr(id, '\n') == NULL) /* would be two */
        fprintf(file, "%s\n", isatty(STDOUT_FILENO) ? safe : id);
}

/* Both are sorted; an id that is in both is printed once. */
static void merge_names(const zkc_ids *left, const zkc_ids *right, FILE *file)
{
    size_t i = 0, j = 0;

    while (i < zkc_ids_count(left) || j < zkc_ids_count(right)) {
        const char *a = zkc_ids_at(left, i), *b = zkc_ids_at(right, j);
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a, b);

        print_name(order <= 0 ? a : b, file);
        i += order <= 0;
        j += order >= 0;
    }
}

static int print_names(const zkc_ids *locks, const zkc_ids *elections, char **ret_text)
{
    size_t size;
    FILE *file = open_memstream(ret_text, &size);

    if (file == NULL)
        return ZKC_ENOMEM;
    merge_names(locks, elections, file);
    return fclose(file) == 0 ? ZKC_OK : ZKC_ENOMEM;
}

int picture_names(struct lookup *lookup, char **ret_text)
{
    zkc_ids *locks, *elections = NULL;
    int error = lookup_ids(lookup, CONTEST_LOCK, &locks);

    if (error != ZKC_OK)
        return error;
    error = lookup_ids(lookup, CONTEST_LEADER, &elections);
    if (error == ZKC_OK) {
        error = print_names(locks, elections, ret_text);
        zkc_ids_free(elections);
    }
    zkc_ids_free(locks);
    return error;
}
