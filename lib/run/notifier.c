/* SPDX-License-Identifier: Apache-2.0 */
#include "run/notifier.h"
#include "run/alarm.h"
#include "run/clock.h"
#include "run/client.h"

static void deliver(struct delivery *delivery)
{
    struct notifier *notifier = container_of(delivery, struct notifier, delivery);
    zkc_sync *sync = notifier->sync;
    notifier_fn fn = NULL;
    void *arg = NULL;
    int detail = 0;

    pthread_mutex_lock(&sync->mutex);
    if (notifier->untold > 0 && notifier->fn != NULL) {
        fn = notifier->fn;
        arg = notifier->arg;
        detail = notifier->detail;
        notifier->told = true;
        if (--notifier->untold > 0)
            dispatch_post(&sync->dispatch, &notifier->delivery);
    }
    pthread_mutex_unlock(&sync->mutex);
    if (fn != NULL)
        notifier->call(fn, arg, detail);
}

void notifier_init(struct notifier *notifier, zkc_sync *sync, void *object, notifier_call_fn call)
{
    notifier->sync = sync;
    notifier->at = NEVER;
    notifier->fd = -1;
    notifier->call = call;
    delivery_init(&notifier->delivery, object, deliver);
}

void notifier_destroy(struct notifier *notifier)
{
    dispatch_withdraw(&notifier->sync->dispatch, &notifier->delivery);
    if (notifier->fd >= 0)
        alarm_close(notifier->fd);
    notifier->fd = -1;
}

bool notifier_wanted(const struct notifier *notifier)
{
    return notifier->fd >= 0 || notifier->fn != NULL;
}

static void set_descriptor(const struct notifier *notifier)
{
    if (notifier->fd < 0)
        return;
    if (notifier->at == NEVER)
        alarm_disarm(notifier->fd);
    else
        alarm_set(notifier->fd, notifier->at);
}

/* Setting anew a descriptor that is readable would take its signal back for a moment. */
void notifier_set(struct notifier *notifier, int64_t at)
{
    bool stays = at == HAPPENED && notifier->fd >= 0 && notifier->at <= clock_now();

    notifier->at = at;
    if (!stays)
        set_descriptor(notifier);
}

static void post(struct notifier *notifier, unsigned untold)
{
    notifier->untold = untold;
    dispatch_post(&notifier->sync->dispatch, &notifier->delivery);
}

void notifier_tell(struct notifier *notifier, int detail)
{
    notifier->detail = detail;
    if (notifier->fn != NULL)
        post(notifier, notifier->untold + 1);
}

void notifier_reset(struct notifier *notifier)
{
    notifier_set(notifier, NEVER);
    notifier->untold = 0;
    notifier->told = false;
    dispatch_withdraw(&notifier->sync->dispatch, &notifier->delivery);
}

int notifier_fd(struct notifier *notifier)
{
    if (notifier->fd >= 0)
        return notifier->fd;
    notifier->fd = alarm_open();
    if (notifier->fd < 0)
        return ZKC_ESYSTEM;
    set_descriptor(notifier);
    return notifier->fd;
}

int notifier_on(struct notifier *notifier, notifier_fn fn, void *arg)
{
    if (fn != NULL && dispatch_prepare(&notifier->sync->dispatch) != 0)
        return ZKC_ESYSTEM;
    notifier->fn = fn;
    notifier->arg = arg;
    if (fn == NULL) {
        notifier->untold = 0;
        dispatch_withdraw(&notifier->sync->dispatch, &notifier->delivery);
    }
    return ZKC_OK;
}
