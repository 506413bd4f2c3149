/*
 * The inside of zkc_context: a word that cancellation changes, and on which blocked calls sleep.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_CONTEXT_H
#define ZKC_RUN_CONTEXT_H

#include <zkcoord/zkcoord.h>

#include <stdatomic.h>

struct zkc_context {
    zkc_sync *sync;
    _Atomic uint32_t word; /* changes whenever a call of this context should look again */
    atomic_bool cancelled;
    _Atomic int64_t deadline; /* nanoseconds, INT64_MAX if none */
};

/* INT64_MAX for NULL. */
int64_t context_deadline(const zkc_context *context);

#endif
