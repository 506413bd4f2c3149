/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* The lower descriptor is what pipe() gives to the end for reading. */
static bool lower_end(int *ret_end)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *ret_end = ends[0];
    return true;
}

static bool higher_end(int *ret_end)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *ret_end = fcntl(ends[0], F_DUPFD_CLOEXEC, ends[1] + 1);
    if (*ret_end < 0 && errno == EINVAL) /* the number is above the limit */
        errno = EMFILE;
    close(ends[0]);
    return *ret_end >= 0;
}

bool fuse_open(struct fuse *fuse)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};

    return lower_end(&fuse->ends[0]) && higher_end(&fuse->ends[1]) &&
           timer_create(CLOCK_BOOTTIME, &event, &fuse->timer) == 0;
}

static bool protect(int end, pid_t group)
{
    const struct f_owner_ex owner = {F_OWNER_PGRP, group};

    return fcntl(end, F_SETOWN_EX, &owner) == 0 && fcntl(end, F_SETSIG, SIGKILL) == 0 &&
           fcntl(end, F_SETFL, O_ASYNC) == 0;
}

bool fuse_protect(struct fuse *fuse, pid_t group)
{
    return protect(fuse->ends[0], group) && protect(fuse->ends[1], group);
}

void fuse_set(struct fuse *fuse, int64_t at)
{
    struct itimerspec setting = {0};

    if (at != NEVER)
        setting.it_value = clock_timespec(at);
    timer_settime(fuse->timer, TIMER_ABSTIME, &setting, NULL);
}

void fuse_clear(struct fuse *fuse)
{
    const struct f_owner_ex nobody = {F_OWNER_PGRP, 0};

    fuse_set(fuse, NEVER);
    for (int i = 0; i < 2; i++) {
        fcntl(fuse->ends[i], F_SETFL, 0);
        fcntl(fuse->ends[i], F_SETOWN_EX, &nobody);
    }
}
