/*
 * The completion thread: answers and events in the order in which they came. What a callback is
 * given is spoilt and freed when it returns.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fake_zoo_parts.h"

#include <stdlib.h>
#include <string.h>

#define SOON_LEAST INT64_C(2000)
#define SOON_MOST INT64_C(60000)

void queue_put(struct entry_queue *queue, struct entry *entry)
{
    entry->next = NULL;
    if (queue->last != NULL)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
}

struct entry *queue_take(struct entry_queue *queue)
{
    struct entry *entry = queue->first;

    if (entry == NULL)
        return NULL;
    queue->first = entry->next;
    if (queue->first == NULL)
        queue->last = NULL;
    return entry;
}

void entry_free(struct entry *entry)
{
    free(entry->outcome.names);
    free(entry->watchers.at);
    free(entry);
}

/* ---- borrowed memory ---- */

static void *lend(const void *data, size_t size)
{
    char *copy = malloc(size + 1);

    memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

static void take_back(void *data, size_t size)
{
    if (data != NULL)
        memset(data, 0xdb, size + 1);
    free(data);
}

/* ---- answers ---- */

static void on_string_stat(const struct entry *entry)
{
    const struct outcome *outcome = &entry->outcome;
    struct Stat *stat;
    size_t length;
    char *path;

    if (outcome->rc != ZOK) {
        entry->call.string_stat(outcome->rc, NULL, NULL, entry->data);
        return;
    }
    length = strlen(outcome->path);
    path = lend(outcome->path, length);
    stat = lend(&outcome->stat, sizeof *stat);
    entry->call.string_stat(ZOK, path, stat, entry->data);
    take_back(path, length);
    take_back(stat, sizeof *stat);
}

/* A sync answers with its path. */
static void on_string(const struct entry *entry)
{
    const char *text = entry->request->operation.path;
    size_t length = strlen(text);
    char *path;

    if (entry->outcome.rc != ZOK) {
        entry->call.string(entry->outcome.rc, NULL, entry->data);
        return;
    }
    path = lend(text, length);
    entry->call.string(ZOK, path, entry->data);
    take_back(path, length);
}

static void on_stat(const struct entry *entry)
{
    struct Stat *stat;

    if (entry->outcome.rc != ZOK) {
        entry->call.stat(entry->outcome.rc, NULL, entry->data);
        return;
    }
    stat = lend(&entry->outcome.stat, sizeof *stat);
    entry->call.stat(ZOK, stat, entry->data);
    take_back(stat, sizeof *stat);
}

static void on_data(const struct entry *entry)
{
    const struct outcome *outcome = &entry->outcome;
    size_t length = outcome->length > 0 ? (size_t)outcome->length : 0;
    struct Stat *stat;
    char *data;

    if (outcome->rc != ZOK) {
        entry->call.data(outcome->rc, NULL, 0, NULL, entry->data);
        return;
    }
    data = outcome->length >= 0 ? lend(outcome->data != NULL ? outcome->data : "", length) : NULL;
    stat = lend(&outcome->stat, sizeof *stat);
    entry->call.data(ZOK, data, outcome->length, stat, entry->data);
    take_back(data, length);
    take_back(stat, sizeof *stat);
}

/* The vector and its strings in one block. */
static void on_strings(const struct entry *entry)
{
    const struct outcome *outcome = &entry->outcome;
    size_t size = (size_t)outcome->count * sizeof(char *);
    struct String_vector vector = {.count = outcome->count};
    char *block, *at;

    if (outcome->rc != ZOK) {
        entry->call.strings(outcome->rc, NULL, entry->data);
        return;
    }
    for (int i = 0; i < outcome->count; i++)
        size += strlen(outcome->names[i]) + 1;
    block = malloc(size + 1);
    vector.data = (char **)(void *)block;
    at = block + (size_t)outcome->count * sizeof(char *);
    for (int i = 0; i < outcome->count; i++) {
        size_t length = strlen(outcome->names[i]) + 1;
        vector.data[i] = memcpy(at, outcome->names[i], length);
        at += length;
    }
    entry->call.strings(ZOK, &vector, entry->data);
    take_back(block, size);
}

static void fill_result(zoo_op_result_t *result, const struct operation *operation,
                        const zoo_op_t *op, const struct outcome *part)
{
    int room = op->create_op.buflen;

    result->err = ZOK;
    if (operation->op == OP_CREATE && op->create_op.buf != NULL && room > 0) {
        strncpy(op->create_op.buf, part->path, (size_t)room - 1);
        op->create_op.buf[room - 1] = '\0';
        result->value = op->create_op.buf;
        result->valuelen = room;
    } else if (operation->op == OP_SET && op->set_op.stat != NULL) {
        *op->set_op.stat = part->stat;
        result->stat = op->set_op.stat;
    }
}

static void on_multi(const struct entry *entry)
{
    const struct outcome *outcome = &entry->outcome;

    for (int i = 0; i < entry->count; i++) {
        if (outcome->parts != NULL && outcome->rc != ZOK)
            entry->results[i].err = outcome->parts[i].rc;
        else if (outcome->parts != NULL)
            fill_result(&entry->results[i], &entry->request->operations[i], &entry->ops[i],
                        &outcome->parts[i]);
        else
            entry->results[i].err = outcome->rc;
    }
    entry->call.nothing(outcome->rc, entry->data);
}

static void on_watch(zhandle_t *zh, const struct entry *entry)
{
    size_t length = strlen(entry->path);
    char *path = lend(entry->path, length);

    if (entry->state < 0)
        zh->ending = false;
    for (int i = 0; i < entry->watchers.count; i++)
        entry->watchers.at[i].fn(zh, entry->event, entry->state, path,
                                 entry->watchers.at[i].context);
    take_back(path, length);
}

void zoo_deliver(zhandle_t *zh, struct entry *entry)
{
    zh->running = true;
    switch (entry->completion) {
    case ON_VOID:
        entry->call.nothing(entry->outcome.rc, entry->data);
        break;
    case ON_STAT:
        on_stat(entry);
        break;
    case ON_DATA:
        on_data(entry);
        break;
    case ON_STRING:
        on_string(entry);
        break;
    case ON_STRINGS:
        on_strings(entry);
        break;
    case ON_STRING_STAT:
        on_string_stat(entry);
        break;
    case ON_MULTI:
        on_multi(entry);
        break;
    case ON_WATCH:
        on_watch(zh, entry);
        break;
    }
    zh->running = false;
    entry_free(entry);
}

/* ---- the thread ---- */

static void run(void *arg);

static void schedule(zhandle_t *zh)
{
    if (zh->completions == 0)
        zh->completions = event_after(
            zh->machine, world_between(SOON_LEAST, SOON_MOST + cluster_sluggishness()), run, zh);
}

static void run(void *arg)
{
    zhandle_t *zh = arg;
    struct entry *entry;

    zh->completions = 0;
    while ((entry = queue_take(&zh->ready)) != NULL) {
        zoo_deliver(zh, entry);
        if (zh->close_later) {
            zoo_close_now(zh);
            return;
        }
        if (zh->ready.first != NULL && world_chance(300)) {
            schedule(zh);
            return;
        }
    }
    if (zh->closing)
        fiber_wake_all(zh);
}

void zoo_complete(zhandle_t *zh, struct entry *entry)
{
    queue_put(&zh->ready, entry);
    schedule(zh);
}

static void complete_event(zhandle_t *zh, int event, int state, const char *path)
{
    struct entry *entry = zoo_entry(ON_WATCH, NULL);

    entry->event = event;
    entry->state = state;
    entry->path = path;
    watchers_collect(zh, event, path, &entry->watchers);
    zoo_complete(zh, entry);
}

void zoo_session_event(zhandle_t *zh, int state)
{
    complete_event(zh, ZOO_SESSION_EVENT, state, "");
}

void zoo_node_event(zhandle_t *zh, int event, const char *path)
{
    complete_event(zh, event, ZOO_CONNECTED_STATE, path);
}
