/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_zoo_parts.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(struct watcher_call a, struct watcher_call b)
{
    return a.fn == b.fn && a.context == b.context;
}

static struct registration **bucket_of(zhandle_t *zh, const struct path *path)
{
    return &zh->watchers[path_id(path) % WATCHER_BUCKETS];
}

/* ---- registering ---- */

/* A read sets its watch when its answer says that it went well. */
static bool table_of(const struct entry *entry, int rc, enum watch_table *table)
{
    switch (entry->request->operation.op) {
    case OP_EXISTS:
        *table = rc == ZNONODE ? WATCH_EXIST : WATCH_DATA;
        return rc == ZOK || rc == ZNONODE;
    case OP_CHILDREN:
        *table = WATCH_CHILD;
        return rc == ZOK;
    default:
        *table = WATCH_DATA;
        return rc == ZOK;
    }
}

void watchers_add(zhandle_t *zh, const struct entry *entry, int rc)
{
    struct path *path;
    enum watch_table table;
    struct registration **bucket, *registration;

    if (entry->watcher.fn == NULL || !table_of(entry, rc, &table))
        return;
    path = path_of_text(entry->request->operation.path);
    bucket = bucket_of(zh, path);
    for (registration = *bucket; registration != NULL; registration = registration->next)
        if (registration->path == path && registration->table == table &&
            is_same(registration->call, entry->watcher))
            return;
    registration = calloc(1, sizeof *registration);
    registration->path = path;
    registration->table = table;
    registration->call = entry->watcher;
    registration->next = *bucket;
    *bucket = registration;
}

/* ---- finding ---- */

static void list_add(struct watcher_list *list, struct watcher_call call)
{
    for (int i = 0; i < list->count; i++)
        if (is_same(list->at[i], call))
            return;
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 4;
        list->at = realloc(list->at, (size_t)list->capacity * sizeof *list->at);
    }
    list->at[list->count++] = call;
}

static bool concerns(enum watch_table table, int event)
{
    if (event == ZOO_DELETED_EVENT)
        return true;
    return (event == ZOO_CHILD_EVENT) == (table == WATCH_CHILD);
}

static void collect_all(const zhandle_t *zh, struct watcher_list *list)
{
    for (int i = 0; i < WATCHER_BUCKETS; i++)
        for (const struct registration *r = zh->watchers[i]; r != NULL; r = r->next)
            list_add(list, r->call);
}

/* A session event goes to everybody and takes nothing away; the global watcher comes last. */
void watchers_collect(zhandle_t *zh, int event, const char *text, struct watcher_list *list)
{
    struct registration **at;
    struct path *path;

    if (event == ZOO_SESSION_EVENT) {
        collect_all(zh, list);
        list_add(list, (struct watcher_call){zh->watcher, zh->context});
        return;
    }
    path = path_of_text(text);
    at = bucket_of(zh, path);
    while (*at != NULL) {
        struct registration *registration = *at;
        if (registration->path != path || !concerns(registration->table, event)) {
            at = &registration->next;
            continue;
        }
        list_add(list, registration->call);
        *at = registration->next;
        free(registration);
    }
}

void watchers_remove(zhandle_t *zh, struct path *path)
{
    struct registration **at = bucket_of(zh, path);

    while (*at != NULL) {
        struct registration *registration = *at;
        if (registration->path != path) {
            at = &registration->next;
            continue;
        }
        *at = registration->next;
        free(registration);
    }
}

static bool is_listed(struct path *const *paths, int count, const struct path *path)
{
    for (int i = count - 1; i >= 0; i--)
        if (paths[i] == path)
            return true;
    return false;
}

int watchers_list_paths(const zhandle_t *zh, enum watch_table table, struct path ***paths)
{
    int most = 0, count = 0;

    for (int i = 0; i < WATCHER_BUCKETS; i++)
        for (const struct registration *r = zh->watchers[i]; r != NULL; r = r->next)
            most += r->table == table;
    *paths = most > 0 ? arena_alloc((size_t)most * sizeof **paths) : NULL;
    for (int i = 0; i < WATCHER_BUCKETS; i++)
        for (const struct registration *r = zh->watchers[i]; r != NULL; r = r->next)
            if (r->table == table && !is_listed(*paths, count, r->path))
                (*paths)[count++] = r->path;
    return count;
}

void watchers_free(zhandle_t *zh)
{
    for (int i = 0; i < WATCHER_BUCKETS; i++) {
        while (zh->watchers[i] != NULL) {
            struct registration *next = zh->watchers[i]->next;
            free(zh->watchers[i]);
            zh->watchers[i] = next;
        }
    }
}
