/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <stdbool.h>
#include "worker.h"
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t boot_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct journal *journal_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *map = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, sizeof(struct journal)) == 0)
        map = mmap(NULL, sizeof(struct journal), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return map == MAP_FAILED ? NULL : map;
}

/* ---- the worker ---- */

static void sign(struct turn *turn)
{
    int64_t now = boot_ns(), last = atomic_load(&turn->last);

    while (last < now && !atomic_compare_exchange_weak(&turn->last, &last, now))
        ;
}

static void live(struct turn *turn)
{
    sign(turn);
    atomic_fetch_add(&turn->alive, 1);
    for (;;) {
        poll(NULL, 0, 1);
        sign(turn);
    }
}

static void trapped(int signal)
{
    (void)signal;
}

/* A child, or the child of one that ends at once. */
static void have_grandchild(struct turn *turn, bool away)
{
    pid_t pid = fork();

    if (pid > 0 && away)
        waitpid(pid, NULL, 0);
    if (pid != 0)
        return;
    if (away) {
        setsid();
        if (fork() != 0)
            _exit(0);
    }
    live(turn);
}

int worker_main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = trapped};
    struct journal *journal = argc == 2 ? journal_open(argv[0]) : NULL;
    const char *token = getenv("ZKCOORD_TOKEN");
    struct turn *turn;
    int32_t number;

    if (!journal || !token)
        return 98;
    number = atomic_fetch_add(&journal->turns, 1);
    if (number >= JOURNAL_TURNS)
        return 98;
    turn = &journal->at[number];
    atomic_store(&turn->first, boot_ns());
    sign(turn);
    atomic_store(&turn->token, strtoll(token, NULL, 10));
    if (strchr(argv[1], 't'))
        sigaction(SIGTERM, &action, NULL);
    atomic_store(&turn->family, (int)strlen(argv[1]) - (strchr(argv[1], 't') != NULL) + 1);
    if (strchr(argv[1], 'g'))
        have_grandchild(turn, false);
    if (strchr(argv[1], 's'))
        have_grandchild(turn, true);
    live(turn);
    return 0;
}

/* ---- the test's side ---- */

struct expected {
    struct journal *journal;
    int turns;
};

#define LIFELESS_NS INT64_C(2000000000)

/* Complete; or killed before it was. */
static bool begun(void *arg)
{
    const struct expected *expected = arg;
    struct turn *turn = &expected->journal->at[expected->turns - 1];

    if (atomic_load(&expected->journal->turns) < expected->turns)
        return false;
    return (atomic_load(&turn->family) > 0 &&
            atomic_load(&turn->alive) == atomic_load(&turn->family)) ||
           atomic_load(&expected->journal->turns) > expected->turns ||
           boot_ns() - atomic_load(&turn->last) > LIFELESS_NS;
}

bool journal_wait(struct journal *journal, int turns, int64_t deadline)
{
    struct expected expected = {journal, turns};

    return wait_until(begun, &expected, deadline);
}

int64_t journal_margin(const struct journal *journal, int turns)
{
    int64_t least = INT64_MAX;

    for (int i = 1; i < turns; i++) {
        int64_t margin = atomic_load(&journal->at[i].first) - atomic_load(&journal->at[i - 1].last);

        if (margin < least)
            least = margin;
    }
    return least;
}
