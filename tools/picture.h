/*
 * What a survey has found, as a table, as JSON, or as names.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_PICTURE_H
#define ZKCOORD_TOOLS_PICTURE_H

#include "survey.h"

/*
 * Text that is yours to free, with a newline at its end; a ZKC_ code. What nobody contends for is
 * left out.
 */
int picture_table(const struct survey *survey, char **ret_text);
int picture_json(const struct survey *survey, char **ret_text);

/* Only what the ids are called on a command line, one a line: for completion. */
int picture_names(const struct survey *survey, char **ret_text);

#endif
