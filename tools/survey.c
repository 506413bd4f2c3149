/* SPDX-License-Identifier: Apache-2.0 */
#include "survey.h"
#include "client.h"
#include "clock.h"
#include "exits.h"
#include "format.h"
#include "say.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 32
#define ONE_MS 5000  /* for one lock or election */
#define ALL_MS 20000 /* for all of them */

static const enum claim_kind kinds[] = {CLAIM_LOCK, CLAIM_LEADER};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* ---- what there is ---- */

static void add(struct survey *survey, enum claim_kind kind, const char *id, const char *path,
                int error)
{
    survey->rows[survey->count++] = (struct survey_row){kind, id, path, NULL, error};
}

static bool make_room(struct survey *survey, size_t count)
{
    survey->rows = calloc(count > 0 ? count : 1, sizeof *survey->rows);
    return survey->rows != NULL;
}

/* The ids, and the znodes beside them, of which there is a path only. */
static size_t names_of(const zkc_ids *ids)
{
    size_t count = zkc_ids_count(ids);

    while (zkc_ids_path(ids, count) != NULL)
        count++;
    return count;
}

static void add_names(struct survey *survey, enum claim_kind kind, const zkc_ids *ids, int unread)
{
    size_t count = names_of(ids);

    for (size_t i = 0; i < count; i++) {
        const char *id = zkc_ids_at(ids, i);

        add(survey, kind, id, zkc_ids_path(ids, i), id != NULL ? unread : ZKC_EINVAL);
    }
}

/* The directory of a kind, which has no ids to show when it cannot be read. */
static char *directory_of(struct lookup *lookup, enum claim_kind kind)
{
    const char *space = zkc_sync_namespace(lookup->sync);
    char *path;

    if (space == NULL || asprintf(&path, "%s/%s", strcmp(space, "/") == 0 ? "" : space,
                                  kind == CLAIM_LOCK ? "lock" : "leader") < 0)
        return NULL;
    return path;
}

/* Nothing can be said of a namespace when neither directory can be read for the same reason. */
static int find_names(struct survey *survey, struct lookup *lookup, int unread)
{
    int errors[KINDS];
    size_t total = 0;

    survey->all = true;
    for (size_t i = 0; i < KINDS; i++) {
        errors[i] = lookup_ids(lookup, kinds[i], &survey->ids[i]);
        total += errors[i] == ZKC_OK ? names_of(survey->ids[i]) : 1;
        survey->directories[i] = directory_of(lookup, kinds[i]);
        if (survey->directories[i] == NULL)
            return ZKC_ENOMEM;
    }
    if (errors[0] != ZKC_OK && errors[0] == errors[1])
        return errors[0];
    if (!make_room(survey, total))
        return ZKC_ENOMEM;
    for (size_t i = 0; i < KINDS; i++) {
        if (errors[i] == ZKC_OK)
            add_names(survey, kinds[i], survey->ids[i], unread);
        else
            add(survey, kinds[i], NULL, survey->directories[i], errors[i]);
    }
    return ZKC_OK;
}

/* ---- who contends ---- */

struct crew {
    struct survey *survey;
    zkc_sync *sync;
    atomic_size_t next;
    int64_t by; /* on the clock of clock_ns() */
};

static int open_row(struct claim *claim, zkc_sync *sync, const struct survey_row *row)
{
    if (row->id != NULL)
        return claim_open_id(claim, sync, row->kind, row->id);
    return claim_open(claim, sync, row->kind, row->path, NULL);
}

static void read_row(const struct crew *crew, zkc_context *context, struct survey_row *row)
{
    int64_t left = (crew->by - clock_ns()) / MS;
    struct claim claim;

    if (row->error != ZKC_ETIMEDOUT || left <= 0) /* it is known, or it is too late */
        return;
    zkc_context_set_timeout_ms(context, left < ONE_MS ? left : ONE_MS);
    row->error = open_row(&claim, crew->sync, row);
    if (row->error != ZKC_OK)
        return;
    row->error = claim_list(&claim, context, &row->contenders);
    claim_close(&claim);
}

static void *read_rows(void *arg)
{
    struct crew *crew = arg;
    zkc_context *context;
    size_t i;

    if (zkc_context_new(NULL, &context) != ZKC_OK)
        return NULL;
    while ((i = atomic_fetch_add(&crew->next, 1)) < crew->survey->count)
        read_row(crew, context, &crew->survey->rows[i]);
    zkc_context_free(context);
    return NULL;
}

