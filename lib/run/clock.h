/*
 * Time and randomness, the only places they come from; the simulator brings its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_CLOCK_H
#define ZKC_RUN_CLOCK_H

#include <stdint.h>

/* Nanoseconds on CLOCK_BOOTTIME: pauses and suspension count. No system call where a vDSO exists.
 */
int64_t clock_now(void);

/* Nanoseconds on CLOCK_MONOTONIC, for condition_wait_until(). */
int64_t clock_monotonic(void);

uint64_t clock_seed(void);

#endif
