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
    int failed[2]; /* errno of exec; closed by exec itself */
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
static void become(const struct plan *plan, const struct pipes *pipes, int64_t token,
                   bool foreground)
{
    char go;

    close(pipes->ready[1]);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return;
    if (read(pipes->ready[0], &go, 1) != 1) /* also when the guardian died before prctl() */
        _exit(1);
    if (foreground)
        tcsetpgrp(plan->terminal, getpid()); /* SIGTTOU is blocked */
    if (!set_environment(plan, token) || sigprocmask(SIG_SETMASK, &plan->mask, NULL) != 0)
        return;
    execvp(plan->command[0], plan->command);
}

static void child(const struct plan *plan, const struct pipes *pipes, int64_t token,
                  bool foreground)
{
    int error;

    become(plan, pipes, token, foreground);
    error = errno;
    if (write(pipes->failed[1], &error, sizeof error) < 0)
        _exit(2);
    _exit(1);
}

/* 0, or the errno with which the child failed. */
static int let_go(struct fuse *fuse, pid_t pid, const struct pipes *pipes)
{
    int error = 0;
    ssize_t length;

    setpgid(pid, pid); /* the child does the same: whoever comes first */
    if (!fuse_protect(fuse, pid))
        return errno;
    if (write(pipes->ready[1], "", 1) != 1)
        return errno;
    do
        length = read(pipes->failed[0], &error, sizeof error);
    while (length < 0 && errno == EINTR);
    return length == sizeof error ? error : 0;
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

pid_t spawn(const struct plan *plan, struct fuse *fuse, const struct urgency *urgency,
            int64_t token, bool foreground)
{
    struct pipes pipes;
    pid_t pid;
    int error;

    if (!open_pipes(&pipes))
        return -1;
    pid = fork();
    if (pid == 0) {
        urgency_restore(urgency);
        child(plan, &pipes, token, foreground);
    }
    error = errno;
    close(pipes.failed[1]); /* so that exec closes the last one */
    if (pid > 0)
        error = let_go(fuse, pid, &pipes);
    close(pipes.ready[0]);
    close(pipes.ready[1]);
    close(pipes.failed[0]);
    if (error == 0)
        return pid;
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    errno = error;
    return -1;
}
