/*
 * A lock with a deadline and cancellation: a context ends the waiting, when its time is over or as
 * soon as Ctrl-C is pressed, and leaves nothing behind on the server.
 *
 *   cc 02_deadline.c $(pkg-config --cflags --libs zkcoord) -o 02_deadline
 *   ./02_deadline WAIT HOLD     wait for the lock at most WAIT (5) seconds, hold it for HOLD (1)
 *
 * Run one that holds for a minute, and beside it one that waits. Exits with 0 after it held the
 * lock, 2 if the deadline came first, 3 if Ctrl-C came first, 1 after an error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include <zkcoord/zkcoord.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static zkc_context *context; /* set before the handler is installed */

static void on_interrupt(int number)
{
    (void)number;
    zkc_context_cancel(context); /* async-signal-safe */
}

static int failed(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, zkc_strerror(error));
    return error == ZKC_ETIMEDOUT ? 2 : error == ZKC_ECANCELED ? 3 : 1;
}

/* One context serves both: waiting for the lock, and then waiting for whatever ends the hold. */
static int hold(zkc_lock *lock, int64_t wait_ms, int64_t hold_ms)
{
    int over, released, error = zkc_context_set_timeout_ms(context, wait_ms);

    puts("waiting");
    if (error == ZKC_OK)
        error = zkc_lock_acquire(lock, context);
    if (error != ZKC_OK)
        return failed("acquire", error);
    puts("holding");
    error = zkc_context_set_timeout_ms(context, hold_ms);
    over = error == ZKC_OK ? zkc_lock_wait_revoked(lock, context) : error;
    released = zkc_lock_release(lock, NULL); /* not with the context: that may be cancelled */
    if (over != ZKC_ETIMEDOUT && over != ZKC_ECANCELED)
        return failed("hold", over == ZKC_OK ? zkc_lock_revoked_reason(lock) : over), 1;
    if (released != ZKC_OK)
        return failed("release", released), 1;
    puts(over == ZKC_ETIMEDOUT ? "released" : "released early");
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    zkc_options options;
    zkc_sync *sync = NULL;
    zkc_lock *lock = NULL;
    int status = 1, error = zkc_context_new(NULL, &context);

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (error != ZKC_OK || sigaction(SIGINT, &action, NULL) != 0)
        return failed("prepare", error != ZKC_OK ? error : ZKC_ESYSTEM);
    ZKC_INIT(&options);
    options.name_space = "/zkcoord-examples";
    if ((error = zkc_sync_open(&options, context, &sync)) != ZKC_OK)
        status = failed("connect", error);
    else if ((error = zkc_lock_open(sync, "deadline", NULL, &lock)) != ZKC_OK)
        status = failed("open", error);
    else
        status = hold(lock, 1000 * strtol(argc > 1 ? argv[1] : "5", NULL, 10),
                      1000 * strtol(argc > 2 ? argv[2] : "1", NULL, 10));
    zkc_lock_close(lock);
    zkc_sync_close(sync);
    return status; /* the context lives as long as the handler */
}
