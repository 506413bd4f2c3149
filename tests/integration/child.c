/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "child.h"

#include "harness.h"
#include "keeper.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ARGS 24

struct child {
    pid_t pid;
    int fd;
    bool ended;
    int status;
    size_t used;
    char buffer[8192];
};

struct child *child_start_program(const char *const argv[])
{
    struct child *c = calloc(1, sizeof(*c));
    int pair[2];

    if (!c || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        free(c);
        return NULL;
    }
    c->pid = keeper_spawn(argv, pair[1]);
    close(pair[1]);
    c->fd = pair[0];
    if (c->pid > 0)
        return c;
    close(c->fd);
    free(c);
    return NULL;
}

struct child *child_start(const char *role, ...)
{
    char name[64], exe[PATH_MAX];
    const char *argv[MAX_ARGS + 1] = {exe, name};
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    va_list more;

    if (n < 0)
        return NULL;
    exe[n] = '\0';
    snprintf(name, sizeof(name), "--role=%s", role);
    va_start(more, role);
    for (size_t i = 2; i < MAX_ARGS; i++) {
        argv[i] = va_arg(more, const char *);
        if (!argv[i])
            break;
    }
    va_end(more);
    return child_start_program(argv);
}

void child_free(struct child *c)
{
    if (!c)
        return;
    child_kill(c);
    child_wait(c, NULL, deadline_in_ms(10000));
    close(c->fd);
    free(c);
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

static const char *line_end(const struct child *c)
{
    return memchr(c->buffer, '\n', c->used);
}

/* Moves a complete line out of the buffer; false if there is no room for all of it. */
static bool take_line(struct child *c, char *line, size_t size)
{
    const char *end = line_end(c);
    size_t length = (size_t)(end - c->buffer);
    bool fits = length < size;

    if (fits) {
        memcpy(line, c->buffer, length);
        line[length] = '\0';
    } else {
        fprintf(stderr, "child: a line of %zu bytes does not fit\n", length);
    }
    c->used -= length + 1;
    memmove(c->buffer, end + 1, c->used);
    return fits;
}

/* False when there will never be more. A line longer than the buffer counts as an end, too. */
static bool read_more(struct child *c, int64_t deadline)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    ssize_t n;

    if (poll(&p, 1, deadline_left_ms(deadline)) <= 0)
        return !deadline_passed(deadline);
    n = recv(c->fd, c->buffer + c->used, sizeof(c->buffer) - c->used, MSG_DONTWAIT);
    if (n <= 0)
        return false;
    c->used += (size_t)n;
    return true;
}

bool child_read_line(struct child *c, char *line, size_t size, int64_t deadline)
{
    while (!line_end(c)) {
        if (!read_more(c, deadline))
            return false;
    }
    return take_line(c, line, size);
}

bool child_wait_line(struct child *c, const char *line, int64_t deadline)
{
    char got[sizeof(c->buffer)];

    while (child_read_line(c, got, sizeof(got), deadline)) {
        if (strcmp(got, line) == 0)
            return true;
    }
    return false;
}

bool child_write_line(struct child *c, const char *line)
{
    char text[4096];
    int n = snprintf(text, sizeof(text), "%s\n", line);

    return n > 0 && (size_t)n < sizeof(text) &&
           send(c->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n;
}

void child_signal(struct child *c, int signal)
{
    if (!c->ended)
        keeper_signal(c->pid, signal);
}

void child_kill(struct child *c)
{
    child_signal(c, SIGKILL);
}

void child_stop(struct child *c)
{
    child_signal(c, SIGSTOP);
}

void child_cont(struct child *c)
{
    child_signal(c, SIGCONT);
}

bool child_wait(struct child *c, int *status, int64_t deadline)
{
    if (!c->ended)
        c->ended = keeper_wait(c->pid, &c->status, deadline);
    if (c->ended && status)
        *status = c->status;
    return c->ended;
}
