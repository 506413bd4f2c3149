/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that takes one lock or leadership again and again through the public API, and keeps a
 * journal of what it believes: a thread asks all the time. It reads commands from stdin:
 *
 *     keep    hold the next grant until told to go on
 *     go      let go, and go on as before
 *     quit    leave in an orderly way: exit status 0
 */
#ifndef ZKC_TESTS_CONTENDER_H
#define ZKC_TESTS_CONTENDER_H

/* How a contender deceives, to test those who look. */
enum lie {
    HONEST,
    LIE_OVERLAP, /* goes on to believe after a release */
    LIE_TOKEN,   /* tells falling tokens */
    LIE_STARVED, /* never asks */
    LIES
};

/* The role "contender": NODES KIND ID SESSION_MS SEED JOURNAL LIE; numbers for kind and lie. */
int contender_main(int argc, char **argv);

#endif
