/* SPDX-License-Identifier: Apache-2.0 */
#include "scribe.h"
#include "say.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define FINISH_MS 1000
#define QUEUE_BYTES 32768 /* a reader that comes back needs no more of the past */

/* ---- the thread ---- */

/* Others may have made the descriptor non-blocking: it is shared with them. */
static void write_all(const char *text, size_t length)
{
    struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};

    while (length > 0) {
        ssize_t done = write(STDERR_FILENO, text, length);

        if (done >= 0) {
            text += done;
            length -= (size_t)done;
        } else if (errno == EAGAIN) {
            poll(&output, 1, -1);
        } else if (errno != EINTR) {
            return; /* nobody to tell */
        }
    }
}

static void tell_lost(void)
{
    unsigned lost = say_dropped();
    char text[80];
    int length;

    if (lost == 0)
        return;
    length = snprintf(text, sizeof text, "zkcoord: nobody read here: %u messages are lost\n", lost);
    write_all(text, (size_t)length);
}

static ssize_t take(int outbox, char *text, size_t size, int flags)
{
    ssize_t length;

    do
        length = recv(outbox, text, size, flags);
    while (length < 0 && errno == EINTR);
    return length;
}

/* The lost messages are newer than the queued ones, which go first. */
static ssize_t next(int outbox, char *text, size_t size)
{
    ssize_t length = take(outbox, text, size, MSG_DONTWAIT);

    if (length >= 0 || errno != EAGAIN)
        return length;
    tell_lost();
    return take(outbox, text, size, 0);
}

static void *keep_writing(void *arg)
{
    int outbox = (int)(intptr_t)arg;
    char text[SAY_MAX];
    ssize_t length;

    while ((length = next(outbox, text, sizeof text)) > 0)
        write_all(text, (size_t)length);
    tell_lost();
    shutdown(outbox, SHUT_RDWR); /* that is what scribe_close() waits for */
    return NULL;
}

/* ---- its life ---- */

bool scribe_open(struct scribe *scribe)
{
    int ends[2], bytes = QUEUE_BYTES;

    *scribe = (struct scribe){-1, -1, false};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    scribe->inbox = ends[0];
    scribe->outbox = ends[1];
    setsockopt(scribe->inbox, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    say_into(scribe->inbox);
    return true;
}

bool scribe_start(struct scribe *scribe)
{
    pthread_t thread;

    errno = pthread_create(&thread, NULL, keep_writing, (void *)(intptr_t)scribe->outbox);
    if (errno != 0)
        return false;
    pthread_detach(thread);
    scribe->writes = true;
    return true;
}

void scribe_close(struct scribe *scribe)
{
    struct pollfd done = {.fd = scribe->inbox, .events = POLLIN};

    if (!scribe->writes) {
        say_into(-1);
        return;
    }
    shutdown(scribe->inbox, SHUT_WR);
    while (poll(&done, 1, FINISH_MS) < 0 && errno == EINTR)
        ;
}
