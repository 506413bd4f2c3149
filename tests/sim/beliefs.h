/*
 * Who believes to hold what, looked at after every step without asking the library (asking leaves
 * marks), and what must be true of it. Paths of grants are directories: the lock's or election's.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_BELIEFS_H
#define ZKC_SIM_BELIEFS_H

#include "world.h"

void beliefs_begin(void);
void beliefs_end(void);

/* After every step: no two believe, tokens grow, who is granted is first in the servers' queue, no
 * belief comes back to life. */
void beliefs_check(void);

/* Strangers are about to delete a node, or end a session: its holder may believe for a while. */
void beliefs_rob_node(const char *path);
void beliefs_rob_session(int64_t session);

/* Before a machine is killed. */
void beliefs_forget(struct machine *machine);

/* One of those who hold now; false: nobody does. For faults that aim well. */
struct belief {
    struct machine *machine;
    int64_t session;
    int64_t timeout;
    int64_t remaining; /* of its lease */
    const char *node;
};
bool beliefs_some_holder(struct belief *ret_belief);

/* When the servers decided that the node with this token goes; SIM_NEVER: not yet. */
int64_t beliefs_removed_at(int64_t token);

/* How many grants there were in this world. */
int beliefs_grants(void);

#endif
