/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_CONTEXT_H
#define ZKCOORD_CONTEXT_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

/**
 * Makes a context: it carries a sync object, a deadline and cancellation into blocking calls. One
 * context may serve several calls and threads at once. Does not block.
 * @param sync         carried for zkc_context_sync(); may be NULL; not owned
 * @param ret_context  yours; end it with zkc_context_free() when no call uses it any more
 * @return ZKC_OK, ZKC_EINVAL, ZKC_ENOMEM. Since 0.1.
 */
ZKC_API int zkc_context_new(zkc_sync *sync, zkc_context **ret_context);

/** Frees a context that no call uses any more. NULL is allowed. Does not block. Since 0.1. */
ZKC_API void zkc_context_free(zkc_context *context);

/** The sync object given to zkc_context_new(), or NULL. Does not block. Since 0.1. */
ZKC_API zkc_sync *zkc_context_sync(const zkc_context *context);

/**
 * Sets the deadline to now + timeout_ms on a clock that counts suspension (CLOCK_BOOTTIME); a
 * negative value removes it. Applies to calls that begin afterwards. Since 0.1.
 * @return ZKC_OK or ZKC_EINVAL
 */
ZKC_API int zkc_context_set_timeout_ms(zkc_context *context, int64_t timeout_ms);

/**
 * Makes every call that uses the context return ZKC_ECANCELED at once, now and later. May be called
 * from any thread and from a signal handler (async-signal-safe). pthread_cancel() does not end a
 * call. NULL is allowed. Since 0.1.
 */
ZKC_API void zkc_context_cancel(zkc_context *context);

/**
 * How a call that began now would end: ZKC_OK (also for NULL), ZKC_ECANCELED once cancelled, or
 * ZKC_ETIMEDOUT past the deadline. Does not block. Since 0.1.
 */
ZKC_API int zkc_context_error(const zkc_context *context);

ZKC_END_DECLS
#endif
