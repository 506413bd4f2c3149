/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_LOCK_H
#define ZKCOORD_LOCK_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

struct zoo_op; /* zoo_op_t of <zookeeper/zookeeper.h> */

/** Options of one lock. Prepare with ZKC_INIT(); zero means default. Since 0.1. */
typedef struct zkc_lock_options {
    size_t size;
    const char *path;   /**< absolute znode path to share with other programs, instead of an id */
    int64_t ttl_ms;     /**< session timeout of the session that carries this lock; 0: the sync's */
    int64_t wait_ms;    /**< longest wait of acquire; 0: for ever */
    const void *data;   /**< raw bytes for our znode; NULL: the service's node as JSON. Copied */
    size_t data_length; /**< at most 512 KiB */
    int64_t dialect;    /**< a zkc_dialect */
    int64_t shared;     /**< 1: together with others that share; 0: alone. See zkc_lock(3) */
} zkc_lock_options;

/**
 * Makes a contender for the lock <namespace>/lock/<id>. Does not block; with a ttl_ms that no other
 * lock uses, a session begins to be opened.
 * @param id        any UTF-8 text of 1 to 512 bytes; NULL if options->path is set instead
 * @param options   NULL means defaults; copied
 * @param ret_lock  yours; end it with zkc_lock_close()
 * @return ZKC_OK, ZKC_EINVAL, ZKC_ENOMEM, ZKC_ECLOSED, ZKC_EFORK, ZKC_ESYSTEM. Since 0.1.
 */
ZKC_API int zkc_lock_open(zkc_sync *sync, const char *id, const zkc_lock_options *options,
                          zkc_lock **ret_lock);

/**
 * Ends a contender. A lock that is held is given up (in the background), an acquire, release or
 * wait in progress completes with ZKC_ECLOSED. After it returns, no callback of this lock runs any
 * more; it waits for one that is running, unless called inside it, and for no callback of another
 * object. NULL is allowed. Since 0.1.
 */
ZKC_API void zkc_lock_close(zkc_lock *lock);

/** The id, or the path if it was opened by path. Owned by the lock. Since 0.1. */
ZKC_API const char *zkc_lock_id(const zkc_lock *lock);

/**
 * Waits for the lock, first come first served, and takes it. Blocks until granted, wait_ms is over,
 * or the context ends. If the session is lost while waiting it queues up again by itself. Every
 * return other than ZKC_OK leaves nothing behind: our znode is deleted now or as soon as a server
 * can be reached.
 * @return ZKC_OK: held; ZKC_ETIMEDOUT; ZKC_ECANCELED; ZKC_EALREADY; ZKC_EACCES; ZKC_EAUTH;
 *         ZKC_EINVAL; ZKC_ECLOSED; ZKC_EFORK; ZKC_ECALLBACK; ZKC_ENOMEM; ZKC_EQUOTA;
 *         ZKC_ESERVER. Since 0.1.
 */
ZKC_API int zkc_lock_acquire(zkc_lock *lock, zkc_context *context);

/** As zkc_lock_acquire(), but returns ZKC_EBUSY if we must wait for somebody. Since 0.1. */
ZKC_API int zkc_lock_try_acquire(zkc_lock *lock, zkc_context *context);

/**
 * Begins to acquire; done is called exactly once. Does not block.
 * @param wait_ms  longest wait; 0: the lock's own wait_ms; negative: for ever
 * @return ZKC_OK: done will be called; otherwise (ZKC_EINVAL, ZKC_EALREADY, ZKC_ECLOSED, ZKC_EFORK,
 *         ZKC_ENOMEM, ZKC_ESYSTEM) it will not. Since 0.1.
 */
ZKC_API int zkc_lock_acquire_async(zkc_lock *lock, int64_t wait_ms, zkc_done_fn done, void *arg);

/** As zkc_lock_acquire_async(), but completes with ZKC_EBUSY if we must wait. Since 0.1. */
ZKC_API int zkc_lock_try_acquire_async(zkc_lock *lock, int64_t wait_ms, zkc_done_fn done,
                                       void *arg);

/**
 * Makes the acquire in progress complete with ZKC_ECANCELED. Does not block.
 * @return ZKC_OK; ZKC_ENOTHELD if no acquire is in progress (it may just have been granted). Since
 * 0.1.
 */
ZKC_API int zkc_lock_cancel(zkc_lock *lock);

/**
 * Gives the lock up: this process stops holding at once, then the znode is deleted. Blocks until
 * the server confirmed it or the context ends; in that case deletion goes on in the background.
 * @return ZKC_OK: confirmed, or it had been revoked before (then nothing is waited for);
 *         ZKC_ENOTHELD: not held; ZKC_ETIMEDOUT, ZKC_ECANCELED: not held any more, not confirmed
 * yet; ZKC_EACCES, ZKC_ESERVER: not held any more, the server refuses to delete the znode and is
 *         asked again; ZKC_EALREADY: another call of this lock is in progress; ZKC_EINVAL;
 *         ZKC_ECLOSED; ZKC_EFORK; ZKC_ECALLBACK. Since 0.1.
 */
ZKC_API int zkc_lock_release(zkc_lock *lock, zkc_context *context);

/**
 * Gives the lock up as zkc_lock_release() does, without blocking and without a deadline.
 * @return ZKC_OK: done will be called exactly once, with what zkc_lock_release() would return;
 *         ZKC_ENOMEM, ZKC_ESYSTEM: it will not, but the lock is given up all the same; otherwise
 *         (ZKC_EINVAL, ZKC_ENOTHELD, ZKC_EALREADY, ZKC_ECLOSED, ZKC_EFORK) it will not.
 *         Since 0.1.
 */
