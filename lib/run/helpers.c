/* SPDX-License-Identifier: Apache-2.0 */
#include "run/helpers.h"
#include "run/thread.h"

static bool take_last(struct helpers *helpers, pthread_t *ret_thread)
{
    bool any = helpers->any;

    *ret_thread = helpers->last;
    helpers->any = false;
    return any;
}

/* The last thing that a helper does. */
static void end(struct helpers *helpers)
{
    const struct host *host = helpers->host;
    pthread_t before;
    bool any;

    pthread_mutex_lock(host->mutex);
    any = take_last(helpers, &before);
    if (helpers->over) {
        thread_detach(thread_self());
    } else {
        helpers->last = thread_self();
        helpers->any = true;
    }
    pthread_mutex_unlock(host->mutex);
    if (any)
        thread_join(before);
    host->unref(host->sync);
}

static void *help(void *argument)
{
    struct helper *helper = argument;
    struct helpers *helpers = helper->helpers;

    helper->work(helper);
    end(helpers);
    return NULL;
}

int helpers_start(struct helper *helper)
{
    pthread_t thread;

    return host_start_thread(helper->helpers->host, help, helper, &thread);
}

void helpers_join(struct helpers *helpers)
{
    pthread_t last;
    bool any;

    pthread_mutex_lock(helpers->host->mutex);
    helpers->over = true;
    any = take_last(helpers, &last);
    pthread_mutex_unlock(helpers->host->mutex);
    if (any)
        thread_join(last);
}
