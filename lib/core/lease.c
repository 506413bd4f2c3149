/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lease.h"

#include <string.h>

static int64_t gap(const struct lease *lease)
{
    return lease->timeout / 3;
}

static int64_t end_of(const struct lease *lease, int64_t touch)
{
    return touch + lease->timeout - lease->timeout / 100;
}

/* A quarter: a beat comes every fifth, and the answer needs its way back. */
static int64_t least(const struct lease *lease)
{
    return lease->timeout / 4;
}

void lease_open(struct lease *lease, int64_t timeout, int64_t opened_at)
{
    lease->timeout = timeout;
    lease->proven = lease->vouched = opened_at;
    lease->touches[0].sent = lease->touches[0].answered = opened_at;
    lease->count = 1;
}

void lease_close(struct lease *lease)
{
    memset(lease, 0, sizeof *lease);
    lease->proven = lease->vouched = LEASE_NONE;
}

void lease_narrow(struct lease *lease, int64_t timeout)
{
    if (timeout < lease->timeout)
        lease->timeout = timeout;
}

void lease_touch(struct lease *lease, int64_t sent, int64_t answered)
{
    if (lease->timeout == 0)
        return;
    if (lease->count > 0 && sent < lease->touches[lease->count - 1].sent + lease->timeout / 32)
        return;
    if (lease->count == LEASE_TOUCHES) {
        memmove(lease->touches, lease->touches + 1, (LEASE_TOUCHES - 1) * sizeof *lease->touches);
        lease->count--;
    }
    lease->touches[lease->count].sent = sent;
    lease->touches[lease->count].answered = answered;
    lease->count++;
}

/* The newest touch that a write sent at this time came a gap after. */
static int64_t touch_before(const struct lease *lease, int64_t sent)
{
    for (size_t i = lease->count; i-- > 0;) {
        if (lease->touches[i].answered <= sent - gap(lease))
            return lease->touches[i].sent;
    }
    return LEASE_NONE;
}

/* The leader may have been stopped until right before it answered. */
static int is_late(const struct lease *lease, int64_t sent, int64_t answered)
{
    return answered - sent > lease->timeout / 32 && answered >= end_of(lease, lease->vouched);
}

void lease_prove(struct lease *lease, int64_t sent, int64_t answered)
{
    int64_t touch = touch_before(lease, sent);

    if (touch == LEASE_NONE)
        return;
    if (touch > lease->proven && !is_late(lease, sent, answered))
        lease->proven = touch;
    if (touch > lease->vouched)
        lease->vouched = touch;
}

int64_t lease_end(const struct lease *lease)
{
    return lease->proven == LEASE_NONE ? LEASE_NONE : end_of(lease, lease->proven);
}

int lease_grantable(const struct lease *lease, int64_t now)
{
    return lease->proven != LEASE_NONE && end_of(lease, lease->proven) - now >= least(lease);
}

int64_t lease_next_gain(const struct lease *lease)
{
    for (size_t i = 0; i < lease->count; i++)
        if (lease->touches[i].sent > lease->proven)
            return lease->touches[i].answered + gap(lease);
    return INT64_MAX;
}

int64_t lease_next_proof(const struct lease *lease, int64_t now)
{
    for (size_t i = 0; i < lease->count; i++) {
        int64_t at = lease->touches[i].answered + gap(lease);
        if (at < now)
            at = now;
        /* the answer needs time as well: half as much again as the least that must remain */
        if (end_of(lease, lease->touches[i].sent) - at >= least(lease) + least(lease) / 2)
            return at;
    }
    return now + gap(lease);
}
