/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every integration test needs beside servers and proxies: time limits, a seed, roles for
 * child processes, and counts of what the test process itself holds.
 *
 * A test program begins with
 *
 *     int main(int argc, char **argv)
 *     {
 *         harness_start(argc, argv, roles);
 *         ...
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 *
 * and nothing it starts outlives it, however it ends (keeper.h).
 */
#ifndef ZKC_TESTS_HARNESS_H
#define ZKC_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A child process runs one role of the very same program (child_start in child.h). */
struct harness_role {
    const char *name;
    int (*main)(int argc, char **argv); /* argv[0] is the first argument, not the name */
};

/*
 * Call it first, before any thread exists. In a child it runs the role and does not return. In
 * the test it prints the seed and limits the program's life: 300 s, or $ZKC_TEST_LIMIT seconds (0:
 * no limit); then the program ends with status 124. `roles` ends with a NULL name; NULL: no roles.
 * libzookeeper's log is silenced unless $ZKC_VERBOSE is set.
 */
void harness_start(int argc, char **argv, const struct harness_role *roles);

/* $ZKC_SEED, or else drawn once per run. */
uint64_t harness_seed(void);

/* Begins the sequence of harness_random() anew, for a part that can be repeated on its own. */
void harness_reseed(uint64_t with);

/* The next number below `bound` (> 0) of the sequence that the seed starts. Any thread. */
uint32_t harness_random(uint32_t bound);

/* The path of examples/zookeeper-server ($ZKC_SERVER_SCRIPT, if set), or NULL; never freed. */
const char *harness_server_script(void);

/* Deadlines are CLOCK_MONOTONIC, in nanoseconds. */
int64_t now_ns(void);
int64_t deadline_in_ms(int64_t ms);
bool deadline_passed(int64_t deadline);

/* Rounded up, for poll(): 0 only if it has passed. */
int deadline_left_ms(int64_t deadline);

struct timespec;
struct timespec deadline_timespec(int64_t deadline);

/* True as soon as condition(arg) is, asked every few milliseconds; false at the deadline. */
bool wait_until(bool (*condition)(void *arg), void *arg, int64_t deadline);

/*
 * True when the condition held at every try until the deadline: for "nothing happens".
 */
bool holds_until(bool (*condition)(void *arg), void *arg, int64_t deadline);

/* Of this process: open descriptors (less the one that counting needs), threads. */
int count_fds(void);
int count_threads(void);

/* How many living processes have this text in their command line: a directory's name, say. */
int count_processes(const char *text);

#endif
