/*
 * The controlling terminal: whose turn it is to read from it. As shells do it for their jobs.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_TERMINAL_H
#define ZKCOORD_TOOLS_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/* How the terminal was set before somebody else had it. */
struct terminal_modes {
    bool known;
    struct termios modes;
};

/* -1: there is none. */
int terminal_open(void);

/* Whether our process group is in the foreground. */
bool terminal_ours(int terminal);

/* Needs SIGTTOU blocked. */
void terminal_give(int terminal, pid_t group);

/* Takes it back from that group, unless it is somebody else's by now. */
void terminal_take(int terminal, pid_t group);

/*
 * Stops us as SIGTSTP does, so that the shell gets its terminal, and returns once we are continued;
 * at once where no shell could do that (an orphaned process group). others: the rest of our process
 * group, too. Needs SIGTSTP blocked.
 */
void terminal_suspend(bool others);

/*
 * The same for a job in the background that asks for the terminal: stops our process group until
 * the shell continues it. False, and at once, where no shell could give it the terminal: then
 * whoever reads from it gets EIO. Needs SIGTTOU blocked.
 */
bool terminal_ask(int terminal);

/* The first time only, until `known` is reset. */
void terminal_remember(int terminal, struct terminal_modes *modes);

/* If the terminal is ours. Waits for nothing, not even for output. */
void terminal_restore(int terminal, const struct terminal_modes *modes);

#endif
