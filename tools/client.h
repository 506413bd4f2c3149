/*
 * The connection of a subcommand: common options made into a zkc_sync, errors into sentences.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_CLIENT_H
#define ZKCOORD_TOOLS_CLIENT_H

#include "options.h"

#include <zkcoord/zkcoord.h>

/* How long the first connection may take, if nothing else is said. */
#define CONNECT_MS 10000

/*
 * Opens a client whose znodes say who we are: "host-pid", the user and what runs. connect_ms as in
 * zkc_options. Returns 0, or says why not and returns an exit status.
 * `work` is the name of the command that runs under the lock, or NULL.
 */
int client_open(const struct common *common, int64_t connect_ms, const char *work,
                zkc_sync **ret_sync);

/* Whether ZooKeeper has answered with this, as opposed to the library. */
bool client_refused(int error);

/* What an error means; of one that is ZooKeeper's, its own code and name, too; of one that is the
 * system's, what errno means. Returns text. */
const char *client_words(zkc_sync *sync, int error, char *text, size_t size);

/* Says what went wrong, as "what: why", and returns the exit status for it. ZKC_EINVAL is for an
 * id, which is `what` then: all else was checked when it was taken. sync may be NULL. */
int client_failed(zkc_sync *sync, const char *what, int error);

#endif
