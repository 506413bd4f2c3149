/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_LEADER_H
#define ZKCOORD_LEADER_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

/** Where a candidate stands. Since 0.1. */
typedef enum zkc_leader_state {
    ZKC_FOLLOWER = 0,
    ZKC_CANDIDATE = 1,
    ZKC_ELECTED = 2
} zkc_leader_state;

/** Options of one candidate. Prepare with ZKC_INIT(); zero means default. Since 0.1. */
typedef struct zkc_leader_options {
    size_t size;
    const char *path; /**< absolute znode path to share with other programs, instead of an id */
    int64_t
        ttl_ms; /**< session timeout of the session that carries this candidate; 0: the sync's */
    const void *data;   /**< raw bytes for our znode; NULL: the service's node as JSON. Copied */
    size_t data_length; /**< at most 512 KiB */
    int64_t dialect;    /**< a zkc_dialect */
} zkc_leader_options;

/**
 * Receives the outcome of zkc_leader_elect_async(): exactly once. Runs where completions run.
 * Since 0.1.
 * @param elected  yours, end it with zkc_elected_close(); NULL unless result is ZKC_OK
 */
typedef void (*zkc_elected_fn)(void *arg, int result, zkc_elected *elected);

/**
 * Receives every change of leadership, in order: leader is NULL when nobody leads, and lives until
 * the function returns. Changes that follow each other faster than they can be read may be merged;
 * the last state is never missed. Runs where completions run. Since 0.1.
 */
typedef void (*zkc_observe_fn)(void *arg, const zkc_contender *leader);

/**
 * Makes a candidate for the election <namespace>/leader/<id>. Does not block. As zkc_lock_open().
 * @return ZKC_OK, ZKC_EINVAL, ZKC_ENOMEM, ZKC_ECLOSED, ZKC_EFORK, ZKC_ESYSTEM. Since 0.1.
 */
ZKC_API int zkc_leader_open(zkc_sync *sync, const char *id, const zkc_leader_options *options,
                            zkc_leader **ret_leader);

/**
 * Ends a candidate: an election in progress completes with ZKC_ECLOSED; leadership that was won
 * stays with its zkc_elected. Waits for running callbacks as zkc_lock_close(). NULL is allowed.
 * Since 0.1.
 */
ZKC_API void zkc_leader_close(zkc_leader *leader);

/** The id, or the path if it was opened by path. Owned by the leader object. Since 0.1. */
ZKC_API const char *zkc_leader_id(const zkc_leader *leader);

/**
 * Stands for election and blocks until elected or the context ends. First come first served.
 * @param ret_elected  yours; end it with zkc_elected_close()
 * @return as zkc_lock_acquire(). Since 0.1.
 */
ZKC_API int zkc_leader_elect(zkc_leader *leader, zkc_context *context, zkc_elected **ret_elected);

/**
 * Begins to stand for election. Does not block.
 * @param wait_ms  longest wait; 0 or negative: for ever
 * @return ZKC_OK: done will be called; otherwise (as zkc_lock_acquire_async()) it will not.
 *         Since 0.1.
 */
ZKC_API int zkc_leader_elect_async(zkc_leader *leader, int64_t wait_ms, zkc_elected_fn done,
                                   void *arg);

/**
 * Makes the election in progress complete with ZKC_ECANCELED. Does not block.
 * @return ZKC_OK; ZKC_ENOTHELD if there is none (it may just have been won); ZKC_EINVAL,
 *         ZKC_ECLOSED, ZKC_EFORK. Since 0.1.
 */
ZKC_API int zkc_leader_cancel(zkc_leader *leader);

/** Follower, candidate or elected; ZKC_FOLLOWER once the lease ran out. Does not block. Since 0.1.
 */
ZKC_API zkc_leader_state zkc_leader_status(const zkc_leader *leader);

