/*
 * What the files of the session ask of each other. Nobody else includes this.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SESSION_PARTS_H
#define ZKC_CORE_SESSION_PARTS_H

#include "core/session.h"

/* session.c */
void session_want_attention(struct session *session);

/* session_beat.c */
void session_publish_lease(struct session *session);
void session_schedule(struct session *session); /* the next beat */
void session_beat_due(struct timer *timer);
void session_lapse_due(struct timer *timer);

/* session_queue.c */
void session_pause_over(struct timer *timer);

/* The client still knows those in flight; it will answer each once more, into the void. */
void session_take_requests(struct session *session, struct list *ret_requests);
void session_fail_requests(struct list *requests, enum answer code);

#endif
