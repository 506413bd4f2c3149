/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ensemble of three servers and the contenders on it, each a process (contender.h) that reaches
 * each server through a proxy of its own. What cannot be set up fails the test.
 *
 *     struct stage *s = stage_new(servers, SCENE_LOCK, 4, HONEST);
 *     stage_keep(s, 0);           number 0 holds, the others wait behind it
 *     ... a fault, until stage_taken_over(s, 0, since) ...
 *     stage_heal(s);              the fault is over: everybody has a turn
 *     stage_end(s, "holder ..."); all leave; the judge reads the journals; no wrong is forgiven
 */
#ifndef ZKC_TESTS_STAGE_H
#define ZKC_TESTS_STAGE_H

#include "contender.h"
#include "judge.h"

#include "child.h"
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#define STAGE_SERVERS 3
#define STAGE_PLAYERS 24
#define STAGE_TICK_MS 300
#define STAGE_SOON deadline_in_ms(60000)

/* After a fault everybody has a turn in that time, also on a machine that is busy. */
#define STAGE_TURN_MS 30000

struct player {
    char name[32];
    char journal[256];
    char nodes[STAGE_SERVERS * 32];
    int session_ms;
    bool shares;
    int64_t born;
    struct child *child;
    struct proxy *links[STAGE_SERVERS];
};

struct stage {
    struct servers *servers;
    struct probe *probe;  /* of all servers; stage_look_again() */
    enum scene_kind kind; /* SCENE_READER: every second contender is a writer */
    char id[32];
    char path[64];
    char dir[200];
    int count;
    int replaced;
    bool diverged; /* a server has lost transactions, see agreement.h: waiting is in vain */
    struct player players[STAGE_PLAYERS];
    struct judge *judge;
};

/* Servers whose quorum links can be cut, that elect quickly; or NULL. */
struct servers *stage_servers(void);

struct stage *stage_new(struct servers *servers, enum scene_kind kind, int count, enum lie lie);

/* Also of a test that failed half-way. NULL is allowed. */
void stage_free(struct stage *s);

/* ---- contenders ---- */

/* It keeps what it is granted next, until stage_go(). */
void stage_ask_to_keep(struct stage *s, int who);

/* The same, and returns when it keeps and all others wait behind it. */
void stage_keep(struct stage *s, int who);
void stage_go(struct stage *s, int who);

bool stage_keeps(struct stage *s, int who); /* at this moment */

/* Waits until somebody that `who` excludes began to believe after `since`. */
void stage_taken_over(struct stage *s, int who, int64_t since);

/* Waits until `who` does not believe, as far as its journal says. */
void stage_believes_no_more(struct stage *s, int who);

/* SIGKILL; a new one takes its place. */
void stage_replace(struct stage *s, int who);

/* ---- the links of a contender to the servers ---- */

void stage_links(struct stage *s, int who, enum proxy_mode mode);
void stage_delay(struct stage *s, int who, int to_server_ms, int to_client_ms);
void stage_reset(struct stage *s, int who);

/* It can reach this server only; -1: all. */
void stage_tie(struct stage *s, int who, int server);

/* ---- the end ---- */

/* For when servers or links were disturbed that the probe may have used. */
void stage_look_again(struct stage *s);

/* From now on enough servers serve: everybody has a turn in time. */
void stage_turns(struct stage *s);

/* All servers serve; then the same. */
void stage_heal(struct stage *s);

/* Asks all to leave, and returns what the judge says. */
struct verdict stage_judge(struct stage *s, const char *title);

/* Fails the test, with all journals on stderr, if anything was wrong. */
void stage_accept(struct stage *s, const struct verdict *v);

/* Both. */
struct verdict stage_end(struct stage *s, const char *title);

#endif
