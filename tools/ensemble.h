/*
 * Throw-away ZooKeeper servers on loopback. They die with this process.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_ENSEMBLE_H
#define ZKCOORD_TOOLS_ENSEMBLE_H

#include <stdbool.h>
#include <sys/types.h>

#define ENSEMBLE_MAX 9

struct ensemble {
    int count;
    pid_t pids[ENSEMBLE_MAX];
    char *directory;               /* absolute */
    char nodes[32 * ENSEMBLE_MAX]; /* "127.0.0.1:port,..." */
};

/* Begins to start them; false if it cannot, with a message. ensemble_stop() in any case. */
bool ensemble_start(struct ensemble *ensemble, int count);

/* Whether all of them are running still. */
bool ensemble_alive(const struct ensemble *ensemble);

/* What the first server that ended had to say, on standard error. */
void ensemble_explain(const struct ensemble *ensemble);

/* Kills them and removes what they wrote. */
void ensemble_stop(struct ensemble *ensemble);

#endif
