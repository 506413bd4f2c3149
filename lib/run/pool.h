/*
 * The sessions of a client: locks of one timeout share one. It does what the core asks for, opens,
 * looks at, disowns and closes handles of libzookeeper and sends requests, and tells the core what
 * libzookeeper tells.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_POOL_H
#define ZKC_RUN_POOL_H

#include "core/exchange.h"
#include "run/client.h"

/* A session that several locks share. */
struct pooled {
    struct session session;
    struct list link; /* sync->pool */
    size_t users;
};

void pool_init(zkc_sync *sync);

/* Under the mutex. The session with this timeout, 0 for the default; started when first used. NULL
 * without memory. */
struct pooled *pool_session_get(zkc_sync *sync, int64_t timeout_ms);
void pool_session_put(zkc_sync *sync, struct pooled *pooled);

#endif
