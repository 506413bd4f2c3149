/*
 * Until when can the server not have given away what this session holds? Pure arithmetic.
 *
 * The argument, with T the negotiated timeout and times on the client's CLOCK_BOOTTIME:
 *  1. Only the ensemble's leader expires a session, not before T after the newest contact ("touch")
 *     that it has heard of. A server that is not the leader collects touches and hands them over
 *     with its answer to each ping of the leader, every half tick.
 *  2. A request sent at s and answered at a touched its server between s and a.
 *  3. A request that only the leader can answer, a write or a sync, sent at m >= a + gap and
 *     answered at h shows that the leader has pinged meanwhile: ping and answer share one ordered
 *     connection, so when the answer came to the client's server, a ping later than the touch had
 *     come as well, and the touch was on its way.
 *  4. A quorum write sent at w > h and answered shows that the touch has arrived, and was in time:
 *     touches and writes share one ordered connection, too, and a leader with a quorum took the
 *     write from a session that had not expired when it already knew of the touch.
 *  5. Hence the session lives at least until s + T, and so does every node it owns.
 * Had the leader changed, the new one began all timers anew.
 *
 * The gap is T/3: a ping comes every half tick, and a tick is at most T/2 (ZooKeeper's least
 * session timeout is two ticks), so T/4 holds one ping; the twelfth that is left is room for a ping
 * that comes late. It counts from the answer, not from the sending: what was delayed on its way may
 * have reached the server together with the write. A leader that was stopped, by a long collection
 * of garbage say, pings as soon as it goes on, but may have answered a moment before; so w is at
 * least a step of T/32 after h. A session's creation is itself a write by the leader: touch and
 * proof in one. A hundredth of T is taken off for clocks that run apart.
 *
 * Step 3 is what makes the argument hold when the leader was stopped, or when only the direction
 * from the leader to the server stalls: a write alone (m = w) can overtake the ping that it should
 * follow.
 *
 * The step has a second use. The leader takes all sessions that are due at once out of its calendar
 * and then ends them one by one; until its turn comes a session's touches are accepted and change
 * nothing, and its writes are accepted, too. So a write shows that the touch came before that only
 * if the touch had a step of time in which the write would have been refused: the leader is through
 * with what is due within T/32.
 *
 * The argument rests on this, too: the leader, or its way to the server, is not stopped again and
 * again for more than T/2 in all within one T. A single stop of any length does no harm: either the
 * touch was handed over before it, or the mark was answered after it. And a server can lose a touch
 * that arrives in the instant in which it hands the others over (LearnerSessionTracker.snapshot).
 * No touch stands alone, though: another one lies between it and its mark, T/8 later while
 * something is kept, T/5 while not, and one of the two was handed over.
 *
 * A reconnection is touch and mark in one: a server that is given a known session asks the leader,
 * and the leader touches the session before it says that it knows it (Learner.validateSession,
 * Leader.revalidateSession, SessionTrackerImpl.touchSession; a server behind an observer master
 * asks through it). So no ping is needed, and any quorum write sent and answered on that same
 * connection is the proof: a server that loses its leader drops its clients, so it is the same
 * leader, and one with a quorum. There is no step either, but only while the old lease still stands
 * when the connection is there: then the session was not due, and cannot have been taken out of the
 * calendar when it was touched. Otherwise the reconnection counts for nothing, and the first touch
 * on the new connection is an ordinary one. The connection was asked for after any answer of an
 * older one had come, so not before the newest request that was answered was sent. When its loss
 * was seen says nothing: the client may have connected again before it told.
 *
 * A mark of an older connection waits a step from the reconnection on: the answers to
 * pings took another way to the leader than the writes take now, and what the leader is sure to
 * know is its own touch at the reconnection, which may have come too late as above.
 *
 * SPDX-License-Identifier: Apache-2.0
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
    int64_t pinged; /* since when the leader is known to have pinged after it, or LEASE_NONE */
};

struct lease {
    int64_t timeout; /* T in nanoseconds, 0 before a session exists */
    int64_t proven;  /* newest touch that the leader is known to have heard of, or LEASE_NONE */
    int64_t resumed; /* the leader touched it after this at the newest reconnection; LEASE_NONE */
    int64_t resumed_at;                  /* when that connection was seen to be there */
    struct touch touches[LEASE_TOUCHES]; /* answered requests by sending, ascending, thinned */
    size_t count;
};

/* A new session whose creation was asked for at opened_at was confirmed. */
void lease_open(struct lease *lease, int64_t timeout, int64_t opened_at);

/* There is no session. */
void lease_close(struct lease *lease);

/* After a reconnection with another negotiated timeout: only a shorter one counts. */
void lease_narrow(struct lease *lease, int64_t timeout);

/*
 * Another server has taken the session back; the connection was asked for at `sent` or later, and
 * seen to be there at `answered`. The writes that lease_prove() hears of from now on were answered
 * on this connection.
 */
void lease_reconnected(struct lease *lease, int64_t sent, int64_t answered);

/* A request sent at this time was answered by a server, and the answer seen at that time. */
void lease_touch(struct lease *lease, int64_t sent, int64_t answered);

/* What only the leader can answer, a write or a sync, was sent and answered at these times. */
void lease_mark(struct lease *lease, int64_t sent, int64_t answered);

/* A quorum write sent at this time was answered. */
void lease_prove(struct lease *lease, int64_t sent);

/* The first moment at which the lease is not safe any more; LEASE_NONE without a lease. */
int64_t lease_end(const struct lease *lease);

/*
 * Whether a hold that begins at now is kept: a quarter of T will be left when the next proof can be
 * sent, at the start as later. That is the one of a touch that is not proven yet, or of one made
 * now, which must first be marked.
 */
int lease_grantable(const struct lease *lease, int64_t now);

/* The earliest send time at which a write would bring the end nearer to moving; INT64_MAX if no
 * touch is waiting. */
int64_t lease_next_gain(const struct lease *lease);

/* The earliest time, not before now, at which a write brings the lease nearer to lease_grantable().
 */
int64_t lease_next_proof(const struct lease *lease, int64_t now);

#endif
