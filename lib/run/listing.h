/*
 * Snapshots of who contends: what zkc_contenders is made of, and the blocking read of one.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_LISTING_H
#define ZKC_RUN_LISTING_H

#include "core/peek.h"
#include "run/client.h"

struct place;
struct rule;

/* Makes a snapshot, taking paths and data out of the seats; paths lose the chroot. NULL without
 * memory. */
zkc_contenders *contenders_new(const zkc_sync *sync, const struct rule *rule, struct seat *seats,
                               size_t count);

/*
 * Reads what the data says. 0, or -1 without memory. Takes a tenth of a second for each MiB that
 * somebody made up for the purpose, so this is no work for who has the mutex.
 */
int contenders_decode(zkc_contenders *contenders);

/* Reads once. first_only: at most one contender. Enters by itself; blocks. */
int listing_read(zkc_sync *sync, struct session *session, struct place *place, bool first_only,
                 zkc_context *context, zkc_contenders **ret_contenders);

#endif