/**
 * Reads who leads. Blocks until answered or the context ends. The answer may lag behind by as much
 * as a follower of the ensemble lags behind its leader.
 * @param ret_leader  yours: a snapshot of exactly one contender; end it with zkc_contenders_free()
 * @return ZKC_OK, ZKC_ENOLEADER, or as zkc_lock_contenders(). Since 0.1.
 */
ZKC_API int zkc_leader_current(zkc_leader *leader, zkc_context *context,
                               zkc_contenders **ret_leader);

/** Lists the leader and all candidates. As zkc_lock_contenders(). Since 0.1. */
ZKC_API int zkc_leader_contenders(zkc_leader *leader, zkc_context *context,
                                  zkc_contenders **ret_contenders);

/**
 * Follows the election: the present state is delivered first, then every change. Does not block.
 * @param ret_observer  yours; end it with zkc_observer_close()
 * @return ZKC_OK, ZKC_EINVAL, ZKC_ENOMEM, ZKC_ECLOSED, ZKC_EFORK, ZKC_ESYSTEM. Since 0.1.
 */
ZKC_API int zkc_leader_observe(zkc_leader *leader, zkc_observe_fn changed, void *arg,
                               zkc_observer **ret_observer);

/** Ends following. No callback afterwards; waits as zkc_lock_close(). NULL is allowed. Since 0.1.
 */
ZKC_API void zkc_observer_close(zkc_observer *observer);

/** Whether it is safe to act as the leader at this moment. As zkc_lock_is_held(). Since 0.1. */
ZKC_API bool zkc_elected_is_valid(const zkc_elected *elected);

/** For how many milliseconds it is safe to act from now; 0 when not leading. As cheap as
 * zkc_elected_is_valid(). Since 0.1. */
ZKC_API int64_t zkc_elected_remaining_ms(const zkc_elected *elected);

/** Fencing token of this leadership. As zkc_lock_token(). Since 0.1. */
ZKC_API int64_t zkc_elected_token(const zkc_elected *elected);

/** Readable from the moment leadership is revoked or its lease ran out. As zkc_lock_revoked_fd().
 * Since 0.1. */
ZKC_API int zkc_elected_revoked_fd(zkc_elected *elected);

/** Called once when leadership is revoked. As zkc_lock_on_revoked(). Since 0.1. */
ZKC_API int zkc_elected_on_revoked(zkc_elected *elected, zkc_revoked_fn revoked, void *arg);

/** Blocks until leadership is revoked. As zkc_lock_wait_revoked(). Since 0.1. */
ZKC_API int zkc_elected_wait_revoked(zkc_elected *elected, zkc_context *context);

/** Readable from the moment somebody asks us to resign. As zkc_lock_asked_fd(). Since 0.1. */
ZKC_API int zkc_elected_asked_fd(zkc_elected *elected);

/** Called once when somebody asks us to resign. As zkc_lock_on_asked(). Since 0.1. */
ZKC_API int zkc_elected_on_asked(zkc_elected *elected, zkc_asked_fn asked, void *arg);

/** Why leadership was revoked; ZKC_OK if it was not. As zkc_lock_revoked_reason(). Since 0.1. */
ZKC_API int zkc_elected_revoked_reason(zkc_elected *elected);

/** Gives leadership up: over in this process at once, then confirmed. As zkc_lock_release(). Since
 * 0.1. */
ZKC_API int zkc_elected_resign(zkc_elected *elected, zkc_context *context);

/** Gives leadership up without blocking; done is called exactly once. As zkc_lock_release_async().
 * Since 0.1. */
ZKC_API int zkc_elected_resign_async(zkc_elected *elected, zkc_done_fn done, void *arg);

/** As zkc_lock_check_op(): fails unless we still lead. Since 0.1. */
ZKC_API int zkc_elected_check_op(zkc_elected *elected, struct zoo_op *ret_op);

/**
 * Ends the handle; leadership that is still held is given up in the background. No callback of it
 * runs afterwards: waits for one that is running, unless called inside it. NULL is allowed. Since
 * 0.1.
 */
ZKC_API void zkc_elected_close(zkc_elected *elected);

ZKC_END_DECLS
#endif
