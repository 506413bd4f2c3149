/*
 * Starts the command, in a process group of its own and tied to the life of the caller.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SPAWN_H
#define ZKCOORD_TOOLS_SPAWN_H

#include "fuse.h"
#include "plan.h"
#include "urgency.h"

/* urgency: the caller's, not the command's. foreground: its group becomes the terminal's. Returns
 * its process id, or -1 with errno, also when it could not be executed. */
pid_t spawn(const struct plan *plan, struct fuse *fuse, const struct urgency *urgency,
            int64_t token, bool foreground);

#endif
