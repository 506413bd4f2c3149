/* SPDX-License-Identifier: Apache-2.0 */
#include "run/herald.h"
#include "base/mem.h"
#include "run/alarm.h"
#include "run/clock.h"
#include "run/hold.h"
#include "run/host.h"

/* ---- the descriptor ---- */

static void arm(struct herald *herald)
{
    herald->armed = atomic_load(&herald->hold->session->deadline);
    alarm_set(herald->fd, herald->armed);
}

/* Whoever polls may have seen the old deadline pass while this was on its way. */
static void lease_moved(struct prover *prover)
{
    struct herald *herald = container_of(prover, struct herald, prover);
    int64_t old = herald->armed;

    if (!atomic_load(&herald->hold->held))
        return;
    if (clock_now() < old)
        arm(herald);
    if (clock_now() >= old)
        hold_lapse(herald->hold);
}

int herald_fd(struct herald *herald)
{
    const struct hold *hold = herald->hold;

    if (herald->fd >= 0)
        return herald->fd;
    herald->fd = alarm_open();
    if (herald->fd < 0)
        return ZKC_ESYSTEM;
    session_on_proof(hold->session, &herald->prover);
    if (hold->reason != ZKC_OK)
        alarm_fire(herald->fd);
    else if (atomic_load(&hold->held))
        arm(herald);
    return herald->fd;
}

/* ---- the callback ---- */

static void deliver(struct delivery *delivery)
{
    struct herald *herald = container_of(delivery, struct herald, delivery);
    zkc_sync *sync = herald->hold->sync;
    zkc_revoked_fn revoked = NULL;
    void *arg = NULL;
    int reason = ZKC_OK;

    pthread_mutex_lock(&sync->mutex);
    if (herald->untold > 0 && herald->revoked != NULL) {
        revoked = herald->revoked;
        arg = herald->arg;
        reason = herald->told_reason;
        if (--herald->untold > 0)
            dispatch_post(sync, &herald->delivery);
    }
    pthread_mutex_unlock(&sync->mutex);
    if (revoked != NULL)
        revoked(arg, reason);
}

int herald_on_revoked(struct herald *herald, zkc_revoked_fn revoked, void *arg)
{
    zkc_sync *sync = herald->hold->sync;

    if (revoked != NULL && dispatch_prepare(sync) != 0)
        return ZKC_ESYSTEM;
    herald->revoked = revoked;
    herald->arg = arg;
    if (revoked == NULL) {
        herald->untold = 0;
        dispatch_withdraw(sync, &herald->delivery);
    }
    return ZKC_OK;
}

/* ---- threads that wait ---- */

void herald_wait(struct herald *herald, struct wait *wait)
{
    list_append(&herald->waiters, &wait->link);
}

static void wake_waiters(struct herald *herald, int result)
{
    while (!list_empty(&herald->waiters))
        wait_finish(container_of(herald->waiters.next, struct wait, link), result);
}

/* ---- the path ---- */

const char *herald_check_path(struct herald *herald)
{
    if (herald->check_path == NULL)
        herald->check_path = ticket_path(herald->hold->ticket);
    return herald->check_path;
}

/* ---- life ---- */

struct herald *herald_new(struct hold *hold)
{
    struct herald *herald = mem_zalloc(sizeof *herald);

    if (herald == NULL)
        return NULL;
    herald->hold = hold;
    herald->fd = -1;
    prover_init(&herald->prover, lease_moved);
    delivery_init(&herald->delivery, hold, deliver);
    list_init(&herald->waiters);
    plea_init(&herald->plea, hold->sync, hold);
    if (hold->ticket != NULL && hold->ticket->asked)
        plea_made(&herald->plea);
    return herald;
}

void herald_free(struct herald *herald)
{
    if (herald == NULL)
        return;
    list_remove(&herald->prover.link);
    dispatch_withdraw(herald->hold->sync, &herald->delivery);
    plea_destroy(&herald->plea);
    if (herald->fd >= 0)
        alarm_close(herald->fd);
    mem_free(herald->check_path);
    mem_free(herald);
}

bool herald_wanted(const struct herald *herald)
{
    return herald->fd >= 0 || herald->revoked != NULL || plea_wanted(&herald->plea);
}

void herald_granted(struct herald *herald)
{
    mem_free(herald->check_path);
    herald->check_path = NULL;
    if (herald->fd >= 0)
        arm(herald);
    if (herald->hold->ticket->asked)
        plea_made(&herald->plea);
}

void herald_revoked(struct herald *herald)
{
    plea_over(&herald->plea);
    if (herald->fd >= 0 && clock_now() < herald->armed)
        alarm_fire(herald->fd); /* one that has fired would take its signal back for a moment */
    if (herald->revoked != NULL) {
        herald->untold++;
        herald->told_reason = herald->hold->reason;
        dispatch_post(herald->hold->sync, &herald->delivery);
    }
    wake_waiters(herald, ZKC_OK);
}

void herald_ended(struct herald *herald, int waiters_result)
{
    plea_over(&herald->plea);
    if (herald->fd >= 0)
        alarm_disarm(herald->fd);
    wake_waiters(herald, waiters_result);
}

void herald_closed(struct herald *herald)
{
    if (herald->fd >= 0)
        alarm_fire(herald->fd);
}
