/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "proxy_internal.h"

#include "harness.h"
#include "ports.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64

pthread_mutex_t proxy_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t proxy_changed;

static pthread_mutex_t life_lock = PTHREAD_MUTEX_INITIALIZER; /* starting and ending the thread */
static pthread_t thread;
static struct proxy *proxies; /* by proxy_lock */
static bool ending;
static int epoll_fd = -1, poke_fd = -1;

/* When the last sweep began: what was due then is done, what was not needs a timeout. */
static int64_t swept;

/* ---- sockets ---- */

/*
 * A process that the test has forked may hold a copy of the socket. Then close() alone would
 * neither end the connection nor take it out of the epoll set.
 */
static void close_fd(int *fd, bool reset)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    if (*fd < 0)
        return;
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, *fd, NULL);
    if (reset)
        (void)connect(*fd, &nowhere, sizeof(nowhere)); /* sends an RST */
    else
        shutdown(*fd, SHUT_RDWR);
    close(*fd);
    *fd = -1;
}

static void watch(int fd, uint32_t *registered, uint32_t wanted, struct source *source)
{
    struct epoll_event e = {.events = wanted, .data.ptr = source};
    int op = !wanted ? EPOLL_CTL_DEL : *registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (fd < 0 || *registered == wanted)
        return;
    epoll_ctl(epoll_fd, op, fd, &e);
    *registered = wanted;
}

void engine_listen(struct proxy *p, bool on)
{
    uint32_t registered = on ? 0 : EPOLLIN;

    /* Shut down, the socket refuses connections but keeps its port, and can listen again. */
    if (on)
        listen(p->listener, 128);
    else
        shutdown(p->listener, SHUT_RD);
    watch(p->listener, &registered, on ? EPOLLIN : 0, &p->source);
}

void engine_poke(void)
{
    eventfd_write(poke_fd, 1);
}

/* ---- flows ---- */

static void flow_clear(struct flow *f)
{
    while (f->first) {
        struct chunk *next = f->first->next;
        free(f->first);
        f->first = next;
    }
    f->last = &f->first;
    f->queued = 0;
}

static int64_t due_now(struct conn *c, struct flow *f)
{
    return now_ns() + (f == &c->up ? c->proxy->delay_up : c->proxy->delay_down);
}

void flow_push(struct conn *c, struct flow *f, const char *data, size_t size, bool held)
{
    struct chunk *k;

    if (size == 0 || c->silent || c->dead)
        return;
    k = malloc(sizeof(*k) + size);
    if (!k)
        abort();
    *k = (struct chunk){.due = due_now(c, f), .held = held, .size = size};
    memcpy(k->data, data, size);
    *f->last = k;
    f->last = &k->next;
    f->queued += size;
}

/* Does the mode keep this flow back? */
static bool kept_back(const struct conn *c, const struct flow *f)
{
    enum proxy_mode mode = c->proxy->mode;

    return c->parked || mode == PROXY_BLACKHOLE ||
           mode == (f == &c->up ? PROXY_BLACKHOLE_TO_SERVER : PROXY_BLACKHOLE_TO_CLIENT);
}

static void drop_first(struct flow *f)
{
    struct chunk *k = f->first;

    f->queued -= k->size;
    f->first = k->next;
    if (!f->first)
        f->last = &f->first;
    free(k);
}

/* Sends what may be sent. */
static void flow_send(struct conn *c, struct flow *f, struct side *to, int64_t now)
{
    while (f->first && !kept_back(c, f) && !f->first->held && f->first->due <= now) {
        struct chunk *k = f->first;
        ssize_t n = to->fd < 0 ? -1
                               : send(to->fd, k->data + k->sent, k->size - k->sent,
                                      MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && to->fd >= 0 && (errno == EAGAIN || errno == EINTR)) {
            to->blocked = true;
            return;
        }
        if (n < 0) { /* the receiver is gone: reading from it tells the sender in due course */
            flow_clear(f);
            return;
        }
        k->sent += (size_t)n;
        if (k->sent == k->size)
            drop_first(f);
    }
}

/* Tells the receiver that the sender has closed, once all its bytes are delivered. */
static void flow_end(struct conn *c, struct flow *f, struct side *to)
{
    if (!f->ended || f->first || c->silent || kept_back(c, f) || swept < f->end_due)
        return;
    if (f->aborted) {
        conn_abort(c);
    } else if (!to->shut && to->fd >= 0) {
        shutdown(to->fd, SHUT_WR);
        to->shut = true;
    }
}

