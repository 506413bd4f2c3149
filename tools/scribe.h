/*
 * Writes messages from a thread of its own, for a process that must not wait for whoever reads
 * its standard error: a terminal that stands still, a log reader that has stopped.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SCRIBE_H
#define ZKCOORD_TOOLS_SCRIBE_H

#include <stdbool.h>

struct scribe {
    int inbox;  /* say() puts messages in here */
    int outbox; /* the thread takes them out here */
    bool writes;
};

/* From here on say() queues, in this process and in those that it forks. False with errno. */
bool scribe_open(struct scribe *scribe);

/* Starts the thread, after all forks. False with errno. */
bool scribe_start(struct scribe *scribe);

/*
 * Waits until everything is written, a second at most: a thread that cannot write ends with the
 * process. Later messages are lost; but if scribe_start() has failed say() writes them at once, as
 * before scribe_open().
 */
void scribe_close(struct scribe *scribe);

#endif
