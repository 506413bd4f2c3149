/* Clients, their diaries and watchers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the diary ---- */

void diary_enter(struct client *c, const char *format, ...)
{
    va_list arguments;

    driver_lock();
    if (c->entries < DIARY_MAX) {
        va_start(arguments, format);
        vsnprintf(c->diary[c->entries], sizeof c->diary[0], format, arguments);
        va_end(arguments);
        c->entries++;
    }
    driver_unlock();
}

void diary_clear(struct client *c)
{
    driver_lock();
    c->entries = 0;
    driver_unlock();
}

struct wanted {
    struct client *client;
    int number;
};

static bool has_entries(void *arg)
{
    const struct wanted *wanted = arg;
    bool has;

    driver_lock();
    has = wanted->client->entries >= wanted->number;
    driver_unlock();
    return has;
}

int diary_entries(struct client *c)
{
    int entries;

    driver_lock();
    entries = c->entries;
    driver_unlock();
    return entries;
}

bool diary_wait(struct client *c, int entries)
{
    return driver_wait(has_entries, &(struct wanted){c, entries}, PATIENCE_MS);
}

void diary_note(struct test *t, struct client *c)
{
    driver_lock();
    for (int i = 0; i < c->entries; i++)
        note(t, "  %s", c->diary[i]);
    c->entries = 0;
    driver_unlock();
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

void diary_sorted(struct test *t, struct client *c)
{
    driver_lock();
    qsort(c->diary, (size_t)c->entries, sizeof c->diary[0], compare);
    driver_unlock();
    diary_note(t, c);
}

void diary_sessions(struct client *c, bool heed)
{
    driver_lock();
    c->heeds_sessions = heed;
    driver_unlock();
}

static bool heeds_sessions(const struct client *c)
{
    bool heeds;

    driver_lock();
    heeds = c->heeds_sessions;
    driver_unlock();
    return heeds;
}

/* ---- events ---- */

static const char *name_of_event(int type)
{
    if (type == ZOO_CREATED_EVENT)
        return "created";
    if (type == ZOO_DELETED_EVENT)
        return "deleted";
    if (type == ZOO_CHANGED_EVENT)
        return "changed";
    if (type == ZOO_CHILD_EVENT)
        return "children";
    return "?";
}

static const char *name_of_state(int state)
{
    if (state == ZOO_CONNECTED_STATE)
        return "connected";
    if (state == ZOO_CONNECTING_STATE)
        return "connecting";
    if (state == ZOO_EXPIRED_SESSION_STATE)
        return "expired";
    if (state == ZOO_AUTH_FAILED_STATE)
        return "auth failed";
    return "?";
}

const char *below_root(const char *path)
{
    const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;

    return slash != NULL ? slash : "/";
}

static void on_node(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    const struct watcher *watcher = context;

    (void)handle;
    if (type != ZOO_SESSION_EVENT)
        diary_enter(watcher->client, "%s: %s %s", watcher->name, name_of_event(type),
                    below_root(path));
    else if (heeds_sessions(watcher->client))
        diary_enter(watcher->client, "%s: session %s", watcher->name, name_of_state(state));
}

static void on_session(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct client *c = context;

    (void)handle;
    (void)path;
    if (type != ZOO_SESSION_EVENT)
        return;
    driver_lock();
    c->state = state;
    driver_unlock();
    if (heeds_sessions(c))
        diary_enter(c, "session %s", name_of_state(state));
}

/* One context for each name: libzookeeper tells watchers apart by function and context. */
static void *watcher_named(struct client *c, const char *name)
{
    for (int i = 0; i < c->watcher_count; i++)
        if (strcmp(c->watchers[i].name, name) == 0)
            return &c->watchers[i];
    if (c->watcher_count == WATCHERS_MAX)
        abort();
    c->watchers[c->watcher_count].client = c;
    snprintf(c->watchers[c->watcher_count].name, sizeof c->watchers[0].name, "%s", name);
    return &c->watchers[c->watcher_count++];
}

watcher_fn watcher_fn_of(const char *watcher)
{
    return watcher != NULL ? on_node : NULL;
}

void *watcher_context(struct client *c, const char *watcher)
{
    return watcher != NULL ? watcher_named(c, watcher) : NULL;
}

/* ---- life ---- */

static void begin(void *arg)
{
    struct client *c = arg;

    c->handle =
        zookeeper_init2(line_addresses(c->line), on_session, c->timeout_ms, c->id, c, 0, NULL);
    if (c->handle == NULL)
        abort();
    zoo_set_servers_resolution_delay(c->handle, -1);
}

struct client *client_new(struct line *line, int timeout_ms, const clientid_t *id)
{
    struct client *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->line = line;
    c->timeout_ms = timeout_ms;
    c->id = id;
    line_run(line, begin, c);
    return c;
}

void client_close(struct client *c)
{
    zookeeper_close(c->handle);
    free(c);
}

zhandle_t *client_handle(struct client *c)
{
    return c->handle;
}

static bool is_in_state(void *arg)
{
    const struct wanted *wanted = arg;
    bool is;

    driver_lock();
    is = wanted->client->state == wanted->number;
    driver_unlock();
    return is;
}

bool client_wait_state(struct client *c, int state)
{
    return driver_wait(is_in_state, &(struct wanted){c, state}, PATIENCE_MS);
}

bool client_connected(struct client *c)
{
    return is_in_state(&(struct wanted){c, ZOO_CONNECTED_STATE});
}
