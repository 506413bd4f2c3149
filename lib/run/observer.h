/*
 * Follows who is first in a directory and hands every change to a callback, in order.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_OBSERVER_H
#define ZKC_RUN_OBSERVER_H

#include "core/ticket.h"
#include "run/client.h"

/* Enters by itself. ZKC_OK, or ZKC_ENOMEM, ZKC_ESYSTEM, or what client_begin() says. */
int observer_open(zkc_sync *sync, struct pooled *pooled, struct place *place,
                  zkc_observe_fn changed, void *arg, zkc_observer **ret_observer);

#endif
