/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the measured programs in C share: the protocol with tests/bench/run (PROTOCOL), and clocks.
 * A function that fails says why with driver_fail() and returns its -1. Functions of operations run
 * on the thread that reads the commands; driver_say() may be called on any.
 */
#ifndef ZKC_BENCH_DRIVER_H
#define ZKC_BENCH_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

/* NULL where the library has no such thing. */
struct driver {
    int (*open)(const char *nodes, int session_ms);
    void (*close)(void);
    void (*idle)(void); /* until stdin can be read: what must go on meanwhile */
    int (*cycle)(const char *path, long n, int64_t *ret_ns);
    int (*threads)(const char *prefix, long k, long n, int64_t *ret_ns); /* from first to last */
    int (*async)(const char *prefix, long k, long n, int64_t *ret_ns);
    int (*queue)(const char *path, long from, long n, const char *kind);
    int (*release)(long i, int64_t ret_times[2]);
    int (*hold)(const char *prefix, long n);
    int (*drop)(void);
    int (*held)(long n);
    int (*objects)(const char *nodes, int session_ms, long n);
    int (*watch)(const char *path);
};

int driver_main(int argc, char **argv, const struct driver *driver);

int64_t driver_now(void); /* CLOCK_MONOTONIC, in ns */
void driver_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int driver_fail(const char *format, ...) __attribute__((format(printf, 1, 2))); /* returns -1 */

/* One thing after the other, done elsewhere: counts down to zero. */
struct countdown;
struct countdown *countdown_new(long n);
void countdown_done(struct countdown *c, int error); /* the first error is kept */
int countdown_wait(struct countdown *c);             /* frees it; returns that error */

#endif
