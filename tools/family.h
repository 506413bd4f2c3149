/*
 * Processes below us, found in /proc: what a command leaves, whatever groups and sessions it makes.
 * Works for a process that is a child subreaper, so that orphans come to it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_FAMILY_H
#define ZKCOORD_TOOLS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* This process becomes the parent of orphans below it. */
bool family_adopt(void);

/* Moment of birth of a process, in clock ticks since boot; 0 if there is none. */
uint64_t family_birth(pid_t pid);

/*
 * Sends a signal to all descendants of this process that were born at `since` or later.
 * Returns how many there were, or -1 when /proc cannot be read.
 */
int family_signal(int signal, uint64_t since);

/*
 * The same for our children only, so fast that it catches up with one that forks and ends, over
 * and over: the next one becomes our child each time.
 */
void family_signal_children(int signal, uint64_t since);

/* Whether this process is the only one in its process group; false if it cannot be told. */
bool family_alone(void);

#endif
