/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay TARGET DELAY_US: a TCP relay on loopback to the server 127.0.0.1:TARGET that hands every
 * byte on DELAY_US later, each way; it prints its port. For the benchmark of distances: nothing is
 * limited but time. Ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX 64
#define CHUNK_SIZE 65536

struct chunk {
    struct chunk *next;
    int64_t due;
    size_t length, sent;
    char bytes[];
};

/* One way: from one socket to the other. */
struct way {
    int from, to;
    struct chunk *first, **last;
    bool ended;
};

static struct way ways[2 * LINKS_MAX];
static size_t way_count; /* always even: a link's two ways lie side by side */
static int64_t delay;
static uint16_t target;

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- links ---- */

static void set_up(struct way *w, int from, int to)
{
    int on = 1;

    *w = (struct way){.from = from, .to = to};
    w->last = &w->first;
    setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void add_link(int listener)
{
    struct sockaddr_in to = loopback(target);
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), server;

    if (client < 0)
        return;
    server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (way_count == 2 * LINKS_MAX || connect(server, (struct sockaddr *)&to, sizeof to) != 0) {
        close(client);
        close(server);
        return;
    }
    set_up(&ways[way_count++], client, server);
    set_up(&ways[way_count++], server, client);
}

static void remove_link(size_t i)
{
    i &= ~(size_t)1;
    close(ways[i].from);
    close(ways[i].to);
    for (size_t k = i; k < i + 2; k++) {
        for (struct chunk *c = ways[k].first, *next; c != NULL; c = next) {
            next = c->next;
            free(c);
        }
    }
    way_count -= 2;
    for (size_t k = i; k < i + 2; k++) {
        ways[k] = ways[way_count + (k - i)];
        if (ways[k].first == NULL)
            ways[k].last = &ways[k].first;
    }
}

/* ---- bytes ---- */

static void take(struct way *w)
{
    struct chunk *c = malloc(sizeof *c + CHUNK_SIZE);
    ssize_t n = c == NULL ? 0 : recv(w->from, c->bytes, CHUNK_SIZE, MSG_DONTWAIT);

    if (n <= 0) {
        w->ended = n == 0 || errno != EAGAIN;
        free(c);
        return;
    }
    *c = (struct chunk){.due = now() + delay, .length = (size_t)n};
    *w->last = c;
    w->last = &c->next;
}

static void deliver(struct way *w, int64_t at)
{
    struct chunk *c;

    while ((c = w->first) != NULL && c->due <= at) {
        ssize_t n = send(w->to, c->bytes + c->sent, c->length - c->sent, MSG_NOSIGNAL);
        if (n <= 0) {
            w->ended = true;
            return;
        }
        c->sent += (size_t)n;
        if (c->sent < c->length)
            continue;
        w->first = c->next;
        if (w->first == NULL)
            w->last = &w->first;
        free(c);
    }
}

static void deliver_all(void)
{
    int64_t at = now();

    for (size_t i = 0; i < way_count; i++)
        deliver(&ways[i], at);
    for (size_t i = way_count; i-- > 0;) {
        if (i < way_count && ways[i].ended && ways[i].first == NULL)
            remove_link(i);
    }
}

static void wait_for_work(struct pollfd *fds, size_t count)
{
    int64_t due = INT64_MAX, left;
    struct timespec t;

    for (size_t i = 0; i < way_count; i++)
        if (ways[i].first != NULL && ways[i].first->due < due)
            due = ways[i].first->due;
    left = due == INT64_MAX ? 1000000000 : due - now();
    left = left < 0 ? 0 : left;
    t = (struct timespec){.tv_sec = (time_t)(left / 1000000000),
                          .tv_nsec = (long)(left % 1000000000)};
    ppoll(fds, count, &t, NULL);
}

static void serve(int listener)
{
    struct pollfd fds[2 + 2 * LINKS_MAX];
    size_t count;

    for (;;) {
        fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        for (size_t i = 0; i < way_count; i++)
            fds[2 + i] = (struct pollfd){.fd = ways[i].ended ? -1 : ways[i].from, .events = POLLIN};
        count = way_count;
        wait_for_work(fds, 2 + count);
        if (fds[1].revents != 0)
            return;
        for (size_t i = 0; i < count; i++)
            if (fds[2 + i].revents != 0)
                take(&ways[i]);
        if (fds[0].revents != 0)
            add_link(listener);
        deliver_all();
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 3) {
        fprintf(stderr, "usage: relay TARGET_PORT DELAY_US\n");
        return 64;
    }
    target = (uint16_t)atoi(argv[1]);
    delay = atol(argv[2]) * 1000;
    prctl(PR_SET_TIMERSLACK, 1);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, LINKS_MAX) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        die("relay");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    serve(listener);
    return 0;
}
