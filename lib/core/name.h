/*
 * Names of contender znodes: how we write ours, how we read everybody's. Pure.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_NAME_H
#define ZKC_CORE_NAME_H

#include <zkcoord/zkcoord.h>

#define NAME_UUID_LENGTH 36  /* with dashes */
#define NAME_PREFIX_MAX 52   /* without the sequence, with NUL */
#define NAME_SEQUENCE_MAX 11 /* "%010d" of any int32, without NUL */

/* How a contender wants to hold, as its name says. */
enum mode {
    MODE_ALONE,
    MODE_SHARED, /* Curator's reader: "-__READ__" before the sequence */
    MODES
};

struct name {
    int64_t sequence; /* INT32_MIN .. INT32_MAX */
    enum mode mode;
};

/*
 * Writes the prefix of a fresh node name, to which the server appends the sequence; random fills a
 * version 4 uuid, and what dialect and mode add is the same in all names. Returns its length.
 */
size_t name_format(char buffer[NAME_PREFIX_MAX], zkc_dialect dialect, enum mode mode,
                   const uint8_t random[16]);

/* Writes the sequence as a server does, "%010d". */
void name_format_sequence(char buffer[NAME_SEQUENCE_MAX + 1], int32_t sequence);

/*
 * Reads a child of a lock directory; false when it carries no sequence and so is no contender. A
 * sequence is what "%010d" writes of an int32 at the end of the name, after a '-' or '_'. A prefix
 * that ends in "--" or "_-" looks like a minus sign from 1000000000 on; a roster calls negative
 * numbers ambiguous, so that does no harm.
 */
bool name_parse(const char *child, struct name *ret_name);

/*
 * Whether the node at path may leave another in its place in the queue: a writer of Curator's
 * read-write lock takes the read lock as well, with a node of its own number, and then lets go.
 */
bool name_leaves_reader(const char *path);

#endif
