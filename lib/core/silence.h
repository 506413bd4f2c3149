/*
 * A server that falls silent is left while others may still save what is held: libzookeeper itself
 * would wait for two thirds of the timeout, which is longer than a lease lasts.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SILENCE_H
#define ZKC_CORE_SILENCE_H

#include "core/core.h"
#include "core/request.h"

struct silence {
    struct core *core;
    struct timer timer; /* how long a server may be silent before others are tried */
    unsigned count;     /* servers left for their silence since a write was answered */
    int64_t took;       /* by the newest answer to a beat or fence */
    void (*lasted)(struct silence *silence);
};

void silence_init(struct silence *silence, struct core *core,
                  void (*lasted)(struct silence *silence));
void silence_clear(struct silence *silence); /* the session is over */

/* An answer is expected now, of a session with this timeout; sooner where it keeps something. */
void silence_begin(struct silence *silence, int64_t timeout, bool keeps);

/* It is expected no more: the connection, or its server, is another one. */
void silence_end(struct silence *silence);

/* The server has answered this request. */
void silence_broken(struct silence *silence, const struct request *request);

#endif
