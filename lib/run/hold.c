/* SPDX-License-Identifier: Apache-2.0 */
#include "run/hold.h"
#include "base/mem.h"
#include "run/alarm.h"
#include "run/clock.h"
#include "run/host.h"

/* ---- the question, without a lock ---- */

/*
 * How much is left. The deadline is read before the clock and the flag last: a writer drops the
 * flag before it moves the deadline, so whoever sees a later deadline also sees the flag down. When
 * it has moved meanwhile the flag may be that of a later grant, and all is read again. A reader
 * that sees the deadline pass says so in the session, so that no later proof can make "no" a "yes".
 */
static int64_t remaining(const struct hold *hold)
{
    struct session *session = hold->session;
    int64_t deadline, now, lapsed;

    do {
        deadline = atomic_load(&session->deadline);
        now = clock_now();
        if (!atomic_load(&hold->held) || fork_guard_child(&hold->sync->guard))
            return 0;
    } while (atomic_load(&session->deadline) != deadline);
    lapsed = atomic_load(&session->lapsed);
    if (now >= deadline) {
        while (deadline > lapsed &&
               !atomic_compare_exchange_weak(&session->lapsed, &lapsed, deadline))
            ;
        return 0;
    }
    return atomic_load(&hold->granted_deadline) <= lapsed ? 0 : deadline - now;
}

bool hold_is_valid(const struct hold *hold)
{
    return remaining(hold) > 0;
}

int64_t hold_remaining_ms(const struct hold *hold)
{
    return remaining(hold) / MILLISECOND;
}

int64_t hold_token(const struct hold *hold)
{
    return atomic_load(&hold->token);
}

/* ---- the descriptor ---- */

static void arm(struct hold *hold)
{
    hold->armed = atomic_load(&hold->session->deadline);
    alarm_set(hold->fd, hold->armed);
}

/* Whoever polls may have seen the old deadline pass while this was on its way. */
static void lease_moved(struct prover *prover)
{
    struct hold *hold = container_of(prover, struct hold, prover);
    int64_t old = hold->armed;

    if (!atomic_load(&hold->held))
        return;
    if (clock_now() < old)
        arm(hold);
    if (clock_now() >= old)
        hold_lapse(hold);
}

int hold_fd(struct hold *hold)
{
    if (hold->fd >= 0)
        return hold->fd;
    hold->fd = alarm_open();
    if (hold->fd < 0)
        return ZKC_ESYSTEM;
    session_on_proof(hold->session, &hold->prover);
    if (hold->reason != ZKC_OK)
        alarm_fire(hold->fd);
    else if (atomic_load(&hold->held))
        arm(hold);
    if (hold->ticket != NULL)
        ticket_watch_own(hold->ticket);
    return hold->fd;
}

/* ---- life of a grant ---- */

static void deliver(struct delivery *delivery)
{
    struct hold *hold = container_of(delivery, struct hold, delivery);
    zkc_sync *sync = hold->sync;
    zkc_revoked_fn revoked = NULL;
    void *arg = NULL;
    int reason = ZKC_OK;

    pthread_mutex_lock(&sync->mutex);
    if (hold->untold > 0 && hold->revoked != NULL) {
        revoked = hold->revoked;
        arg = hold->arg;
        reason = hold->told_reason;
        if (--hold->untold > 0)
            dispatch_post(sync, &hold->delivery);
    }
    pthread_mutex_unlock(&sync->mutex);
    if (revoked != NULL)
        revoked(arg, reason);
}

void hold_init(struct hold *hold, zkc_sync *sync, struct session *session)
{
    hold->sync = sync;
    hold->session = session;
    hold->fd = -1;
    prover_init(&hold->prover, lease_moved);
    delivery_init(&hold->delivery, hold, deliver);
    list_init(&hold->waiters);
    plea_init(&hold->plea, sync, hold);
}

void hold_destroy(struct hold *hold)
{
    list_remove(&hold->prover.link);
    dispatch_withdraw(hold->sync, &hold->delivery);
    plea_destroy(&hold->plea);
    if (hold->fd >= 0)
        alarm_close(hold->fd);
    hold->fd = -1;
    mem_free(hold->check_path);
    hold->check_path = NULL;
}

static void wake_waiters(struct hold *hold, int result)
{
    while (!list_empty(&hold->waiters))
        wait_finish(container_of(hold->waiters.next, struct wait, link), result);
}

void hold_grant(struct hold *hold, struct ticket *ticket)
{
    hold->ticket = ticket;
    hold->reason = ZKC_OK;
    mem_free(hold->check_path);
    hold->check_path = NULL;
    atomic_store(&hold->token, ticket->token);
    atomic_store(&hold->granted_deadline, atomic_load(&hold->session->deadline));
    atomic_store(&hold->held, true);
    if (hold->fd >= 0)
        arm(hold);
    if (ticket->asked)
        plea_made(&hold->plea);
    if (hold->always_watch || hold->fd >= 0 || hold->revoked != NULL || plea_wanted(&hold->plea))
        ticket_watch_own(ticket);
}

static int reason_code(enum revocation reason)
{
    switch (reason) {
    case REVOKED_EXPIRED:
        return ZKC_EEXPIRED;
    case REVOKED_DELETED:
        return ZKC_EDELETED;
    default:
        return ZKC_ELEASE;
    }
}

