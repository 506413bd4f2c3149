/* SPDX-License-Identifier: Apache-2.0 */
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- whose it is ---- */

bool proc_text(int proc, const char *path, char *text, size_t size)
{
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0)
        return false;
    length = read(fd, text, size - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static bool is_self(int proc)
{
    char text[32] = "";

    return readlinkat(proc, "self", text, sizeof text - 1) > 0 &&
           strtol(text, NULL, 10) == (long)getpid();
}

/*
 * One number for each PID namespace from that of /proc down to ours: more than one, and our number
 * there is only by chance the same. Not every kernel tells.
 */
static bool is_nested(int proc)
{
    char text[4096];
    const char *numbers;

    if (!proc_text(proc, "self/status", text, sizeof text))
        return false;
    numbers = strstr(text, "\nNSpid:\t");
    return numbers != NULL && strcspn(numbers + 8, "\t") < strcspn(numbers + 8, "\n");
}

static const char *problem_of(int proc)
{
    struct statfs status;

    if (fstatfs(proc, &status) != 0 || status.f_type != PROC_SUPER_MAGIC)
        return "/proc is not mounted";
    if (!is_self(proc) || is_nested(proc))
        return "/proc shows another PID namespace than ours (unshare(1) has --mount-proc)";
    return NULL;
}

int proc_open(const char **ret_problem)
{
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *ret_problem = proc < 0 ? "/proc cannot be opened" : problem_of(proc);
    if (*ret_problem == NULL)
        return proc;
    if (proc >= 0)
        close(proc);
    return -1;
}

/* ---- one ---- */

#define EXITING 0x4 /* PF_EXITING of the kernel, which sets it before orphans pass by */

/* The name of a process may contain anything, also ") "; what follows it does not. */
static bool parse(const char *text, struct process *ret)
{
    /* State, parent, group; the 9th in all are flags, the 22nd is the birth: proc_pid_stat(5). */
    static const char format[] =
        ") %*c %d %d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64;
    const char *rest = strrchr(text, ')');
    int parent, group;
    unsigned flags;

    if (rest == NULL)
        return false;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote it */
    if (sscanf(rest, format, &parent, &group, &flags, &ret->birth) != 4)
        return false;
    ret->parent = parent;
    ret->group = group;
    ret->ending = (flags & EXITING) != 0;
    return true;
}

bool proc_look(int proc, pid_t pid, struct process *ret)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "%ld/stat", (long)pid);
    if (!proc_text(proc, path, text, sizeof text))
        return false;
    *ret = (struct process){.pid = pid};
    return parse(text, ret);
}

/*
 * PIDFD_GET_INFO of linux/pidfd.h, in its first form, for not every header has it: a mask of what
 * is asked and answered, a cgroup; then numbers, of the thread, the process, its parent and its
 * users.
 */
struct pidfd_answer {
    uint64_t words[2];
    uint32_t numbers[12];
};
enum { MASK, PARENT = 2 };
#define ASK_PIDFD _IOWR(0xFF, 11, struct pidfd_answer)
#define ASK_NUMBERS 1

pid_t proc_parent(pid_t pid)
{
    struct pidfd_answer answer = {.words[MASK] = ASK_NUMBERS};
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool told;

    if (fd < 0)
        return 0;
    told = ioctl(fd, ASK_PIDFD, &answer) == 0 && (answer.words[MASK] & ASK_NUMBERS) != 0;
    close(fd);
    return told ? (pid_t)answer.numbers[PARENT] : 0;
}

/* ---- many ---- */

static bool append(struct processes *all, const struct process *process)
{
    if (all->count == all->room) {
        size_t room = all->room == 0 ? 256 : all->room * 2;
        struct process *at = realloc(all->at, room * sizeof *at);

        if (at == NULL)
            return false;
        all->at = at;
        all->room = room;
    }
    all->at[all->count++] = *process;
    return true;
}

/* A stream of its own each time: one that others read, too, would have one position for all. */
static DIR *list(int proc, const char *path)
{
    int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);

    if (directory == NULL && fd >= 0)
        close(fd);
    return directory;
}

/* The next entry that is a number; 0 at the end. */
static pid_t next_number(DIR *directory)
{
    const struct dirent *entry;

    while ((entry = readdir(directory)) != NULL) {
        long number = strtol(entry->d_name, NULL, 10);
        if (number > 0)
            return (pid_t)number;
    }
    return 0;
}

static int by_pid(const void *left, const void *right)
{
    const struct process *a = left, *b = right;

    return (a->pid > b->pid) - (a->pid < b->pid);
}

bool proc_scan(int proc, struct processes *all)
{
    DIR *directory = list(proc, ".");
    pid_t pid;

    if (directory == NULL)
        return false;
    while ((pid = next_number(directory)) > 0) {
        struct process process;
        if (proc_look(proc, pid, &process))
            append(all, &process);
    }
    closedir(directory);
    if (all->count > 0)
        qsort(all->at, all->count, sizeof *all->at, by_pid);
    return true;
}

struct process *proc_find(const struct processes *all, size_t count, pid_t pid)
{
    const struct process key = {.pid = pid};

    return count == 0 ? NULL : bsearch(&key, all->at, count, sizeof key, by_pid);
}

/* ---- our children ---- */

/* Nobody is asked who may be hidden: also getpgid() answers for everybody. */
static void append_child(pid_t pid, struct processes *all)
{
    const struct process child = {.pid = pid, .parent = getpid(), .group = getpgid(pid)};

    append(all, &child);
}

/* Those of one thread; false if the kernel has no such lists. */
static bool children_of(int proc, pid_t thread, struct processes *all)
{
    char path[64];
    FILE *file;
    int fd, pid;

    snprintf(path, sizeof path, "self/task/%ld/children", (long)thread);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return fd >= 0;
    }
    while (fscanf(file, "%d", &pid) == 1) /* NOLINT(cert-err34-c): the kernel wrote it */
        append_child(pid, all);
    fclose(file);
    return true;
}

static void seen_children(int proc, struct processes *all)
{
    struct processes seen = {0};

    proc_scan(proc, &seen);
    for (size_t i = 0; i < seen.count; i++)
        if (seen.at[i].parent == getpid())
            append(all, &seen.at[i]);
    free(seen.at);
}

void proc_children(int proc, struct processes *all)
{
    DIR *threads = list(proc, "self/task");
    bool listed = threads != NULL;
    pid_t thread;

    while (listed && (thread = next_number(threads)) > 0)
        listed = children_of(proc, thread, all);
    if (threads != NULL)
        closedir(threads);
    if (!listed)
        seen_children(proc, all);
}
