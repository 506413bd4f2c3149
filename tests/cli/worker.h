/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command for zkcoord to run that gives signs of life, as long as anything of it lives, into a
 * file that the test reads: when each turn began, and when it was last alive. A turn counts once
 * its entry is complete: the worker, which may be stopped or killed at any instruction, says so
 * last. Of one that was killed before, nothing is read.
 */
#ifndef ZKC_TESTS_WORKER_H
#define ZKC_TESTS_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_TURNS 256

/* Times are of CLOCK_BOOTTIME, in nanoseconds. */
struct turn {
    _Atomic int64_t token;
    _Atomic int64_t first;
    _Atomic int64_t last;
    _Atomic int32_t family; /* how many processes it is to have */
    _Atomic int32_t alive;  /* how many have given a sign of life */
    _Atomic int32_t whole;  /* written last: all but last and alive stay as they are */
};

struct journal {
    _Atomic int32_t claimed; /* how many entries have an owner */
    struct turn at[JOURNAL_TURNS];
};

/* Makes the file, or opens it; shared with whoever else does. NULL on failure. */
struct journal *journal_open(const char *path);

/*
 * The role: JOURNAL MANNERS. It works until it is killed. Letters of MANNERS:
 *   t  SIGTERM is trapped, and makes no difference
 *   g  with a grandchild in its process group
 *   s  with a grandchild in a session of its own, whose parent has ended
 *   d  which cannot be dumped, as ssh-agent cannot
 */
int worker_main(int argc, char **argv);

/* How many turns have begun; and one of them, 0 the first. */
int journal_turns(const struct journal *journal);
const struct turn *journal_turn(const struct journal *journal, int number);

/* Waits until that many turns have begun, with all of their processes, or the last one is over. */
bool journal_wait(struct journal *journal, int turns, int64_t deadline);

/* The least time from the end of a turn to the beginning of the next one, of `turns`; ns. */
int64_t journal_margin(const struct journal *journal, int turns);

#endif
