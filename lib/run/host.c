/* SPDX-License-Identifier: Apache-2.0 */
#include "run/host.h"
#include "run/thread.h"

int host_start_thread(const struct host *host, void *(*function)(void *), void *argument,
                      pthread_t *ret_thread)
{
    host->ref(host->sync);
    if (thread_start(function, argument, ret_thread) == 0)
        return 0;
    host->unref(host->sync);
    return -1;
}
