/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "proxy_internal.h"

#include "harness.h"
#include "ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- life ---- */

struct proxy *proxy_start_as(const char *target, enum proxy_protocol protocol)
{
    struct proxy *p = calloc(1, sizeof(*p));
    uint16_t port = 0;

    if (!p)
        return NULL;
    p->source.kind = LISTENER;
    p->protocol = protocol;
    p->listener = port_reserve(&port);
    snprintf(p->address, sizeof(p->address), "127.0.0.1:%u", port);
    snprintf(p->target, sizeof(p->target), "%s", target);
    if (p->listener >= 0 && engine_add(p))
        return p;
    if (p->listener >= 0)
        close(p->listener);
    free(p);
    return NULL;
}

struct proxy *proxy_start(const char *target)
{
    return proxy_start_as(target, PROXY_CLIENT);
}

void proxy_stop(struct proxy *p)
{
    if (!p)
        return;
    engine_remove(p);
    for (int i = 0; i < p->rule_count; i++) {
        free(p->rules[i]->containing);
        free(p->rules[i]);
    }
    free(p->rules);
    free(p);
}

const char *proxy_address(const struct proxy *p)
{
    return p->address;
}

/* ---- what all calls share ---- */

static void begin(void)
{
    pthread_mutex_lock(&proxy_lock);
}

/* The thread looks at everything again, now that something has changed. */
static void end(void)
{
    engine_poke();
    pthread_cond_broadcast(&proxy_changed);
    pthread_mutex_unlock(&proxy_lock);
}

struct wait {
    struct proxy *proxy;
    enum proxy_op op;
    int rule;
    unsigned n;
};

static bool wait_for(bool (*met)(const struct wait *w), const struct wait *w, int64_t deadline)
{
    struct timespec until = deadline_timespec(deadline);
    bool ok;

    begin();
    while (!(ok = met(w)) && !deadline_passed(deadline))
        pthread_cond_timedwait(&proxy_changed, &proxy_lock, &until);
    pthread_mutex_unlock(&proxy_lock);
    return ok;
}

/* ---- modes ---- */

void proxy_set_target(struct proxy *p, const char *target)
{
    begin();
    snprintf(p->target, sizeof(p->target), "%s", target);
    end();
}

void proxy_set_mode(struct proxy *p, enum proxy_mode mode)
{
    begin();
    p->mode = mode;
    for (struct conn *c = p->conns; c && mode != PROXY_IGNORE_NEW; c = c->next)
        c->parked = false;
    end();
}

void proxy_refuse(struct proxy *p, bool refuse)
{
    begin();
    if (p->refusing != refuse)
        engine_listen(p, !refuse);
    p->refusing = refuse;
    end();
}

void proxy_forget_sessions(struct proxy *p, bool forget)
{
    begin();
    p->forgetful = forget;
    end();
}

void proxy_reset_all(struct proxy *p)
{
    begin();
    for (struct conn *c = p->conns; c; c = c->next)
        conn_abort(c);
    end();
}

void proxy_set_delay(struct proxy *p, int to_server_ms, int to_client_ms)
{
    begin();
    p->delay_up = (int64_t)to_server_ms * 1000000;
    p->delay_down = (int64_t)to_client_ms * 1000000;
    end();
}

/* ---- rules ---- */

int proxy_add(struct proxy *p, struct proxy_rule what)
{
    struct rule *r = calloc(1, sizeof(*r)), **more;
    int number;

    what.nth = what.nth ? what.nth : 1;
    what.times = what.times ? what.times : 1;
    begin();
    number = p->rule_count++;
    more = realloc(p->rules, (size_t)p->rule_count * sizeof(*more));
    if (!r || !more)
        abort();
    r->what = what;
    r->containing = what.containing ? strdup(what.containing) : NULL;
    p->rules = more;
    p->rules[number] = r;
    end();
    return number;
}

int proxy_on(struct proxy *p, enum proxy_op op, unsigned nth, enum proxy_action action)
{
    return proxy_add(p, (struct proxy_rule){.op = op, .nth = nth, .action = action});
}

void proxy_clear_rules(struct proxy *p)
{
    begin();
    for (int i = 0; i < p->rule_count; i++)
        p->rules[i]->cleared = true;
    end();
}

