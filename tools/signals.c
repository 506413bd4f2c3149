/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

void signals_block(sigset_t *ret_old)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, ret_old);
    sigaction(SIGCHLD, &action, NULL); /* were it ignored, no status of a child would be kept */
}

int signals_open(const sigset_t *old)
{
    static const int wanted[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,  SIGUSR1,
                                 SIGUSR2, SIGTSTP, SIGCONT, SIGWINCH, SIGCHLD};
    sigset_t taken, blocked = *old;

    sigemptyset(&taken);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct sigaction action;

        sigdelset(&blocked, wanted[i]);
        if (sigaction(wanted[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&taken, wanted[i]);
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (sigismember(&taken, wanted[i]))
            sigaddset(&blocked, wanted[i]);
    sigaddset(&blocked, SIGTTOU);
    sigaddset(&blocked, SIGPIPE);
    sigaddset(&blocked, SIGXFSZ); /* a log that may not grow is one that nobody reads */
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

int signals_read(int fd)
{
    struct signalfd_siginfo info;

    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

void signals_obey(void)
{
    sigset_t last;

    sigemptyset(&last);
    sigaddset(&last, SIGINT);
    sigaddset(&last, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &last, NULL);
}

void signals_die(int signal)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t only;

    prctl(PR_SET_DUMPABLE, 0);
    sigaction(signal, &action, NULL);
    raise(signal);
    sigemptyset(&only);
    sigaddset(&only, signal);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    _exit(128 + signal);
}
