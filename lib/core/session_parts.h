/*
 * What the files of the session ask of each other. Nobody else includes this.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SESSION_PARTS_H
#define ZKC_CORE_SESSION_PARTS_H

#include "core/session.h"

/* session.c */
void session_want_attention(struct session *session);
void session_lose(struct session *session); /* it is over, and another one begins */

/* Servers serve it no more, because of its credential: everything pending is answered so. */
void session_refused(struct session *session, enum answer why);

/* session_beat.c */
void session_publish_lease(struct session *session);

/* A new session, which was asked for then or later. */
void session_begin_lease(struct session *session, int64_t timeout, int64_t asked_at);

/* Reconnected: through the same handle, or through another one. */
void session_resume_lease(struct session *session, int64_t timeout, const struct connection *other);
void session_schedule(struct session *session);   /* the next beat */
void session_count_beat(struct session *session); /* one is sent now */
void session_beat_due(struct timer *timer);
void session_lapse_due(struct timer *timer);

void session_expect_answer(struct session *session); /* to a beat, or to the fence */
void session_heard(struct session *session, const struct request *request,
                   const struct reply *reply);
void session_silence_lasted(struct silence *silence);

#endif
