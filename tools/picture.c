/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"
#include "format.h"
#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a table ---- */

#define WIDEST 60 /* of what makes its column wider */

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

/* The number of a waiter says how many are ahead of it. */
static void place_of(const zkc_contender *one, enum claim_kind kind, char *text, size_t size)
{
    if (one->holds && kind == CLAIM_LEADER)
        snprintf(text, size, "leads");
    else if (one->holds)
        snprintf(text, size, one->shared ? "shares" : "holds");
    else
        snprintf(text, size, "%" PRId64 "%s", one->position, one->shared ? " shared" : "");
}

static void add_contender(struct table *table, const struct survey_row *row, const char *word,
                          const zkc_contender *one)
{
    char place[32], name[320], address[320], since[32], token[32];
    const char *cells[COLUMNS] = {claim_noun(row->kind), word, place, name, address, since, token};

    place_of(one, row->kind, place, sizeof place);
    format_holder(one, name, sizeof name);
    format_address(one, address, sizeof address);
    format_time(one->since_ms, since, sizeof since);
    snprintf(token, sizeof token, "%" PRId64, one->token);
    table->failed |= !add_row(table, cells);
}

static void add_trouble(struct table *table, const char *kind, const char *word,
                        const char *trouble)
{
    char place[128];
    const char *cells[COLUMNS] = {kind, word, place, "", "", "", ""};

    snprintf(place, sizeof place, "(%s)", trouble);
    table->failed |= !add_row(table, cells);
}

static void add_rows(struct table *table, const struct survey_row *row)
{
    const char *kind = claim_noun(row->kind), *trouble = survey_trouble(row);
    char *word = strdup(survey_word(row));

    if (word == NULL) {
        table->failed = true;
        return;
    }
    text_tame(word);
    for (size_t i = 0; i < zkc_contenders_count(row->contenders); i++)
        add_contender(table, row, word, zkc_contenders_at(row->contenders, i));
    if (trouble != NULL)
        add_trouble(table, kind, word, trouble);
    free(word);
}

/* Characters, not bytes: all but the first byte of one in UTF-8 begin with 10. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static int last_of(const struct row *row)
{
    int last = COLUMNS - 1;

    while (last > 0 && *row->cells[last] == '\0')
        last--;
    return last;
}

static int padding(int wanted, int width)
{
    return (wanted > width ? wanted - width : 0) + 2;
}

/* Nothing is behind the last word of a line. */
static void print_row(const struct row *row, const int widths[COLUMNS], FILE *file)
{
    int last = last_of(row);

    for (int i = 0; i <= last; i++)
        fprintf(file, "%s%*s", row->cells[i],
                i == last ? 0 : padding(widths[i], width_of(row->cells[i])), "");
    fputc('\n', file);
}

/* One long word makes its own line longer, not all of them. */
static void print_table(const struct table *table, FILE *file)
{
    int widths[COLUMNS] = {0};

    for (size_t i = 0; i < table->count; i++)
        for (int j = 0; j < COLUMNS; j++) {
            int width = width_of(table->rows[i].cells[j]);

            if (width > widths[j] && width <= WIDEST)
                widths[j] = width;
        }
    for (size_t i = 0; i < table->count; i++)
        print_row(&table->rows[i], widths, file);
}

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (int j = 0; j < COLUMNS; j++)
            free(table->rows[i].cells[j]);
    free(table->rows);
}

int picture_table(const struct survey *survey, char **ret_text)
{
    static const char *const head[COLUMNS] = {"KIND",    "ID",    "PLACE", "NODE",
                                              "ADDRESS", "SINCE", "TOKEN"};
    struct table table = {NULL, 0, false};
    int error = ZKC_ENOMEM;
    size_t size;
    FILE *file;

    table.failed = !add_row(&table, head);
    for (size_t i = 0; i < survey->count; i++)
        add_rows(&table, &survey->rows[i]);
    file = table.failed ? NULL : open_memstream(ret_text, &size);
    if (file != NULL) {
        print_table(&table, file);
        error = fclose(file) == 0 ? ZKC_OK : ZKC_ENOMEM;
    }
    free_table(&table);
    return error;
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_foreign(text) : json_null();
}

static json_t *path_of(const struct survey_row *row)
{
    const zkc_contender *first = zkc_contenders_at(row->contenders, 0);
    json_t *value;
    char *path;

    if (row->path != NULL || first == NULL)
        return text_or_null(row->path);
    path = strndup(first->path, (size_t)(strrchr(first->path, '/') - first->path));
    value = text_or_null(path);
    free(path);
    return value;
}

static json_t *object_of(const struct survey_row *row)
{
    const char *trouble = survey_trouble(row);
    json_t *object = json_pack("{s:o, s:o, s:o}", "id", text_or_null(row->id), "path", path_of(row),
                               "contenders", json_contenders(row->contenders));

    if (trouble != NULL)
        json_object_set_new(object, "error", json_string(trouble));
    return object;
}

int picture_json(const struct survey *survey, char **ret_text)
{
    json_t *all = json_pack("{s:[], s:[]}", "locks", "elections");

    for (size_t i = 0; all != NULL && i < survey->count; i++) {
        const struct survey_row *row = &survey->rows[i];
        const char *kind = row->kind == CLAIM_LOCK ? "locks" : "elections";

        if (row->error != ZKC_OK || zkc_contenders_count(row->contenders) > 0)
            json_array_append_new(json_object_get(all, kind), object_of(row));
    }
    *ret_text = json_text(all);
    return *ret_text == NULL ? ZKC_ENOMEM : ZKC_OK;
}

/* ---- names ---- */

static int by_bytes(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;

    return strcmp(*a, *b);
}

/* As it is for a script, tamed for a terminal. */
static void print_word(const char *word, FILE *file)
{
    char safe[4200];

    format_text(word, safe, sizeof safe);
    fprintf(file, "%s\n", isatty(STDOUT_FILENO) ? safe : word);
}

static size_t collect_words(const struct survey *survey, const char **words)
{
    size_t count = 0;

    for (size_t i = 0; i < survey->count; i++)
        if (survey->rows[i].id != NULL)
            words[count++] = survey_word(&survey->rows[i]);
    if (count > 0)
        qsort(words, count, sizeof *words, by_bytes);
    return count;
}

/* One that is a lock's and an election's is printed once. */
int picture_names(const struct survey *survey, char **ret_text)
{
    const char **words = calloc(survey->count + 1, sizeof *words);
    size_t count, size;
    FILE *file;

    if (words == NULL)
        return ZKC_ENOMEM;
    file = open_memstream(ret_text, &size);
    count = file == NULL ? 0 : collect_words(survey, words);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(words[i], words[i - 1]) != 0)
            print_word(words[i], file);
    free(words);
    return file != NULL && fclose(file) == 0 ? ZKC_OK : ZKC_ENOMEM;
}
