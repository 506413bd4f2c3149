/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running zkcoord as a user does. A test has the role "zkcoord", command_main(), in its table
 * (harness.h). Deadlines: harness.h.
 */
#ifndef ZKC_TESTS_COMMAND_H
#define ZKC_TESTS_COMMAND_H

#include "child.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- one run ---- */

/* The role: argv[0] are the servers, the rest is for zkcoord. Both outputs go to the test. */
int command_main(int argc, char **argv);

/* The role "zkcoord-in": the same, after the letters of a habitat. */
int command_main_in(int argc, char **argv);

/* The role "script": the servers, and a script for bash, in which $Z is zkcoord. */
int command_script_main(int argc, char **argv);

/* `zkcoord WORD...` with these servers in its environment. The words end with a NULL. */
__attribute__((sentinel)) struct child *command_start(const char *nodes, ...);

/* The same, in a habitat. */
__attribute__((sentinel)) struct child *command_start_in(const char *habitat, const char *nodes,
                                                         ...);

/* Waits for its end: its exit status, or 128 and the number of the signal. Fails at the deadline.
 */
int command_end(struct child *command);

/* For holds_until(). */
bool command_is_running(void *command);

/* Waits for its end, with that exit status, and frees it. */
void command_finish(struct child *command, int status);

/* What the shell gets: starts it, waits, frees it. */
__attribute__((sentinel)) int command_run(const char *nodes, ...);

/* Reads until a line contains `text`; fails at the deadline. */
void command_expect(struct child *command, const char *text);

/*
 * The path of the zkcoord that was built. The first call sets LD_LIBRARY_PATH where that needs it:
 * call it right after harness_start(), so that all processes get it.
 */
const char *command_path(void);

/* This test program, to be run by zkcoord in one of its roles. */
const char *command_self(void);

/* ---- its processes ---- */

/* The guardian below a zkcoord; 0 if there is none. */
pid_t command_guardian(pid_t zkcoord);

/* Seconds for sleep(1), that no other run of the tests on this machine uses. */
const char *command_mark(void);

/* Waits until no process has this text in its command line; fails at the deadline. */
void command_nobody(const char *text);

#endif
