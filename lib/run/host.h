/*
 * A client as its own threads know it: a mutex, a reference that keeps the client while a thread
 * runs, and the way in and out. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_HOST_H
#define ZKC_RUN_HOST_H

#include <zkcoord/zkcoord.h>

#include <pthread.h>

struct host {
    zkc_sync *sync; /* what the functions take */
    pthread_mutex_t *mutex;
    int cancel; /* what holding the mutex takes from pthread_cancel(), for leave() */
    void (*ref)(zkc_sync *sync);
    void (*unref)(zkc_sync *sync);
    void (*enter)(zkc_sync *sync);
    void (*leave)(zkc_sync *sync);
    void (*log)(zkc_sync *sync, int level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
};

/* Starts a thread that has a reference, and drops it last of all. 0, or -1 with errno. */
int host_start_thread(const struct host *host, void *(*function)(void *), void *argument,
                      pthread_t *ret_thread);

#endif
