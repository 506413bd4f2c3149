/*
 * Until when can the server not have given away what this session holds? Pure arithmetic.
 *
 * The argument, with T the negotiated timeout and times on the client's CLOCK_BOOTTIME:
 *  1. Only the ensemble's leader expires a session, not before T after the newest contact ("touch")
 *     that it has heard of. A server that is not the leader collects touches and hands them over
 *     with its answer to each ping of the leader, every half tick.
 *  2. A request sent at s and answered at a touched its server between s and a.
 *  3. A quorum write sent at w >= a + gap on the same session that is answered shows that the
 * server was still in contact with a leader that has a quorum, and that it took the write in at
 * least a gap later than the touch. Requests and ping answers share one ordered connection, so the
 *     answer to a ping that came between the two went ahead of the write: the leader had heard of
 *     the touch. (Had the client changed servers in between, the leader was asked to revalidate the
 *     session after a; had the leader changed, the new one began all timers anew.)
 *  4. Hence the session lives at least until s + T, and so does every node it owns.
 * The gap counts from the answer, not from the sending: what was delayed on its way may have
 * reached the server together with the write. It is T/3: a ping comes every half tick, and a tick
 * is at most T/2 (ZooKeeper's least session timeout is two ticks), so T/4 holds one ping; the
 * twelfth that is left is room for a ping that comes late. A session's creation is itself a write
 * by the leader: touch and proof in one. A hundredth of T is taken off for clocks that run apart.
 *
 * The argument needs the leader to ping meanwhile. One that was stopped (a long collection of
 * garbage, SIGSTOP) has sent none; when it goes on, it may first answer a write that waited for it
 * and then expire the session, whose touches it has not heard of. An answer that took long and
 * comes when the touches proven by earlier writes carry no longer is therefore no proof. It still
 * vouches that the leader lives: the next write can prove. What stays assumed is that the leader
 * was not stopped for longer than about T/2 until right before it answered the first write after an
 * idle time. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_LEASE_H
#define ZKC_CORE_LEASE_H

#include <stddef.h>
#include <stdint.h>

#define LEASE_TOUCHES 24 /* at T/32 apart they reach back 3/4 T: the gap and a slow answer */
#define LEASE_NONE INT64_MIN

struct touch {
    int64_t sent;
    int64_t answered;
};

struct lease {
    int64_t timeout; /* T in nanoseconds, 0 before a session exists */
    int64_t proven;  /* newest touch that the leader is known to have heard of, or LEASE_NONE */
    int64_t vouched; /* the same, but for answers that came too late to be a proof */
    struct touch touches[LEASE_TOUCHES]; /* answered requests by sending, ascending, thinned */
    size_t count;
};

/* A new session whose creation was asked for at opened_at was confirmed. */
void lease_open(struct lease *lease, int64_t timeout, int64_t opened_at);

/* There is no session. */
void lease_close(struct lease *lease);

/* After a reconnection with another negotiated timeout: only a shorter one counts. */
void lease_narrow(struct lease *lease, int64_t timeout);

/* A request sent at this time was answered by a server, and the answer seen at that time. */
void lease_touch(struct lease *lease, int64_t sent, int64_t answered);

/* A quorum write sent at this time was answered, and the answer seen at that time. Call after
 * lease_touch(). */
void lease_prove(struct lease *lease, int64_t sent, int64_t answered);

/* The first moment at which the lease is not safe any more; LEASE_NONE without a lease. */
int64_t lease_end(const struct lease *lease);

/* Whether the lease has enough left at now to begin a hold that the next proofs can keep. */
int lease_grantable(const struct lease *lease, int64_t now);

/* The earliest send time at which a write would move the end; INT64_MAX if no touch is waiting. */
int64_t lease_next_gain(const struct lease *lease);

/* The earliest time, not before now, at which sending a write makes lease_grantable() likely. */
int64_t lease_next_proof(const struct lease *lease, int64_t now);

#endif
