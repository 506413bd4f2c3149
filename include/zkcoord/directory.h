/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_DIRECTORY_H
#define ZKCOORD_DIRECTORY_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

/**
 * A snapshot of the ids in a namespace, sorted by their bytes. A znode there that others have made,
 * and whose name no id has, is no id; zkc_ids_path() tells of it. Read only: any thread. Since 0.1.
 */
typedef struct zkc_ids zkc_ids;

/**
 * Lists the ids of all locks in the namespace that have a znode: of those that somebody holds or
 * waits for, and of those that were used not long ago, or on servers without container nodes ever.
 * Blocks until answered or the context ends; reads only.
 * @param ret_ids  yours, possibly empty; end it with zkc_ids_free()
 * @return as zkc_lock_contenders(). Since 0.1.
 */
ZKC_API int zkc_lock_ids(zkc_sync *sync, zkc_context *context, zkc_ids **ret_ids);

/** Lists the ids of all elections in the namespace. As zkc_lock_ids(). Since 0.1. */
ZKC_API int zkc_leader_ids(zkc_sync *sync, zkc_context *context, zkc_ids **ret_ids);

/** How many there are; 0 for NULL. Does not block. Since 0.1. */
ZKC_API size_t zkc_ids_count(const zkc_ids *ids);

/** The id at a position, owned by the snapshot; NULL past the end and for NULL. Does not block.
 * Since 0.1. */
ZKC_API const char *zkc_ids_at(const zkc_ids *ids, size_t position);

/**
 * The path of the znode that the id at a position has, below the chroot of the nodes: the path by
 * which programs in other languages share it. From zkc_ids_count() on, the paths of the znodes that
 * are no id's. Owned by the snapshot; NULL past the end and for NULL. Does not block. Since 0.1.
 */
ZKC_API const char *zkc_ids_path(const zkc_ids *ids, size_t position);

/** Frees a snapshot that nobody reads any more. NULL is allowed. Does not block. Since 0.1. */
ZKC_API void zkc_ids_free(zkc_ids *ids);

/**
 * Takes a contender out of the line by deleting its znode: a holder is revoked with ZKC_EDELETED, a
 * waiter queues up again. For operators: the next in line may hold at once, before the old holder
 * has heard of it. Blocks until confirmed or the context ends.
 * @param contender  from a snapshot, which must live until this returns
 * @return ZKC_OK: it is gone; ZKC_ENOTHELD: it was gone already, or another has its name;
 * ZKC_EACCES, ZKC_EAUTH; ZKC_ETIMEDOUT and ZKC_ECANCELED: it may be gone; ZKC_EINVAL, ZKC_ECLOSED,
 * ZKC_EFORK, ZKC_ECALLBACK, ZKC_ENOMEM, ZKC_EQUOTA, ZKC_ESERVER. Since 0.1.
 */
ZKC_API int zkc_contender_evict(zkc_sync *sync, const zkc_contender *contender,
                                zkc_context *context);

/**
 * Asks a contender to give up what it holds, or will hold: writes "__REVOKE__" into its znode, as
 * Curator does, in place of its data; before its data if that is a zkc_node, so that it is still
 * told who is asked. It need not listen; see zkc_lock_asked_fd(). Blocks until confirmed or the
 * context ends.
 * @param contender  from a snapshot, which must live until this returns
 * @return ZKC_OK: its znode says so; ZKC_ENOTHELD: it was gone already, or another has its name;
 * ZKC_ETIMEDOUT and ZKC_ECANCELED: it may have been asked; otherwise as zkc_contender_evict().
 * Since 0.1.
 */
ZKC_API int zkc_contender_ask(zkc_sync *sync, const zkc_contender *contender, zkc_context *context);

ZKC_END_DECLS
#endif
