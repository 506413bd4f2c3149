/*
 * Children that are none of ours: those that PID 1, or whoever adopts, gets from strangers.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_ORPHANS_H
#define ZKCOORD_TOOLS_ORPHANS_H

#include <stddef.h>
#include <sys/types.h>

/* Reaps all that have ended, but for these children, whose status somebody else waits for. proc:
 * from proc_open(); -1 where with one of these the process ends itself. */
void orphans_reap(int proc, const pid_t *but, size_t count);

#endif
