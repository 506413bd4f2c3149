/*
 * Knows without a system call whether this is still the process that made it: a page that the
 * kernel empties in children (MADV_WIPEONFORK).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_FORK_H
#define ZKC_RUN_FORK_H

#include <stdbool.h>

struct fork_guard {
    volatile int *mark;
    int pid; /* where the kernel cannot wipe pages */
};

int fork_guard_open(struct fork_guard *guard); /* -1 with errno */
void fork_guard_close(struct fork_guard *guard);
bool fork_guard_child(const struct fork_guard *guard);

#endif