void hold_revoke(struct hold *hold, enum revocation reason)
{
    atomic_store(&hold->held, false);
    hold->ticket = NULL;
    plea_over(&hold->plea);
    hold->reason = reason_code(reason);
    if (hold->fd >= 0 && clock_now() < hold->armed)
        alarm_fire(
            hold->fd); /* setting one that has fired would take the signal back for a moment */
    if (hold->revoked != NULL) {
        hold->untold++;
        hold->told_reason = hold->reason;
        dispatch_post(hold->sync, &hold->delivery);
    }
    wake_waiters(hold, ZKC_OK);
    host_log(hold->sync, LOG_WARNING, "revoked, token %lld: %s",
             (long long)atomic_load(&hold->token), zkc_strerror(hold->reason));
}

void hold_lapse(struct hold *hold)
{
    ticket_revoke(hold->ticket, REVOKED_LEASE);
}

void hold_end(struct hold *hold, int waiters_result)
{
    atomic_store(&hold->held, false);
    hold->ticket = NULL;
    hold->reason = ZKC_OK;
    plea_over(&hold->plea);
    if (hold->fd >= 0)
        alarm_disarm(hold->fd);
    wake_waiters(hold, waiters_result);
}

/* Who only polls must hear of it as well. */
void hold_close(struct hold *hold, int waiters_result)
{
    hold_end(hold, waiters_result);
    if (hold->fd >= 0)
        alarm_fire(hold->fd);
}

int hold_on_revoked(struct hold *hold, zkc_revoked_fn revoked, void *arg)
{
    if (revoked != NULL && dispatch_prepare(hold->sync) != 0)
        return ZKC_ESYSTEM;
    hold->revoked = revoked;
    hold->arg = arg;
    if (revoked == NULL) {
        hold->untold = 0;
        dispatch_withdraw(hold->sync, &hold->delivery);
    } else if (hold->ticket != NULL) {
        ticket_watch_own(hold->ticket);
    }
    return ZKC_OK;
}

/* ---- somebody asks for it ---- */

int hold_asked_fd(struct hold *hold)
{
    int fd = plea_fd(&hold->plea);

    if (fd >= 0 && hold->ticket != NULL)
        ticket_watch_own(hold->ticket);
    return fd;
}

int hold_on_asked(struct hold *hold, zkc_asked_fn asked, void *arg)
{
    int error = plea_on_asked(&hold->plea, asked, arg);

    if (error == ZKC_OK && asked != NULL && hold->ticket != NULL)
        ticket_watch_own(hold->ticket);
    return error;
}

/* ---- why it is over ---- */

/* The clock may be ahead of our timer. */
static void notice(struct hold *hold)
{
    if (hold->ticket != NULL && !hold_is_valid(hold))
        hold_lapse(hold);
}

int hold_reason(struct hold *hold)
{
    notice(hold);
    return hold->reason;
}

int hold_check_op(struct hold *hold, struct zoo_op *op)
{
    if (!hold_is_valid(hold) || hold->ticket == NULL)
        return ZKC_ENOTHELD;
    if (hold->check_path == NULL)
        hold->check_path = ticket_path(hold->ticket);
    if (hold->check_path == NULL)
        return ZKC_ENOMEM;
    zk_check_op(op, hold->check_path);
    return ZKC_OK;
}

/* ---- waiting for the end ---- */

struct patience {
    struct timer timer;
    struct wait wait;
};

static void wait_expired(struct timer *timer)
{
    struct wait *wait = &container_of(timer, struct patience, timer)->wait;

    if (atomic_load(&wait->done) == 0)
        wait_finish(wait, ZKC_ETIMEDOUT);
}

static int finish_waiting(zkc_sync *sync, struct patience *patience)
{
    if (!wait_sleep(&patience->wait, true, &sync->mutex)) {
        host_enter(sync);
        if (atomic_load(&patience->wait.done) == 0)
            wait_finish(&patience->wait, ZKC_ECANCELED);
        host_leave(sync);
        wait_sleep(&patience->wait, false, &sync->mutex);
    }
    pthread_mutex_lock(&sync->mutex);
    timer_clear(&sync->core, &patience->timer);
    pthread_mutex_unlock(&sync->mutex);
    host_unref(sync);
    return patience->wait.result;
}

int hold_wait_revoked(struct hold *hold, zkc_context *context)
{
    zkc_sync *sync = hold->sync;
    struct patience patience;
    int error = zkc_context_error(context);
    int result;

    if (error == ZKC_OK)
        error = host_begin_blocking(sync);
    if (error != ZKC_OK)
        return error;
    notice(hold);
    if (hold->ticket == NULL) {
        result = hold->reason != ZKC_OK ? ZKC_OK : ZKC_ENOTHELD;
        host_leave(sync);
        return result;
    }
    host_ref(sync);
    wait_init(&patience.wait, context);
    timer_init(&patience.timer, wait_expired);
    list_append(&hold->waiters, &patience.wait.link);
    ticket_watch_own(hold->ticket);
    timer_set(&sync->core, &patience.timer, context_deadline(context));
    host_leave(sync);
    return finish_waiting(sync, &patience);
}
