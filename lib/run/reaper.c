/* SPDX-License-Identifier: Apache-2.0 */
#include "run/reaper.h"
#include "run/host.h"
#include "run/thread.h"

static void *bury(void *argument)
{
    struct zk *zk = argument;
    zkc_sync *sync = zk_user(zk);

    zk_close(zk);
    host_enter(sync);
    sync->helpers--;
    condition_wake_all(&sync->changed);
    host_leave(sync);
    host_unref(sync);
    return NULL;
}

void reaper_retry(zkc_sync *sync)
{
    struct list *link;
    pthread_t thread;

    while ((link = list_pop(&sync->graves)) != NULL) {
        sync->helpers++;
        if (thread_start(bury, zk_of_link(link), &thread) != 0) {
            sync->helpers--;
            list_prepend(&sync->graves, link);
            return;
        }
        thread_detach(thread);
    }
}

static struct zk *next_grave(zkc_sync *sync)
{
    struct list *link;

    pthread_mutex_lock(&sync->mutex);
    link = list_pop(&sync->graves);
    pthread_mutex_unlock(&sync->mutex);
    return link == NULL ? NULL : zk_of_link(link);
}

void reaper_finish(zkc_sync *sync)
{
    struct zk *zk;

    while ((zk = next_grave(sync)) != NULL) {
        zk_close(zk);
        host_unref(sync);
    }
}

void reaper_bury(zkc_sync *sync, struct zk *zk)
{
    list_append(&sync->graves, zk_link(zk));
    reaper_retry(sync);
}
