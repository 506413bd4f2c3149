/*
 * Everything in a namespace at one moment, as a table or as JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_PICTURE_H
#define ZKCOORD_TOOLS_PICTURE_H

#include "lookup.h"

/*
 * Text that is yours to free, with a newline at its end; a ZKC_ code. id: only those of this name;
 * NULL: all that have contenders.
 */
int picture_table(struct lookup *lookup, const char *id, char **ret_text);
int picture_json(struct lookup *lookup, const char *id, char **ret_text);

/* Only the ids, one a line: for completion. */
int picture_names(struct lookup *lookup, char **ret_text);

#endif
