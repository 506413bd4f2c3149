/*
 * Znode paths: namespaces, ids as path components, what ZooKeeper accepts. Pure.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_PATH_H
#define ZKC_CORE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define PATH_ID_MAX 512     /* bytes of an id before encoding */
#define PATH_MAX_BYTES 4096 /* bytes of a whole znode path that we accept */

/* Whether a text is well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool path_utf8_valid(const char *text);

/*
 * Whether ZooKeeper accepts this absolute path and we do too: begins with '/', no empty, "." or
 * ".." component, no trailing '/' (except "/" itself), valid UTF-8, no U+0000..U+001F,
 * U+007F..U+009F, U+D800..U+F8FF, nor anything from U+FFF0 on (the server sees characters above
 * U+FFFF as surrogates), at most PATH_MAX_BYTES; "/zookeeper" and below are the server's own.
 */
bool path_valid(const char *path);

/*
 * <namespace>/<kind>/<encoded id>, mem_alloc'd; NULL without memory. Encoding is injective: bytes
 * that are '%', '/', or part of a character ZooKeeper refuses become %XX (upper case hex); so do
 * the dots of the ids "." and "..". Everything else stays readable. The id must pass
 * path_id_valid(). namespace "/" gives "/<kind>/<id>".
 */
char *path_join(const char *name_space, const char *kind, const char *id);

/* 1 to PATH_ID_MAX bytes of valid UTF-8. */
bool path_id_valid(const char *id);

/*
 * The inverse of the encoding; mem_alloc'd; NULL without memory. Escapes that are not ours stay as
 * they are (lower case, %00), and all of them do when they would not make up UTF-8.
 */
char *path_decode_id(const char *component);

/* Whether an id of ours has a znode of this name: no other text encodes to the same. */
bool path_names_id(const char *component, const char *id);

/*
 * The servers' name of a path below a chroot, which is NULL for none; mem_alloc'd; NULL without
 * memory. Both are valid; "/" is the chroot itself.
 */
char *path_under(const char *chroot, const char *path);

/* <parent>/<name>, mem_alloc'd; NULL without memory. parent may be "/". */
char *path_child(const char *parent, const char *name);

/* Length of the parent of path: 0 when the parent is "/", and for "/". path is valid. */
size_t path_parent_length(const char *path);

#endif
