/*
 * Creates a directory and what is above it: container nodes, plain ones where the server knows no
 * containers. All levels in one flush.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_ANCESTORS_H
#define ZKC_CORE_ANCESTORS_H

#include "core/session.h"

struct ancestors;

/* answer: ANSWER_OK, or what stopped the deepest level. The object is freed after the call. */
typedef void (*ancestors_fn)(void *owner, enum answer answer);

/* NULL without memory. */
struct ancestors *ancestors_create(struct session *session, const char *path, ancestors_fn done,
                                   void *owner);

/* Nobody wants to know any more; *ancestors becomes NULL. */
void ancestors_cancel(struct ancestors **ancestors);

#endif
