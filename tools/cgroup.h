/*
 * A cgroup of the command's own, where the system lends us one: the kernel kills all who are in it
 * at once, whoever they are, however they fork, and whether or not /proc shows them. It has to be
 * the unified hierarchy (v2), with our cgroup delegated to us: by systemd (Delegate=yes), or
 * because it is the root of our cgroup namespace, as in a container. Otherwise nothing here does
 * anything. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_CGROUP_H
#define ZKCOORD_TOOLS_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

struct cgroup {
    int parent;    /* ours; -1: we have none that is delegated, or may make none in it */
    char name[48]; /* of the command's, which the command may remove, or freeze */
};

/* Makes one that is empty; proc: see proc.h. */
void cgroup_open(struct cgroup *cgroup, int proc);

/* Moves a process there; whatever it forks from then on is there, too. An earlier command may have
 * frozen or removed the cgroup. */
void cgroup_enter(const struct cgroup *cgroup, pid_t pid);

/* SIGKILL to all of them. False if there is no cgroup, or the kernel is older than 5.14. */
bool cgroup_kill(const struct cgroup *cgroup);

/* In a cgroup below that the command made, or in a PID namespace that ours does not show. */
#define CGROUP_NAMELESS (-1)

/* A process in it or below that is alive; 0 if there is none. */
pid_t cgroup_left(const struct cgroup *cgroup);

/* Once nobody is in it; with the cgroups below that the command made. */
void cgroup_remove(const struct cgroup *cgroup);

#endif
