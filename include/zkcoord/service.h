/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKCOORD_SERVICE_H
#define ZKCOORD_SERVICE_H
#ifndef ZKCOORD_UMBRELLA
#error "include <zkcoord/zkcoord.h> instead"
#endif

ZKC_BEGIN_DECLS

/** One piece of metadata. Both texts are UTF-8, not NULL. Since 0.1. */
typedef struct zkc_pair {
    const char *key;
    const char *value;
} zkc_pair;

/**
 * One running instance of a service. Written to a contender's znode as JSON:
 * {"id":"...","address":"...","port":0,"metadata":{"key":"value"}}. Since 0.1.
 */
typedef struct zkc_node {
    size_t size;
    const char *id;           /**< unique name of the instance; NULL means "" */
    const char *address;      /**< host name or address; NULL means "" */
    int64_t port;             /**< 0 to 65535 */
    const zkc_pair *metadata; /**< may be NULL when metadata_count is 0 */
    size_t metadata_count;
} zkc_node;

/** Who we are. The znode holds nodes[0]; without nodes, host name and process id. Since 0.1. */
typedef struct zkc_service {
    size_t size;
    const char *name;
    const char *version;
    const zkc_pair *metadata;
    size_t metadata_count;
    const zkc_node *const *nodes;
    size_t node_count;
} zkc_service;

ZKC_END_DECLS
#endif
