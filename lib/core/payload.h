/*
 * The bytes in a contender's znode: a zkc_node as JSON, read leniently. Pure, over jansson.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PAYLOAD_H
#define ZKC_CORE_PAYLOAD_H

#include <zkcoord/zkcoord.h>

/*
 * In a contender's znode: please give up. Alone, as Curator writes it; or with what the znode said
 * of its owner behind it, as we do, so that it is still told who is asked.
 */
#define PAYLOAD_PLEA "__REVOKE__"

#define PAYLOAD_READ_MAX ((size_t)1024 * 1024)
/* A server hangs up on a request of 1 MiB; path, ACL and headers travel with the payload. */
#define PAYLOAD_WRITE_MAX (PAYLOAD_READ_MAX - (size_t)64 * 1024)
#define PAYLOAD_DEPTH_MAX 32

/*
 * Encodes a node as {"id":...,"address":...,"port":...,"metadata":{...}} in this order, compact,
 * metadata in the given order. ZKC_OK; ZKC_EINVAL for texts that are not UTF-8, NULL keys or
 * values, repeated keys, a port out of 0..65535, or more than PAYLOAD_WRITE_MAX bytes; ZKC_ENOMEM.
 * *ret_text is mem_alloc'd, NUL-terminated; ret_length does not count the NUL.
 */
int payload_encode(const zkc_node *node, char **ret_text, size_t *ret_length);

/*
 * Decodes bytes that may be anybody's, a plea before them or not. ZKC_OK with one mem_alloc'd block
 * that holds the node and all its texts (mem_free() it); *ret_node is NULL when the bytes are not a
 * JSON object with at least one of id, address, port, metadata of the right type (foreign data is
 * no error). Members that are missing or of a wrong type become "" / 0 / none; metadata values that
 * are not strings are left out. Depth and size are bounded; among repeated members the last counts.
 * ZKC_ENOMEM (jansson does not notice all of its own lack of memory: foreign data or a damaged text
 * may come of it).
 */
int payload_decode(const void *data, size_t length, zkc_node **ret_node);

/* Whether the bytes are a plea. */
bool payload_asks(const void *data, size_t length);

/*
 * The plea to be written over the bytes of a znode: with a node behind it if they are one, and if
 * both have room. mem_alloc'd; NULL without memory.
 */
char *payload_plea(const void *data, size_t length, bool is_node);

#endif
