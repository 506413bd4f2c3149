/*
 * Host names become numeric addresses here, off libzookeeper's threads: it would stop its pings for
 * a slow name server.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_RESOLVER_H
#define ZKC_RUN_RESOLVER_H

#include <stdbool.h>

struct zkc_sync;

/*
 * Makes sync->addresses fresh. True: they are, at once. False: host_resolved() will be called when
 * they are, or cannot be had. Under the mutex.
 */
bool resolver_refresh(struct zkc_sync *sync);

/* Of the host: sessions that wait can be opened now, or not. Under the mutex. */
void host_resolved(struct zkc_sync *sync);

#endif
