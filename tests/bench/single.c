/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor on libzookeeper without threads: what another shell than its two threads could give.
 * Built twice: whoever waits for an answer drives libzookeeper's loop, or (WITH_THREAD) a thread of
 * ours does.
 */
#include "driver.h"
#include "recipe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static zhandle_t *handle;
static pthread_mutex_t mutex; /* recursive: completions make requests, too */

static void lock(void)
{
    pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

/* Of libzookeeper's loop. Requests are written by whoever makes them. Whether input can be read. */
static bool turn(int input)
{
    struct pollfd p[] = {{.fd = -1}, {.fd = input, .events = POLLIN}};
    struct timeval t = {0, 0};
    int interest = 0, events = 0;

    lock();
    zookeeper_interest(handle, &p[0].fd, &interest, &t);
    unlock();
    p[0].events = (short)((interest & ZOOKEEPER_READ ? POLLIN : 0) |
                          (interest & ZOOKEEPER_WRITE ? POLLOUT : 0));
    poll(p, 2, (int)(t.tv_sec * 1000 + t.tv_usec / 1000));
    if (p[0].revents & POLLOUT)
        events |= ZOOKEEPER_WRITE;
    if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
        events |= ZOOKEEPER_READ;
    lock();
    zookeeper_process(handle, events);
    unlock();
    return p[1].revents != 0;
}

#ifdef WITH_THREAD
static pthread_t driver_thread;
static atomic_bool closing;

static void *drive(void *arg)
{
    (void)arg;
    while (!atomic_load(&closing))
        turn(-1);
    return NULL;
}

static void begin_driving(void)
{
    atomic_store(&closing, false);
    pthread_create(&driver_thread, NULL, drive, NULL);
}

static void no_matter(int rc, const struct Stat *stat, const void *data)
{
    (void)rc;
    (void)stat;
    (void)data;
}

/* An answer wakes the thread. */
static void end_driving(void)
{
    atomic_store(&closing, true);
    lock();
    zoo_aexists(handle, "/", 0, no_matter, NULL);
    unlock();
    pthread_join(driver_thread, NULL);
}

static void await(sem_t *answered)
{
    while (sem_wait(answered) != 0 && errno == EINTR)
        continue;
}
#else
static void begin_driving(void)
{
}
static void end_driving(void)
{
}

static void await(sem_t *answered)
{
    while (sem_trywait(answered) != 0)
        turn(-1);
}

static void idle(void)
{
    while (!turn(STDIN_FILENO))
        continue;
}
#endif

static int open_session(const char *nodes, int session_ms)
{
    static const struct recipe_shell shell = {await, lock, unlock};
    pthread_mutexattr_t recursive;
    static sem_t connected;

    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &recursive);
    handle = recipe_open(nodes, session_ms, &connected);
    if (handle == NULL)
        return driver_fail("no session");
    recipe_begin(handle, &shell);
    begin_driving();
    await(&connected);
    return 0;
}

static void close_session(void)
{
    end_driving();
    zookeeper_close(handle);
}

int main(int argc, char **argv)
{
    static const struct driver driver = {
        .open = open_session,
        .close = close_session,
        .cycle = recipe_cycle,
#ifdef WITH_THREAD
        .threads = recipe_threads,
#else
        .idle = idle,
#endif
        .async = recipe_async,
    };

    return driver_main(argc, argv, &driver);
}
