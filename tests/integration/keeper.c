/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and one answer at a time over a SOCK_SEQPACKET pair. The keeper never waits for
 * anything but the next request, so that end-of-file is always noticed at once.
 */
#define _GNU_SOURCE
#include "keeper.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPER_FD 3
#define MAX_ARGS 32
#define MAX_KEPT 256

enum verb { SPAWN, SIGNAL, STATUS, MAKE_DIR, REMOVE_DIR };

struct request {
    enum verb verb;
    int number; /* SIGNAL: which; SPAWN: how many arguments */
    pid_t pid;
    char text[4096]; /* SPAWN: the arguments, each ended by \0; REMOVE_DIR: the path */
};

struct answer {
    int result; /* negative errno; SPAWN: the pid; STATUS: 1 when it has ended */
    int status;
    char text[PATH_MAX]; /* MAKE_DIR: the path */
};

/* ==== inside the keeper ==== */

static pid_t kept_pids[MAX_KEPT];
static char *kept_dirs[MAX_KEPT];

static pid_t *find_pid(pid_t pid)
{
    for (size_t i = 0; i < MAX_KEPT; i++) {
        if (kept_pids[i] == pid)
            return &kept_pids[i];
    }
    return NULL;
}

static char **find_dir(const char *path)
{
    for (size_t i = 0; i < MAX_KEPT; i++) {
        if (path ? kept_dirs[i] && strcmp(kept_dirs[i], path) == 0 : !kept_dirs[i])
            return &kept_dirs[i];
    }
    return NULL;
}

static _Noreturn void become(char **args, int fd, pid_t keeper)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper)
        _exit(126);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    dup2(fd >= 0 ? fd : null, STDIN_FILENO);
    if (fd >= 0)
        dup2(fd, STDOUT_FILENO);
    execvp(args[0], args);
    fprintf(stderr, "keeper: %s: %s\n", args[0], strerror(errno));
    _exit(127);
}

static int do_spawn(struct request *r, int fd)
{
    char *args[MAX_ARGS + 1] = {NULL}, *next = r->text;
    pid_t *slot = find_pid(0), self = getpid(), pid;

    if (!slot || r->number < 1 || r->number > MAX_ARGS)
        return -EAGAIN;
    for (int i = 0; i < r->number; i++) {
        args[i] = next;
        next += strlen(next) + 1;
    }
    pid = fork();
    if (pid == 0)
        become(args, fd, self);
    if (pid < 0)
        return -errno;
    setpgid(pid, pid); /* also here, so that signals to the group work at once */
    return *slot = pid;
}

static int do_status(pid_t pid, int *status)
{
    pid_t *slot = find_pid(pid), ended;

    if (pid <= 0 || !slot)
        return -ESRCH;
    ended = waitpid(pid, status, WNOHANG);
    if (ended == 0)
        return 0;
    kill(-pid, SIGKILL); /* what it may have started itself */
    *slot = 0;
    return ended == pid ? 1 : -errno;
}

static int do_signal(pid_t pid, int number)
{
    if (pid <= 0 || !find_pid(pid))
        return -ESRCH;
    return kill(-pid, number) == 0 ? 0 : -errno;
}

