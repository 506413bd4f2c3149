/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_ERROR_H
#define ZKCOORD_ERROR_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

/** Every result of the library: X(name, value, text). Codes are never reused. Since 0.1. */
#define ZKC_ERRORS(X)                                                                  \
    X(ZKC_OK, 0, "success")                                                            \
    X(ZKC_EINVAL, -1, "invalid argument")                                              \
    X(ZKC_ENOMEM, -2, "out of memory")                                                 \
    X(ZKC_ESYSTEM, -3, "the operating system refused a resource (see errno)")          \
    X(ZKC_EUNREACHABLE, -4, "no ZooKeeper server can be reached; check the addresses") \
    X(ZKC_EAUTH, -5, "ZooKeeper refused the credential; check scheme and secret")      \
    X(ZKC_EACCES, -6, "ZooKeeper forbids this; check credential and ACLs")             \
    X(ZKC_ETIMEDOUT, -7, "the time to wait is over")                                   \
    X(ZKC_ECANCELED, -8, "cancelled")                                                  \
    X(ZKC_EBUSY, -9, "somebody else holds it")                                         \
    X(ZKC_EALREADY, -10, "this handle already holds or is already waiting")            \
    X(ZKC_ENOTHELD, -11, "not held by this handle")                                    \
    X(ZKC_ENOLEADER, -12, "nobody leads")                                              \
    X(ZKC_ECLOSED, -13, "the object is closed")                                        \
    X(ZKC_EFORK, -14, "used in a forked child; open a zkc_sync of its own there")      \
    X(ZKC_ECALLBACK, -15, "a blocking call inside a callback would deadlock")          \
    X(ZKC_ELEASE, -16, "the lease ran out before ZooKeeper confirmed the session")     \
    X(ZKC_EEXPIRED, -17, "ZooKeeper expired the session")                              \
    X(ZKC_EDELETED, -18, "the znode was deleted by somebody else")                     \
    X(ZKC_ESERVER, -19, "ZooKeeper answered with an error of its own")                 \
    X(ZKC_EQUOTA, -20, "a quota of ZooKeeper is used up; raise it or delete znodes")

/** Result codes: zero or negative. Since 0.1. */
typedef enum zkc_error {
#define ZKC_ERROR_ENUM(name, value, text) name = (value),
    ZKC_ERRORS(ZKC_ERROR_ENUM)
#undef ZKC_ERROR_ENUM
        ZKC_ERROR_MIN_ = -2147483647 /**< never returned: keeps the enum's size */
} zkc_error;

/**
 * Says what a code means and, where it helps, what to do. Does not block. The text is static.
 * Unknown codes give "unknown error". Since 0.1.
 */
ZKC_API const char *zkc_strerror(int error);

/**
 * ZooKeeper's name of a code that zkc_sync_server_error() gave: "QUOTAEXCEEDED" for -125. It is
 * that of its KeeperException.Code, and in zookeeper.h that behind a Z. Does not block. The text is
 * static. Unknown codes give "unknown code". Since 0.1.
 */
ZKC_API const char *zkc_server_error_name(int code);

/** Version of the library that is running, as "major.minor.patch". Static text. Since 0.1. */
ZKC_API const char *zkc_version(void);

ZKC_END_DECLS
#endif
