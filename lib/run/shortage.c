/* SPDX-License-Identifier: Apache-2.0 */
#include "run/shortage.h"
#include "run/client.h"
#include "run/operation.h"

#include <errno.h>

static const char *remedy(int error)
{
    switch (error) {
    case EAGAIN:
        return "no thread can be made: raise the limit of the user (ulimit -u), of the service "
               "(TasksMax), of the container (pids.max) or of memory (ulimit -v)";
    case EMFILE:
        return "no descriptor is left: raise the limit of the process (ulimit -n)";
    case ENFILE:
        return "no descriptor is left on this machine";
    case ENOMEM:
        return "no memory is left: raise the limit of the process (ulimit -v) or of its service";
    default:
        return "see the error";
    }
}

void shortage_met(zkc_sync *sync, int error)
{
    if (reaper_busy(&sync->reaper))
        return;
    if (sync->shortage != error) {
        errno = error;
        client_log(sync, LOG_ERROR, "cannot make a ZooKeeper client (%m): %s", remedy(error));
    }
    sync->shortage = error;
    if (sync->arriving != NULL)
        operation_finish(sync->arriving, shortage_result(sync));
}

int shortage_result(const zkc_sync *sync)
{
    if (sync->shortage == 0)
        return ZKC_OK;
    return sync->shortage == ENOMEM ? ZKC_ENOMEM : ZKC_ESYSTEM;
}
