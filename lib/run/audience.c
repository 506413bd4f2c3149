/* SPDX-License-Identifier: Apache-2.0 */
#include "run/audience.h"
#include "base/mem.h"
#include "run/clock.h"

static void call_revoked(notifier_fn fn, void *arg, int reason)
{
    ((zkc_revoked_fn)fn)(arg, reason);
}

static void call_asked(notifier_fn fn, void *arg, int detail)
{
    (void)detail;
    ((zkc_asked_fn)fn)(arg);
}

/* A poll may have seen the old deadline pass while this was on its way. */
static void lease_moved(struct prover *prover)
{
    struct audience *audience = container_of(prover, struct audience, prover);
    int64_t old = audience->revoked.at;

    if (!audience->granted)
        return;
    if (clock_now() < old)
        notifier_set(&audience->revoked, atomic_load(&audience->session->deadline));
    if (clock_now() >= old)
        audience->lapsed(audience->owner);
}

/* ---- life ---- */

struct audience *audience_new(zkc_sync *sync, struct session *session, void *owner,
                              void (*lapsed)(void *owner))
{
    struct audience *audience = mem_zalloc(sizeof *audience);

    if (audience == NULL)
        return NULL;
    audience->session = session;
    audience->owner = owner;
    audience->lapsed = lapsed;
    notifier_init(&audience->revoked, sync, owner, call_revoked);
    notifier_init(&audience->asked, sync, owner, call_asked);
    prover_init(&audience->prover, lease_moved);
    list_init(&audience->waiters);
    return audience;
}

void audience_free(struct audience *audience)
{
    if (audience == NULL)
        return;
    list_remove(&audience->prover.link);
    notifier_destroy(&audience->revoked);
    notifier_destroy(&audience->asked);
    mem_free(audience->path);
    mem_free(audience);
}

bool audience_wanted(const struct audience *audience)
{
    return notifier_wanted(&audience->revoked) || notifier_wanted(&audience->asked);
}

/* ---- what has happened ---- */

static void wake_waiters(struct audience *audience, int result)
{
    while (!list_empty(&audience->waiters))
        operation_finish(container_of(audience->waiters.next, struct operation, wait.link), result);
}

void audience_granted(struct audience *audience)
{
    audience->granted = true;
    mem_free(audience->path);
    audience->path = NULL;
    notifier_set(&audience->revoked, atomic_load(&audience->session->deadline));
}

/* Each grant is asked for once, however often. */
void audience_asked(struct audience *audience)
{
    if (audience->asked.at == HAPPENED)
        return;
    notifier_set(&audience->asked, HAPPENED);
    notifier_tell(&audience->asked, ZKC_OK);
}

void audience_missed(struct audience *audience)
{
    notifier_set(&audience->revoked, HAPPENED);
}

void audience_revoked(struct audience *audience, int reason)
{
    audience->granted = false;
    notifier_reset(&audience->asked);
    notifier_set(&audience->revoked, HAPPENED);
    notifier_tell(&audience->revoked, reason);
    wake_waiters(audience, ZKC_OK);
}

void audience_ended(struct audience *audience, int waiters_result)
{
    audience->granted = false;
    notifier_reset(&audience->asked);
    notifier_set(&audience->revoked, NEVER);
    wake_waiters(audience, waiters_result);
}

void audience_closed(struct audience *audience)
{
    notifier_set(&audience->revoked, HAPPENED);
}

/* ---- the ways to hear of it ---- */

int audience_revoked_fd(struct audience *audience)
{
    bool opened = audience->revoked.fd >= 0;
    int fd;

    if (!opened && audience->granted)
        notifier_set(&audience->revoked, atomic_load(&audience->session->deadline));
    fd = notifier_fd(&audience->revoked);
    if (!opened && fd >= 0)
        session_on_proof(audience->session, &audience->prover);
    return fd;
}

int audience_on_revoked(struct audience *audience, zkc_revoked_fn revoked, void *arg)
{
    return notifier_on(&audience->revoked, (notifier_fn)revoked, arg);
}

int audience_asked_fd(struct audience *audience)
{
    return notifier_fd(&audience->asked);
}

/* A request that nobody has heard of yet is told now. */
int audience_on_asked(struct audience *audience, zkc_asked_fn asked, void *arg)
{
    struct notifier *notifier = &audience->asked;
    int error = notifier_on(notifier, (notifier_fn)asked, arg);

    if (error == ZKC_OK && notifier->at == HAPPENED && !notifier->told && notifier->untold == 0)
        notifier_tell(notifier, ZKC_OK);
    return error;
}

void audience_wait(struct audience *audience, struct operation *operation)
{
    list_append(&audience->waiters, &operation->wait.link);
}

const char *audience_path(struct audience *audience, const struct ticket *ticket)
{
    if (audience->path == NULL)
        audience->path = ticket_path(ticket);
    return audience->path;
}
