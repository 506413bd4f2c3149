/* SPDX-License-Identifier: Apache-2.0 */
#include "pretend.h"
#include "core/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void pretend_addresses(struct pretend *pretend, const char *hosts)
{
    struct server_list list;
    const char *why;
    char *chroot;

    assert_int_equal(nodes_parse(hosts, &list, &chroot, &why), 0);
    assert_int_equal(endpoints_set(&pretend->core.endpoints, &list), 0);
    nodes_clear(&list);
}

void pretend_init(struct pretend *pretend)
{
    memset(pretend, 0, sizeof *pretend);
    core_init(&pretend->core, 1);
    suspicion_init(&pretend->suspicion, &pretend->core);
    pretend->core.now = 1000 * SECOND;
    pretend_addresses(pretend, "10.0.0.1");
    session_init(&pretend->session, &pretend->core, &pretend->suspicion, 10000);
    session_start(&pretend->session);
}

static void answer_held(struct pretend *pretend, enum answer code)
{
    for (size_t i = 0; i < pretend->held_count; i++) {
        struct reply reply = {.answer = code, .hung_up = code == ANSWER_LOST};
        request_answered(pretend->held[i], &reply);
    }
    pretend->held_count = 0;
}

static void serve_wishes(struct pretend *pretend);

void pretend_free(struct pretend *pretend)
{
    session_stop(&pretend->session);
    answer_held(pretend, ANSWER_LOST);
    serve_wishes(pretend);
    core_run_timers(&pretend->core);
    endpoints_clear(&pretend->core.endpoints);
    map_clear(&pretend->session.watches);
    while (pretend->count > 0)
        free(pretend->nodes[--pretend->count].path);
}

/* The connection that a test means when it names none. */
struct connection *pretend_connection(struct pretend *pretend)
{
    struct dial *dial = &pretend->session.dial;
    struct list *last = dial->connections.previous;

    if (dial->current != NULL && !dial->current->close_wanted &&
        dial->current->state != CONNECTION_ABANDONED)
        return dial->current;
    assert_ptr_not_equal(last, &dial->connections);
    return container_of(last, struct connection, link);
}

static void end_handle(struct pretend *pretend, struct connection *connection)
{
    if (connection == pretend->session.dial.current) {
        pretend->connected = false;
        answer_held(pretend, ANSWER_LOST);
    }
    pretend->closed++;
    connection_closed(connection);
}

static void serve_connection(struct pretend *pretend, struct connection *connection, bool look)
{
    if (connection->close_wanted) {
        end_handle(pretend, connection);
        return;
    }
    if (connection->state == CONNECTION_WANTED) {
        pretend->opened++;
        connection_opened(connection, pretend);
    }
    if (connection->own_wanted && pretend->disowned_for_good)
        connection_not_owned(connection);
    connection->disown_wanted = connection->own_wanted = false;
    if (look)
        connection_seen(connection, pretend->sight);
}

/* What the client would do for the core. */
static void serve_wishes(struct pretend *pretend)
{
    struct dial *dial = &pretend->session.dial;
    bool look = dial->look_wanted;

    dial->look_wanted = false;
    list_remove(&pretend->session.attention);
    if (dial->names_wanted)
        pretend->names_asked++;
    if (dial->names_wanted)
        dial_names_changed(dial);
    dial->names_wanted = false;
    for (struct list *link = dial->connections.next, *next; link != &dial->connections;
         link = next) {
        next = link->next;
        serve_connection(pretend, container_of(link, struct connection, link), look);
    }
}

void pretend_connect_to(struct pretend *pretend, struct connection *connection, int64_t id)
{
    static const char password[SESSION_PASSWORD] = "secret";

    pretend->connected = true;
    session_connected_event(&pretend->session, connection, id, password, 10000);
}

void pretend_connect(struct pretend *pretend, int64_t id)
{
    pretend_run(pretend);
    while (list_empty(&pretend->session.dial.connections))
        pretend_pass(pretend, SECOND / 10); /* after an expiry it comes back later */
    pretend_connect_to(pretend, pretend_connection(pretend), id);
    pretend_run(pretend);
}

void pretend_disconnect(struct pretend *pretend)
{
    pretend->connected = false;
    session_disconnected_event(&pretend->session, pretend_connection(pretend));
    answer_held(pretend, ANSWER_LOST);
    pretend_run(pretend);
}

void pretend_expire(struct pretend *pretend)
{
    int64_t id = pretend->session.id;

    for (size_t i = pretend->count; i-- > 0;)
        if (pretend->nodes[i].owner == id && id != 0)
            pretend_remove(pretend, pretend->nodes[i].path);
    session_expired_event(&pretend->session, pretend_connection(pretend));
    pretend_run(pretend);
}

