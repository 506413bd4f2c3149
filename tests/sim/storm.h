/*
 * One run in a world of its own: players, servers and faults, all drawn from the seed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_STORM_H
#define ZKC_SIM_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct storm_result {
    bool failed;
    char why[512];
    uint64_t digest;
    int grants;
    int64_t virtual_ms;
};

/* What becomes of the story: not kept, kept, printed to stdout if the run fails, or always. */
enum storm_story { STORM_SILENT, STORM_KEPT, STORM_IF_FAILED, STORM_TELL };
/* Seeds from here on: the locks are shared by readers and writers. */
#define STORM_SHARING UINT64_C(1000000000000000000)

struct storm_result storm_run(uint64_t seed, enum storm_story story);

#endif
