/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a contender did and believed, in a file, one line each, with CLOCK_MONOTONIC nanoseconds,
 * which all processes of a machine share:
 *
 *     ask 123456789 0                 it began to acquire
 *     belief TOKEN BEFORE FIRST LAST OVER
 *     kept 123456789 TOKEN            it holds until it is told to let go
 *     release 123456789 TOKEN         it is about to give up
 *     revoked 123456789 REASON        it learned that the grant is over
 *     error 123456789 CODE            a call failed that must not
 *
 * The line of the newest belief is rewritten in place each time the lock is looked at: it is true
 * also of a process that was killed or stopped. All lines are of one length and end with a
 * checksum: one that is not, or not yet, written to its end is not read as another one.
 */
#ifndef ZKC_TESTS_JOURNAL_H
#define ZKC_TESTS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct belief {
    int64_t token;
    int64_t before; /* it began after that: the last look that found it not held */
    int64_t first;  /* it was held before that */
    int64_t last;   /* it was still held after that */
    int64_t over;   /* not any more at that; 0: it was held when last looked at */
};

enum journal_word { JOURNAL_ASK, JOURNAL_KEPT, JOURNAL_RELEASE, JOURNAL_REVOKED, JOURNAL_ERROR };

/* ---- writing: any thread ---- */

struct journal;

struct journal *journal_create(const char *path);
void journal_close(struct journal *j);
void journal_note(struct journal *j, enum journal_word word, int64_t at, int64_t number);
void journal_begin(struct journal *j, const struct belief *b);
void journal_update(struct journal *j, const struct belief *b); /* the newest */

/* ---- reading ---- */

struct journal_reader {
    void (*belief)(void *arg, const struct belief *b);
    void (*note)(void *arg, enum journal_word word, int64_t at, int64_t number);
};

/* False: it cannot be read, or has a line that is none of ours. */
bool journal_read(const char *path, const struct journal_reader *reader, void *arg);

/* The newest belief, and whether it is one that is kept; also while the journal is written: false
 * if there is none yet, or a line is just being written. */
bool journal_newest(const char *path, struct belief *b, bool *kept);

#endif
