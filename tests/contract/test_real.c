/* The contract cases on SERVERS real servers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "outcomes.h"

#include "driver_real.h"
#include "harness.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_case(void **state)
{
    const struct contract *c = *state;
    char *notes = contract_run(c, driver_servers() > 1);
    bool matches = outcome_matches(c, notes);

    free(notes);
    assert_true(matches);
}

static int run_all(bool ensemble)
{
    struct CMUnitTest tests[128];
    const struct contract *c;
    size_t count = 0;

    memset(tests, 0, sizeof tests);
    while ((c = outcome_case((int)count, ensemble)) != NULL) {
        tests[count].name = c->name;
        tests[count].test_func = test_case;
        tests[count].initial_state = (void *)(uintptr_t)c;
        count++;
    }
    return _cmocka_run_group_tests(ensemble ? "ensemble" : "standalone", tests, count, NULL, NULL);
}

int main(int argc, char **argv)
{
    char check[80];
    int failures;

    /* The keeper inherits it when it is started. */
    snprintf(check, sizeof check, "-Dznode.container.checkIntervalMs=%d",
             DRIVER_CONTAINER_CHECK_MS);
    setenv("SERVER_JVMFLAGS", check, 1);
    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    if (!driver_begin(SERVERS))
        return 1;
    failures = run_all(SERVERS > 1);
    driver_end();
    return failures;
}