static void flow_stop(struct conn *c, struct flow *f, bool aborted)
{
    f->ended = true;
    f->aborted = aborted;
    f->end_due = due_now(c, f);
}

/* ---- connections ---- */

static void conn_bury(struct conn *c, bool reset)
{
    close_fd(&c->client.fd, reset);
    close_fd(&c->server.fd, reset);
    flow_clear(&c->up);
    flow_clear(&c->down);
    c->dead = true;
}

void conn_abort(struct conn *c)
{
    conn_bury(c, true);
}

void conn_reset_client(struct conn *c)
{
    flow_send(c, &c->down, &c->client, now_ns());
    close_fd(&c->client.fd, true);
    flow_clear(&c->down);
    flow_stop(c, &c->up, false);
}

/* Opens the way to the server, later if the mode forbids it now. */
static void conn_open_server(struct conn *c)
{
    if (c->server.fd >= 0 || c->down.ended || c->silent || kept_back(c, &c->up))
        return;
    if (c->up.ended) { /* the client has given up: on a real link nothing would have come */
        conn_bury(c, false);
        return;
    }
    c->server.fd = port_connect(c->proxy->target);
    c->server.connecting = true;
    if (c->server.fd < 0)
        conn_abort(c);
}

static uint32_t wanted_events(const struct flow *out_of, const struct side *s)
{
    uint32_t e = s->connecting || s->blocked ? EPOLLOUT : 0;

    if (!out_of->ended && out_of->queued < MAX_QUEUED && !s->connecting)
        e |= EPOLLIN;
    return e;
}

/* Both ends have closed it, and nothing more can be delivered. */
static bool conn_is_over(const struct conn *c)
{
    bool all_delivered = !c->down.first || c->client.fd < 0;

    return c->up.ended && c->down.ended && (all_delivered || kept_back(c, &c->down));
}

/* Does whatever the state and the time allow. */
static void conn_pump(struct conn *c)
{
    conn_open_server(c);
    if (c->dead)
        return;
    if (!c->server.connecting && c->server.fd >= 0)
        flow_send(c, &c->up, &c->server, swept);
    flow_send(c, &c->down, &c->client, swept);
    if (!c->server.connecting)
        flow_end(c, &c->up, &c->server);
    if (!c->dead)
        flow_end(c, &c->down, &c->client);
    if (!c->dead && conn_is_over(c))
        conn_bury(c, false);
    if (c->dead)
        return;
    watch(c->client.fd, &c->client.events, wanted_events(&c->up, &c->client), &c->client.source);
    watch(c->server.fd, &c->server.events, wanted_events(&c->down, &c->server), &c->server.source);
}

static void conn_accept(struct proxy *p, int fd)
{
    struct conn *c = calloc(1, sizeof(*c));
    int on = 1;

    if (!c)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->proxy = p;
    c->client = (struct side){.source.kind = SIDE, .conn = c, .fd = fd};
    c->server = (struct side){.source.kind = SIDE, .conn = c, .fd = -1};
    c->up.last = &c->up.first;
    c->down.last = &c->down.first;
    c->up.raw = p->protocol == PROXY_RAW;
    c->down.raw = p->protocol != PROXY_CLIENT;
    c->parked = p->mode == PROXY_IGNORE_NEW;
    c->next = p->conns;
    p->conns = c;
    p->accepted++;
}

static void accept_all(struct proxy *p)
{
    while (p->listener >= 0 && !p->refusing) {
        int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        conn_accept(p, fd);
    }
}

/* ---- events ---- */

static void side_connected(struct side *s)
{
    int error = 0;
    socklen_t size = sizeof(error);

    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        conn_abort(s->conn); /* nobody listens at the target */
    s->connecting = false;
}

static void side_read(struct side *s)
{
    static char buffer[65536]; /* one thread */
    struct conn *c = s->conn;
    struct flow *f = s == &c->client ? &c->up : &c->down;
    ssize_t n = recv(s->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n > 0)
        frames_receive(c, f, buffer, (size_t)n);
    else if (n == 0)
        flow_stop(c, f, false);
    else if (errno != EAGAIN && errno != EINTR)
        flow_stop(c, f, true);
}