ZKC_API int zkc_lock_release_async(zkc_lock *lock, zkc_done_fn done, void *arg);

/**
 * Whether it is safe to act as the holder at this moment: the grant was not revoked and its lease
 * has not run out on a clock that counts pauses and suspension. Takes no lock, makes no system
 * call, and may be called anywhere, also in callbacks and signal handlers. False in a forked child.
 * Source: ZooKeeper expires a session only after its timeout without contact. Since 0.1.
 */
ZKC_API bool zkc_lock_is_held(const zkc_lock *lock);

/** How long it is safe to act from now; 0 when not held. As cheap as zkc_lock_is_held(). Since 0.1.
 */
ZKC_API int64_t zkc_lock_remaining_ms(const zkc_lock *lock);

/**
 * Fencing token of the newest grant: the czxid of our znode, larger than that of every earlier
 * grant in the whole ensemble, but for grants that it shares a lock with. Hand it to the guarded
 * resource, which refuses anything smaller than the largest it has seen. 0 before the first grant.
 * Does not block. Since 0.1.
 */
ZKC_API int64_t zkc_lock_token(const zkc_lock *lock);

/**
 * Negotiated timeout, in milliseconds, of the session that carries the lock; 0 before it is
 * connected; or ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK. Does not block. Since 0.1.
 */
ZKC_API int64_t zkc_lock_ttl_ms(zkc_lock *lock);

/**
 * A descriptor for poll, readable from the moment a grant is revoked, or its lease runs out, until
 * the lock is granted or released the next time. The kernel makes it readable at the deadline, even
 * if no thread of this process runs. Owned by the lock; do not read or close it. Does not block.
 * @return the descriptor, or ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK, ZKC_ENOMEM, ZKC_ESYSTEM. Since
 * 0.1.
 */
ZKC_API int zkc_lock_revoked_fd(zkc_lock *lock);

/**
 * Registers a function that is called once for each grant that is revoked from now on; NULL removes
 * it. Does not block. A release by the user is no revocation.
 * @return ZKC_OK, ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK, ZKC_ENOMEM, ZKC_ESYSTEM. Since 0.1.
 */
ZKC_API int zkc_lock_on_revoked(zkc_lock *lock, zkc_revoked_fn revoked, void *arg);

/**
 * Blocks until the grant is revoked, or the context ends.
 * @return ZKC_OK: revoked; ZKC_ENOTHELD: not held, or released meanwhile; ZKC_ETIMEDOUT;
 *         ZKC_ECANCELED; ZKC_ECLOSED; ZKC_EFORK; ZKC_ECALLBACK; ZKC_ENOMEM. Since 0.1.
 */
ZKC_API int zkc_lock_wait_revoked(zkc_lock *lock, zkc_context *context);

/**
 * A descriptor for poll, readable from the moment somebody asks us to give the lock up
 * (zkc_contender_ask(), or Curator's Revoker) until it is released, revoked or granted the next
 * time. Nothing else comes of it: we hold until we release. A request made while we waited counts.
 * Owned by the lock; do not read or close it. From now on our znode is watched while we hold. Does
 * not block.
 * @return the descriptor, or ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK, ZKC_ENOMEM, ZKC_ESYSTEM. Since
 * 0.1.
 */
ZKC_API int zkc_lock_asked_fd(zkc_lock *lock);

/**
 * Registers a function that is called once for each grant that somebody asks us to give up, at once
 * if it has been asked already; NULL removes it. Does not block. Otherwise as zkc_lock_asked_fd().
 * @return ZKC_OK, ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK, ZKC_ENOMEM, ZKC_ESYSTEM. Since 0.1.
 */
ZKC_API int zkc_lock_on_asked(zkc_lock *lock, zkc_asked_fn asked, void *arg);

/**
 * Why the newest grant was revoked, from the moment when zkc_lock_is_held() says no until the next
 * grant, also when the lock was released meanwhile. Does not block.
 * @return ZKC_ELEASE, ZKC_EEXPIRED, ZKC_EDELETED; ZKC_OK if it was not; ZKC_EINVAL, ZKC_ECLOSED,
 *         ZKC_EFORK. Since 0.1.
 */
ZKC_API int zkc_lock_revoked_reason(zkc_lock *lock);

/**
 * Lists who holds the lock and who waits. Blocks until answered or the context ends. Needs no
 * contender of our own; reads only.
 * @param ret_contenders  yours, possibly empty; end it with zkc_contenders_free()
 * @return ZKC_OK, ZKC_EACCES, ZKC_EAUTH, ZKC_ETIMEDOUT, ZKC_ECANCELED, ZKC_EINVAL, ZKC_ECLOSED (the
 *         sync object was), ZKC_EFORK, ZKC_ECALLBACK, ZKC_ENOMEM, ZKC_ESERVER. Since 0.1.
 */
ZKC_API int zkc_lock_contenders(zkc_lock *lock, zkc_context *context,
                                zkc_contenders **ret_contenders);

/**
 * Fills in one operation of a ZooKeeper multi transaction, made on a handle of the caller's own,
 * that fails unless our znode still exists: writes in the same transaction happen only while we
 * hold. The path in *ret_op belongs to the lock and lives until the next acquire or close. It is
 * below the chroot of the client's nodes, if they have one: the handle must have the same. With
 * another the transaction fails, for no such znode is there.
 * @return ZKC_OK or ZKC_ENOTHELD, ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK, ZKC_ENOMEM. Since 0.1.
 */
ZKC_API int zkc_lock_check_op(zkc_lock *lock, struct zoo_op *ret_op);

ZKC_END_DECLS
#endif
