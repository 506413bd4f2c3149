/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare wire: one blocking socket, one thread, frames made by hand. What the servers and the
 * network allow, beyond libzookeeper. A session lives as long as one command.
 */
#include "driver.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH_SIZE 256
#define NODE_EXISTS (-110)

enum operation { CREATE = 1, DELETE = 2, CHILDREN = 8, CREATE2 = 15, CLOSE = -11 };
enum mode { PERSISTENT = 0, EPHEMERAL_SEQUENTIAL = 3 };

static const char *address;
static int timeout_ms;
static int fd = -1;
static int32_t xid;

/* ---- frames out: collected, sent by flush() ---- */

static char out[1 << 20];
static size_t out_length, frame_start;

static void put(const void *bytes, size_t length)
{
    if (length > sizeof out - out_length)
        abort();
    memcpy(out + out_length, bytes, length);
    out_length += length;
}

static void put_int(int32_t value)
{
    uint32_t big = htobe32((uint32_t)value);

    put(&big, sizeof big);
}

static void put_text(const char *text)
{
    put_int((int32_t)strlen(text));
    put(text, strlen(text));
}

static void begin_frame(void)
{
    frame_start = out_length;
    put_int(0);
}

static void end_frame(void)
{
    uint32_t big = htobe32((uint32_t)(out_length - frame_start - 4));

    memcpy(out + frame_start, &big, sizeof big);
}

static void begin_request(enum operation operation)
{
    begin_frame();
    put_int(++xid);
    put_int(operation);
}

