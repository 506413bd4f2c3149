/*
 * Host names become numeric addresses here, each on a thread of its own, off libzookeeper's
 * threads: it would stop its pings for a slow name server. Each answer counts when it comes, and no
 * name waits for another. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_RESOLVER_H
#define ZKC_RUN_RESOLVER_H

struct zkc_sync;

/* All under the mutex. */

/* Asks for all names of whose look-up none is under way. What is numeric is known at once. */
void resolver_refresh(struct zkc_sync *sync);

/* When nobody else uses the sync any more. */
void resolver_clear(struct zkc_sync *sync);

#endif
