/*
 * The processes below us: what a command leaves, whatever groups and sessions it makes. Works for a
 * process that is a child subreaper, so that orphans come to it. Descendants are looked for in
 * /proc; those that are hidden there come to us as children once what stands between has ended, and
 * of its children every process hears, by waiting for them. Whoever can be seen below a hidden one
 * is known by asking the kernel for parents.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_FAMILY_H
#define ZKCOORD_TOOLS_FAMILY_H

#include "cgroup.h"
#include "proc.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct family {
    int proc;
    struct cgroup cgroup;    /* the command's, where we are lent one */
    struct processes elders; /* not the command's: nothing here is about them and theirs */
};

/* This process becomes the parent of orphans below it. False with errno. */
bool family_adopt(void);

/* Also makes this process the parent of orphans below it. False, and why in words. */
bool family_open(struct family *family, const char **ret_problem);

/*
 * All that is below us now is none of the command's, but for that child of ours and what is below
 * it: while it lives it adopts whatever the command leaves. So where else orphans come from that we
 * have adopted, it is from processes that were there before us. Does nothing if the child ends.
 */
void family_leave_out_but(struct family *family, pid_t child);

/*
 * SIGTERM, and SIGCONT for those that are stopped: once to each, in that group or not. told: a
 * group that has got its SIGTERM before, and gets SIGCONT only. 0 for none.
 */
void family_terminate(const struct family *family, pid_t group, pid_t told);

/*
 * SIGKILL to all, and to whoever is in the cgroup. group: 0 for none. Of those that we may not kill
 * it returns the one with the least number above that given, or 0.
 */
pid_t family_kill(const struct family *family, pid_t group, pid_t above);

/*
 * SIGKILL to our children only, so fast that it catches up with one that forks and ends, over and
 * over: the next one becomes our child each time.
 */
void family_kill_children(const struct family *family);

/* A child that is left, zombies included, or somebody in the cgroup, who may be CGROUP_NAMELESS; 0
 * if there is nobody. */
pid_t family_left(const struct family *family);

/*
 * Goes through those that are left where left is one of them: first with above 0, then with what it
 * returned; 0 after the last.
 */
pid_t family_next_left(const struct family *family, pid_t left, pid_t above);

/* "process 5 of the command", in text or not. */
#define FAMILY_NAME_SIZE 64
const char *family_name(pid_t left, char *text, size_t size);

/*
 * Kills and reaps until nobody is left. Gives up after so many nanoseconds, and returns one that is
 * left; 0 otherwise.
 */
pid_t family_end(const struct family *family, int64_t patience);

/* Whether this process is the only one in its process group; false if it cannot be told. */
bool family_alone(const struct family *family);

#endif
