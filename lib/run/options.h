/*
 * Checks what the user asks for and copies it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_OPTIONS_H
#define ZKC_RUN_OPTIONS_H

#include "run/client.h"

/* ZKC_OK, ZKC_EINVAL (after saying why in the log), ZKC_ENOMEM. */
int options_take(zkc_sync *sync, const zkc_options *options);

/* How large a struct was when it was released first: the least that a caller can mean. */
#define OPTIONS_END(type, last) (offsetof(type, last) + sizeof(((type *)NULL)->last))

/*
 * Copies the caller's struct, whose first member is its size, into one of this library's (known
 * bytes). An older caller's is shorter and the rest is zero; a newer caller's is longer and what
 * this library does not know must be zero. False otherwise.
 */
bool options_copy(void *copy, size_t known, size_t first, const void *options);

#endif
