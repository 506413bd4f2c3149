/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the servers agree with each other. ZooKeeper before 3.9.3 can lose transactions that were
 * committed: a follower that the leader has dropped may end with some of them applied and not yet
 * in its log, joins again from memory, and after its next start does not know them
 * (ZOOKEEPER-4712). Who reads from it sees nodes that were deleted long ago, and waits for them for
 * ever.
 */
#ifndef ZKC_TESTS_AGREEMENT_H
#define ZKC_TESTS_AGREEMENT_H

#include "servers.h"

#include <stdbool.h>
#include <stdint.h>

struct agreement;

/* With a session on each server. */
struct agreement *agreement_open(struct servers *s);
void agreement_close(struct agreement *a);

/* Waits until all servers show the same children of a node; false: they do not until then. */
bool agreement_reached(struct agreement *a, const char *path, int64_t deadline);

#endif
