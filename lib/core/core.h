/*
 * What all parts of the core share: the time of this step, timers, randomness, and the sessions
 * that want something done by the host. No threads, no clock, no I/O: the host enters with the time
 * set, calls, and then carries out what sessions ask for.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_CORE_H
#define ZKC_CORE_CORE_H

#include "base/heap.h"
#include "base/list.h"
#include "core/endpoints.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
#define NEVER INT64_MAX

struct core {
    int64_t now; /* nanoseconds on a clock that counts suspension */
    struct heap timers;
    uint64_t random_state;
    int server_error; /* ZooKeeper's code of the newest failure that was its own, 0 if none */
    struct list sessions;
    struct endpoints endpoints; /* where servers are, as far as that is known */
    struct list attention;      /* sessions with requests to send or a handle to open or drop */
    void (*log)(void *host, int level, const char *format, va_list arguments);
    void *host;
};

struct timer {
    struct heap_node node;
    void (*fire)(struct timer *timer);
};

void core_init(struct core *core, uint64_t seed);

/* Runs the timers that are due at core->now. */
void core_run_timers(struct core *core);

/* When core_run_timers() is next needed; NEVER if nothing waits. */
int64_t core_next_timer(const struct core *core);

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
void timer_set(struct core *core, struct timer *timer, int64_t at); /* also moves one that is set */
void timer_clear(struct core *core, struct timer *timer);

uint64_t core_random(struct core *core);
/* Uniform in [0, bound). */
int64_t core_random_below(struct core *core, int64_t bound);
void core_random_bytes(struct core *core, uint8_t *bytes, size_t count);

enum { LOG_ERROR = 1, LOG_WARNING, LOG_INFO, LOG_DEBUG };
void core_log(struct core *core, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
