/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that zkcoord prints, one value a line. */
#ifndef ZKC_TESTS_JSON_LINE_H
#define ZKC_TESTS_JSON_LINE_H

#include "child.h"

#include <jansson.h>

/* The next one, for json_decref(). Fails at the deadline, and if it is none. */
json_t *json_line(struct child *command);

#endif
