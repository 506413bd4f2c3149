/*
 * How a program hears of one thing that becomes of its grant, revocation or a request to give up: a
 * descriptor that the kernel makes readable, and a callback.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_NOTIFIER_H
#define ZKC_RUN_NOTIFIER_H

#include "run/dispatch.h"

#include <zkcoord/zkcoord.h>

#define HAPPENED 0 /* a moment before all others */

/* The program's function, whatever its type: only the caller knows. */
typedef void (*notifier_fn)(void);
typedef void (*notifier_call_fn)(notifier_fn fn, void *arg, int detail);

struct notifier {
    zkc_sync *sync;
    int64_t at;      /* when it happens, if nothing is said meanwhile: HAPPENED, a moment, NEVER */
    int fd;          /* readable from then on; -1 until asked for */
    unsigned untold; /* calls of the function that are to come */
    bool told;       /* since the last notifier_reset() */
    int detail;      /* of the newest */
    notifier_call_fn call;
    notifier_fn fn; /* NULL: none */
    void *arg;
    struct delivery delivery;
};

/* All under the mutex. object: what the callback belongs to, see dispatch.h. */
void notifier_init(struct notifier *notifier, zkc_sync *sync, void *object, notifier_call_fn call);
void notifier_destroy(struct notifier *notifier);

bool notifier_wanted(const struct notifier *notifier);

/* Sets when the descriptor becomes readable. One that is readable stays so if at is HAPPENED. */
void notifier_set(struct notifier *notifier, int64_t at);

/* Calls the function once more; if there is none nobody is told later. */
void notifier_tell(struct notifier *notifier, int detail);

/* It has not happened, and nobody needs to hear that it had. */
void notifier_reset(struct notifier *notifier);

/* Opens the descriptor if there is none. ZKC_ESYSTEM with errno. */
int notifier_fd(struct notifier *notifier);

/* Takes the function's place; fn may be NULL. ZKC_ESYSTEM with errno. */
int notifier_on(struct notifier *notifier, notifier_fn fn, void *arg);

#endif
