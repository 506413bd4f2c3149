/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "habitat.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NOBODY 65534

static void become_nobody(void)
{
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0)
        _exit(96);
}

/* ---- cgroups ---- */

static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
#define MOUNTS (sizeof mounts / sizeof mounts[0])

static bool cgroup_path(char *path, size_t size, pid_t pid)
{
    for (size_t i = 0; i < MOUNTS; i++) {
        snprintf(path, size, "%s/cgroup.procs", mounts[i]);
        if (access(path, W_OK) != 0)
            continue;
        snprintf(path, size, "%s/zkc-test-%ld", mounts[i], (long)pid);
        return true;
    }
    return false;
}

bool habitat_remove(pid_t pid)
{
    char path[96], below[160];
    struct stat ours;

    if (!cgroup_path(path, sizeof path, pid) || stat("/proc/self/ns/pid", &ours) != 0)
        return true;
    snprintf(below, sizeof below, "%s/zkcoord-%lu-%ld", path, (unsigned long)ours.st_ino,
             (long)pid);
    rmdir(below); /* of one that was killed with all that would have removed it */
    return rmdir(path) == 0 || errno == ENOENT;
}

/* As a service manager does it for a user. */
static bool delegate(const char *letters)
{
    char path[96], file[128];
    FILE *procs;

    habitat_remove(getpid()); /* of a test that was killed: its number is ours now */
    if (!cgroup_path(path, sizeof path, getpid()) || mkdir(path, 0755) != 0 ||
        setxattr(path, "user.delegate", "1", 1, 0) != 0)
        return false;
    snprintf(file, sizeof file, "%s/cgroup.procs", path);
    procs = fopen(file, "we");
    if (procs == NULL || fprintf(procs, "%ld", (long)getpid()) < 0 || fclose(procs) != 0)
        return false;
    return strchr(letters, 'u') == NULL ||
           (chown(path, NOBODY, NOBODY) == 0 && chown(file, NOBODY, NOBODY) == 0);
}

/* ---- all of it ---- */

static bool nobody_can_execute_us(void)
{
    char self[4096] = "";
    int status = 0;
    pid_t pid;

    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return false;
    pid = fork();
    if (pid == 0) {
        become_nobody();
        _exit(access(self, X_OK) == 0 ? 0 : 1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

bool habitat_possible(const char *letters)
{
    char path[96];

    if (*letters == '\0')
        return true;
    if (geteuid() != 0 || (strchr(letters, 'u') != NULL && !nobody_can_execute_us()))
        return false;
    return strchr(letters, 'c') == NULL || cgroup_path(path, sizeof path, getpid());
}

static bool hide_processes(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("proc", "/proc", "proc", 0, "hidepid=2") == 0;
}

void habitat_enter(const char *letters)
{
    if ((strchr(letters, 'c') != NULL && !delegate(letters)) ||
        (strchr(letters, 'h') != NULL && !hide_processes())) {
        perror("habitat");
        _exit(96);
    }
    if (strchr(letters, 'u') != NULL)
        become_nobody();
    prctl(PR_SET_DUMPABLE, 1); /* as after exec */
}
