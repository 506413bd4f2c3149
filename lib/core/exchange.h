/*
 * The exchange of a session with its server, through the host: it chooses the request that goes out
 * next, and each answer tells the session, its lease and its window before it tells the owner.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_EXCHANGE_H
#define ZKC_CORE_EXCHANGE_H

#include "core/session.h"

/* The next request to send; NULL if none may be sent now. It counts as sent at core->now. */
struct request *session_next_request(struct session *session);

/* The client answered; frees the request unless it was kept or submitted again. */
void request_answered(struct request *request, const struct reply *reply);

#endif
