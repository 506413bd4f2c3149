/* SPDX-License-Identifier: Apache-2.0 */
#include "zk/zk_descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Inherited, and non-blocking, as libzookeeper makes them. */
static bool is_plain(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags == -1 || (flags & FD_CLOEXEC) != 0)
        return false;
    flags = fcntl(fd, F_GETFL);
    return flags != -1 && (flags & O_NONBLOCK) != 0;
}

static void mark(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* ---- enough of them ---- */

int zk_descriptors_try(void)
{
    int ends[2], third, saved;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    third = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
    saved = errno;
    close(ends[0]);
    close(ends[1]);
    if (third >= 0)
        close(third);
    errno = saved;
    return third >= 0 ? 0 : -1;
}

/* ---- pipes ---- */

/*
 * fstat() by a name that ThreadSanitizer does not know: other threads of the program open and close
 * what is looked at, which is meant and harmless, and it would call that a race of theirs.
 */
static bool status_of(int fd, struct stat *ret_status)
{
    return fstatat(fd, "", ret_status, AT_EMPTY_PATH) == 0;
}

static bool is_pipe(int fd, int mode, ino_t *ret_inode)
{
    struct stat status;

    if (!is_plain(fd) || (fcntl(fd, F_GETFL) & O_ACCMODE) != mode)
        return false;
    if (!status_of(fd, &status) || !S_ISFIFO(status.st_mode))
        return false;
    *ret_inode = status.st_ino;
    return true;
}

/* Only what could be such a pipe: of a file on a server that is away fstat() may block. */
static void watch(struct zk_descriptors *descriptors, int from, int to)
{
    struct stat status;

    for (int fd = from < 0 ? 0 : from; fd < to; fd++) {
        bool known = is_plain(fd) && status_of(fd, &status);
        descriptors->fd[descriptors->count] = fd;
        descriptors->inode[descriptors->count] = known ? status.st_ino : 0;
        descriptors->count++;
    }
}

/* A pipe that came meanwhile: other threads may have closed what had its number. */
static bool is_new_pipe(const struct zk_descriptors *descriptors, unsigned i, int mode,
                        ino_t *ret_inode)
{
    return is_pipe(descriptors->fd[i], mode, ret_inode) && *ret_inode != descriptors->inode[i];
}

/* A pipe gets the two lowest numbers that are free. */
void zk_descriptors_before(struct zk_descriptors *descriptors)
{
    int next[2], first_end;

    descriptors->count = 0;
    if (pipe2(next, O_CLOEXEC) != 0)
        return;
    close(next[0]);
    close(next[1]);
    first_end = next[0] + ZK_DESCRIPTORS_NEAR;
    watch(descriptors, next[0] - ZK_DESCRIPTORS_NEAR, first_end);
    next[0] = next[1] - ZK_DESCRIPTORS_NEAR;
    watch(descriptors, next[0] > first_end ? next[0] : first_end, next[1] + ZK_DESCRIPTORS_NEAR);
}

/* The other end of a pipe that came meanwhile, or -1. */
static int writing_end(const struct zk_descriptors *descriptors, ino_t inode)
{
    ino_t found;

    for (unsigned i = 0; i < descriptors->count; i++)
        if (is_new_pipe(descriptors, i, O_WRONLY, &found) && found == inode)
            return descriptors->fd[i];
    return -1;
}

void zk_descriptors_after(const struct zk_descriptors *descriptors)
{
    int reading = -1, writing = -1, pipes = 0;
    ino_t inode;

    for (unsigned i = 0; i < descriptors->count; i++) {
        int end;
        if (!is_new_pipe(descriptors, i, O_RDONLY, &inode))
            continue;
        end = writing_end(descriptors, inode);
        if (end < 0)
            continue;
        reading = descriptors->fd[i];
        writing = end;
        pipes++;
    }
    if (pipes != 1)
        return;
    mark(reading);
    mark(writing);
}

/* ---- sockets ---- */

static bool same_address(const struct sockaddr *left, const struct sockaddr *right)
{
    struct sockaddr_in a4 = {0}, b4 = {0};
    struct sockaddr_in6 a6 = {0}, b6 = {0};

    if (left->sa_family != right->sa_family)
        return false;
    if (left->sa_family == AF_INET) {
        memcpy(&a4, left, sizeof a4);
        memcpy(&b4, right, sizeof b4);
        return a4.sin_port == b4.sin_port && a4.sin_addr.s_addr == b4.sin_addr.s_addr;
    }
    if (left->sa_family != AF_INET6)
        return false;
    memcpy(&a6, left, sizeof a6);
    memcpy(&b6, right, sizeof b6);
    return a6.sin6_port == b6.sin6_port && a6.sin6_scope_id == b6.sin6_scope_id &&
           memcmp(&a6.sin6_addr, &b6.sin6_addr, sizeof a6.sin6_addr) == 0;
}

static bool option_is(int fd, int level, int option, int wanted)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, level, option, &value, &size) == 0 && value == wanted;
}

static bool is_connected_to(int fd, const struct sockaddr *server)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;

    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
           same_address((const struct sockaddr *)&peer, server);
}

/*
 * No call tells which descriptor a handle has. Another handle of libzookeeper's looks the same: no
 * program has a use for that after exec either.
 */
static bool looks_like_ours(int fd, const struct sockaddr *server)
{
    return is_plain(fd) && is_connected_to(fd, server) &&
           option_is(fd, SOL_SOCKET, SO_TYPE, SOCK_STREAM) &&
           option_is(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void zk_descriptors_connected(const struct sockaddr *server)
{
    int saved = errno;
    DIR *all = opendir("/proc/self/fd");
    const struct dirent *entry;

    /* Nobody else reads this stream. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while (all != NULL && (entry = readdir(all)) != NULL) {
        long fd = entry->d_name[0] == '.' ? -1 : strtol(entry->d_name, NULL, 10);
        if (fd >= 0 && looks_like_ours((int)fd, server))
            mark((int)fd);
    }
    if (all != NULL)
        closedir(all);
    errno = saved;
}
