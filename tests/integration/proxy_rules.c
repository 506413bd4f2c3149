/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "proxy_internal.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_FRAME (64u << 20)
#define GREETING 20 /* version, id, length of the address */

static uint32_t be32(const char *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof(n));
    return ntohl(n);
}

static uint64_t read_be64(const char *p)
{
    uint64_t n;

    memcpy(&n, p, sizeof(n));
    return be64toh(n);
}

/* ---- operations ---- */

static enum proxy_op op_of(int32_t type)
{
    static const struct {
        int32_t type;
        enum proxy_op op;
    } ops[] = {
        {1, PROXY_CREATE},
        {2, PROXY_DELETE},
        {3, PROXY_EXISTS},
        {4, PROXY_GET_DATA},
        {5, PROXY_SET_DATA},
        {6, PROXY_GET_ACL},
        {7, PROXY_SET_ACL},
        {8, PROXY_GET_CHILDREN},
        {9, PROXY_SYNC},
        {11, PROXY_PING},
        {12, PROXY_GET_CHILDREN2},
        {14, PROXY_MULTI},
        {15, PROXY_CREATE2},
        {17, PROXY_CHECK_WATCHES},
        {18, PROXY_REMOVE_WATCHES},
        {19, PROXY_CREATE_CONTAINER},
        {21, PROXY_CREATE_TTL},
        {22, PROXY_MULTI_READ},
        {100, PROXY_AUTH},
        {101, PROXY_SET_WATCHES},
        {102, PROXY_SASL},
        {105, PROXY_SET_WATCHES},
        {106, PROXY_ADD_WATCH},
        {-11, PROXY_CLOSE},
    };

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (ops[i].type == type)
            return ops[i].op;
    }
    return PROXY_OTHER;
}

bool op_in(enum proxy_op op, enum proxy_op group)
{
    switch (group) {
    case PROXY_ANY_CREATE:
        return op >= PROXY_CREATE && op <= PROXY_CREATE_TTL;
    case PROXY_ANY_CHILDREN:
        return op == PROXY_GET_CHILDREN || op == PROXY_GET_CHILDREN2;
    case PROXY_ANY:
        return op != PROXY_CONNECT && op != PROXY_PING && op != PROXY_SET_WATCHES &&
               op != PROXY_AUTH && op != PROXY_SASL && op != PROXY_CLOSE &&
               op != PROXY_NOTIFICATION;
    default:
        return op == group;
    }
}

/* ---- expected replies ---- */

static void pending_add(struct conn *c, int32_t xid, enum proxy_op op, int rule)
{
    struct pending *p = malloc(sizeof(*p)), **last = &c->pending;

    if (!p)
        abort();
    *p = (struct pending){.xid = xid, .op = op, .rule = rule};
    while (*last)
        last = &(*last)->next;
    *last = p;
}

static struct pending pending_take(struct conn *c, int32_t xid)
{
    struct pending found = {.op = PROXY_OTHER, .rule = -1};

    for (struct pending **p = &c->pending; *p; p = &(*p)->next) {
        struct pending *this = *p;
        if (this->xid == xid) {
            found = *this;
            *p = this->next;
            free(this);
            break;
        }
    }
    return found;
}

void pending_free(struct conn *c)
{
    while (c->pending) {
        struct pending *next = c->pending->next;
        free(c->pending);
        c->pending = next;
    }
}

/* ---- rules ---- */

static bool rule_sees(const struct rule *r, enum proxy_op op, const char *frame, size_t size)
{
    return !r->cleared && op_in(op, r->what.op) &&
           (!r->containing || memmem(frame, size, r->containing, strlen(r->containing)));
}

/* All rules count the request; the oldest that fits is returned, or -1. */
static int rule_for(struct proxy *p, enum proxy_op op, const char *frame, size_t size)
{
    int found = -1;

    for (int i = 0; i < p->rule_count; i++) {
        struct rule *r = p->rules[i];
        if (!rule_sees(r, op, frame, size))
            continue;
        r->seen++;
        if (found < 0 && r->seen >= r->what.nth && r->acted < r->what.times)
            found = i;
    }
    if (found >= 0)
        p->rules[found]->acted++;
    return found;
}

static bool acts_on_reply(enum proxy_action action)
{
    return action == PROXY_RESET_AFTER || action == PROXY_SILENCE_AFTER ||
           action == PROXY_HOLD_REPLY || action == PROXY_CALL_AFTER || action == PROXY_SPOIL_NAME;
}

/* Without the lock, so that the callback may use the proxy; the connection may be dead after. */
static void call_back(struct proxy *p, const struct proxy_rule *rule)
{
    struct proxy_rule r = *rule;

    if (!r.call)
        return;
    pthread_mutex_unlock(&proxy_lock);
    r.call(p, r.arg);
    pthread_mutex_lock(&proxy_lock);
}

/* length, xid, zxid, error, count, length of the first name: without bytes it is none at all */
static void spoil_name(char *frame, size_t size)
{
    if (size >= 28)
        memset(frame + 24, 0xff, 4);
}

static void act(struct conn *c, struct flow *f, struct rule *r, char *frame, size_t size)
{
    switch (r->what.action) {
    case PROXY_RESET_BEFORE:
    case PROXY_RESET_AFTER:
        conn_reset_client(c);
        break;
    case PROXY_SILENCE_BEFORE:
    case PROXY_SILENCE_AFTER:
        c->silent = true;
        break;
    case PROXY_HOLD_REQUEST:
    case PROXY_HOLD_REPLY:
        flow_push(c, f, frame, size, true);
        break;
    case PROXY_CALL_BEFORE:
    case PROXY_CALL_AFTER:
        call_back(c->proxy, &r->what);
        flow_push(c, f, frame, size, false);
        break;
    case PROXY_SPOIL_NAME:
        spoil_name(frame, size);
        flow_push(c, f, frame, size, false);
        break;
    }
    r->fired++;
}

