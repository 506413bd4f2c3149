/* What clients ask for: calls that wait, and calls that do not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls that wait ---- */

static bool is_done(void *arg)
{
    const struct answer *a = arg;
    bool done;

    driver_lock();
    done = a->done;
    driver_unlock();
    return done;
}

static void finish(struct answer *a, int rc, const struct Stat *stat)
{
    driver_lock();
    a->rc = rc;
    if (stat != NULL)
        a->stat = *stat;
    a->done = true;
    driver_unlock();
}

static struct answer *answer_of(const void *data)
{
    return (struct answer *)(uintptr_t)data;
}

/* An answer that does not come would be written into what is gone: the end. */
static int wait_for(struct answer *a, int rc)
{
    if (rc != ZOK)
        return rc;
    if (!driver_wait(is_done, a, 3 * PATIENCE_MS)) {
        fprintf(stderr, "contract: a call was not answered\n");
        abort();
    }
    return a->rc;
}

static void got_path(int rc, const char *path, const struct Stat *stat, const void *data)
{
    struct answer *a = answer_of(data);

    snprintf(a->path, sizeof a->path, "%s", path != NULL ? below_root(path) : "");
    finish(a, rc, stat);
}

static void got_nothing(int rc, const void *data)
{
    finish(answer_of(data), rc, NULL);
}

static void got_stat(int rc, const struct Stat *stat, const void *data)
{
    finish(answer_of(data), rc, stat);
}

static void got_string(int rc, const char *text, const void *data)
{
    (void)text;
    finish(answer_of(data), rc, NULL);
}

