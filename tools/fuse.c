/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse.h"
#include "clock.h"

#include <fcntl.h>
#include <signal.h>

bool fuse_open(struct fuse *fuse, int end)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};

    fuse->end = end;
    return timer_create(CLOCK_BOOTTIME, &event, &fuse->timer) == 0;
}

bool fuse_protect(struct fuse *fuse, pid_t group)
{
    const struct f_owner_ex owner = {F_OWNER_PGRP, group};

    return fcntl(fuse->end, F_SETOWN_EX, &owner) == 0 && fcntl(fuse->end, F_SETSIG, SIGKILL) == 0 &&
           fcntl(fuse->end, F_SETFL, O_ASYNC) == 0;
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
    fcntl(fuse->end, F_SETFL, 0);
    fcntl(fuse->end, F_SETOWN_EX, &nobody);
}
