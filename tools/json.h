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

/* One line on standard output; takes the reference. False: there was none, or it cannot be written.
 */
bool json_line(json_t *value);

#endif
