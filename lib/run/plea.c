/* SPDX-License-Identifier: Apache-2.0 */
#include "run/plea.h"
#include "run/alarm.h"
#include "run/host.h"

static void deliver(struct delivery *delivery)
{
    struct plea *plea = container_of(delivery, struct plea, delivery);
    zkc_sync *sync = plea->sync;
    zkc_asked_fn asked = NULL;
    void *arg;

    pthread_mutex_lock(&sync->mutex);
    arg = plea->arg;
    if (plea->made && !plea->told && plea->asked != NULL) {
        plea->told = true;
        asked = plea->asked;
    }
    pthread_mutex_unlock(&sync->mutex);
    if (asked != NULL)
        asked(arg);
}

void plea_init(struct plea *plea, zkc_sync *sync, void *object)
{
    plea->sync = sync;
    plea->fd = -1;
    delivery_init(&plea->delivery, object, deliver);
}

void plea_destroy(struct plea *plea)
{
    dispatch_withdraw(plea->sync, &plea->delivery);
    if (plea->fd >= 0)
        alarm_close(plea->fd);
    plea->fd = -1;
}

bool plea_wanted(const struct plea *plea)
{
    return plea->fd >= 0 || plea->asked != NULL;
}

void plea_made(struct plea *plea)
{
    plea->made = true;
    if (plea->fd >= 0)
        alarm_fire(plea->fd);
    if (plea->asked != NULL && !plea->told)
        dispatch_post(plea->sync, &plea->delivery);
}

void plea_over(struct plea *plea)
{
    plea->made = false;
    plea->told = false;
    if (plea->fd >= 0)
        alarm_disarm(plea->fd);
    dispatch_withdraw(plea->sync, &plea->delivery);
}

int plea_fd(struct plea *plea)
{
    if (plea->fd >= 0)
        return plea->fd;
    plea->fd = alarm_open();
    if (plea->fd < 0)
        return ZKC_ESYSTEM;
    if (plea->made)
        alarm_fire(plea->fd);
    return plea->fd;
}

int plea_on_asked(struct plea *plea, zkc_asked_fn asked, void *arg)
{
    if (asked != NULL && dispatch_prepare(plea->sync) != 0)
        return ZKC_ESYSTEM;
    plea->asked = asked;
    plea->arg = arg;
    if (asked == NULL)
        dispatch_withdraw(plea->sync, &plea->delivery);
    else if (plea->made && !plea->told)
        dispatch_post(plea->sync, &plea->delivery);
    return ZKC_OK;
}
