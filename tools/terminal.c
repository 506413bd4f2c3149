/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int terminal_open(void)
{
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool terminal_ours(int terminal)
{
    return terminal >= 0 && tcgetpgrp(terminal) == getpgrp();
}

void terminal_give(int terminal, pid_t group)
{
    tcsetpgrp(terminal, group);
}

void terminal_take(int terminal, pid_t group)
{
    if (terminal >= 0 && tcgetpgrp(terminal) == group)
        tcsetpgrp(terminal, getpgrp());
}

void terminal_suspend(bool others)
{
    sigset_t stop, old;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    if (others)
        kill(0, SIGTSTP);
    else
        raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, &old); /* here we stop */
    sigprocmask(SIG_SETMASK, &old, NULL);
}
