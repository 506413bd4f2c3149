/*
 * Close-on-exec for the descriptors of libzookeeper, which does not set it: a program that the
 * application starts would keep the connection of a session. They are found by what they look like.
 * The simulator has its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_ZK_ZK_DESCRIPTORS_H
#define ZKC_ZK_ZK_DESCRIPTORS_H

#include <stdint.h>

struct sockaddr;

#define ZK_DESCRIPTORS_NEAR 32
#define ZK_DESCRIPTORS_MOST (4 * ZK_DESCRIPTORS_NEAR)

/* Where the next pipe will probably be, and what is there already. */
struct zk_descriptors {
    unsigned count;
    int fd[ZK_DESCRIPTORS_MOST];
    uint64_t inode[ZK_DESCRIPTORS_MOST]; /* of what looks like one already; 0: nothing does */
};

/*
 * Whether there are three descriptors, two for the pipe of a handle and one for its socket: 0, or
 * -1 with errno. Without the last one libzookeeper would try to connect for ever, and not say why.
 */
int zk_descriptors_try(void);

/*
 * Around the call that makes a handle: marks the pipe that came meanwhile, if there is exactly one
 * that looks like libzookeeper's, so that a pipe of somebody else's thread is left alone.
 */
void zk_descriptors_before(struct zk_descriptors *descriptors);
void zk_descriptors_after(const struct zk_descriptors *descriptors);

/* Marks sockets that are connected to that address and look like libzookeeper's. */
void zk_descriptors_connected(const struct sockaddr *server);

#endif
