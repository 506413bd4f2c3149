/*
 * A session that the system gives no thread, descriptor or memory for. It is tried again and again;
 * zkc_sync_open() alone does not wait for better times.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_SHORTAGE_H
#define ZKC_RUN_SHORTAGE_H

struct zkc_sync;

/* Logs what is missing, once, and what helps; ends the wait of zkc_sync_open(). Not while handles
 * are being closed, which gives back what they have. Under the mutex. */
void shortage_met(struct zkc_sync *sync, int error);

/* ZKC_ESYSTEM or ZKC_ENOMEM, if there is one. Under the mutex. */
int shortage_result(const struct zkc_sync *sync);

#endif
