/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"
#include "clock.h"
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PATH_SIZE 96
#define PATIENCE (2000 * MS) /* somebody may make new ones all the time */

/* ---- ours ---- */

/* Our path in the unified hierarchy; false if there is none, or it is outside of our namespace. */
static bool read_path(int proc, char *path, size_t size)
{
    char text[4096];
    const char *found;
    size_t length;

    if (!proc_text(proc, "self/cgroup", text, sizeof text))
        return false;
    found = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (found == NULL)
        return false;
    found = strchr(found, '/');
    length = found != NULL ? strcspn(found, "\n") : 0;
    if (length == 0 || length >= size || strncmp(found, "/..", 3) == 0)
        return false;
    memcpy(path, found, length);
    path[length] = '\0';
    return true;
}

static int open_at_mount(const char *mount, const char *path)
{
    char whole[4200];
    struct statfs status;

    if (statfs(mount, &status) != 0 || status.f_type != CGROUP2_SUPER_MAGIC)
        return -1;
    snprintf(whole, sizeof whole, "%s%s", mount, path);
    return open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool marked(int fd, const char *attribute)
{
    char value[8] = "";

    return fgetxattr(fd, attribute, value, sizeof value - 1) == 1 && value[0] == '1';
}

/* What is not ours to arrange is the service manager's alone, even where root may write. Only the
 * root of the whole hierarchy has no events. */
static bool is_delegated(int fd, const char *path)
{
    return marked(fd, "user.delegate") || marked(fd, "trusted.delegate") ||
           (strcmp(path, "/") == 0 && faccessat(fd, "cgroup.events", R_OK, 0) == 0);
}

static int open_ours(int proc)
{
    char path[4096];
    int fd;

    if (!read_path(proc, path, sizeof path))
        return -1;
    fd = open_at_mount("/sys/fs/cgroup", path);
    if (fd < 0)
        fd = open_at_mount("/sys/fs/cgroup/unified", path);
    if (fd >= 0 && !is_delegated(fd, path)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* ---- the command's ---- */

/* In other PID namespaces there are processes of our number, and they may have our cgroup. */
static void take_name(struct cgroup *cgroup, int proc)
{
    struct stat status = {0};

    if (fstatat(proc, "self/ns/pid", &status, 0) != 0)
        status.st_ino = 0;
    snprintf(cgroup->name, sizeof cgroup->name, "zkcoord-%lu-%ld", (unsigned long)status.st_ino,
             (long)getpid());
}

static int open_below(int fd, const char *name)
{
    return openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The name of a cgroup below this one; false if there is none. */
static bool first_below(int fd, char *name, size_t size)
{
    int copy = open_below(fd, ".");
    DIR *all = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    bool found = false;

    if (all == NULL && copy >= 0)
        close(copy);
    /* Nobody else reads this stream. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while (all != NULL && !found && (entry = readdir(all)) != NULL) {
        found = entry->d_type == DT_DIR && entry->d_name[0] != '.';
        if (found)
            snprintf(name, size, "%s", entry->d_name);
    }
    if (all != NULL)
        closedir(all);
    return found;
}

/* One step down, up or on; false at the end, or where somebody is in it. */
static bool remove_next(int *at, int *depth)
{
    char name[NAME_MAX + 1];
    bool below = first_below(*at, name, sizeof name);
    int next;

    if (!below && *depth == 0)
        return false;
    if (below && unlinkat(*at, name, AT_REMOVEDIR) == 0)
        return true;
    if (below && errno != EBUSY && errno != ENOTEMPTY)
        return false;
    next = below ? open_below(*at, name) : open_below(*at, "..");
    if (next < 0 || (below && !first_below(next, name, sizeof name))) {
        if (next >= 0)
            close(next);
        return false;
    }
    close(*at);
    *at = next;
    *depth += below ? 1 : -1;
    return true;
}

void cgroup_remove(const struct cgroup *cgroup)
{
    int64_t end = clock_ns() + PATIENCE;
    int at, depth = 0;

    if (cgroup->parent < 0)
        return;
    at = open_below(cgroup->parent, cgroup->name);
    while (at >= 0 && clock_ns() < end && remove_next(&at, &depth))
        ;
    if (at >= 0)
        close(at);
    unlinkat(cgroup->parent, cgroup->name, AT_REMOVEDIR);
}

void cgroup_open(struct cgroup *cgroup, int proc)
{
    *cgroup = (struct cgroup){.parent = open_ours(proc)};
    if (cgroup->parent < 0)
        return;
    take_name(cgroup, proc);
    cgroup_remove(cgroup); /* of somebody who had our number before, and was killed */
    if (mkdirat(cgroup->parent, cgroup->name, 0755) == 0)
        return;
    close(cgroup->parent);
    cgroup->parent = -1;
}

/* A file of the command's, as seen from ours. */
static void path_of(const struct cgroup *cgroup, const char *file, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", cgroup->name, file);
}

static bool write_to(const struct cgroup *cgroup, const char *file, const char *text)
{
    char path[PATH_SIZE];
    bool written;
    int fd;

    if (cgroup->parent < 0)
        return false;
    path_of(cgroup, file, path);
    fd = openat(cgroup->parent, path, O_WRONLY | O_CLOEXEC);
    written = fd >= 0 && write(fd, text, strlen(text)) > 0;
    if (fd >= 0)
        close(fd);
    return written;
}

static bool read_from(const struct cgroup *cgroup, const char *file, char *text, size_t size)
{
    char path[PATH_SIZE];

    path_of(cgroup, file, path);
    return cgroup->parent >= 0 && proc_text(cgroup->parent, path, text, size);
}

void cgroup_enter(const struct cgroup *cgroup, pid_t pid)
{
    char text[32];

    if (cgroup->parent < 0)
        return;
    snprintf(text, sizeof text, "%ld", (long)pid);
    if (mkdirat(cgroup->parent, cgroup->name, 0755) != 0)
        write_to(cgroup, "cgroup.freeze", "0");
    write_to(cgroup, "cgroup.procs", text);
}

bool cgroup_kill(const struct cgroup *cgroup)
{
    return write_to(cgroup, "cgroup.kill", "1");
}

pid_t cgroup_left(const struct cgroup *cgroup)
{
    char events[256], first[32] = "";
    long pid;

    if (!read_from(cgroup, "cgroup.events", events, sizeof events) ||
        strstr(events, "populated 1") == NULL)
        return 0;
    read_from(cgroup, "cgroup.procs", first, sizeof first);
    pid = strtol(first, NULL, 10);
    return pid > 0 ? (pid_t)pid : CGROUP_NAMELESS;
}
