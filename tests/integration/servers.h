/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real ZooKeeper servers on loopback: one, or an ensemble.
 *
 *     struct servers *s = servers_start(&(struct servers_options){.count = 3});
 *     struct probe *p = probe_open(server_address(s, 0), 4000);
 *     server_kill(s, servers_leader_index(s));
 *     servers_stop(s);
 *
 * They die with the test, and so do their directories (keeper.h). A server starts in about half a
 * second, an ensemble in two or three. Servers are numbered from 0. Deadlines: harness.h.
 */
#ifndef ZKC_TESTS_SERVERS_H
#define ZKC_TESTS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVERS_MAX 5

/* The administrator: zoo_add_auth(zh, "digest", SERVERS_SUPER, …). */
#define SERVERS_SUPER "super:secret"

struct servers_options {
    int count;      /* 0: 1, without a quorum */
    int tick_ms;    /* 0: 500. Sessions may ask for 2 to 20 ticks */
    int init_limit; /* ticks; 0: 20 */
    int sync_limit; /* ticks until a cut link is noticed; 0: 5 */

    /* Servers talk to each other through proxies, so that they can be cut off. */
    bool proxied_quorum;

    /* More lines for the configuration: "maxSessionTimeout=60000\n", "maxClientCnxns=3\n"… */
    const char *extra;
};

struct servers;

/* False when there is no Java or no ZooKeeper; says so on stderr. The test should exit 77. */
bool servers_available(void);

/*
 * Returns when all serve clients, with a leader in an ensemble; 60 s at most. On failure the
 * end of their logs goes to stderr, and NULL is returned. NULL options: all defaults.
 */
struct servers *servers_start(const struct servers_options *options);
void servers_stop(struct servers *s);

int servers_count(const struct servers *s);
const char *servers_dir(const struct servers *s);
const char *server_address(const struct servers *s, int i); /* "127.0.0.1:port" */
const char *servers_addresses(const struct servers *s);     /* all, joined by commas */

/* ---- faults of processes ---- */

pid_t server_pid(const struct servers *s, int i);
void server_kill(struct servers *s, int i);   /* SIGKILL; it is gone on return, its data stays */
void server_pause(struct servers *s, int i);  /* SIGSTOP */
void server_resume(struct servers *s, int i); /* SIGCONT */

/* On the same address with the same data; does not wait until it serves. */
bool server_start_again(struct servers *s, int i);

/* ---- faults of the links between them; need proxied_quorum ---- */

/*
 * Black holes: nothing arrives, nothing is refused. Clients still reach the server. Healing
 * delivers what was kept back, on connections that both ends still have.
 */
void servers_cut(struct servers *s, int i);             /* from all others */
void servers_cut_pair(struct servers *s, int i, int j); /* from one another */
void servers_heal(struct servers *s, int i);            /* with all others that are not cut */
void servers_heal_all(struct servers *s);

/* Delays all that server i tells others, and hears: makes commits slow. 0: no more. */
void servers_delay(struct servers *s, int i, int ms);

/* ---- state ---- */

enum server_mode {
    SERVER_DOWN, /* does not serve: dead, paused, starting, or without quorum */
    SERVER_STANDALONE,
    SERVER_LEADER,
    SERVER_FOLLOWER
};
enum server_mode server_mode(struct servers *s, int i);
bool server_wait_mode(struct servers *s, int i, enum server_mode mode, int64_t deadline);

/* All that should run (not killed, not paused, not cut) serve, under one leader. */
bool servers_wait_serving(struct servers *s, int64_t deadline);

/* The leader, or -1. A deposed one may not know it yet: of several, that of the newest epoch. */
int servers_leader_index(struct servers *s);

/* Any server that follows the leader, or -1. */
int servers_follower_index(struct servers *s);

/* Waits until a server other than `except` leads; returns it, or -1. */
int servers_wait_leader(struct servers *s, int except, int64_t deadline);

/* ---- four letter words (server_words.c) ---- */

/* Length of the answer, cut to size - 1; or -1 when there is none within 3 s. */
int server_command(struct servers *s, int i, const char *word, char *answer, size_t size);

/* Clients' connections that have a session; watches; -1: no answer. */
int server_connections(struct servers *s, int i);
int server_watches(struct servers *s, int i);

/* Watches on one path, by how many sessions. */
int server_watchers(struct servers *s, int i, const char *path);

/* The sessions connected to this server (cons). At most max are stored, all are counted. */
int server_sessions(struct servers *s, int i, int64_t *ids, int max);

/* Does the server know the session still, connected or not? The leader knows best. */
bool server_knows_session(struct servers *s, int i, int64_t id);

/* How many ephemeral nodes the session has. */
int server_ephemerals(struct servers *s, int i, int64_t id);

/* The end of each server's log, on stderr. */
void servers_print_logs(struct servers *s);

#endif
