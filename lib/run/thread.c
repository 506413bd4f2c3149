/* SPDX-License-Identifier: Apache-2.0 */
#include "run/thread.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int thread_start(void *(*function)(void *), void *argument, pthread_t *ret_thread)
{
    sigset_t all, old;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(ret_thread, NULL, function, argument);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return error == 0 ? 0 : -1;
}

void thread_join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

void thread_detach(pthread_t thread)
{
    pthread_detach(thread);
}

pthread_t thread_self(void)
{
    return pthread_self();
}

int thread_hold_cancel(void)
{
    int before;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void thread_allow_cancel(int before)
{
    pthread_setcancelstate(before, NULL);
}

int condition_init(struct condition *condition)
{
    pthread_condattr_t attributes;
    int error;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    error = pthread_cond_init(&condition->variable, &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}

void condition_destroy(struct condition *condition)
{
    pthread_cond_destroy(&condition->variable);
}

void condition_wait(struct condition *condition, pthread_mutex_t *mutex)
{
    pthread_cond_wait(&condition->variable, mutex);
}

bool condition_wait_until(struct condition *condition, pthread_mutex_t *mutex, int64_t deadline)
{
    struct timespec at = {.tv_sec = (time_t)(deadline / 1000000000),
                          .tv_nsec = (long)(deadline % 1000000000)};

    return pthread_cond_timedwait(&condition->variable, mutex, &at) != ETIMEDOUT;
}

void condition_wake_all(struct condition *condition)
{
    pthread_cond_broadcast(&condition->variable);
}

void word_sleep(_Atomic uint32_t *word, uint32_t seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

void word_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
