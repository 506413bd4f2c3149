/* SPDX-License-Identifier: Apache-2.0 */
#include "run/grant.h"
#include "run/audience.h"
#include "run/clock.h"

/* ---- the question, without a lock ---- */

/*
 * How much is left. The deadline is read before the clock and the flag last: a writer drops the
 * flag before it moves the deadline, so whoever sees a later deadline also sees the flag down. When
 * it has moved meanwhile the flag may be that of a later grant, and all is read again. A reader
 * that sees the deadline pass says so in the session, so that no later proof can make "no" a "yes".
 */
static int64_t remaining(const struct grant *grant)
{
    struct session *session = grant->session;
    int64_t deadline, now, lapsed;

    do {
        deadline = atomic_load(&session->deadline);
        now = clock_now();
        if (!atomic_load(&grant->held) || fork_guard_child(&grant->sync->guard))
            return 0;
    } while (atomic_load(&session->deadline) != deadline);
    lapsed = atomic_load(&session->lapsed);
    if (now >= deadline) {
        while (deadline > lapsed &&
               !atomic_compare_exchange_weak(&session->lapsed, &lapsed, deadline))
            ;
        return 0;
    }
    return atomic_load(&grant->granted_deadline) <= lapsed ? 0 : deadline - now;
}

bool grant_is_valid(const struct grant *grant)
{
    return remaining(grant) > 0;
}

int64_t grant_remaining_ms(const struct grant *grant)
{
    return remaining(grant) / MILLISECOND;
}

int64_t grant_token(const struct grant *grant)
{
    return atomic_load(&grant->token);
}

/* ---- life of a grant ---- */

void grant_init(struct grant *grant, zkc_sync *sync, struct session *session)
{
    grant->sync = sync;
    grant->session = session;
}

void grant_destroy(struct grant *grant)
{
    audience_free(grant->audience);
    grant->audience = NULL;
}

static void tell_granted(struct audience *audience, const struct ticket *ticket)
{
    audience_granted(audience);
    if (ticket->asked)
        audience_asked(audience);
}

void grant_begin(struct grant *grant, struct ticket *ticket)
{
    struct audience *audience = grant->audience;

    grant->ticket = ticket;
    grant->reason = ZKC_OK;
    grant->revoked = false;
    atomic_store(&grant->token, ticket->token);
    atomic_store(&grant->granted_deadline, ticket->granted_end);
    atomic_store(&grant->held, true);
    if (audience != NULL)
        tell_granted(audience, ticket);
    if (grant->always_watch || (audience != NULL && audience_wanted(audience)))
        ticket_watch_own(ticket);
}

void grant_asked(struct grant *grant)
{
    if (grant->audience != NULL)
        audience_asked(grant->audience);
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

void grant_revoke(struct grant *grant, enum revocation reason)
{
    atomic_store(&grant->held, false);
    grant->ticket = NULL;
    grant->reason = reason_code(reason);
    grant->revoked = true;
    if (grant->audience != NULL)
        audience_revoked(grant->audience, grant->reason);
    client_log(grant->sync, LOG_WARNING, "revoked, token %lld: %s",
               (long long)atomic_load(&grant->token), zkc_strerror(grant->reason));
}

void grant_end(struct grant *grant, int waiters_result)
{
    atomic_store(&grant->held, false);
    grant->ticket = NULL;
    grant->revoked = false;
    if (grant->audience != NULL)
        audience_ended(grant->audience, waiters_result);
}

void grant_close(struct grant *grant, int waiters_result)
{
    grant_end(grant, waiters_result);
    if (grant->audience != NULL)
        audience_closed(grant->audience);
}

/* ---- what somebody wants to hear ---- */

static void lease_lapsed(void *owner)
{
    struct grant *grant = owner;

    ticket_revoke(grant->ticket, REVOKED_LEASE);
}

/* A program that asks late sees what has become of the grant. */
static struct audience *audience_of(struct grant *grant)
{
    struct audience *audience = grant->audience;

    if (audience != NULL)
        return audience;
    audience = grant->audience = audience_new(grant->sync, grant->session, grant, lease_lapsed);
    if (audience == NULL)
        return NULL;
    if (grant->ticket != NULL)
        tell_granted(audience, grant->ticket);
    else if (grant->revoked)
        audience_missed(audience);
    return audience;
}

static void watch(struct grant *grant)
{
    if (grant->ticket != NULL)
        ticket_watch_own(grant->ticket);
}

/* A descriptor or ZKC_OK: somebody wants to hear at once from now on. */
static int watched(struct grant *grant, int result)
{
    if (result >= 0)
        watch(grant);
    return result;
}

int grant_revoked_fd(struct grant *grant)
{
    struct audience *audience = audience_of(grant);

    return watched(grant, audience == NULL ? ZKC_ENOMEM : audience_revoked_fd(audience));
}

int grant_asked_fd(struct grant *grant)
{
    struct audience *audience = audience_of(grant);

    return watched(grant, audience == NULL ? ZKC_ENOMEM : audience_asked_fd(audience));
}

int grant_on_revoked(struct grant *grant, zkc_revoked_fn revoked, void *arg)
{
    struct audience *audience;
    int error;

    if (revoked == NULL && grant->audience == NULL)
        return ZKC_OK;
    audience = audience_of(grant);
    error = audience == NULL ? ZKC_ENOMEM : audience_on_revoked(audience, revoked, arg);
    return revoked == NULL ? error : watched(grant, error);
}

int grant_on_asked(struct grant *grant, zkc_asked_fn asked, void *arg)
{
    struct audience *audience;
    int error;

    if (asked == NULL && grant->audience == NULL)
        return ZKC_OK;
    audience = audience_of(grant);
    error = audience == NULL ? ZKC_ENOMEM : audience_on_asked(audience, asked, arg);
    return asked == NULL ? error : watched(grant, error);
}

int grant_check_op(struct grant *grant, struct zoo_op *op)
{
    struct audience *audience;
    const char *path;

    if (!grant_is_valid(grant) || grant->ticket == NULL)
        return ZKC_ENOTHELD;
    audience = audience_of(grant);
    path = audience == NULL ? NULL : audience_path(audience, grant->ticket);
    if (path == NULL)
        return ZKC_ENOMEM;
    zk_check_op(op, client_outside(grant->sync, path));
    return ZKC_OK;
}

/* ---- waiting for the end ---- */

/* ZKC_OK: what there is to wait for is either over or has an audience. */
static int may_wait(struct grant *grant)
{
    if (grant->ticket == NULL)
        return grant->revoked ? ZKC_OK : ZKC_ENOTHELD;
    return audience_of(grant) == NULL ? ZKC_ENOMEM : ZKC_OK;
}

int grant_wait_revoked(struct grant *grant, zkc_context *context)
{
    struct operation operation;
    int error = zkc_context_error(context);

    if (error == ZKC_OK)
        error = operation_enter(&operation, grant->sync, context);
    if (error != ZKC_OK)
        return error;
    error = may_wait(grant);
    if (error != ZKC_OK || grant->ticket == NULL) {
        client_leave(operation.sync);
        return error;
    }
    operation_begin(&operation, NULL, operation_finish, context_deadline(context));
    audience_wait(grant->audience, &operation);
    watch(grant);
    return operation_leave(&operation, ZKC_OK);
}
