/*
 * A single request on which a blocking call waits; sent again until a server has answered it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_ERRAND_H
#define ZKC_RUN_ERRAND_H

#include "run/client.h"

/*
 * Makes a result of the answer, under the mutex. again: the request may have been carried out
 * before, unanswered.
 */
typedef int (*errand_fn)(void *owner, const struct reply *reply, bool again);

/* path, and text to be written or NULL, are borrowed. Enters by itself; blocks. */
int errand_run(zkc_sync *sync, enum verb verb, const char *path, const char *text,
               zkc_context *context, errand_fn take, void *owner);

#endif
