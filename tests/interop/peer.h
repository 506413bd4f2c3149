/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contenders in processes of their own: ours, and programs in other languages (peers/). Each has
 * one seat at one path, reads one command a line and answers each with a line, in this order:
 *
 *     ready             once, when it is connected
 *     acquire           acquired, when it is its turn: however long that takes
 *     release           released
 *     leader            "leader DATA": what it reads of whoever leads
 *     held              "held yes" or "held no": ours only
 *     watch             "revoked", when what it held is: ours only
 *     ask               "done": it has asked whoever holds to give up; of locks only
 *     asked             "asked", when it was: what it holds
 *     work DIRECTORY    "worked N": takes turns until there is a file "stop". At each it adds its
 *                       letter to "log" and one to the number in "counter", by reading and writing
 *                       it; whoever shares only sees that the number stays the same
 *
 * Of contenders that may share, those that hold alone make a file "alone" while they count, the
 * others "shared-" and their letter while they look; nobody may find a file of the other kind.
 *
 * What goes wrong is answered by "failed REASON".
 */
#ifndef ZKC_TESTS_PEER_H
#define ZKC_TESTS_PEER_H

#include "harness.h"

#include <stdbool.h>
#include <stdint.h>

#define PEER_SESSION_MS 30000 /* longer than what a busy machine takes for anything */
#define PEER_SOON deadline_in_ms(90000)
#define PEER_LETTERS "ot" /* ours, theirs */

struct peer;

/* Begins to start one, which will say "ready". "c" is our own language. */
struct peer *peer_start(const char *language, const char *kind, const char *server,
                        const char *path);
void peer_kill(struct peer *peer); /* the process is gone, its session is not */
void peer_free(struct peer *peer); /* NULL is allowed */

__attribute__((format(printf, 2, 3))) void peer_tell(struct peer *peer, const char *format, ...);

/* Fails the test unless its next words are these. */
void peer_says(struct peer *peer, const char *words);

/* The number in "worked N". */
int peer_worked(struct peer *peer);

/* Its next words begin so. */
void peer_says_with(struct peer *peer, const char *beginning);

/* Fails the test if it says anything before the deadline. */
void peer_is_silent(struct peer *peer, int64_t deadline);

/* Ends its session on the server, as if it had expired. */
void peer_expire(struct peer *peer, const char *server);

/* Our own contender, a role for harness_start(). */
int peer_ours(int argc, char **argv);

#endif
