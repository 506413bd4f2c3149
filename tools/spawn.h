/*
 * Starts the command, in a process group of its own and tied to the life of the caller.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SPAWN_H
#define ZKCOORD_TOOLS_SPAWN_H

#include "cgroup.h"
#include "fuse.h"
#include "plan.h"
#include "urgency.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct launch {
    const struct plan *plan;
    struct fuse *fuse;
    const struct cgroup *cgroup;
    const struct urgency *urgency; /* the caller's, not the command's */
    int64_t token;
    bool foreground; /* its group becomes the terminal's */
    int socket;      /* of the caller, whose end is to be seen at its other end */
};

/*
 * Returns its process id, or -1 with errno. Does not wait for exec: a file on a server that is away
 * takes as long as it likes. The caller closes *ret_failure after the process has ended.
 */
pid_t spawn(const struct launch *launch, int *ret_failure);

/* Of a process that has ended: the errno with which exec failed, or 0. */
int spawn_failure(int failure);

#endif
