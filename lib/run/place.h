/*
 * Where a lock or election lives: from id or path to the directory of its contenders.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_PLACE_H
#define ZKC_RUN_PLACE_H

#include "core/ticket.h"
#include "run/client.h"

#define ZKC_SESSION_TIMEOUT_MAX_MS 86400000 /* 24 hours */
#define ZKC_DATA_MAX                                                            \
    ((size_t)512 * 1024) /* the server refuses 1 MiB by dropping the connection \
                          */

/* Where and how somebody wants to contend, as the recipe's options say. */
struct wish {
    const struct rule *rule;
    const char *kind; /* "lock" or "leader" */
    const char *id;   /* of these two, one is NULL */
    const char *path;
    const void *data; /* NULL: what the client says of itself */
    size_t length;
    int64_t dialect;
    int64_t shared;
};

/* ZKC_OK or ZKC_EINVAL: one of id and path, data that fits, a dialect that exists and can say it.
 */
int place_check(const struct wish *wish);

/* NULL without memory. */
struct place *place_make(const zkc_sync *sync, const struct wish *wish);

#endif