static void side_event(struct side *s, uint32_t events)
{
    if (s->conn->dead || s->fd < 0)
        return;
    if (s->connecting) {
        side_connected(s);
        return;
    }
    if (events & EPOLLOUT)
        s->blocked = false;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        side_read(s);
}

static void handle(const struct epoll_event *e)
{
    struct source *source = e->data.ptr;
    eventfd_t ignored;

    if (!source)
        eventfd_read(poke_fd, &ignored);
    else if (source->kind == LISTENER)
        accept_all((struct proxy *)source);
    else
        side_event((struct side *)source, e->events);
}

/* ---- the end of a round ---- */

static void conn_free(struct conn *c)
{
    flow_clear(&c->up);
    flow_clear(&c->down);
    free(c->up.part);
    free(c->down.part);
    pending_free(c);
    free(c);
}

static void sweep(struct proxy *p)
{
    for (struct conn **c = &p->conns; *c;) {
        struct conn *this = *c;
        if (!this->dead)
            conn_pump(this);
        if (this->dead) {
            *c = this->next;
            conn_free(this);
        } else {
            c = &this->next;
        }
    }
}

static void sweep_all(void)
{
    swept = now_ns();
    for (struct proxy **p = &proxies; *p;) {
        struct proxy *this = *p;
        sweep(this);
        if (this->stopping) {
            *p = this->next;
            this->stopped = true;
        } else {
            p = &this->next;
        }
    }
}

/* The earliest moment at which something delayed is due. */
static void earliest(const struct flow *f, int64_t *when)
{
    int64_t due = f->first ? f->first->due : f->ended ? f->end_due : INT64_MAX;

    if (due > swept && due < *when)
        *when = due;
}

static int next_timeout(void)
{
    int64_t when = INT64_MAX;

    for (struct proxy *p = proxies; p; p = p->next) {
        for (struct conn *c = p->conns; c; c = c->next) {
            earliest(&c->up, &when);
            earliest(&c->down, &when);
        }
    }
    return when == INT64_MAX ? -1 : deadline_left_ms(when);
}

static void *engine_main(void *arg)
{
    struct epoll_event events[EVENTS];
    int timeout = -1;

    (void)arg;
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, timeout);

        pthread_mutex_lock(&proxy_lock);
        for (int i = 0; i < n; i++)
            handle(&events[i]);
        sweep_all();
        timeout = next_timeout();
        pthread_cond_broadcast(&proxy_changed);
        if (ending)
            break;
        pthread_mutex_unlock(&proxy_lock);
    }
    pthread_mutex_unlock(&proxy_lock);
    return NULL;
}

/* ---- life ---- */

static void make_condition(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&proxy_changed, &attr);
    pthread_condattr_destroy(&attr);
}

/* Signals are for the test's own threads. */
static bool start_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    sigset_t all, before;

    pthread_once(&once, make_condition);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, poke_fd, &e);
    ending = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, NULL, engine_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0;
}

static void end_thread(void)
{
    pthread_mutex_lock(&proxy_lock);
    ending = true;
    engine_poke();
    pthread_mutex_unlock(&proxy_lock);
    pthread_join(thread, NULL);
    close(epoll_fd);
    close(poke_fd);
}

bool engine_add(struct proxy *p)
{
    bool ok = true;

    pthread_mutex_lock(&life_lock);
    if (!proxies)
        ok = start_thread();
    if (ok) {
        pthread_mutex_lock(&proxy_lock);
        p->next = proxies;
        proxies = p;
        engine_listen(p, true);
        pthread_mutex_unlock(&proxy_lock);
    }
    pthread_mutex_unlock(&life_lock);
    return ok;
}

void engine_remove(struct proxy *p)
{
    bool last;

    pthread_mutex_lock(&life_lock);
    pthread_mutex_lock(&proxy_lock);
    close_fd(&p->listener, false);
    for (struct conn *c = p->conns; c; c = c->next)
        conn_abort(c);
    p->stopping = true;
    engine_poke();
    while (!p->stopped)
        pthread_cond_wait(&proxy_changed, &proxy_lock);
    last = !proxies;
    pthread_mutex_unlock(&proxy_lock);
    if (last)
        end_thread();
    pthread_mutex_unlock(&life_lock);
}
