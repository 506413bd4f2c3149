/*
 * What ends a command when the guardian cannot: two orders to the kernel, which need no process of
 * ours to run.
 *  - A timer kills the guardian with SIGKILL, also one that is stopped.
 *  - When the guardian ends, by that timer or any other way, its end of a pipe is closed. That is
 *    an event on the other end, and the signal for the event is SIGKILL to the command's process
 *    group (fcntl(2): F_SETOWN_EX, F_SETSIG, O_ASYNC). If that other end is closed first, nothing
 *    happens; and the guardian holds both, because zkcoord may be killed in the same moment. So
 *    there are two pipes, with the numbers of their ends the other way round: in whatever order
 *    the kernel closes descriptors, one of the two acts.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_FUSE_H
#define ZKCOORD_TOOLS_FUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct fuse {
    timer_t timer;
    int ends[2]; /* the ends with the owner; the others are never used, only closed */
};

/* In the guardian. */
bool fuse_open(struct fuse *fuse);
bool fuse_protect(struct fuse *fuse, pid_t group);
void fuse_set(struct fuse *fuse, int64_t at);
void fuse_clear(struct fuse *fuse);

#endif
