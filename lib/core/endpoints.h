/*
 * The numeric addresses that the servers' names stand for, as far as they are known: every session
 * of a client dials from the same list, and the newest one counts at once. Pure.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_ENDPOINTS_H
#define ZKC_CORE_ENDPOINTS_H

#include "core/nodes.h"

struct endpoints {
    char **at; /* "ip:port", as libzookeeper reads it; both families in turn; mem_alloc'd */
    size_t count;
};

/* Takes the place of what was known, each address once. 0; -1 without memory: nothing changes. */
int endpoints_set(struct endpoints *endpoints, const struct server_list *numeric);

void endpoints_clear(struct endpoints *endpoints); /* a zeroed list is a valid empty one */

#endif
