/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_CONTENDER_H
#define ZKCOORD_CONTENDER_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

/** One contender as its znode shows it. Made by the library; read only. Since 0.1. */
typedef struct zkc_contender {
    size_t size;
    const char *path; /**< full path of its znode, below the chroot of the nodes */
    int64_t token;    /**< fencing token: czxid of the znode */
    int64_t session;  /**< ZooKeeper session that owns it */
    int64_t since_ms; /**< when it queued up: server's wall clock, milliseconds since 1970 */
    int64_t position; /**< in the queue: 0 holds or leads, 1 is next unless it shares, ... */
    const void *data; /**< raw bytes of the znode; never NULL */
    size_t data_length;
    const zkc_node *node; /**< parsed from data; NULL when the data is not such JSON */
    int64_t shared;       /**< 1: it shares with others that do; 0: it holds or waits alone */
    int64_t holds;        /**< 1: nobody that it must wait for is ahead of it */
} zkc_contender;

/** A snapshot of all contenders in the order of the queue. Read only: any thread. Since 0.1. */
typedef struct zkc_contenders zkc_contenders;

/** How many there are; 0 for NULL. Does not block. Since 0.1. */
ZKC_API size_t zkc_contenders_count(const zkc_contenders *contenders);

/** The contender at a position, owned by the snapshot; NULL past the end and for NULL. Does not
 * block. Since 0.1. */
ZKC_API const zkc_contender *zkc_contenders_at(const zkc_contenders *contenders, size_t position);

/** Frees a snapshot that nobody reads any more. NULL is allowed. Does not block. Since 0.1. */
ZKC_API void zkc_contenders_free(zkc_contenders *contenders);

ZKC_END_DECLS
#endif
