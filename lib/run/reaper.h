/*
 * Slow goodbyes and slow look-ups, each on a thread that ends when it is done: zookeeper_close()
 * can take seconds, a name server longer. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_REAPER_H
#define ZKC_RUN_REAPER_H

struct zkc_sync;
struct zk;

/* Closes the handle elsewhere, and drops the reference to the sync that came with it. Under the
 * mutex. */
void reaper_bury(struct zkc_sync *sync, struct zk *zk);

/* Tries again to find a thread for what could not be buried yet. Under the mutex. */
void reaper_retry(struct zkc_sync *sync);

/* Closes here what still found no thread. Not under the mutex. */
void reaper_finish(struct zkc_sync *sync);

#endif
