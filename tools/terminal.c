/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <errno.h>
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

/* The argument is none: what counts is that the kernel looks at our place before. */
static bool refused(int terminal)
{
    return tcflow(terminal, -1) != 0 && errno == EIO;
}

bool terminal_ask(int terminal)
{
    struct sigaction stops = {.sa_handler = SIG_DFL}, before;
    sigset_t output, old;
    bool none;

    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    sigaction(SIGTTOU, &stops, &before);
    sigprocmask(SIG_UNBLOCK, &output, &old);
    none = refused(terminal); /* here we stop */
    sigprocmask(SIG_SETMASK, &old, NULL);
    sigaction(SIGTTOU, &before, NULL);
    return !none;
}

void terminal_remember(int terminal, struct terminal_modes *modes)
{
    if (!modes->known)
        modes->known = tcgetattr(terminal, &modes->modes) == 0;
}

void terminal_restore(int terminal, const struct terminal_modes *modes)
{
    if (modes->known && terminal_ours(terminal))
        tcsetattr(terminal, TCSANOW, &modes->modes);
}