static bool has_fired(const struct wait *w)
{
    return w->proxy->rules[w->rule]->fired > 0;
}

unsigned proxy_fired(struct proxy *p, int rule)
{
    unsigned n;

    begin();
    n = p->rules[rule]->fired;
    end();
    return n;
}

bool proxy_wait_fired(struct proxy *p, int rule, int64_t deadline)
{
    return wait_for(has_fired, &(struct wait){.proxy = p, .rule = rule}, deadline);
}

static void let_go(struct flow *f)
{
    for (struct chunk *k = f->first; k; k = k->next)
        k->held = false;
}

void proxy_release(struct proxy *p)
{
    begin();
    for (struct conn *c = p->conns; c; c = c->next) {
        let_go(&c->up);
        let_go(&c->down);
    }
    end();
}

/* ---- counters ---- */

static unsigned sum(const unsigned counters[PROXY_OPS], enum proxy_op group)
{
    unsigned n = 0;

    for (int op = 0; op < PROXY_OPS; op++)
        n += op_in((enum proxy_op)op, group) ? counters[op] : 0;
    return n;
}

unsigned proxy_requests(struct proxy *p, enum proxy_op op)
{
    unsigned n;

    begin();
    n = sum(p->requests, op);
    pthread_mutex_unlock(&proxy_lock);
    return n;
}

unsigned proxy_replies(struct proxy *p, enum proxy_op op)
{
    unsigned n;

    begin();
    n = sum(p->replies, op);
    pthread_mutex_unlock(&proxy_lock);
    return n;
}

void proxy_reset_counters(struct proxy *p)
{
    begin();
    memset(p->requests, 0, sizeof(p->requests));
    memset(p->replies, 0, sizeof(p->replies));
    end();
}

static bool enough_requests(const struct wait *w)
{
    return sum(w->proxy->requests, w->op) >= w->n;
}

static bool enough_replies(const struct wait *w)
{
    return sum(w->proxy->replies, w->op) >= w->n;
}

bool proxy_wait_requests(struct proxy *p, enum proxy_op op, unsigned n, int64_t deadline)
{
    return wait_for(enough_requests, &(struct wait){.proxy = p, .op = op, .n = n}, deadline);
}

bool proxy_wait_replies(struct proxy *p, enum proxy_op op, unsigned n, int64_t deadline)
{
    return wait_for(enough_replies, &(struct wait){.proxy = p, .op = op, .n = n}, deadline);
}

static unsigned open_now(const struct proxy *p)
{
    unsigned n = 0;

    for (struct conn *c = p->conns; c; c = c->next)
        n += !c->dead && c->client.fd >= 0 && !c->up.ended;
    return n;
}

unsigned proxy_open(struct proxy *p)
{
    unsigned n;

    begin();
    n = open_now(p);
    pthread_mutex_unlock(&proxy_lock);
    return n;
}

unsigned proxy_accepted(struct proxy *p)
{
    unsigned n;

    begin();
    n = p->accepted;
    pthread_mutex_unlock(&proxy_lock);
    return n;
}

static bool that_many_open(const struct wait *w)
{
    return open_now(w->proxy) == w->n;
}

static bool enough_accepted(const struct wait *w)
{
    return w->proxy->accepted >= w->n;
}

bool proxy_wait_open(struct proxy *p, unsigned n, int64_t deadline)
{
    return wait_for(that_many_open, &(struct wait){.proxy = p, .n = n}, deadline);
}

bool proxy_wait_accepted(struct proxy *p, unsigned n, int64_t deadline)
{
    return wait_for(enough_accepted, &(struct wait){.proxy = p, .n = n}, deadline);
}

/* ---- sessions ---- */

bool proxy_last_session(struct proxy *p, struct proxy_session *session)
{
    bool any;

    begin();
    any = p->session_count > 0;
    if (any)
        *session = p->sessions[p->session_count - 1];
    pthread_mutex_unlock(&proxy_lock);
    return any;
}

int proxy_sessions(struct proxy *p, struct proxy_session *sessions, int max)
{
    int n;

    begin();
    n = p->session_count;
    for (int i = 0; i < n && i < max; i++)
        sessions[i] = p->sessions[i];
    pthread_mutex_unlock(&proxy_lock);
    return n;
}
