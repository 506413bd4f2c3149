/* SPDX-License-Identifier: Apache-2.0 */
#include "json_line.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)

json_t *json_line(struct child *command)
{
    char line[8192];
    json_t *value;

    assert_true(child_read_line(command, line, sizeof line, SOON));
    value = json_loads(line, JSON_DECODE_ANY, NULL);
    if (value == NULL)
        fail_msg("not JSON: %s", line);
    return value;
}
