/*
 * A lock: take it, do a little guarded work, release it.
 *
 *   cc 01_lock.c $(pkg-config --cflags --libs zkcoord) -o 01_lock
 *   ZKCOORD_NODES=127.0.0.1:2181 ./01_lock
 *
 * Run several at once: they take turns. Exits with 0 if all the work was done while the lock was
 * held, else with 1.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include <zkcoord/zkcoord.h>

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int failed(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, zkc_strerror(error));
    return error;
}

/* Whatever the lock guards. Before each step that others could notice we ask whether we still hold
 * it: that is cheap, and right even if this process was stopped for an hour just before. */
static int work(zkc_lock *lock)
{
    for (int step = 1; step <= 3; step++) {
        if (!zkc_lock_is_held(lock))
            return zkc_lock_revoked_reason(lock);
        printf("step %d, safe to go on for %" PRId64 " ms\n", step, zkc_lock_remaining_ms(lock));
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return zkc_lock_is_held(lock) ? ZKC_OK : zkc_lock_revoked_reason(lock);
}

static int locked_work(zkc_lock *lock)
{
    int worked, error = zkc_lock_acquire(lock, NULL);

    if (error != ZKC_OK)
        return failed("acquire", error);
    printf("acquired, fencing token %" PRId64 "\n", zkc_lock_token(lock));
    worked = work(lock);
    if (worked != ZKC_OK)
        failed("work", worked);
    error = zkc_lock_release(lock, NULL);
    if (error != ZKC_OK)
        return failed("release", error);
    puts("released");
    return worked;
}

int main(void)
{
    zkc_options options;
    zkc_lock_options lock_options;
    zkc_sync *sync = NULL;
    zkc_lock *lock = NULL;
    int error;

    ZKC_INIT(&options);
    options.name_space = "/zkcoord-examples";
    error = zkc_sync_open(&options, NULL, &sync);
    if (error != ZKC_OK)
        return failed("connect", error), 1;
    ZKC_INIT(&lock_options);
    lock_options.wait_ms = 30000; /* without it, acquire waits for ever */
    error = zkc_lock_open(sync, "invoices", &lock_options, &lock);
    if (error != ZKC_OK)
        failed("open", error);
    else
        error = locked_work(lock);

    zkc_lock_close(lock);
    zkc_sync_close(sync);
    return error == ZKC_OK ? 0 : 1;
}