struct pretend_node *pretend_find(struct pretend *pretend, const char *path)
{
    for (size_t i = 0; i < pretend->count; i++)
        if (strcmp(pretend->nodes[i].path, path) == 0)
            return &pretend->nodes[i];
    return NULL;
}

static bool is_child(const char *path, const char *parent)
{
    size_t length = strlen(parent);

    return strncmp(path, parent, length) == 0 && path[length] == '/' &&
           strchr(path + length + 1, '/') == NULL;
}

size_t pretend_children(struct pretend *pretend, const char *parent)
{
    size_t count = 0;

    for (size_t i = 0; i < pretend->count; i++)
        count += is_child(pretend->nodes[i].path, parent);
    return count;
}

struct pretend_node *pretend_add(struct pretend *pretend, const char *path, int64_t owner)
{
    struct pretend_node *node = &pretend->nodes[pretend->count++];

    assert_true(pretend->count < PRETEND_NODES);
    memset(node, 0, sizeof *node);
    node->path = strdup(path);
    node->czxid = node->mzxid = ++pretend->zxid;
    node->owner = owner;
    return node;
}

void pretend_remove(struct pretend *pretend, const char *path)
{
    struct pretend_node *node = pretend_find(pretend, path);
    struct pretend_node gone;

    assert_non_null(node);
    gone = *node;
    *node = pretend->nodes[--pretend->count];
    pretend->zxid++;
    if (gone.watched && pretend->connected)
        watches_fire(&pretend->session.watches, gone.path, WATCH_DELETED);
    free(gone.path);
}

void pretend_write(struct pretend *pretend, const char *path, const char *text)
{
    struct pretend_node *node = pretend_find(pretend, path);
    bool watched;

    assert_non_null(node);
    node->mzxid = ++pretend->zxid;
    node->length = strlen(text);
    assert_true(node->length < sizeof node->data);
    memcpy(node->data, text, node->length);
    watched = node->watched;
    node->watched = watched && !pretend->connected;
    if (watched && pretend->connected)
        watches_fire(&pretend->session.watches, path, WATCH_CHANGED);
}

struct place *pretend_place(const char *parent, const void *data, size_t length)
{
    struct place *place = place_new(parent, NULL, data, length);

    if (place != NULL)
        place_set(place, ZKC_DIALECT_LOCK, MODE_ALONE, &rule_queue);
    return place;
}

void pretend_fail(struct pretend *pretend, enum verb verb, enum pretend_fault fault, int skip)
{
    pretend->fault = fault;
    pretend->fault_verb = verb;
    pretend->fault_skip = skip;
}

void pretend_answer(struct pretend *pretend, enum verb verb, enum answer answer)
{
    pretend_fail(pretend, verb, PRETEND_ANSWER, 0);
    pretend->fault_answer = answer;
}

/* ---- operations ---- */

struct outcome {
    struct reply reply;
    struct node_stat stat;
    char path[512];
    const char *names[PRETEND_NODES];
};

static void create(struct pretend *pretend, const struct request *request, struct outcome *out)
{
    char parent[512];
    struct pretend_node *node;

    snprintf(parent, sizeof parent, "%.*s", (int)path_parent_length(request->path), request->path);
    if (parent[0] != '\0' && pretend_find(pretend, parent) == NULL) {
        out->reply.answer = ANSWER_NO_NODE;
        return;
    }
    if (request->verb == VERB_CREATE_CONTENDER)
        snprintf(out->path, sizeof out->path, "%s%010d", request->path, (int)pretend->sequence++);
    else
        snprintf(out->path, sizeof out->path, "%s", request->path);
    if (pretend_find(pretend, out->path) != NULL) {
        out->reply.answer = ANSWER_NODE_EXISTS;
        return;
    }
    node = pretend_add(pretend, out->path,
                       request->verb == VERB_CREATE_CONTENDER ? pretend->session.id : 0);
    out->stat.czxid = node->czxid;
    out->stat.owner = node->owner;
    out->reply.path = out->path;
}

static void read_node(struct pretend *pretend, const struct request *request, struct outcome *out)
{
    struct pretend_node *node = pretend_find(pretend, request->path);

    if (node == NULL) {
        out->reply.answer = strcmp(request->path, "/") == 0 ? ANSWER_OK : ANSWER_NO_NODE;
        return;
    }
    if (request->watch)
        node->watched = true;
    out->stat.czxid = node->czxid;
    out->stat.mzxid = node->mzxid;
    out->stat.owner = node->owner;
    out->reply.data = node->data;
    out->reply.length = node->length;
}

