/*
 * storm [--seed N] [--runs N] [--failures N] [--tell]: random runs, one for each seed from N on,
 * until so many have failed. SPDX-License-Identifier: Apache-2.0
 */
#include "storm.h"
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* In so many runs something is granted. */
#define ENOUGH 20

static uint64_t fresh_seed(void)
{
    uint32_t seed = 1;

    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint32_t)time(NULL);
    return (uint64_t)seed * 1000000;
}

/* ---- crashes ---- */

static struct {
    uint64_t seed; /* of the run that is on */
    bool telling;
    struct sigaction before[2];
    char stack[65536]; /* a run has a small one, and may have used it up */
} crash;

static const int deadly[] = {SIGSEGV, SIGABRT};

/* Who has to repeat it must know the seed. Then whoever was here before has the word. */
static void on_crash(int number)
{
    char line[96];
    int length =
        snprintf(line, sizeof line, "FAILED storm --seed %" PRIu64 " --runs 1 --tell: %s\n",
                 crash.seed, number == SIGABRT ? "aborted" : "crashed");

    if (crash.telling)
        story_write(STDOUT_FILENO);
    if (write(STDOUT_FILENO, line, (size_t)length) < length)
        _exit(1);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &crash.before[i], NULL);
}

static void expect_crashes(void)
{
    stack_t stack = {.ss_sp = crash.stack, .ss_size = sizeof crash.stack};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};

    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &action, &crash.before[i]);
}

static int usage(void)
{
    fprintf(stderr, "usage: storm [--seed N] [--runs N] [--failures N] [--tell]\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t seed = fresh_seed(), runs = 1000, failures = 3;
    uint64_t failed = 0, grants = 0, virtual_ms = 0;
    enum storm_story how = STORM_SILENT;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tell") == 0)
            how = STORM_TELL;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            runs = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--failures") == 0 && i + 1 < argc)
            failures = strtoull(argv[++i], NULL, 0);
        else
            return usage();
    }
    printf("storm --seed %" PRIu64 " --runs %" PRIu64 "\n", seed, runs);
    fflush(stdout);
    crash.telling = how == STORM_TELL;
    expect_crashes();
    for (uint64_t i = 0; i < runs; i++) {
        crash.seed = seed + i;
        struct storm_result result = storm_run(seed + i, how);
        grants += (uint64_t)result.grants;
        virtual_ms += (uint64_t)result.virtual_ms;
        if (!result.failed)
            continue;
        printf("FAILED storm --seed %" PRIu64 " --runs 1 --tell: %s\n", seed + i, result.why);
        fflush(stdout);
        if (++failed == failures)
            break;
    }
    world_forget();
    printf("%" PRIu64 " grants in %" PRIu64 " hours of virtual time\n", grants,
           virtual_ms / 3600000);
    printf("%" PRIu64 " runs failed\n", failed);
    if (grants == 0 && runs >= ENOUGH) {
        printf("nothing was ever granted: the simulator is not in the library's way\n");
        return 1;
    }
    return failed != 0;
}
