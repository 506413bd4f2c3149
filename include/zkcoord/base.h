/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_BASE_H
#define ZKCOORD_BASE_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define ZKC_BEGIN_DECLS extern "C" {
#define ZKC_END_DECLS }
#else
#define ZKC_BEGIN_DECLS
#define ZKC_END_DECLS
#endif

/** Marks what the shared library exports. */
#define ZKC_API __attribute__((visibility("default")))

/**
 * Prepares an options or description struct: zeroes it and sets its size. Every struct whose first
 * member is `size` must be prepared so before its members are set; a struct of a newer header is
 * refused with ZKC_EINVAL by an older library when it asks for something that library lacks.
 * Since 0.1.
 */
#define ZKC_INIT(pointer) \
    (memset((pointer), 0, sizeof *(pointer)), (pointer)->size = sizeof *(pointer))

typedef struct zkc_sync zkc_sync;         /**< one client: servers, namespace, identity */
typedef struct zkc_context zkc_context;   /**< a deadline and a way to cancel */
typedef struct zkc_lock zkc_lock;         /**< one contender for one lock */
typedef struct zkc_leader zkc_leader;     /**< one candidate for one election */
typedef struct zkc_elected zkc_elected;   /**< leadership that was won */
typedef struct zkc_observer zkc_observer; /**< somebody who follows an election */

/**
 * How our znode is named: as those do with whom the path is shared. All read all of these, and
 * everybody else's; but not everybody reads all of ours: zkcoord_interop(7). Since 0.1.
 */
typedef enum zkc_dialect {
    ZKC_DIALECT_LOCK = 0,      /**< Curator's InterProcessMutex and LeaderSelector, go-zookeeper,
                                    ZooKeeper's WriteLock: _c_UUID-lock-NUMBER */
    ZKC_DIALECT_LATCH = 1,     /**< Curator's LeaderLatch: _c_UUID-latch-NUMBER */
    ZKC_DIALECT_KAZOO = 2,     /**< Kazoo's Lock and Election: UUID__lock__NUMBER */
    ZKC_DIALECT_READ_WRITE = 3 /**< Curator's InterProcessReadWriteLock: _c_UUID-__WRIT__NUMBER;
                                    for locks only */
} zkc_dialect;

/**
 * Completion of an asynchronous call. Called exactly once for each call that was accepted, also
 * when it is cancelled, times out or its object is closed; never under a lock of the library and
 * never on a thread of libzookeeper (see zkc_sync_dispatch()). Since 0.1.
 * @param arg     what was handed over with the call
 * @param result  ZKC_OK or a zkc_error code
 */
typedef void (*zkc_done_fn)(void *arg, int result);

/**
 * Called once per grant when it is revoked. Runs where completions run. Since 0.1.
 * @param arg     what was registered
 * @param reason  ZKC_ELEASE, ZKC_EEXPIRED or ZKC_EDELETED
 */
typedef void (*zkc_revoked_fn)(void *arg, int reason);

/**
 * Called once per grant when somebody asks the holder to give up. Runs where completions run.
 * Since 0.1.
 */
typedef void (*zkc_asked_fn)(void *arg);

#endif
