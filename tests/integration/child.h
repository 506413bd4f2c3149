/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes that run a role of this program (harness.h). They are started by exec, not by
 * a bare fork, and therefore also while the test has threads. What a role prints can be read line
 * by line, and it reads from stdin what child_write_line() sends. They die with the test.
 */
#ifndef ZKC_TESTS_CHILD_H
#define ZKC_TESTS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child;

/* The arguments are strings, ended by a NULL. Returns NULL when the process cannot be started. */
__attribute__((sentinel)) struct child *child_start(const char *role, ...);

/* Any program; argv[0] is its path, a NULL the end. */
struct child *child_start_program(const char *const argv[]);

/* Kills it if need be. */
void child_free(struct child *c);

pid_t child_pid(const struct child *c);

/* Reads a whole line without its newline; false at the deadline, when the child has ended (what it
 * said after its last newline is no line), or if it does not fit. */
bool child_read_line(struct child *c, char *line, size_t size, int64_t deadline);

/* Skips lines until one equals `line`. */
bool child_wait_line(struct child *c, const char *line, int64_t deadline);

bool child_write_line(struct child *c, const char *line);

void child_kill(struct child *c); /* SIGKILL */
void child_stop(struct child *c); /* SIGSTOP */
void child_cont(struct child *c); /* SIGCONT */
void child_signal(struct child *c, int signal);

/* Waits until it ends; *status as of waitpid(). False at the deadline. */
bool child_wait(struct child *c, int *status, int64_t deadline);

#endif
