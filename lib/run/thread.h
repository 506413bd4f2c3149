/*
 * Threads, and every way in which the library waits: the simulator brings its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_THREAD_H
#define ZKC_RUN_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* With all signals blocked. 0, or -1 with errno. */
int thread_start(void *(*function)(void *), void *argument, pthread_t *ret_thread);
void thread_join(pthread_t thread);
void thread_detach(pthread_t thread);
pthread_t thread_self(void);

/* Holds pthread_cancel() off from this thread; thread_allow_cancel() takes what it returns. */
int thread_hold_cancel(void);
void thread_allow_cancel(int before);

/* A condition variable. Deadlines are of clock_monotonic(). */
struct condition {
    pthread_cond_t variable;
};

int condition_init(struct condition *condition); /* 0, or an errno code */
void condition_destroy(struct condition *condition);
void condition_wait(struct condition *condition, pthread_mutex_t *mutex);
/* False: the deadline has passed. */
bool condition_wait_until(struct condition *condition, pthread_mutex_t *mutex, int64_t deadline);
void condition_wake_all(struct condition *condition);

/* Linux futexes, because a signal handler must be able to wake a sleeper and a condition variable
 * forbids that. */
void word_sleep(_Atomic uint32_t *word, uint32_t seen);
void word_wake(_Atomic uint32_t *word);

#endif
