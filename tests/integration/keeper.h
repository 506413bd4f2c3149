/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper is a small process beside the test that starts all other processes and makes all
 * temporary directories. When the test ends, even by SIGKILL, the keeper reads end-of-file,
 * kills what still runs and removes the directories; when the keeper itself dies, the kernel
 * kills its children (PR_SET_PDEATHSIG: the keeper has one thread, so no thread's end is mistaken
 * for its own). It starts by itself at first use. Every call may be made from any thread.
 */
#ifndef ZKC_TESTS_KEEPER_H
#define ZKC_TESTS_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Starts argv[0] in a process group of its own. `fd` becomes its stdin and stdout; -1: /dev/null
 * and the test's stdout. Returns the pid, which stays valid until keeper_ended() was true.
 */
pid_t keeper_spawn(const char *const argv[], int fd);

/* Sends a signal to the process's group. */
int keeper_signal(pid_t pid, int signal);

/* Has it ended? Then it is reaped, and *status is what waitpid() said. */
bool keeper_ended(pid_t pid, int *status);

/* Waits for that; false at the deadline (harness.h). */
bool keeper_wait(pid_t pid, int *status, long long deadline);

/* A new directory below $TMPDIR or /tmp; removed by keeper_remove_dir() or at the end. */
int keeper_make_dir(char *path, size_t size);

/* With $ZKC_KEEP set directories stay, and their names are printed. */
int keeper_remove_dir(const char *path);

/* Ends the keeper with everything it keeps; called at exit. */
void keeper_stop(void);

/* The keeper's own main function, a role of the program. */
int keeper_main(int argc, char **argv);

#endif
