/* SPDX-License-Identifier: Apache-2.0 */
/* What programs that play faults share: the ensemble, the stage of the present test. */
#ifndef ZKC_TESTS_PLAY_H
#define ZKC_TESTS_PLAY_H

#include "faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

extern struct servers *play_servers;
extern struct stage *play_stage; /* of the test that runs, or NULL */
extern const struct harness_role play_roles[];

/* Of the group, and after each test. */
int play_start(void **state);
int play_stop(void **state);
int play_clean_up(void **state);

/* Fills in two tests for each fault of a contender, or of the servers; returns how many. */
size_t play_tests(struct CMUnitTest *tests, bool of_contenders);

#endif