static int do_make_dir(char *path)
{
    const char *tmp = getenv("TMPDIR");
    char **slot = find_dir(NULL);

    snprintf(path, PATH_MAX, "%s/zkc-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!slot || !mkdtemp(path))
        return slot ? -errno : -EAGAIN;
    *slot = strdup(path);
    return *slot ? 0 : -ENOMEM;
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s;
    (void)type;
    (void)ftw;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

static int do_remove_dir(const char *path)
{
    char **slot = find_dir(path);
    int rc = 0;

    if (!slot)
        return -ENOENT;
    if (getenv("ZKC_KEEP"))
        fprintf(stderr, "keeper: %s is kept\n", path);
    else
        rc = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : -errno;
    free(*slot);
    *slot = NULL;
    return rc;
}

static void obey(struct request *r, int fd, struct answer *a)
{
    switch (r->verb) {
    case SPAWN:
        a->result = do_spawn(r, fd);
        break;
    case SIGNAL:
        a->result = do_signal(r->pid, r->number);
        break;
    case STATUS:
        a->result = do_status(r->pid, &a->status);
        break;
    case MAKE_DIR:
        a->result = do_make_dir(a->text);
        break;
    case REMOVE_DIR:
        a->result = do_remove_dir(r->text);
        break;
    }
}

static void end_everything(void)
{
    for (size_t i = 0; i < MAX_KEPT; i++) {
        if (kept_pids[i])
            kill(-kept_pids[i], SIGKILL);
    }
    for (size_t i = 0; i < MAX_KEPT; i++) {
        if (kept_pids[i])
            waitpid(kept_pids[i], NULL, 0);
    }
    for (size_t i = 0; i < MAX_KEPT; i++) {
        if (kept_dirs[i])
            do_remove_dir(kept_dirs[i]);
    }
}

/* The descriptor that came along, or -1. */
static int attached_fd(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    int fd = -1;

    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    return fd;
}

static bool receive(struct request *r, int *fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {.iov_base = r, .iov_len = sizeof(*r)};
    struct msghdr m = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t n;

    do
        n = recvmsg(KEEPER_FD, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    *fd = n > 0 ? attached_fd(&m) : -1;
    return n == sizeof(*r);
}

int keeper_main(int argc, char **argv)
{
    static struct request r;
    static struct answer a;
    int fd;

    (void)argc;
    (void)argv;
    signal(SIGINT, SIG_IGN); /* Ctrl-C ends the test, and thereby us */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC);
    while (receive(&r, &fd)) {
        memset(&a, 0, sizeof(a));
        obey(&r, fd, &a);
        if (fd >= 0)
            close(fd);
        if (send(KEEPER_FD, &a, sizeof(a), MSG_NOSIGNAL) < 0)
            break;
    }
    end_everything();
    return 0;
}

/* ==== inside the test ==== */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int keeper_socket = -1;
static pid_t keeper_pid, owner;

static int spawn_keeper(int fd)
{
    char *const argv[] = {"zkc-keeper", "--role=keeper", NULL};
    char self[PATH_MAX]; /* read: the link itself would be valgrind, if that runs us */
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    int rc;

    if (length < 0)
        return errno;
    self[length] = '\0';
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fd, KEEPER_FD);
    posix_spawnattr_init(&how);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    rc = posix_spawn(&keeper_pid, self, &files, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static bool started(void)
{
    int pair[2];

    if (keeper_socket >= 0)
        return true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    if (spawn_keeper(pair[1]) == 0) {
        keeper_socket = pair[0];
        owner = getpid();
        atexit(keeper_stop);
    } else {
        close(pair[0]);
    }
    close(pair[1]);
    return keeper_socket >= 0;
}

static bool transmit(struct request *r, int fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {.iov_base = r, .iov_len = sizeof(*r)};
    struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1};

    if (fd >= 0) {
        m.msg_control = control;
        m.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(fd));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    return sendmsg(keeper_socket, &m, MSG_NOSIGNAL) == sizeof(*r);
}

static int ask(struct request *r, int fd, struct answer *a)
{
    ssize_t n = -1;

    pthread_mutex_lock(&lock);
    if (started() && transmit(r, fd)) {
        do
            n = recv(keeper_socket, a, sizeof(*a), 0);
        while (n < 0 && errno == EINTR);
    }
    pthread_mutex_unlock(&lock);
    return n == sizeof(*a) ? a->result : -EPIPE;
}

pid_t keeper_spawn(const char *const argv[], int fd)
{
    struct request r = {.verb = SPAWN};
    struct answer a = {0};
    size_t used = 0;

    for (; argv[r.number]; r.number++) {
        size_t n = strlen(argv[r.number]) + 1;
        if (used + n > sizeof(r.text) || r.number >= MAX_ARGS)
            return -E2BIG;
        memcpy(r.text + used, argv[r.number], n);
        used += n;
    }
    return ask(&r, fd, &a);
}

int keeper_signal(pid_t pid, int signal)
{
    struct request r = {.verb = SIGNAL, .pid = pid, .number = signal};
    struct answer a = {0};

    return ask(&r, -1, &a);
}

bool keeper_ended(pid_t pid, int *status)
{
    struct request r = {.verb = STATUS, .pid = pid};
    struct answer a = {0};

    if (ask(&r, -1, &a) == 0)
        return false;
    if (status)
        *status = a.status;
    return true;
}

struct waiting {
    pid_t pid;
    int *status;
};

static bool ended(void *arg)
{
    struct waiting *w = arg;

    return keeper_ended(w->pid, w->status);
}

bool keeper_wait(pid_t pid, int *status, long long deadline)
{
    struct waiting w = {.pid = pid, .status = status};

    return wait_until(ended, &w, deadline);
}

int keeper_make_dir(char *path, size_t size)
{
    struct request r = {.verb = MAKE_DIR};
    struct answer a = {0};
    int rc = ask(&r, -1, &a);

    if (rc == 0 && (size_t)snprintf(path, size, "%s", a.text) >= size)
        return -ENAMETOOLONG;
    return rc;
}

int keeper_remove_dir(const char *path)
{
    struct request r = {.verb = REMOVE_DIR};
    struct answer a = {0};

    if ((size_t)snprintf(r.text, sizeof(r.text), "%s", path) >= sizeof(r.text))
        return -ENAMETOOLONG;
    return ask(&r, -1, &a);
}

/* Not in a forked copy of the test: there the keeper is somebody else's. */
void keeper_stop(void)
{
    pthread_mutex_lock(&lock);
    if (keeper_socket >= 0 && owner == getpid()) {
        close(keeper_socket);
        keeper_socket = -1;
        while (waitpid(keeper_pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    pthread_mutex_unlock(&lock);
}
