/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct pipes {
    int ready[2];  /* the guardian is prepared for the command */
    int failed[2]; /* errno of exec; its writing end is closed by exec itself */
};

static bool set_number(const char *name, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, value);
    return setenv(name, text, 1) == 0;
}

static bool hand_over(const char *name, int fd)
{
    return set_number(name, fd) && fcntl(fd, F_SETFD, 0) == 0;
}

static bool set_environment(const struct plan *plan, int64_t token)
{
    unsetenv("NOTIFY_SOCKET");
    return setenv("ZKCOORD_ID", plan->id, 1) == 0 && set_number("ZKCOORD_TOKEN", token) &&
           hand_over("ZKCOORD_REVOKED_FD", plan->notice) &&
           hand_over("ZKCOORD_ASKED_FD", plan->asked);
}

/* Returns only if it failed, with errno. */
static void become(const struct launch *launch, const struct pipes *pipes)
{
    const struct plan *plan = launch->plan;
    char go;

    close(launch->socket);
    close(pipes->ready[1]);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return;
    if (read(pipes->ready[0], &go, 1) != 1) /* also when the guardian died before prctl() */
        _exit(1);
    if (launch->foreground)
        tcsetpgrp(plan->terminal, getpid()); /* SIGTTOU is blocked */
    if (!set_environment(plan, launch->token) || sigprocmask(SIG_SETMASK, &plan->mask, NULL) != 0)
        return;
    execvp(plan->command[0], plan->command);
}

static void child(const struct launch *launch, const struct pipes *pipes)
{
    int error;

    urgency_restore(launch->urgency);
    become(launch, pipes);
    error = errno;
    if (write(pipes->failed[1], &error, sizeof error) < 0)
        _exit(2);
    _exit(1);
}

static bool let_go(const struct launch *launch, pid_t pid, const struct pipes *pipes)
{
    setpgid(pid, pid); /* the child does the same: whoever comes first */
    cgroup_enter(launch->cgroup, pid);
    return fuse_protect(launch->fuse, pid) && write(pipes->ready[1], "", 1) == 1;
}

static bool open_pipes(struct pipes *pipes)
{
    if (pipe2(pipes->ready, O_CLOEXEC) != 0)
        return false;
    if (pipe2(pipes->failed, O_CLOEXEC) == 0)
        return true;
    close(pipes->ready[0]);
    close(pipes->ready[1]);
    return false;
}

/* One that waits for the word to go on, and will not get it. */
static void take_back(pid_t pid)
{
    int saved = errno;

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    errno = saved;
}

pid_t spawn(const struct launch *launch, int *ret_failure)
{
    struct pipes pipes;
    pid_t pid;
    int saved;

    if (!open_pipes(&pipes))
        return -1;
    pid = fork();
    if (pid == 0)
        child(launch, &pipes);
    if (pid > 0 && !let_go(launch, pid, &pipes)) {
        take_back(pid);
        pid = -1;
    }
    saved = errno;
    close(pipes.ready[0]);
    close(pipes.ready[1]);
    close(pipes.failed[1]);
    if (pid < 0)
        close(pipes.failed[0]);
    *ret_failure = pipes.failed[0];
    errno = saved;
    return pid;
}

int spawn_failure(int failure)
{
    int error = 0;

    return read(failure, &error, sizeof error) == sizeof error ? error : 0;
}
