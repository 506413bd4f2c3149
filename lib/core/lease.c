/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lease.h"

#include <stdbool.h>
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

/* How long an answer may take: somewhat longer than the newest. Where answers take more than an
 * eighth nothing can be kept. */
static int64_t way(const struct lease *lease)
{
    const struct touch *newest = &lease->touches[lease->count - 1];
    int64_t took = lease->count > 0 ? newest->answered - newest->sent : 0;
    int64_t room = lease->timeout / 16;

    return took < room ? took + room : 2 * room;
}

static bool has_resumed(const struct lease *lease)
{
    return lease->resumed != LEASE_NONE && lease->resumed > lease->proven;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void lease_open(struct lease *lease, int64_t timeout, int64_t opened_at)
{
    lease->timeout = timeout;
    lease->proven = opened_at;
    lease->resumed = LEASE_NONE;
    lease->touches[0] = (struct touch){opened_at, opened_at, opened_at};
    lease->count = 1;
}

void lease_close(struct lease *lease)
{
    memset(lease, 0, sizeof *lease);
    lease->proven = LEASE_NONE;
    lease->resumed = LEASE_NONE;
}

void lease_narrow(struct lease *lease, int64_t timeout)
{
    if (timeout < lease->timeout)
        lease->timeout = timeout;
}

void lease_reconnected(struct lease *lease, int64_t sent, int64_t answered)
{
    bool stands = lease->proven != LEASE_NONE && answered < end_of(lease, lease->proven);

    lease->resumed = stands ? sent : LEASE_NONE;
    lease->resumed_at = answered;
    for (size_t i = 0; i < lease->count; i++)
        if (lease->touches[i].pinged != LEASE_NONE)
            lease->touches[i].pinged = answered;
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
    if (has_resumed(lease) && lease->resumed_at <= sent)
        lease->proven = lease->resumed;
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

/* When a request of the leader takes this touch a step further. */
static int64_t next_of(const struct lease *lease, const struct touch *touch)
{
    return touch->pinged == LEASE_NONE ? touch->answered + gap(lease) : touch->pinged + step(lease);
}

/* The earliest sending of what proves this touch, if its next request is sent at that time. */
static int64_t proof_of(const struct lease *lease, const struct touch *touch, int64_t next)
{
    return touch->pinged == LEASE_NONE ? next + way(lease) + step(lease) : next;
}

/* The earliest sending, not before now, of a write that moves the end, if nothing fails. */
static int64_t renewal(const struct lease *lease, int64_t now)
{
    int64_t soonest = now + gap(lease) + way(lease) + step(lease);

    if (has_resumed(lease))
        soonest = sooner(soonest, later(now, lease->resumed_at));
    for (size_t i = 0; i < lease->count; i++) {
        const struct touch *touch = &lease->touches[i];
        if (touch->sent > lease->proven)
            soonest = sooner(soonest, proof_of(lease, touch, later(now, next_of(lease, touch))));
    }
    return soonest;
}

int lease_grantable(const struct lease *lease, int64_t now)
{
    return lease->proven != LEASE_NONE && lease_end(lease) - renewal(lease, now) >= least(lease);
}

int64_t lease_next_gain(const struct lease *lease)
{
    int64_t next = has_resumed(lease) ? lease->resumed_at : INT64_MAX;

    for (size_t i = 0; i < lease->count; i++) {
        const struct touch *touch = &lease->touches[i];
        if (touch->sent > lease->proven)
            next = sooner(next, next_of(lease, touch));
    }
    return next;
}

/* Whether what is sent at `proof` leaves enough: half as much again, for the answer needs time. */
static bool worth_it(const struct lease *lease, int64_t touch, int64_t proof)
{
    return end_of(lease, touch) - proof >= least(lease) + least(lease) / 2;
}

int64_t lease_next_proof(const struct lease *lease, int64_t now)
{
    int64_t next = now + gap(lease);

    if (has_resumed(lease) && worth_it(lease, lease->resumed, later(now, lease->resumed_at)))
        next = later(now, lease->resumed_at);
    for (size_t i = 0; i < lease->count; i++) {
        const struct touch *touch = &lease->touches[i];
        int64_t at = later(now, next_of(lease, touch));
        if (touch->sent > lease->proven && worth_it(lease, touch->sent, proof_of(lease, touch, at)))
            next = sooner(next, at);
    }
    return next;
}
