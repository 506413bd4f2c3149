/*
 * Contenders as text.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_FORMAT_H
#define ZKCOORD_TOOLS_FORMAT_H

#include "claim.h"

/* Local time: 14:03:05, with the date if it is another day. Milliseconds since 1970. */
void format_time(int64_t ms, char *text, size_t size);

/* As much as there is room for, tamed: see text_tame(). */
void format_text(const char *from, char *text, size_t size);

/* Who it is: the id of its node, or the name of its znode. As format_text(). */
void format_holder(const zkc_contender *contender, char *text, size_t size);

/* "held by vm-1", "led by vm-1", "shared by vm-1", "shared by vm-1 and 2 others". Somebody holds.
 */
void format_hold(const zkc_contenders *all, enum claim_kind kind, char *text, size_t size);

/* Its address and port; "-" if there is none. */
void format_address(const zkc_contender *contender, char *text, size_t size);

#endif
