/*
 * What zkcoord tells a person, on standard error.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SAY_H
#define ZKCOORD_TOOLS_SAY_H

#include <stdbool.h>

#define SAY_MAX 1600 /* no message is longer, in bytes */

/* Whether standard error takes more, now or within two seconds: nobody may ever read it. */
bool say_heard(void);

/*
 * From here on messages go into this socket, one a packet, instead of to standard error, and are
 * dropped where it has no room: see scribe.h. -1: to standard error again.
 */
void say_into(int socket);

/* How many were dropped since the last call. */
unsigned say_dropped(void);

/* One line, "zkcoord: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As say(), with a hint to the help; returns STATUS_USAGE. */
int say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The subcommand that say_usage() offers help on. Not copied. */
void say_topic(const char *verb);

/* A line on a terminal that stays until the next one, of whatever kind, replaces it; "": erases. */
void say_in_place(const char *text);

/* When output could not be written, with errno; returns EX_IOERR. */
int say_unwritten(void);

#endif
