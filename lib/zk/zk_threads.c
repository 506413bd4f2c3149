/* SPDX-License-Identifier: Apache-2.0 */
#include "zk/zk_threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 8
#define PATIENCE 1000 /* turns for the kernel to be done with a thread */

struct trial {
    pthread_mutex_t gate; /* closed until all are there */
    pthread_t thread[MOST];
    pid_t id[MOST];
    unsigned count;
    unsigned named; /* guarded by the gate */
};

static void *pass(void *argument)
{
    struct trial *trial = argument;

    pthread_mutex_lock(&trial->gate);
    trial->id[trial->named++] = (pid_t)syscall(SYS_gettid);
    pthread_mutex_unlock(&trial->gate);
    return NULL;
}

/* A thread that was joined counts until the kernel has let go of it, an instant later. */
static void wait_until_gone(pid_t id)
{
    for (int turn = 0; turn < PATIENCE; turn++) {
        if (syscall(SYS_tgkill, getpid(), id, 0) != 0)
            return;
        sched_yield();
    }
}

int zk_threads_try(unsigned count)
{
    struct trial trial = {.gate = PTHREAD_MUTEX_INITIALIZER};
    int error = 0;

    pthread_mutex_lock(&trial.gate);
    while (trial.count < count && trial.count < MOST && error == 0) {
        error = pthread_create(&trial.thread[trial.count], NULL, pass, &trial);
        trial.count += error == 0;
    }
    pthread_mutex_unlock(&trial.gate);
    for (unsigned i = 0; i < trial.count; i++)
        pthread_join(trial.thread[i], NULL);
    for (unsigned i = 0; i < trial.count; i++)
        wait_until_gone(trial.id[i]);
    pthread_mutex_destroy(&trial.gate);
    errno = error;
    return error == 0 ? 0 : -1;
}
