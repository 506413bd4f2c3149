/* SPDX-License-Identifier: Apache-2.0 */
#include "run/reaper.h"
#include "run/thread.h"
#include "zk/zk.h"

/* Under the mutex, which it leaves meanwhile. */
static void close_one(struct reaper *reaper, struct zk *zk)
{
    const struct host *host = reaper->host;

    reaper->closing++;
    pthread_mutex_unlock(host->mutex);
    zk_close(zk);
    host->unref(host->sync);
    pthread_mutex_lock(host->mutex);
    reaper->closing--;
    condition_wake_all(&reaper->changed);
}

static bool wait_for_work(struct reaper *reaper)
{
    reaper->at_work = false;
    while (list_empty(&reaper->graves) && !reaper->stop)
        condition_wait(&reaper->changed, reaper->host->mutex);
    reaper->at_work = true;
    return !list_empty(&reaper->graves);
}

static void *reap(void *argument)
{
    struct reaper *reaper = argument;
    const struct host *host = reaper->host;

    pthread_mutex_lock(host->mutex);
    while (wait_for_work(reaper))
        close_one(reaper, zk_of_link(list_pop(&reaper->graves)));
    pthread_mutex_unlock(host->mutex);
    host->unref(host->sync);
    return NULL;
}

/* What is left by the time this comes to run is taken from the first. */
static void help(struct helper *helper)
{
    struct reaper *reaper = container_of(helper, struct reaper, helper);
    struct list *link;

    pthread_mutex_lock(reaper->host->mutex);
    link = list_pop(&reaper->graves);
    if (link != NULL)
        close_one(reaper, zk_of_link(link));
    pthread_mutex_unlock(reaper->host->mutex);
}

void reaper_init(struct reaper *reaper, struct helpers *helpers)
{
    reaper->helper = (struct helper){helpers, help};
    reaper->host = helpers->host;
    list_init(&reaper->graves);
    condition_init(&reaper->changed);
}

void reaper_destroy(struct reaper *reaper)
{
    condition_destroy(&reaper->changed);
}

int reaper_start(struct reaper *reaper)
{
    if (host_start_thread(reaper->host, reap, reaper, &reaper->thread) != 0)
        return -1;
    reaper->running = true;
    return 0;
}

void reaper_bury(struct reaper *reaper, struct zk *zk)
{
    bool first = list_empty(&reaper->graves);

    list_append(&reaper->graves, zk_link(zk));
    if (reaper->at_work || !first)
        (void)helpers_start(&reaper->helper); /* without it the handle waits for its turn */
    condition_wake_all(&reaper->changed);
}

bool reaper_busy(const struct reaper *reaper)
{
    return reaper->closing > 0 || !list_empty(&reaper->graves);
}

void reaper_wait(struct reaper *reaper, int64_t deadline)
{
    while (reaper_busy(reaper))
        if (!condition_wait_until(&reaper->changed, reaper->host->mutex, deadline))
            return;
}

void reaper_stop(struct reaper *reaper)
{
    pthread_mutex_t *mutex = reaper->host->mutex;
    bool busy;

    if (!reaper->running)
        return;
    pthread_mutex_lock(mutex);
    reaper->stop = true;
    reaper->running = false;
    busy = reaper->at_work || !list_empty(&reaper->graves);
    condition_wake_all(&reaper->changed);
    pthread_mutex_unlock(mutex);
    if (busy)
        thread_detach(reaper->thread);
    else
        thread_join(reaper->thread);
    helpers_join(reaper->helper.helpers);
}
