/* The contract cases on simulated servers, each with several seeds: $ZKC_SEED is the first,
 * $ZKC_SEEDS how many. SPDX-License-Identifier: Apache-2.0 */
#include "outcomes.h"

#include "cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT (600 * SIM_SECOND)

struct run {
    const struct contract *contract;
    bool ensemble;
    bool done;
    char *notes;
};

static void run_case(void *arg)
{
    struct run *run = arg;

    run->notes = contract_run(run->contract, run->ensemble);
    run->done = true;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void begin_world(uint64_t seed, bool ensemble)
{
    story_keep(getenv("ZKC_VERBOSE") != NULL);
    world_begin(seed);
    cluster_begin(&(struct cluster_options){
        .servers = ensemble ? 3 : 1,
        .tick = DRIVER_TICK_MS * SIM_MS,
        .sync_limit = 5,
        .container_check = DRIVER_CONTAINER_CHECK_MS * SIM_MS,
    });
}

static bool run_with(struct run *run, uint64_t seed)
{
    bool good;

    begin_world(seed, run->ensemble);
    run->done = false;
    run->notes = NULL;
    fiber_start(machine_new("test", 0, 0), "case", run_case, run);
    while (!run->done && world_failure() == NULL && world_step(LIMIT))
        ;
    good = run->done && world_failure() == NULL && cluster_handles() == 0 &&
           outcome_matches(run->contract, run->notes);
    if (!good) {
        printf("seed %llu: %s\n", (unsigned long long)seed,
               world_failure() != NULL ? world_failure()
               : run->done             ? "other notes, or a handle that was not closed"
                                       : "no end");
        story_print();
    }
    cluster_end();
    world_end();
    free(run->notes);
    return good;
}

static void test_case(void **state)
{
    struct run *run = *state;
    uint64_t first = number_of("ZKC_SEED", 1), count = number_of("ZKC_SEEDS", 20);

    for (uint64_t seed = first; seed < first + count; seed++)
        assert_true(run_with(run, seed));
}

static int run_all(bool ensemble)
{
    struct CMUnitTest tests[128];
    struct run runs[128];
    const struct contract *c;
    size_t count = 0;

    memset(tests, 0, sizeof tests);
    while ((c = outcome_case((int)count, ensemble)) != NULL) {
        runs[count] = (struct run){.contract = c, .ensemble = ensemble};
        tests[count].name = c->name;
        tests[count].test_func = test_case;
        tests[count].initial_state = &runs[count];
        count++;
    }
    return _cmocka_run_group_tests(ensemble ? "ensemble" : "standalone", tests, count, NULL, NULL);
}

int main(void)
{
    int failures = run_all(false);

    return run_all(true) + failures;
}
