/*
 * Contenders as JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_JSON_H
#define ZKCOORD_TOOLS_JSON_H

#include <zkcoord/zkcoord.h>

#include <jansson.h>

/* NULL for NULL: the JSON null. A new reference; NULL without memory. */
json_t *json_contender(const zkc_contender *contender);
json_t *json_contenders(const zkc_contenders *all);

/* A string; what is no UTF-8 in it becomes '?'. */
json_t *json_foreign(const char *text);

/*
 * One line with its newline, yours to free; takes the reference. What steers a terminal is
 * escaped in it. NULL without memory.
 */
char *json_text(json_t *value);

/* One line on standard output; takes the reference. False: there was none, or it cannot be written.
 */
bool json_line(json_t *value);

#endif
