/* SPDX-License-Identifier: Apache-2.0 */
/*
 * servers.c       processes, ports, directories
 * quorum.c        how the servers of an ensemble reach one another
 * server_words.c  what they say about themselves
 */
#ifndef ZKC_TESTS_SERVERS_INTERNAL_H
#define ZKC_TESTS_SERVERS_INTERNAL_H

#include "servers.h"

#include <limits.h>
#include <stdio.h>

enum port { CLIENT_PORT, QUORUM_PORT, ELECTION_PORT, PORTS };

struct server {
    pid_t pid; /* 0: not running */
    bool paused;
    uint16_t ports[PORTS];
    int reserved[PORTS]; /* sockets that keep them (ports.h) */
    char address[32];
    char dir[PATH_MAX];
};

struct servers {
    struct servers_options options;
    int count;
    char dir[PATH_MAX];
    char addresses[SERVERS_MAX * 32];
    struct server at[SERVERS_MAX];
    struct proxy *links[SERVERS_MAX][SERVERS_MAX][PORTS]; /* from, to */
    bool cut[SERVERS_MAX];
    bool cut_pair[SERVERS_MAX][SERVERS_MAX];
};

bool quorum_start(struct servers *s);
void quorum_stop(struct servers *s);

/* The lines of server i's configuration that name all servers. */
void quorum_configure(struct servers *s, int i, FILE *config);

/* Mode and epoch, as server_mode(). */
enum server_mode server_mode_and_epoch(struct servers *s, int i, long *epoch);

#endif