static void got_data(int rc, const char *value, int length, const struct Stat *stat,
                     const void *data)
{
    struct answer *a = answer_of(data);

    a->length = length;
    snprintf(a->data, sizeof a->data, "%.*s", length > 0 ? length : 0, value != NULL ? value : "");
    finish(a, rc, stat);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void got_names(int rc, const struct String_vector *names, const void *data)
{
    struct answer *a = answer_of(data);

    a->count = names != NULL ? names->count : 0;
    for (int i = 0; i < a->count && i < 16; i++)
        snprintf(a->names[i], sizeof a->names[i], "%s", names->data[i]);
    qsort(a->names, a->count < 16 ? (size_t)a->count : 16, sizeof a->names[0], compare);
    finish(a, rc, NULL);
}

static struct answer *fresh(struct answer *given, struct answer *own)
{
    struct answer *a = given != NULL ? given : own;

    memset(a, 0, sizeof *a);
    return a;
}

int do_create(struct client *c, const char *path, const char *data, int mode, struct answer *given)
{
    struct answer own, *a = fresh(given, &own);

    return wait_for(a, zoo_acreate2(c->handle, path, data, data != NULL ? (int)strlen(data) : -1,
                                    &ZOO_OPEN_ACL_UNSAFE, mode, got_path, a));
}

int do_create_acl(struct client *c, const char *path, const struct ACL_vector *acl)
{
    struct answer own, *a = fresh(NULL, &own);

    return wait_for(a, zoo_acreate2(c->handle, path, "", 0, acl, 0, got_path, a));
}

int do_delete(struct client *c, const char *path, int version)
{
    struct answer own, *a = fresh(NULL, &own);

    return wait_for(a, zoo_adelete(c->handle, path, version, got_nothing, a));
}

int do_set(struct client *c, const char *path, const char *data, int version, struct answer *given)
{
    struct answer own, *a = fresh(given, &own);

    return wait_for(a, zoo_aset(c->handle, path, data, (int)strlen(data), version, got_stat, a));
}

int do_get(struct client *c, const char *path, const char *watcher, struct answer *given)
{
    struct answer own, *a = fresh(given, &own);

    return wait_for(a, zoo_awget(c->handle, path, watcher_fn_of(watcher),
                                 watcher_context(c, watcher), got_data, a));
}

int do_exists(struct client *c, const char *path, const char *watcher, struct answer *given)
{
    struct answer own, *a = fresh(given, &own);

    return wait_for(a, zoo_awexists(c->handle, path, watcher_fn_of(watcher),
                                    watcher_context(c, watcher), got_stat, a));
}

int do_list(struct client *c, const char *path, const char *watcher, struct answer *given)
{
    struct answer own, *a = fresh(given, &own);

    return wait_for(a, zoo_awget_children(c->handle, path, watcher_fn_of(watcher),
                                          watcher_context(c, watcher), got_names, a));
}

int do_check(struct client *c, const char *path, int version)
{
    struct answer own, *a = fresh(NULL, &own);
    zoo_op_result_t result;
    zoo_op_t op;

    zoo_check_op_init(&op, path, version);
    return wait_for(a, zoo_amulti(c->handle, 1, &op, &result, got_nothing, a));
}

int do_sync(struct client *c, const char *path)
{
    struct answer own, *a = fresh(NULL, &own);

    return wait_for(a, zoo_async(c->handle, path, got_string, a));
}

int do_unwatch(struct client *c, const char *path)
{
    struct answer own, *a = fresh(NULL, &own);
    void_completion_t *completion = (void_completion_t *)(uintptr_t)got_nothing;

    return wait_for(a, zoo_aremove_all_watches(c->handle, path, ZWATCHTYPE_ANY, 0, completion, a));
}

int do_multi(struct client *c, int count, const zoo_op_t *ops, zoo_op_result_t *results)
{
    struct answer own, *a = fresh(NULL, &own);

    return wait_for(a, zoo_amulti(c->handle, count, ops, results, got_nothing, a));
}

void begin_exists(struct client *c, const char *path, struct answer *a)
{
    zoo_awexists(c->handle, path, NULL, NULL, got_stat, a);
}

int note_data(struct test *t, struct client *c, const char *path)
{
    struct answer seen;
    int rc = do_get(c, path, NULL, &seen);

    if (rc == ZOK)
        note(t, "it says \"%s\"", seen.data);
    return rc;
}

/* ---- calls that do not ---- */

static void *promise(struct client *c, const char *label)
{
    struct promise *p = &c->promises[c->promise_count++];

    if (c->promise_count > DIARY_MAX)
        abort();
    p->client = c;
    snprintf(p->label, sizeof p->label, "%s", label);
    return p;
}

static void keep(int rc, const void *data)
{
    const struct promise *p = data;

    diary_enter(p->client, "%s: %s", p->label, code_name(rc));
}

static void keep_path(int rc, const char *path, const struct Stat *stat, const void *data)
{
    (void)path;
    (void)stat;
    keep(rc, data);
}

static void keep_stat(int rc, const struct Stat *stat, const void *data)
{
    (void)stat;
    keep(rc, data);
}

static void keep_string(int rc, const char *text, const void *data)
{
    (void)text;
    keep(rc, data);
}

static void keep_data(int rc, const char *value, int length, const struct Stat *stat,
                      const void *data)
{
    (void)value;
    (void)length;
    (void)stat;
    keep(rc, data);
}

static void keep_names(int rc, const struct String_vector *names, const void *data)
{
    const struct promise *p = data;

    if (rc == ZOK)
        diary_enter(p->client, "%s: %d names", p->label, names->count);
    else
        diary_enter(p->client, "%s: %s", p->label, code_name(rc));
}

int later_create(struct client *c, const char *label, const char *path, int mode)
{
    void *p = promise(c, label);

    return zoo_acreate2(c->handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, mode, keep_path, p);
}

int later_delete(struct client *c, const char *label, const char *path)
{
    void *p = promise(c, label);

    return zoo_adelete(c->handle, path, -1, keep, p);
}

int later_set(struct client *c, const char *label, const char *path, const char *data)
{
    void *p = promise(c, label);

    return zoo_aset(c->handle, path, data, (int)strlen(data), -1, keep_stat, p);
}

int later_get(struct client *c, const char *label, const char *path, const char *watcher)
{
    void *p = promise(c, label);

    return zoo_awget(c->handle, path, watcher_fn_of(watcher), watcher_context(c, watcher),
                     keep_data, p);
}

int later_list(struct client *c, const char *label, const char *path)
{
    void *p = promise(c, label);

    return zoo_awget_children(c->handle, path, NULL, NULL, keep_names, p);
}

int later_check(struct client *c, const char *label, const char *path)
{
    void *p = promise(c, label);
    zoo_op_t op;

    zoo_check_op_init(&op, path, -1);
    return zoo_amulti(c->handle, 1, &op, &c->result, keep, p);
}

int later_sync(struct client *c, const char *label, const char *path)
{
    void *p = promise(c, label);

    return zoo_async(c->handle, path, keep_string, p);
}

/* ---- waiting for what others do ---- */

static bool never(void *arg)
{
    (void)arg;
    return false;
}

void wait_long(int ms)
{
    driver_wait(never, NULL, ms);
}

struct place {
    struct client *client;
    const char *path;
    int rc;
};

/* A failed look is no answer. */
static bool looks_so(void *arg)
{
    const struct place *place = arg;

    do_sync(place->client, place->path);
    return do_exists(place->client, place->path, NULL, NULL) == place->rc;
}

bool wait_gone(struct client *c, const char *path)
{
    return driver_wait(looks_so, &(struct place){c, path, ZNONODE}, PATIENCE_MS);
}

bool wait_there(struct client *c, const char *path)
{
    return driver_wait(looks_so, &(struct place){c, path, ZOK}, PATIENCE_MS);
}
