/* SPDX-License-Identifier: Apache-2.0 */
#include "family.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process {
    pid_t pid;
    pid_t parent;
    pid_t group;
    bool ours;
    uint64_t birth;
};

struct table {
    struct process *at;
    size_t count;
    size_t room;
};

bool family_adopt(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* ---- /proc ---- */

/* The name of a process may contain anything, also ") "; what follows it does not. */
static bool parse(const char *text, struct process *ret)
{
    /* State, parent, group, 16 more; the 22nd in all is the birth: see proc_pid_stat(5). */
    static const char format[] =
        ") %*c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64;
    const char *rest = strrchr(text, ')');
    int parent, group;

    if (rest == NULL)
        return false;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote it */
    if (sscanf(rest, format, &parent, &group, &ret->birth) != 3)
        return false;
    ret->parent = parent;
    ret->group = group;
    return true;
}

static bool look(pid_t pid, struct process *ret)
{
    char path[64], text[1024];
    ssize_t length;
    int fd;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    *ret = (struct process){.pid = pid};
    return parse(text, ret);
}

static bool append(struct table *table, const struct process *process)
{
    if (table->count == table->room) {
        size_t room = table->room == 0 ? 256 : table->room * 2;
        struct process *at = realloc(table->at, room * sizeof *at);

        if (at == NULL)
            return false;
        table->at = at;
        table->room = room;
    }
    table->at[table->count++] = *process;
    return true;
}

static int by_pid(const void *left, const void *right)
{
    const struct process *a = left, *b = right;

    return (a->pid > b->pid) - (a->pid < b->pid);
}

static bool scan(struct table *table)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;

    if (directory == NULL)
        return false;
    while ((entry = readdir(directory)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);
        struct process process;

        if (pid > 0 && look((pid_t)pid, &process))
            append(table, &process);
    }
    closedir(directory);
    if (table->count > 0)
        qsort(table->at, table->count, sizeof *table->at, by_pid);
    return true;
}

uint64_t family_birth(pid_t pid)
{
    struct process process;

    return look(pid, &process) ? process.birth : 0;
}

/* ---- descendants ---- */

static const struct process *find(const struct table *table, pid_t pid)
{
    const struct process key = {.pid = pid};

    return bsearch(&key, table->at, table->count, sizeof key, by_pid);
}

/* Children may stand before their parents in /proc: mark until nothing changes. */
static void mark(struct table *table, pid_t root, uint64_t since)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < table->count; i++) {
            struct process *process = &table->at[i];
            const struct process *parent;

            if (process->ours || process->birth < since)
                continue;
            parent = process->parent == root ? NULL : find(table, process->parent);
            if (process->parent == root || (parent != NULL && parent->ours))
                process->ours = changed = true;
        }
    }
}

/* By a descriptor of the process: its number may have been given to another meanwhile. */
static void send(const struct process *process, int signal)
{
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);

    if (fd < 0) { /* gone, or a kernel before 5.3 */
        if (family_birth(process->pid) == process->birth)
            kill(process->pid, signal);
        return;
    }
    if (family_birth(process->pid) == process->birth)
        syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
    close(fd);
}

/* Zombies, too: what looks like one may be threads that have outlived the first. */
int family_signal(int signal, uint64_t since)
{
    struct table table = {0};
    int count = 0;

    if (!scan(&table))
        return -1;
    mark(&table, getpid(), since);
    for (size_t i = 0; i < table.count; i++) {
        if (table.at[i].ours) {
            count++;
            send(&table.at[i], signal);
        }
    }
    free(table.at);
    return count;
}

/* Nobody but us waits for them, so that their numbers stay theirs. More than fit are found later.
 */
void family_signal_children(int signal, uint64_t since)
{
    char path[64], text[4096], *at = text, *end;
    ssize_t length;
    long pid;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    for (; (pid = strtol(at, &end, 10)) > 0 && *end == ' '; at = end)
        if (family_birth((pid_t)pid) >= since)
            kill((pid_t)pid, signal);
}

bool family_alone(void)
{
    struct table table = {0};
    size_t members = 0;
    pid_t group = getpgrp();

    if (!scan(&table))
        return false;
    for (size_t i = 0; i < table.count; i++)
        members += table.at[i].group == group;
    free(table.at);
    return members == 1;
}
