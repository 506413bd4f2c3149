/* SPDX-License-Identifier: Apache-2.0 */
#include "contract.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXTRAS 8

static struct line *lines[EXTRAS];
static struct client *clients[EXTRAS];
static int line_count, client_count;

/* ---- notes ---- */

void note(struct test *t, const char *format, ...)
{
    char line[256];
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    length = strlen(line);
    line[length++] = '\n';
    if (t->length + length >= t->size) {
        t->size = 2 * t->size + sizeof line;
        t->text = realloc(t->text, t->size);
        if (t->text == NULL)
            abort();
    }
    memcpy(t->text + t->length, line, length);
    t->length += length;
    t->text[t->length] = '\0';
}

const char *code_name(int rc)
{
    static const struct {
        int rc;
        const char *name;
    } names[] = {
        {ZOK, "ok"},
        {ZSYSTEMERROR, "system error"},
        {ZRUNTIMEINCONSISTENCY, "inconsistency"},
        {ZCONNECTIONLOSS, "connection loss"},
        {ZMARSHALLINGERROR, "marshalling error"},
        {ZUNIMPLEMENTED, "unimplemented"},
        {ZOPERATIONTIMEOUT, "operation timeout"},
        {ZBADARGUMENTS, "bad arguments"},
        {ZINVALIDSTATE, "invalid state"},
        {ZNONODE, "no node"},
        {ZNOAUTH, "no auth"},
        {ZBADVERSION, "bad version"},
        {ZNOCHILDRENFOREPHEMERALS, "no children for ephemerals"},
        {ZNODEEXISTS, "node exists"},
        {ZNOTEMPTY, "not empty"},
        {ZSESSIONEXPIRED, "session expired"},
        {ZINVALIDACL, "invalid acl"},
        {ZAUTHFAILED, "auth failed"},
        {ZCLOSING, "closing"},
        {ZSESSIONMOVED, "session moved"},
        {ZNOWATCHER, "no watcher"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].rc == rc)
            return names[i].name;
    return "another code";
}

const char *at(struct test *t, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s%s%s", t->root, *name != '\0' ? "/" : "", name);
    return path;
}

/* ---- running ---- */

struct line *a_line(struct test *t, int server)
{
    (void)t;
    if (line_count == EXTRAS)
        abort();
    return lines[line_count++] = line_open(server);
}

static struct client *connected(struct test *t, struct line *line, int timeout_ms)
{
    struct client *c = client_new(line, timeout_ms, NULL);

    if (!client_wait_state(c, ZOO_CONNECTED_STATE))
        note(t, "a client does not connect");
    return c;
}

struct client *a_client(struct test *t, struct line *line, int timeout_ms)
{
    if (client_count == EXTRAS)
        abort();
    return clients[client_count++] = connected(t, line, timeout_ms);
}

/* Names go into paths: spaces would be a nuisance. */
static void make_root(struct test *t)
{
    snprintf(t->root, sizeof t->root, "/%s", t->name);
    for (char *c = t->root; *c != '\0'; c++)
        if (*c == ' ' || *c == ',')
            *c = '-';
    if (do_create(t->own, t->root, "", 0, NULL) != ZOK)
        note(t, "%s cannot be created", t->root);
}

static void end_extras(void)
{
    for (int i = 0; i < line_count; i++)
        line_set(lines[i], LINE_FINE);
    while (client_count > 0)
        client_close(clients[--client_count]);
    while (line_count > 0)
        line_close(lines[--line_count]);
}

char *contract_run(const struct contract *c, bool ensemble)
{
    struct test t = {.name = c->name, .ensemble = ensemble};

    note(&t, "== %s", c->name);
    t.line = line_open(driver_leader()); /* both see at once what either does */
    t.own = connected(&t, t.line, STEADY_MS);
    t.other = connected(&t, t.line, STEADY_MS);
    make_root(&t);
    c->run(&t);
    end_extras();
    driver_heal();
    driver_wait_serving();
    client_close(t.other);
    client_close(t.own);
    line_close(t.line);
    return t.text;
}
