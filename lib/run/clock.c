/* SPDX-License-Identifier: Apache-2.0 */
#include "run/clock.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t clock_seed(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed)
        return seed;
    return (uint64_t)clock_now() ^ ((uint64_t)getpid() << 32);
}
