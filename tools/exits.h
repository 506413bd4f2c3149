/*
 * How zkcoord itself exits, beside with the status of the command that it ran. See zkcoord(1).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_EXITS_H
#define ZKCOORD_TOOLS_EXITS_H

#include <sysexits.h>

enum exit_status {
    STATUS_OK = 0,
    STATUS_NOT_OBTAINED = 1,             /* as flock(1); the rest is of sysexits(3) and env(1) */
    STATUS_USAGE = EX_USAGE,             /* 64 */
    STATUS_UNREACHABLE = EX_UNAVAILABLE, /* 69 */
    STATUS_INTERNAL = EX_SOFTWARE,       /* 70 */
    STATUS_LOST = EX_TEMPFAIL,           /* 75 */
    STATUS_DENIED = EX_NOPERM,           /* 77 */
    STATUS_CANNOT_RUN = 126,
    STATUS_NOT_FOUND = 127
};

/* The exit status for a command that could not be run, by errno. */
int exit_of_exec(int error);

/* The exit status for a result of the library other than ZKC_OK. */
int exit_of(int error);

#endif