/* As a multi: all of them, or the first that fails. */
static void check(struct pretend *pretend, const struct request *request, struct outcome *out)
{
    struct request one = *request;

    do {
        read_node(pretend, &one, out);
        one.path += strlen(one.path) + 1;
    } while (out->reply.answer == ANSWER_OK && ++out->reply.failed < request->count);
}

static void children(struct pretend *pretend, const struct request *request, struct outcome *out)
{
    if (pretend_find(pretend, request->path) == NULL) {
        out->reply.answer = ANSWER_NO_NODE;
        return;
    }
    if (request->watch)
        pretend->children_watched = true;
    for (size_t i = 0; i < pretend->count; i++)
        if (is_child(pretend->nodes[i].path, request->path))
            out->names[out->reply.count++] = strrchr(pretend->nodes[i].path, '/') + 1;
    out->reply.names = out->names;
}

static void apply(struct pretend *pretend, const struct request *request, struct outcome *out)
{
    switch (request->verb) {
    case VERB_CREATE_CONTENDER:
    case VERB_CREATE_CONTAINER:
    case VERB_CREATE_PLAIN:
        create(pretend, request, out);
        break;
    case VERB_DELETE:
        if (pretend_find(pretend, request->path) == NULL)
            out->reply.answer = ANSWER_NO_NODE;
        else
            pretend_remove(pretend, request->path);
        break;
    case VERB_CHILDREN:
        children(pretend, request, out);
        break;
    case VERB_CHECK:
        check(pretend, request, out);
        break;
    case VERB_SYNC:
        break;
    case VERB_UNWATCH:
        if (pretend_find(pretend, request->path) != NULL)
            pretend_find(pretend, request->path)->watched = false;
        break;
    default:
        read_node(pretend, request, out);
        break;
    }
}

static bool meets_fault(struct pretend *pretend, const struct request *request)
{
    return pretend->fault != PRETEND_NONE && request->verb == pretend->fault_verb &&
           pretend->fault_skip-- == 0;
}

static void lose(struct pretend *pretend, struct request *request)
{
    struct reply lost = {.answer = ANSWER_LOST, .hung_up = true};

    pretend->connected = false;
    session_disconnected_event(&pretend->session, pretend_connection(pretend));
    request_answered(request, &lost);
}

/* No server decides these: see zk_decided(). */
static bool decides(enum answer answer)
{
    return answer != ANSWER_LOST && answer != ANSWER_EXPIRED && answer != ANSWER_REFUSED &&
           answer != ANSWER_NO_MEMORY;
}

static void serve(struct pretend *pretend, struct request *request)
{
    struct outcome out;
    enum pretend_fault fault = PRETEND_NONE;

    memset(&out, 0, sizeof out);
    out.reply.stat = &out.stat;
    out.reply.decided = true;
    pretend->asked[request->verb]++;
    if (meets_fault(pretend, request)) {
        fault = pretend->fault;
        pretend->fault = PRETEND_NONE;
    }
    if (pretend->unknown[request->verb])
        fault = PRETEND_LOSE_BEFORE;
    if (fault == PRETEND_ANSWER) {
        out.reply.answer = pretend->fault_answer;
        out.reply.decided = decides(pretend->fault_answer);
    } else if (fault != PRETEND_LOSE_BEFORE) {
        apply(pretend, request, &out);
        out.reply.proof = request->verb <= VERB_CHECK;
        out.reply.led = request->verb <= VERB_SYNC;
    }
    if (fault == PRETEND_LOSE_BEFORE || fault == PRETEND_LOSE_AFTER)
        lose(pretend, request);
    else
        request_answered(request, &out.reply);
}

void pretend_run(struct pretend *pretend)
{
    struct request *request;

    do {
        core_run_timers(&pretend->core);
        serve_wishes(pretend);
        request = session_next_request(&pretend->session);
        if (request == NULL)
            continue;
        if (pretend->deaf)
            pretend->held[pretend->held_count++] = request;
        else if (!pretend->connected)
            lose(pretend, request);
        else
            serve(pretend, request);
    } while (request != NULL || core_next_timer(&pretend->core) <= pretend->core.now ||
             !list_empty(&pretend->session.attention));
}

void pretend_hear(struct pretend *pretend)
{
    size_t count = pretend->held_count;

    pretend->deaf = false;
    pretend->held_count = 0;
    for (size_t i = 0; i < count; i++)
        serve(pretend, pretend->held[i]);
    pretend_run(pretend);
}

void pretend_pass(struct pretend *pretend, int64_t ns)
{
    int64_t end = pretend->core.now + ns;

    while (pretend->core.now < end) {
        int64_t next = core_next_timer(&pretend->core);
        pretend->core.now =
            next < end ? (next > pretend->core.now ? next : pretend->core.now) : end;
        pretend_run(pretend);
    }
}
