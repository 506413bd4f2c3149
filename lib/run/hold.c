/* SPDX-License-Identifier: Apache-2.0 */
#include "run/hold.h"
#include "run/clock.h"
#include "run/herald.h"
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

/* ---- life of a grant ---- */

void hold_init(struct hold *hold, zkc_sync *sync, struct session *session)
{
    hold->sync = sync;
    hold->session = session;
}

void hold_destroy(struct hold *hold)
{
    herald_free(hold->herald);
    hold->herald = NULL;
}

void hold_grant(struct hold *hold, struct ticket *ticket)
{
    struct herald *herald = hold->herald;

    hold->ticket = ticket;
    hold->reason = ZKC_OK;
    atomic_store(&hold->token, ticket->token);
    atomic_store(&hold->granted_deadline, atomic_load(&hold->session->deadline));
    atomic_store(&hold->held, true);
    if (herald != NULL)
        herald_granted(herald);
    if (hold->always_watch || (herald != NULL && herald_wanted(herald)))
        ticket_watch_own(ticket);
}

void hold_asked(struct hold *hold)
{
    if (hold->herald != NULL)
        plea_made(&hold->herald->plea);
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
    hold->reason = reason_code(reason);
    if (hold->herald != NULL)
        herald_revoked(hold->herald);
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
    if (hold->herald != NULL)
        herald_ended(hold->herald, waiters_result);
}

void hold_close(struct hold *hold, int waiters_result)
{
    hold_end(hold, waiters_result);
    if (hold->herald != NULL)
        herald_closed(hold->herald);
}

/* ---- what somebody wants to hear ---- */

static struct herald *herald_of(struct hold *hold)
{
    if (hold->herald == NULL)
        hold->herald = herald_new(hold);
    return hold->herald;
}

static void watch(struct hold *hold)
{
    if (hold->ticket != NULL)
        ticket_watch_own(hold->ticket);
}

int hold_fd(struct hold *hold)
{
    struct herald *herald = herald_of(hold);
    int fd = herald == NULL ? ZKC_ENOMEM : herald_fd(herald);

    if (fd >= 0)
        watch(hold);
    return fd;
}

int hold_on_revoked(struct hold *hold, zkc_revoked_fn revoked, void *arg)
{
    struct herald *herald;
    int error;

    if (revoked == NULL && hold->herald == NULL)
        return ZKC_OK;
    herald = herald_of(hold);
    error = herald == NULL ? ZKC_ENOMEM : herald_on_revoked(herald, revoked, arg);
    if (error == ZKC_OK && revoked != NULL)
        watch(hold);
    return error;
}

int hold_asked_fd(struct hold *hold)
{
    struct herald *herald = herald_of(hold);
    int fd = herald == NULL ? ZKC_ENOMEM : plea_fd(&herald->plea);

    if (fd >= 0)
        watch(hold);
    return fd;
}

int hold_on_asked(struct hold *hold, zkc_asked_fn asked, void *arg)
{
    struct herald *herald;
    int error;

    if (asked == NULL && hold->herald == NULL)
        return ZKC_OK;
    herald = herald_of(hold);
    error = herald == NULL ? ZKC_ENOMEM : plea_on_asked(&herald->plea, asked, arg);
    if (error == ZKC_OK && asked != NULL)
        watch(hold);
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
    struct herald *herald;
    const char *path;

    if (!hold_is_valid(hold) || hold->ticket == NULL)
        return ZKC_ENOTHELD;
    herald = herald_of(hold);
    path = herald == NULL ? NULL : herald_check_path(herald);
    if (path == NULL)
        return ZKC_ENOMEM;
    zk_check_op(op, path);
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

/* ZKC_OK: what there is to wait for is either over or has a herald. */
static int may_wait(struct hold *hold)
{
    notice(hold);
    if (hold->ticket == NULL)
        return hold->reason != ZKC_OK ? ZKC_OK : ZKC_ENOTHELD;
    return herald_of(hold) == NULL ? ZKC_ENOMEM : ZKC_OK;
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
    result = may_wait(hold);
    if (hold->ticket == NULL || result != ZKC_OK) {
        host_leave(sync);
        return result;
    }
    host_ref(sync);
    wait_init(&patience.wait, context);
    timer_init(&patience.timer, wait_expired);
    herald_wait(hold->herald, &patience.wait);
    watch(hold);
    timer_set(&sync->core, &patience.timer, context_deadline(context));
    host_leave(sync);
    return finish_waiting(sync, &patience);
}
