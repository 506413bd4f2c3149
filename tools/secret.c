/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"
#include "clock.h"
#include "exits.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define LINE_MAX_BYTES ((size_t)65 * 1024) /* the library takes 64 KiB */

static const char variable[] = "ZKCOORD_AUTH";

/* ---- a file ---- */

/* A group may read it: that is how systemd and others show an ACL that lets one user read. */
static bool is_private(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && (status.st_mode & (S_IRWXO | S_IWGRP)) == 0;
}

/* It may be a pipe that nobody writes to. */
static bool comes(int fd, int64_t until)
{
    struct pollfd input = {.fd = fd, .events = POLLIN};
    int64_t left = until - clock_ns();

    if (left > 0 && poll(&input, 1, (int)(left / MS + 1)) != 0)
        return true;
    errno = ETIMEDOUT;
    return false;
}

/* Up to the end of a line, of the file, or of the room. */
static ssize_t read_line(int fd, char *line, size_t size)
{
    int64_t until = clock_ns() + PATIENCE_MS * MS;
    size_t used = 0;
    ssize_t length;

    do {
        length = comes(fd, until) ? read(fd, line + used, size - used) : -1;
        used += length > 0 ? (size_t)length : 0;
    } while ((length < 0 && (errno == EINTR || errno == EAGAIN)) ||
             (length > 0 && used < size && memchr(line, '\n', used) == NULL));
    return length < 0 ? -1 : (ssize_t)used;
}

static int take_line(struct common *common, const char *line, size_t used)
{
    const char *end = memchr(line, '\n', used);
    size_t length = end != NULL ? (size_t)(end - line) : used;

    if (length > 0 && line[length - 1] == '\r')
        length--; /* of a file from elsewhere */
    if (length == 0 || length == LINE_MAX_BYTES || memchr(line, '\0', length) != NULL)
        return say_usage("%s: the first line is not a credential, SCHEME:SECRET",
                         common->auth_file);
    common->auth = strndup(line, length);
    if (common->auth != NULL)
        return 0;
    say("out of memory");
    return STATUS_INTERNAL;
}

static int take_open_file(struct common *common, int fd)
{
    char line[LINE_MAX_BYTES];
    ssize_t used;
    int status;

    if (!is_private(fd))
        return say_usage("%s: others may read it, or change it; chmod o=,g-w makes it private",
                         common->auth_file);
    used = read_line(fd, line, sizeof line);
    if (used < 0 && errno == ETIMEDOUT)
        return say_usage("%s: nobody has written a line into it for %d seconds", common->auth_file,
                         PATIENCE_MS / 1000);
    if (used < 0)
        return say_usage("%s: %s", common->auth_file, strerror(errno));
    status = take_line(common, line, (size_t)used);
    explicit_bzero(line, sizeof line);
    return status;
}

static int take_file(struct common *common)
{
    int status, fd = open(common->auth_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return say_usage("%s: %s", common->auth_file, strerror(errno));
    status = take_open_file(common, fd);
    close(fd);
    return status;
}

/* ---- the environment ---- */

/* Also from what the system shows of our environment. */
static void forget(char *value)
{
    explicit_bzero(value, strlen(value));
    unsetenv(variable);
}

static int take_variable(struct common *common, const char *value)
{
    common->auth = strdup(value);
    if (common->auth != NULL)
        return 0;
    say("out of memory");
    return STATUS_INTERNAL;
}

int secret_take(struct common *common)
{
    char *value = getenv(variable);
    int status = 0;

    if (common->auth != NULL && common->auth_file != NULL)
        return say_usage("--auth and --auth-file contradict each other");
    if (common->auth_file != NULL)
        status = take_file(common);
    else if (common->auth == NULL && value != NULL && *value != '\0')
        status = take_variable(common, value);
    if (value != NULL && !common->pass_auth)
        forget(value);
    return status;
}
