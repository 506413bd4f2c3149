/*
 * What a contract case may do to its surroundings. driver_sim.c does it to the simulated ZooKeeper,
 * driver_real.c to real servers behind proxies.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CONTRACT_DRIVER_H
#define ZKC_CONTRACT_DRIVER_H

#include <stdbool.h>

#define DRIVER_TICK_MS 200 /* sessions may ask for 2 to 20 of them */
#define DRIVER_CONTAINER_CHECK_MS 1000

/* ---- time ---- */

/* True as soon as condition(arg) is; false when it was not in this time. */
bool driver_wait(bool (*condition)(void *arg), void *arg, int ms);

/* Callbacks may come from another thread. */
void driver_lock(void);
void driver_unlock(void);

/* ---- servers ---- */

int driver_servers(void);
int driver_leader(void);                 /* or the only one */
int driver_follower(void);               /* -1: a standalone server has none */
bool driver_wait_leader_but(int server); /* until another one leads */
void driver_kill(int server);
void driver_start(int server); /* with what it had on its disk */
void driver_cut(int server);   /* off from the other servers */
void driver_heal(void);
bool driver_wait_serving(void); /* all of them */

/* ---- lines: how a client reaches servers ---- */

#define DRIVER_ALL (-1)

enum line_fault {
    LINE_FINE,
    LINE_BLACKHOLE, /* both ways; what is kept back arrives later */
    LINE_TO_SERVER, /* requests are kept back */
    LINE_TO_CLIENT, /* replies are kept back */
    LINE_REFUSED    /* reset, and no new connection */
};

struct line;
struct line *line_open(int server);
void line_close(struct line *line);
const char *line_addresses(const struct line *line);
void line_set(struct line *line, enum line_fault fault);
void line_reset(struct line *line);

/* New connections are refused, whatever the fault; open ones go on. */
void line_bar(struct line *line, bool barred);

/* The next request behind it that is no ping: reset before it is applied, or instead of the reply.
 */
void line_reset_at_next(struct line *line, bool applied);

/* Runs fn(arg) at once, as a program on that line. */
void line_run(struct line *line, void (*fn)(void *arg), void *arg);

#endif