static int flush(void)
{
    size_t sent = 0;

    while (sent < out_length) {
        ssize_t n = send(fd, out + sent, out_length - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return driver_fail("send: %m");
        sent += (size_t)n;
    }
    out_length = 0;
    return 0;
}

static void put_create(const char *path, enum mode mode)
{
    begin_request(CREATE2);
    put_text(path);
    put_text("");
    put_int(1);
    put_int(31);
    put_text("world");
    put_text("anyone");
    put_int(mode);
    end_frame();
}

static void put_children(const char *path)
{
    begin_request(CHILDREN);
    put_text(path);
    put("", 1);
    end_frame();
}

static void put_delete(const char *path)
{
    begin_request(DELETE);
    put_text(path);
    put_int(-1);
    end_frame();
}

/* ---- frames in ---- */

static char in[1 << 20];
static size_t in_length, in_start;

static size_t whole_frame(void)
{
    uint32_t big;

    if (in_length - in_start < sizeof big)
        return 0;
    memcpy(&big, in + in_start, sizeof big);
    return in_length - in_start >= be32toh(big) + 4 ? be32toh(big) + 4 : 0;
}

/* The next frame without its length; NULL on failure. It lives until the next call. */
static const char *next_frame(void)
{
    size_t length;

    while ((length = whole_frame()) == 0) {
        ssize_t n;
        memmove(in, in + in_start, in_length - in_start);
        in_length -= in_start;
        in_start = 0;
        n = recv(fd, in + in_length, sizeof in - in_length, 0);
        if (n <= 0) {
            driver_fail("recv: %m");
            return NULL;
        }
        in_length += (size_t)n;
    }
    in_start += length;
    return in + in_start - length + 4;
}

static int32_t get_int(const char *at)
{
    uint32_t big;

    memcpy(&big, at, sizeof big);
    return (int32_t)be32toh(big);
}

static int32_t error_of(const char *frame)
{
    return get_int(frame + 12); /* after xid and zxid */
}

static const char *body_of(const char *frame)
{
    return frame + 16;
}

/* ---- a session ---- */

static int connect_to(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    char host[64];
    int on = 1, port;

    if (sscanf(address, "%63[0-9.]:%d", host, &port) != 2 ||
        inet_pton(AF_INET, host, &to.sin_addr) != 1)
        return driver_fail("address %s", address);
    to.sin_port = htons((uint16_t)port);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 ? 0
                                                                     : driver_fail("connect: %m");
}

static int open_session(const char *nodes, int session_ms)
{
    static const char zeros[16];

    address = nodes;
    timeout_ms = session_ms;
    xid = 0;
    out_length = in_length = in_start = 0;
    if (connect_to() != 0)
        return -1;
    begin_frame();
    put_int(0);    /* version of the protocol */
    put(zeros, 8); /* newest zxid seen */
    put_int(timeout_ms);
    put(zeros, 8); /* a new session */
    put_int(16);
    put(zeros, 16); /* without a password */
    put(zeros, 1);  /* not read-only */
    end_frame();
    return flush() == 0 && next_frame() != NULL ? 0 : -1;
}

/* The server closes the connection when the session has ended. */
static void close_session(void)
{
    out_length = 0;
    begin_request(CLOSE);
    end_frame();
    (void)send(fd, out, out_length, MSG_NOSIGNAL);
    while (recv(fd, in, sizeof in, 0) > 0)
        continue;
    close(fd);
}

/* Nobody pings between commands. */
static int renew_session(void)
{
    close_session();
    return open_session(address, timeout_ms);
}

static int make_directory(const char *path)
{
    const char *frame;

    put_create(path, PERSISTENT);
    if (flush() != 0 || (frame = next_frame()) == NULL)
        return -1;
    if (error_of(frame) != 0 && error_of(frame) != NODE_EXISTS)
        return driver_fail("%s: %d", path, error_of(frame));
    return 0;
}

/* ---- cycles ---- */

struct slot {
    char parent[PATH_SIZE];
    char prefix[PATH_SIZE];
    char path[PATH_SIZE];
    enum { CREATING, LISTING, DELETING, DONE } expects;
};

static void prepare(struct slot *s, const char *parent)
{
    snprintf(s->parent, sizeof s->parent, "%s", parent);
    snprintf(s->prefix, sizeof s->prefix, "%.*s/_c_00000000-0000-4000-8000-000000000000-lock-",
             PATH_SIZE / 2, parent);
}

static void join(struct slot *s)
{
    put_create(s->prefix, EPHEMERAL_SEQUENTIAL);
    put_children(s->parent);
    s->expects = CREATING;
}

static void created(struct slot *s, const char *body)
{
    int32_t length = get_int(body);

    snprintf(s->path, sizeof s->path, "%.*s", (int)length, body + 4);
    s->expects = LISTING;
}

/* Takes one answer; the slot's next request is put, not sent. */
static int advance(struct slot *s)
{
    const char *frame = next_frame();

    if (frame == NULL)
        return -1;
    if (error_of(frame) != 0)
        return driver_fail("%s: %d", s->parent, error_of(frame));
    if (s->expects == CREATING) {
        created(s, body_of(frame));
    } else if (s->expects == LISTING) {
        if (get_int(body_of(frame)) != 1)
            return driver_fail("not alone in %s", s->parent);
        put_delete(s->path);
        s->expects = DELETING;
    } else {
        s->expects = DONE;
    }
    return 0;
}

static int once(struct slot *s)
{
    join(s);
    if (flush() != 0 || advance(s) != 0 || advance(s) != 0)
        return -1;
    return flush() != 0 ? -1 : advance(s);
}

static int cycle(const char *path, long n, int64_t *ret_ns)
{
    struct slot s;
    int64_t began;

    prepare(&s, path);
    if (renew_session() != 0 || make_directory(path) != 0)
        return -1;
    for (long i = 0; i < n; i++) {
        began = driver_now();
        if (once(&s) != 0)
            return -1;
        ret_ns[i] = driver_now() - began;
    }
    return 0;
}

/* ---- many in flight: answers come in the order of the requests ---- */

static struct slot **order; /* a ring: who expects the next answers */
static size_t order_size, order_first, order_count;

static void expect(struct slot *s)
{
    order[(order_first + order_count++) % order_size] = s;
}

static struct slot *next_expected(void)
{
    struct slot *s = order[order_first];

    order_first = (order_first + 1) % order_size;
    order_count--;
    return s;
}

static void start(struct slot *s)
{
    join(s);
    expect(s);
    expect(s);
}

/* What has been put is sent when there is nothing more to be read without waiting. */
static int run(long left)
{
    while (order_count > 0) {
        struct slot *s;
        if (whole_frame() == 0 && flush() != 0)
            return -1;
        s = next_expected();
        if (advance(s) != 0)
            return -1;
        if (s->expects == DELETING)
            expect(s);
        else if (s->expects == DONE && left-- > 0)
            start(s);
    }
    return 0;
}

static int fleet(struct slot *slots, long k, long n)
{
    order_size = 2 * (size_t)k;
    order_first = order_count = 0;
    order = calloc(order_size, sizeof *order);
    for (long i = 0; i < k; i++)
        start(&slots[i]);
    return run(n - k);
}

static int async(const char *prefix, long k, long n, int64_t *ret_ns)
{
    struct slot *slots = calloc((size_t)k, sizeof *slots);
    int result = renew_session();
    char path[PATH_SIZE];

    for (long i = 0; i < k && result == 0; i++) {
        snprintf(path, sizeof path, "%s/%ld", prefix, i);
        prepare(&slots[i], path);
        result = make_directory(path);
    }
    *ret_ns = driver_now();
    if (result == 0)
        result = fleet(slots, k, n);
    *ret_ns = driver_now() - *ret_ns;
    free(order);
    order = NULL;
    free(slots);
    return result;
}

int main(int argc, char **argv)
{
    static const struct driver driver = {
        .open = open_session,
        .close = close_session,
        .cycle = cycle,
        .async = async,
    };

    return driver_main(argc, argv, &driver);
}
