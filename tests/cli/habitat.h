/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a zkcoord lives: what the system shows it and lends it. Letters:
 *   u  it is an ordinary user's
 *   h  /proc hides from a user what is not his, and what cannot be dumped (hidepid=2)
 *   c  a cgroup is delegated to it
 * Only root can arrange these.
 */
#ifndef ZKC_TESTS_HABITAT_H
#define ZKC_TESTS_HABITAT_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether this machine lets us: we are root, and an ordinary user can execute what was built. */
bool habitat_possible(const char *letters);

/* Moves this process there, for good; it ends if that fails. */
void habitat_enter(const char *letters);

/* Removes what was made for a process that has ended. False if something of it still lives. */
bool habitat_remove(pid_t pid);

#endif
