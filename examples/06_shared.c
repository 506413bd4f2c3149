/*
 * A shared lock: readers hold it together, a writer alone. The writer changes a file in two steps;
 * a reader never sees the first step without the second.
 *   cc 06_shared.c $(pkg-config --cflags --libs zkcoord) -o 06_shared
 *   ./06_shared read FILE & ./06_shared read FILE & ./06_shared write FILE
 * Exits with 0 if nothing was seen half-written. SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include <zkcoord/zkcoord.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURNS 20
static const struct timespec moment = {.tv_nsec = 5000000};

static bool write_both(const zkc_lock *lock, int file)
{
    int pair[2] = {0};
    bool first;
    if (pread(file, pair, sizeof pair, 0) < 0)
        return false;
    pair[0]++;
    first = pwrite(file, &pair[0], sizeof pair[0], 0) == sizeof pair[0];
    nanosleep(&moment, NULL);
    return first && pwrite(file, &pair[0], sizeof pair[0], sizeof pair[0]) == sizeof pair[0] &&
           zkc_lock_is_held(lock);
}

/* A reader that has lost the lock meanwhile may have seen anything: it looks again. */
static bool read_both(const zkc_lock *lock, int file)
{
    int pair[2] = {0};
    bool whole = pread(file, pair, sizeof pair, 0) >= 0 && pair[0] == pair[1];
    nanosleep(&moment, NULL); /* other readers hold it meanwhile */
    return whole || !zkc_lock_is_held(lock);
}

static int take_turns(zkc_lock *lock, bool writes, int file)
{
    int error = ZKC_OK, torn = 0;

    for (int turn = 0; turn < TURNS && error == ZKC_OK; turn++) {
        if ((error = zkc_lock_acquire(lock, NULL)) != ZKC_OK)
            break;
        torn += !(writes ? write_both(lock, file) : read_both(lock, file));
        error = zkc_lock_release(lock, NULL);
    }
    if (error != ZKC_OK)
        fprintf(stderr, "turn: %s\n", zkc_strerror(error));
    else
        printf("%d turns as a %s, %d torn\n", TURNS, writes ? "writer" : "reader", torn);
    return error != ZKC_OK || torn > 0;
}

int main(int argc, char **argv)
{
    zkc_lock_options options;
    zkc_sync *sync = NULL;
    zkc_lock *lock = NULL;
    bool writes = argc == 3 && strcmp(argv[1], "write") == 0;
    int file = argc == 3 ? open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1, failed = 1,
        error;

    if (file < 0)
        return fprintf(stderr, "usage: 06_shared read|write FILE, which can be written\n"), 2;
    ZKC_INIT(&options);
    options.shared = !writes;
    if ((error = zkc_sync_open(NULL, NULL, &sync)) == ZKC_OK &&
        (error = zkc_lock_open(sync, "pair", &options, &lock)) == ZKC_OK)
        failed = take_turns(lock, writes, file);
    else
        fprintf(stderr, "open: %s\n", zkc_strerror(error));
    zkc_lock_close(lock);
    zkc_sync_close(sync);
    return failed;
}