/* length, version, last zxid, timeout, session, password */
static void forget_session(char *frame, size_t size)
{
    if (size >= 28)
        memset(frame + 20, 0, 8);
}

/* ---- frames: four bytes of length, then so many bytes ---- */

static void take_request(struct conn *c, char *frame, size_t size)
{
    bool connect = !c->up.greeted;
    int32_t xid = connect || size < 8 ? 0 : (int32_t)be32(frame + 4);
    enum proxy_op op = connect     ? PROXY_CONNECT
                       : size < 12 ? PROXY_OTHER
                                   : op_of((int32_t)be32(frame + 8));
    struct proxy *p = c->proxy;
    int rule = rule_for(p, op, frame, size);
    bool later = rule >= 0 && acts_on_reply(p->rules[rule]->what.action);

    if (connect && p->forgetful)
        forget_session(frame, size);
    c->up.greeted = true;
    p->requests[op]++;
    pending_add(c, xid, op, later ? rule : -1);
    if (rule >= 0 && !later)
        act(c, &c->up, p->rules[rule], frame, size);
    else
        flow_push(c, &c->up, frame, size, false);
}

static void remember(struct proxy *p, const struct proxy_session *s)
{
    int old = 0;

    while (old < p->session_count && p->sessions[old].id != s->id)
        old++;
    if (old == p->session_count && old == MAX_SESSIONS)
        old = 0;
    else if (old == p->session_count)
        p->session_count++;
    for (; old + 1 < p->session_count; old++)
        p->sessions[old] = p->sessions[old + 1];
    p->sessions[old] = *s;
}

/* version, timeout, session id, password; a refused session has neither timeout nor id */
static void note_session(struct proxy *p, const char *frame, size_t size)
{
    struct proxy_session s;

    if (size < 4 + 20 + sizeof(s.password) || be32(frame + 20) != sizeof(s.password))
        return;
    s.timeout_ms = (int)be32(frame + 8);
    s.id = (int64_t)read_be64(frame + 12);
    memcpy(s.password, frame + 24, sizeof(s.password));
    if (s.id != 0 && s.timeout_ms > 0)
        remember(p, &s);
}

static void take_reply(struct conn *c, char *frame, size_t size)
{
    bool connect = !c->down.greeted;
    int32_t xid = connect || size < 8 ? 0 : (int32_t)be32(frame + 4);
    struct pending reply = {.op = PROXY_NOTIFICATION, .rule = -1};
    struct proxy *p = c->proxy;

    c->down.greeted = true;
    if (xid != -1)
        reply = pending_take(c, xid);
    if (connect)
        note_session(p, frame, size);
    p->replies[reply.op]++;
    if (reply.rule >= 0 && !p->rules[reply.rule]->cleared)
        act(c, &c->down, p->rules[reply.rule], frame, size);
    else
        flow_push(c, &c->down, frame, size, false);
}

/* A four letter word, say. It is no frame, nor is the answer. */
static void become_raw(struct conn *c, struct flow *f)
{
    c->up.raw = c->down.raw = true;
    flow_push(c, f, f->part, f->part_size, false);
    f->part_size = 0;
}

static void take_frames(struct conn *c, struct flow *f)
{
    size_t at = 0;

    while (!c->dead && c->client.fd >= 0 && f->part_size - at >= 4) {
        size_t size = 4 + (size_t)be32(f->part + at);
        if (size > LONGEST_FRAME) {
            become_raw(c, f);
            return;
        }
        if (f->part_size - at < size)
            break;
        if (f == &c->up)
            take_request(c, f->part + at, size);
        else
            take_reply(c, f->part + at, size);
        at += size;
    }
    f->part_size -= at;
    memmove(f->part, f->part + at, f->part_size);
}

/*
 * Who opens an election link tells its own address, and the receiver may hang up and call back
 * there: past all proxies. In the older form of the greeting there is no address, just the id;
 * then the receiver looks it up in its configuration, which names a proxy (quorum.c).
 */
static void take_greeting(struct conn *c, struct flow *f)
{
    size_t size = GREETING;

    if (f->part_size < 8)
        return;
    if ((int64_t)read_be64(f->part) < 0) {
        if (f->part_size < size || f->part_size < size + be32(f->part + 16))
            return;
        size += be32(f->part + 16);
        flow_push(c, f, f->part + 8, 8, false);
        flow_push(c, f, f->part + size, f->part_size - size, false);
    } else {
        flow_push(c, f, f->part, f->part_size, false);
    }
    f->raw = true;
    f->part_size = 0;
}

static void append(struct flow *f, const char *data, size_t size)
{
    if (f->part_size + size > f->part_room) {
        f->part_room = 2 * (f->part_size + size);
        f->part = realloc(f->part, f->part_room);
        if (!f->part)
            abort();
    }
    memcpy(f->part + f->part_size, data, size);
    f->part_size += size;
}

void frames_receive(struct conn *c, struct flow *f, const char *data, size_t size)
{
    if (f->raw) {
        flow_push(c, f, data, size, false);
        return;
    }
    append(f, data, size);
    if (c->proxy->protocol == PROXY_ELECTION)
        take_greeting(c, f);
    else
        take_frames(c, f);
}
