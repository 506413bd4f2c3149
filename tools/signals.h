/*
 * The signals that zkcoord takes, read from a descriptor.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SIGNALS_H
#define ZKCOORD_TOOLS_SIGNALS_H

#include <signal.h>

/* Blocks all signals; *ret_old is the mask that there was. */
void signals_block(sigset_t *ret_old);

/*
 * A descriptor for all those that are passed on to a command, less those that were ignored when we
 * were started (nohup), and for SIGCHLD. Leaves only these, SIGTTOU and SIGPIPE blocked. -1 with
 * errno.
 */
int signals_open(const sigset_t *old);

/* The next one, or 0. */
int signals_read(int fd);

/* From here on SIGINT and SIGTERM end this process, where they are not ignored. */
void signals_obey(void);

/* Ends this process as that signal would have, without a core dump. */
void signals_die(int signal) __attribute__((noreturn));

#endif
