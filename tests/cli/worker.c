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
#include <sys/prctl.h>
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
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
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
static void have_grandchild(struct turn *turn, bool away, bool dumpable)
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
    prctl(PR_SET_DUMPABLE, dumpable);
    live(turn);
}

/* Nobody else writes it. NULL if there is none left. */
static struct turn *claim(struct journal *journal)
{
    int32_t number = atomic_fetch_add(&journal->claimed, 1);

    return number < JOURNAL_TURNS ? &journal->at[number] : NULL;
}

/* What a reader finds who finds it whole. */
static void begin(struct turn *turn, int64_t token, int family)
{
    atomic_store(&turn->token, token);
    atomic_store(&turn->family, family);
    atomic_store(&turn->first, boot_ns());
    sign(turn);
    atomic_store_explicit(&turn->whole, 1, memory_order_release);
}

int worker_main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = trapped};
    struct journal *journal = argc == 2 ? journal_open(argv[0]) : NULL;
    const char *token = getenv("ZKCOORD_TOKEN");
    struct turn *turn = journal && token ? claim(journal) : NULL;

    if (!turn)
        return 98;
    if (strchr(argv[1], 't'))
        sigaction(SIGTERM, &action, NULL);
    begin(turn, strtoll(token, NULL, 10),
          1 + (strchr(argv[1], 'g') != NULL) + (strchr(argv[1], 's') != NULL));
    if (strchr(argv[1], 'g'))
        have_grandchild(turn, false, true);
    if (strchr(argv[1], 's'))
        have_grandchild(turn, true, strchr(argv[1], 'd') == NULL);
    live(turn);
    return 0;
}

/* ---- the test's side ---- */

static bool is_whole(const struct turn *turn)
{
    return atomic_load_explicit(&turn->whole, memory_order_acquire) != 0;
}

int journal_turns(const struct journal *journal)
{
    int turns = 0;

    for (int i = 0; i < JOURNAL_TURNS; i++)
        turns += is_whole(&journal->at[i]);
    return turns;
}

const struct turn *journal_turn(const struct journal *journal, int number)
{
    for (int i = 0; i < JOURNAL_TURNS; i++) {
        if (is_whole(&journal->at[i]) && number-- == 0)
            return &journal->at[i];
    }
    return NULL;
}

struct expected {
    struct journal *journal;
    int turns;
};

#define LIFELESS_NS INT64_C(2000000000)

/* With all of its processes; or killed before it had them. */
static bool begun(void *arg)
{
    const struct expected *expected = arg;
    const struct turn *turn = journal_turn(expected->journal, expected->turns - 1);

    if (!turn)
        return false;
    return atomic_load(&turn->alive) == atomic_load(&turn->family) ||
           journal_turns(expected->journal) > expected->turns ||
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
        int64_t margin = atomic_load(&journal_turn(journal, i)->first) -
                         atomic_load(&journal_turn(journal, i - 1)->last);

        if (margin < least)
            least = margin;
    }
    return least;
}
