/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "harness.h"

#include "keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define ROLE "--role="
#define SECOND 1000000000LL

static pthread_mutex_t random_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t seed, random_state;

/* ---- time ---- */

int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

int64_t deadline_in_ms(int64_t ms)
{
    return now_ns() + ms * 1000000;
}

bool deadline_passed(int64_t deadline)
{
    return now_ns() >= deadline;
}

int deadline_left_ms(int64_t deadline)
{
    int64_t left = deadline - now_ns();

    if (left <= 0)
        return 0;
    left = (left + 999999) / 1000000;
    return left > INT_MAX ? INT_MAX : (int)left;
}

struct timespec deadline_timespec(int64_t deadline)
{
    struct timespec t = {.tv_sec = (time_t)(deadline / SECOND),
                         .tv_nsec = (long)(deadline % SECOND)};

    return t;
}

/* Quick at first, because most conditions hold soon; later gentle, because servers need the CPU. */
static void pause_between_tries(unsigned try)
{
    long ms = try < 10 ? 1 : try < 50 ? 5 : 10;
    struct timespec t = {.tv_sec = 0, .tv_nsec = ms * 1000000};

    ppoll(NULL, 0, &t, NULL);
}

bool wait_until(bool (*condition)(void *arg), void *arg, int64_t deadline)
{
    for (unsigned try = 0; !condition(arg); try++) {
        if (deadline_passed(deadline))
            return false;
        pause_between_tries(try);
    }
    return true;
}

bool holds_until(bool (*condition)(void *arg), void *arg, int64_t deadline)
{
    for (unsigned try = 0; condition(arg); try++) {
        if (deadline_passed(deadline))
            return true;
        pause_between_tries(try);
    }
    return false;
}

/* ---- counts ---- */

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;

    if (!dir)
        return -1;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

int count_fds(void)
{
    return count_entries("/proc/self/fd") - 1;
}

int count_threads(void)
{
    return count_entries("/proc/self/task");
}

static bool command_line_has(const char *pid, const char *text)
{
    char path[300], line[8192];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, line, sizeof(line));
        close(fd);
    }
    return n > 0 && memmem(line, (size_t)n, text, strlen(text));
}

int count_processes(const char *text)
{
    DIR *dir = opendir("/proc");
    int n = 0;

    if (!dir)
        return -1;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += e->d_name[0] >= '1' && e->d_name[0] <= '9' && command_line_has(e->d_name, text);
    closedir(dir);
    return n;
}

/* ---- seed ---- */

static void choose_seed(void)
{
    const char *given = getenv("ZKC_SEED");

    if (given)
        seed = strtoull(given, NULL, 0);
    else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = (uint64_t)now_ns();
    random_state = seed;
    fprintf(stderr, "harness: ZKC_SEED=%llu\n", (unsigned long long)seed);
}

uint64_t harness_seed(void)
{
    return seed;
}

void harness_reseed(uint64_t with)
{
    pthread_mutex_lock(&random_lock);
    random_state = with;
    pthread_mutex_unlock(&random_lock);
}

/* splitmix64 */
uint32_t harness_random(uint32_t bound)
{
    uint64_t z;

    pthread_mutex_lock(&random_lock);
    z = random_state += 0x9e3779b97f4a7c15u;
    pthread_mutex_unlock(&random_lock);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (uint32_t)((z >> 32) * bound >> 32);
}

/* ---- finding examples/zookeeper-server ---- */

/* Looks in `dir` and in every directory above it. */
static bool find_script_above(char *dir, char *found)
{
    for (;;) {
        snprintf(found, PATH_MAX, "%s/examples/zookeeper-server", dir);
        if (access(found, X_OK) == 0)
            return true;
        char *slash = strrchr(dir, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
}

/* Automake sets $srcdir for tests; a build directory may lie outside the source tree. */
const char *harness_server_script(void)
{
    static _Thread_local char found[PATH_MAX];
    char dir[PATH_MAX - 32];
    const char *given = getenv("ZKC_SERVER_SCRIPT"), *srcdir = getenv("srcdir");

    if (given)
        return given;
    if (srcdir && realpath(srcdir, found) && strlen(found) < sizeof(dir)) {
        memcpy(dir, found, strlen(found) + 1);
        if (find_script_above(dir, found))
            return found;
    }
    ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
    if (n > 0) {
        dir[n] = '\0';
        if (find_script_above(dir, found))
            return found;
    }
    return getcwd(dir, sizeof(dir)) && find_script_above(dir, found) ? found : NULL;
}

/* ---- start ---- */

static void out_of_time(int signal)
{
    static const char text[] = "harness: the test program took too long (ZKC_TEST_LIMIT)\n";

    (void)signal;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(125);
    _exit(124);
}

static void limit_life(void)
{
    const char *given = getenv("ZKC_TEST_LIMIT");
    unsigned long seconds = given ? strtoul(given, NULL, 10) : 300;

    signal(SIGALRM, out_of_time);
    alarm((unsigned)seconds);
}

static void run_role(int argc, char **argv, const struct harness_role *roles)
{
    const char *name = argv[1] + strlen(ROLE);

    if (strcmp(name, "keeper") == 0)
        _exit(keeper_main(argc - 2, argv + 2));
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (; roles && roles->name; roles++) {
        if (strcmp(name, roles->name) == 0)
            exit(roles->main(argc - 2, argv + 2));
    }
    fprintf(stderr, "harness: no role %s in this program\n", name);
    _exit(127);
}

void harness_start(int argc, char **argv, const struct harness_role *roles)
{
    signal(SIGPIPE, SIG_IGN);
    if (!getenv("ZKC_VERBOSE"))
        zoo_set_debug_level((ZooLogLevel)0);
    if (argc > 1 && strncmp(argv[1], ROLE, strlen(ROLE)) == 0)
        run_role(argc, argv, roles);
    choose_seed();
    limit_life();
}
