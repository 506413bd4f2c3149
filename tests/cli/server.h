/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lone server that a test program has for all of its cases, and who holds something there.
 */
#ifndef ZKC_TESTS_COMMAND_SERVER_H
#define ZKC_TESTS_COMMAND_SERVER_H

#include "command.h"
#include "probe.h"
#include "servers.h"

extern struct servers *servers;
extern struct probe *probe;
extern const char *nodes;

/* For a group's setup: 0 or -1. */
int serve(int tick_ms); /* 0: as servers.h has it */
int start_server(void **state);
int stop_server(void **state);

#define RUN(...) command_run(nodes, __VA_ARGS__, NULL)
#define START(...) command_start(nodes, __VA_ARGS__, NULL)

/* For the end of START(): a command that says "held" and goes on until its input ends. */
#define HOLDING "--", "sh", "-c", "echo held; cat"

/* For bash in a command: waits until the command is asked to give up. */
#define UNTIL_ASKED "until read -t 0 -u $ZKCOORD_ASKED_FD; do sleep 0.05; done"

/* A zkcoord that holds the lock ("lock") or leads ("elect") until its input ends. */
struct child *hold(const char *verb, const char *id);
void let_go(struct child *holder);

#endif