/* As many threads as there are to be had, and this one. */
static void read_all(struct survey *survey, struct lookup *lookup)
{
    struct crew crew = {.survey = survey, .sync = lookup->sync};
    pthread_t threads[TOGETHER - 1];
    size_t count = 0;

    atomic_init(&crew.next, 0);
    crew.by = clock_ns() + ALL_MS * MS;
    while (count < TOGETHER - 1 && count + 1 < survey->count &&
           pthread_create(&threads[count], NULL, read_rows, &crew) == 0)
        count++;
    read_rows(&crew);
    while (count > 0)
        pthread_join(threads[--count], NULL);
}

/* ---- of one, or of all ---- */

static int find_one(struct survey *survey, const char *word)
{
    bool by_path = *word == '/'; /* so zkcoord(1) tells them apart on the command line */

    if (!make_room(survey, KINDS))
        return ZKC_ENOMEM;
    for (size_t i = 0; i < KINDS; i++)
        add(survey, kinds[i], by_path ? NULL : word, by_path ? word : NULL, ZKC_ETIMEDOUT);
    return ZKC_OK;
}

/* Wrong with the one that was asked for, both as a lock and as an election. */
static int error_of_one(const struct survey *survey)
{
    int error = survey->rows[0].error;

    if (error != survey->rows[1].error)
        return ZKC_OK;
    return error == ZKC_ETIMEDOUT ? ZKC_EUNREACHABLE : error;
}

int survey_take(struct survey *survey, struct lookup *lookup, const char *word)
{
    int error;

    *survey = (struct survey){0};
    error = word != NULL ? find_one(survey, word) : find_names(survey, lookup, ZKC_ETIMEDOUT);
    if (error != ZKC_OK)
        return error;
    read_all(survey, lookup);
    return word != NULL ? error_of_one(survey) : ZKC_OK;
}

int survey_names(struct survey *survey, struct lookup *lookup)
{
    *survey = (struct survey){0};
    return find_names(survey, lookup, ZKC_OK);
}

/* ---- words ---- */

const char *survey_word(const struct survey_row *row)
{
    if (row->id == NULL ||
        (row->path != NULL && (*row->id == '/' || strchr(row->id, '\n') != NULL)))
        return row->path;
    return row->id;
}

const char *survey_trouble(const struct survey_row *row)
{
    switch (row->error) {
    case ZKC_OK:
        return NULL;
    case ZKC_EACCES:
    case ZKC_EAUTH:
        return "forbidden";
    case ZKC_ETIMEDOUT:
    case ZKC_EUNREACHABLE:
        return "no answer";
    case ZKC_EINVAL:
        return "not an id";
    default:
        return zkc_strerror(row->error);
    }
}

/*
 * A row of a whole namespace says all that there is to say when it says that it is forbidden, or no
 * id; but nobody knows what is in a directory that cannot be read.
 */
static bool is_missing(const struct survey *survey, const struct survey_row *row)
{
    if (row->error == ZKC_OK || !survey->all)
        return row->error != ZKC_OK;
    if (row->error == ZKC_EACCES || row->error == ZKC_EAUTH)
        return row->path == survey->directories[0] || row->path == survey->directories[1];
    return row->error != ZKC_EINVAL;
}

static int say_missing(const struct survey_row *row, const struct lookup *lookup)
{
    char word[4200];

    format_text(survey_word(row), word, sizeof word);
    return client_failed(lookup->sync, word, row->error);
}

int survey_status(const struct survey *survey, const struct lookup *lookup)
{
    size_t silent = 0;
    int status = STATUS_OK;

    for (size_t i = 0; i < survey->count; i++) {
        const struct survey_row *row = &survey->rows[i];

        if (!is_missing(survey, row))
            continue;
        if (row->error == ZKC_ETIMEDOUT)
            silent++;
        else
            status = say_missing(row, lookup);
    }
    if (silent == 0)
        return status;
    say("%zu of %zu locks and elections: no answer in time", silent, survey->count);
    return STATUS_UNREACHABLE;
}

void survey_free(struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++)
        zkc_contenders_free(survey->rows[i].contenders);
    free(survey->rows);
    for (size_t i = 0; i < KINDS; i++) {
        zkc_ids_free(survey->ids[i]);
        free(survey->directories[i]);
    }
}
