/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_SYNC_H
#define ZKCOORD_SYNC_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

/** The namespace used when none is given. Since 0.1. */
#define ZKC_DEFAULT_NAMESPACE "/micro/sync"
/** The servers used when neither the options nor $ZKCOORD_NODES name any. Since 0.1. */
#define ZKC_DEFAULT_NODES "127.0.0.1:2181"
/** Session timeout asked for when none is given, in milliseconds. Since 0.1. */
#define ZKC_DEFAULT_SESSION_TIMEOUT_MS 10000
/** How long zkc_sync_open() waits for a server when no time is given, in ms. Since 0.1. */
#define ZKC_DEFAULT_CONNECT_TIMEOUT_MS 10000

/** Permissions of a zkc_acl; the values are ZooKeeper's. Since 0.1. */
enum {
    ZKC_PERM_READ = 1,
    ZKC_PERM_WRITE = 2,
    ZKC_PERM_CREATE = 4,
    ZKC_PERM_DELETE = 8,
    ZKC_PERM_ADMIN = 16,
    ZKC_PERM_ALL = 31
};

/** One entry of the access control list of every znode that is created. Since 0.1. */
typedef struct zkc_acl {
    int64_t permissions; /**< ZKC_PERM_... or-ed */
    const char *scheme;  /**< "world", "auth", "digest", "ip", ... */
    const char *id;      /**< "anyone" for world, "" for auth */
} zkc_acl;

/** Weight of a log line. Since 0.1. */
typedef enum zkc_log_level {
    ZKC_LOG_ERROR = 1,
    ZKC_LOG_WARNING = 2,
    ZKC_LOG_INFO = 3,
    ZKC_LOG_DEBUG = 4
} zkc_log_level;

/** Receives log lines, where completions run. The text lives until it returns. Since 0.1. */
typedef void (*zkc_log_fn)(void *arg, zkc_log_level level, const char *message);

/** How to reach ZooKeeper and who we are. Prepare with ZKC_INIT(); zero means default. Since 0.1.
 */
typedef struct zkc_options {
    size_t size;
    /**
     * "host:port,host:port"; NULL: $ZKCOORD_NODES, then ZKC_DEFAULT_NODES. A znode path behind the
     * last one, "host:port,host:port/app", is a chroot: namespace, paths of locks and elections,
     * and all paths that we give are below it. It is made on demand, like the namespace.
     */
    const char *nodes;
    const char *name_space;     /**< znode path under which everything lives */
    const zkc_service *service; /**< copied */
    const char *auth_scheme;    /**< "digest"; NULL: no credential */
    const char *auth;   /**< "user:password" for digest, at most 64 KiB; copied, wiped at close */
    const zkc_acl *acl; /**< copied; none: everyone, or only the credential if there is one */
    size_t acl_count;   /**< at most 1024, and 256 KiB of text */
    int64_t session_timeout_ms; /**< 100 at least are asked for; the server may clamp
                                     it: zkc_sync_session_timeout_ms() */
    int64_t connect_timeout_ms; /**< how long open waits; negative: not at all */
    zkc_log_fn log;             /**< NULL: no log */
    void *log_arg;
    int64_t log_level; /**< least weight wanted; 0: ZKC_LOG_INFO */
} zkc_options;

/**
 * Opens a client: checks the options, connects, and waits until a session exists. Blocks for at
 * most connect_timeout_ms or until the context ends; with a negative connect_timeout_ms it returns
 * at once and the session comes by itself.
 * @param options   NULL means all defaults; copied
 * @param context   NULL, or a deadline and cancellation for the waiting
 * @param ret_sync  yours; end it with zkc_sync_close()
 * @return ZKC_OK; ZKC_EINVAL (the log says which option); ZKC_EUNREACHABLE when no server answered
 *         in time, or ZKC_ETIMEDOUT when the context's deadline came first; ZKC_EAUTH;
 *         ZKC_EACCES when the servers want a credential of another scheme; ZKC_ECANCELED;
 *         ZKC_ENOMEM; ZKC_ESYSTEM at once when no thread or descriptor can be had (errno says
 *         which). Since 0.1.
 */
ZKC_API int zkc_sync_open(const zkc_options *options, zkc_context *context, zkc_sync **ret_sync);

/**
 * Ends a client: whatever is held is given up, waiting calls return ZKC_ECLOSED, znodes go with the
 * session. Blocks for at most two seconds, whatever state the servers are in, beside the time that
 * callbacks of the user take: those that are due run before it returns. Locks and leaders of
 * the client may be closed before or after; after it their calls return ZKC_ECLOSED.
 * @return ZKC_OK; ZKC_ECALLBACK inside a callback (nothing happened); ZKC_EFORK in a forked child
 *         (nothing happened; the memory is left to the parent's copy); ZKC_EINVAL for NULL. Since
 * 0.1.
 */
ZKC_API int zkc_sync_close(zkc_sync *sync);

/** Name of the coordination system: "zookeeper". Static text, also for NULL. Since 0.1. */
ZKC_API const char *zkc_sync_name(const zkc_sync *sync);

/** The namespace in use, below the chroot if there is one. Owned by the sync object. NULL for NULL.
 * Since 0.1. */
ZKC_API const char *zkc_sync_namespace(const zkc_sync *sync);

/**
 * Negotiated session timeout in milliseconds; 0 before the first connection; or ZKC_EINVAL,
 * ZKC_ECLOSED, ZKC_EFORK. Does not block. Since 0.1.
 */
ZKC_API int64_t zkc_sync_session_timeout_ms(zkc_sync *sync);

/**
 * Id of the session that carries all that has no ttl_ms of its own: the one that zkc_contender
 * names for what is ours. Another one after the session has expired. 0 before the first connection,
 * for NULL, a closed client and in a forked child. Does not block. Since 0.1.
 */
ZKC_API int64_t zkc_sync_session(zkc_sync *sync);

/**
 * Whether a server is connected at this moment (says nothing about anything held). False for NULL,
 * a closed client and in a forked child. Does not block. Since 0.1.
 */
ZKC_API bool zkc_sync_is_connected(zkc_sync *sync);

/**
 * ZooKeeper's own code of the newest request that it refused with an error: of the one behind
 * ZKC_ESERVER, ZKC_EACCES, ZKC_EQUOTA or ZKC_EAUTH that a call of this client has just returned.
 * zkc_server_error_name() names it. 0 if none. Refusals of every day's work (a znode that is gone)
 * and those that are asked again by themselves (lost with their connection, or throttled) do not
 * count; a later success does not clear it. Every such refusal is logged, too, with its path. Does
 * not block. Since 0.1.
 */
ZKC_API int zkc_sync_server_error(zkc_sync *sync);

/**
 * Lets the caller's event loop run the callbacks: returns a descriptor that is readable whenever
 * zkc_sync_dispatch() has work. From the first call on the library runs no callback on a thread of
 * its own; what is due when an object is closed runs on the thread that closes it, also while a
 * callback of another object runs. The descriptor is owned by the sync object; do not read or close
 * it. Does not block.
 * @return the descriptor, or ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK, ZKC_ESYSTEM. Since 0.1.
 */
ZKC_API int zkc_sync_fd(zkc_sync *sync);

/**
 * Runs the callbacks that are due, on the calling thread, and returns without waiting for more.
 * @return how many ran, or ZKC_EINVAL, ZKC_ECLOSED, ZKC_EFORK, ZKC_ECALLBACK. Since 0.1.
 */
ZKC_API int zkc_sync_dispatch(zkc_sync *sync);

ZKC_END_DECLS
#endif
