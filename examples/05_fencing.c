/*
 * Fencing: a store that refuses whoever carries an older token than it has seen. A holder is
 * stopped for so long that the lock goes to the next one; when it wakes, its late write is refused.
 *   cc 05_fencing.c $(pkg-config --cflags --libs zkcoord) -o 05_fencing && ./05_fencing
 * Exits with 0 if the late write, and only that, was refused. SPDX-License-Identifier: Apache-2.0
 */
#define _DEFAULT_SOURCE
#include <zkcoord/zkcoord.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int store;     /* a file: here the largest token seen, with the data to follow it */
static pid_t sleeper; /* the first holder */

/* What every guarded resource must do, in one transaction of its own. */
static bool store_write(int64_t token, const char *who)
{
    int64_t seen = 0;
    bool written = lockf(store, F_LOCK, 0) == 0 && pread(store, &seen, sizeof seen, 0) >= 0 &&
                   token >= seen && pwrite(store, &token, sizeof token, 0) == sizeof token;

    dprintf(STDOUT_FILENO, "%s: %s with token %" PRId64 ", largest seen before %" PRId64 "\n",
            written ? "written" : "refused", who, token, seen);
    return lockf(store, F_ULOCK, 0) == 0 && written;
}

static bool first_holder(const zkc_lock *lock)
{
    bool held, written = store_write(zkc_lock_token(lock), "first holder");

    raise(SIGSTOP); /* a debugger, a full swap, a machine that moves to another host */
    held = zkc_lock_is_held(lock);
    dprintf(STDOUT_FILENO, "first holder wakes, is_held: %s\n", held ? "true" : "false");
    return !store_write(zkc_lock_token(lock), "first holder") && written && !held;
}

static bool second_holder(const zkc_lock *lock)
{
    int status = 0;
    bool written = store_write(zkc_lock_token(lock), "second holder");

    return kill(sleeper, SIGCONT) == 0 && waitpid(sleeper, &status, 0) == sleeper &&
           WIFEXITED(status) && WEXITSTATUS(status) == 0 && written;
}

static int with_lock(bool (*hold)(const zkc_lock *lock))
{
    zkc_options options;
    zkc_sync *sync = NULL;
    zkc_lock *lock = NULL;
    int error, good = 0;

    ZKC_INIT(&options);
    options.session_timeout_ms = 2000; /* how long the lock may outlive a holder */
    if ((error = zkc_sync_open(&options, NULL, &sync)) == ZKC_OK &&
        (error = zkc_lock_open(sync, "store", NULL, &lock)) == ZKC_OK &&
        (error = zkc_lock_acquire(lock, NULL)) == ZKC_OK)
        good = hold(lock);
    else
        fprintf(stderr, "acquire: %s\n", zkc_strerror(error));
    zkc_lock_close(lock);
    zkc_sync_close(sync);
    return !good;
}

int main(void)
{
    FILE *file = tmpfile();

    if (file == NULL || (store = fileno(file)) < 0 || (sleeper = fork()) < 0)
        return perror("prepare"), 1;
    if (sleeper == 0) /* must not stay stopped for ever if its parent dies */
        return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? with_lock(first_holder) : 1;
    return waitpid(sleeper, NULL, WUNTRACED) == sleeper ? with_lock(second_holder) : 1;
}
