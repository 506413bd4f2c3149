/*
 * Processes, as /proc shows them. It is opened once, and proved to show the PID namespace that we
 * are in: what is mounted over it later does not matter.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_PROC_H
#define ZKCOORD_TOOLS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid;
    pid_t parent;
    pid_t group;
    pid_t above;    /* for whoever looks for descendants: who counts as the parent; 0: the parent */
    uint64_t birth; /* clock ticks since boot; 0: not looked for */
    bool ending;    /* it adopts nobody any more; false: not looked for */
    bool ours;      /* for whoever looks for descendants */
};

struct processes {
    struct process *at; /* for free() */
    size_t count;
    size_t room;
};

/* A file of /proc as text, cut where the room ends; false if it cannot be read, or is empty. */
bool proc_text(int proc, const char *path, char *text, size_t size);

/* A descriptor, close-on-exec; or -1, and why in words. */
int proc_open(const char **ret_problem);

/* False if there is no such process, or it is hidden from us. */
bool proc_look(int proc, pid_t pid, struct process *ret);

/* The parent of a process, hidden or not; 0 if there is none, or a kernel before Linux 6.13 does
 * not say. */
pid_t proc_parent(pid_t pid);

/* Appends all that can be seen, in order of their numbers. False if nothing can be read. */
bool proc_scan(int proc, struct processes *all);

/* The one of that number among the first `count`, which are in order; NULL if there is none. */
struct process *proc_find(const struct processes *all, size_t count, pid_t pid);

/*
 * Appends the children of this process, without their births, hidden ones too: the kernel lists
 * them for their parent whatever hidepid says. Nobody but us waits for them, so that their numbers
 * stay theirs. Under a kernel without such lists (CONFIG_PROC_CHILDREN) those that can be seen.
 * While many come and go some may be missing.
 */
void proc_children(int proc, struct processes *all);

#endif
