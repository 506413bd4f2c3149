/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lease.h"

#include <string.h>

static int64_t gap(const struct lease *lease)
{
    return lease->timeout / 3;
}

/* Touches are kept this far apart; and so long a leader that goes on may take to ping. */
static int64_t step(const struct lease *lease)
{
    return lease->timeout / 32;
}

static int64_t end_of(const struct lease *lease, int64_t touch)
{
    return touch + lease->timeout - lease->timeout / 100;
}

/* A quarter: a beat comes every eighth, and the answer needs its way back. */
static int64_t least(const struct lease *lease)
{
    return lease->timeout / 4;
}

void lease_open(struct lease *lease, int64_t timeout, int64_t opened_at)
{
    lease->timeout = timeout;
    lease->proven = opened_at;
    lease->touches[0] = (struct touch){opened_at, opened_at, opened_at};
    lease->count = 1;
}

void lease_close(struct lease *lease)
{
    memset(lease, 0, sizeof *lease);
    lease->proven = LEASE_NONE;
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
    if (lease->count > 0 && sent < lease->touches[lease->count - 1].sent + step(lease))
        return;
    if (lease->count == LEASE_TOUCHES) {
        memmove(lease->touches, lease->touches + 1, (LEASE_TOUCHES - 1) * sizeof *lease->touches);
        lease->count--;
    }
    lease->touches[lease->count++] = (struct touch){sent, answered, LEASE_NONE};
}

void lease_mark(struct lease *lease, int64_t sent, int64_t answered)
{
    for (size_t i = 0; i < lease->count; i++) {
        struct touch *touch = &lease->touches[i];
        if (touch->pinged == LEASE_NONE && touch->answered + gap(lease) <= sent)
            touch->pinged = answered;
    }
}

void lease_prove(struct lease *lease, int64_t sent)
{
    for (size_t i = 0; i < lease->count; i++) {
        const struct touch *touch = &lease->touches[i];
        if (touch->pinged != LEASE_NONE && touch->pinged + step(lease) <= sent &&
            touch->sent > lease->proven)
            lease->proven = touch->sent;
    }
}

int64_t lease_end(const struct lease *lease)
{
    return lease->proven == LEASE_NONE ? LEASE_NONE : end_of(lease, lease->proven);
}

int lease_grantable(const struct lease *lease, int64_t now)
{
    return lease->proven != LEASE_NONE && end_of(lease, lease->proven) - now >= least(lease);
}

/* When a request of the leader takes this touch a step further. */
static int64_t next_of(const struct lease *lease, const struct touch *touch)
{
    return touch->pinged == LEASE_NONE ? touch->answered + gap(lease) : touch->pinged + step(lease);
}

int64_t lease_next_gain(const struct lease *lease)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < lease->count; i++) {
        const struct touch *touch = &lease->touches[i];
        if (touch->sent > lease->proven && next_of(lease, touch) < next)
            next = next_of(lease, touch);
    }
    return next;
}

int64_t lease_next_proof(const struct lease *lease, int64_t now)
{
    for (size_t i = 0; i < lease->count; i++) {
        int64_t at = next_of(lease, &lease->touches[i]);
        if (at < now)
            at = now;
        /* the answer needs time as well: half as much again as the least that must remain */
        if (end_of(lease, lease->touches[i].sent) - at >= least(lease) + least(lease) / 2)
            return at;
    }
    return now + gap(lease);
}
