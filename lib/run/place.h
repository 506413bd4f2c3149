/*
 * Where a lock or election lives: from id or path to the directory of its contenders.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_PLACE_H
#define ZKC_RUN_PLACE_H

#include "core/ticket.h"
#include "run/host.h"

#define ZKC_SESSION_TIMEOUT_MAX_MS 86400000 /* 24 hours */
#define ZKC_DATA_MAX                                                            \
    ((size_t)512 * 1024) /* the server refuses 1 MiB by dropping the connection \
                          */

/* ZKC_OK or ZKC_EINVAL: exactly one of id and path, data that fits, and a dialect that exists. */
int place_check(const char *id, const char *path, const void *data, size_t length, int64_t dialect);

/* kind is "lock" or "leader". NULL without memory. */
struct place *place_make(const zkc_sync *sync, const char *kind, const char *id, const char *path,
                         const void *data, size_t length, zkc_dialect dialect);

#endif
