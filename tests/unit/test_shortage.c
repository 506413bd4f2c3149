/*
 * A process that gets no more threads, descriptors or memory: libzookeeper would end it. Each case
 * is a process of its own, whose limits are lowered for good. Nothing serves on the address.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sanitizers.h"

#include <zkcoord/zkcoord.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* No process of anybody else's counts for it, not even of this test run twice at a time. */
#define NOBODY ((uid_t)(50000 + getpid() % 10000))
#define LIMIT_MS 2000
#define LAG_MS 1000

/* ---- processes ---- */

/* What it returns is 0, or tells the line where it went wrong. */
static int in_a_process(int (*run)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(60);
        _exit(run());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        fail_msg("ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

#define EXPECT(condition)              \
    do {                               \
        if (!(condition))              \
            return __LINE__ % 250 + 1; \
    } while (0)

static int become_nobody(void)
{
    const uid_t nobody = NOBODY;

    if (geteuid() != 0)
        return 0; /* the limit counts for us */
    return setgroups(0, NULL) == 0 && setresgid(nobody, nobody, nobody) == 0
               ? setresuid(nobody, nobody, nobody)
               : -1;
}

static int limit(int what, rlim_t most)
{
    return setrlimit((__rlimit_resource_t)what, &(struct rlimit){most, most});
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what is logged ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[512];
} complaint = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, ""};

static void keep_complaint(void *arg, zkc_log_level level, const char *message)
{
    (void)arg;
    if (level != ZKC_LOG_ERROR)
        return;
    pthread_mutex_lock(&complaint.lock);
    snprintf(complaint.text, sizeof complaint.text, "%s", message);
    pthread_cond_broadcast(&complaint.changed);
    pthread_mutex_unlock(&complaint.lock);
}

static bool complained(void)
{
    bool any;

    pthread_mutex_lock(&complaint.lock);
    any = complaint.text[0] != '\0';
    pthread_mutex_unlock(&complaint.lock);
    return any;
}

/* Waits for it: it comes on a thread of its own. The alarm ends a wait in vain. */
static bool complains_of(const char *what)
{
    bool found;

    pthread_mutex_lock(&complaint.lock);
    while (complaint.text[0] == '\0')
        pthread_cond_wait(&complaint.changed, &complaint.lock);
    found = strstr(complaint.text, what) != NULL;
    pthread_mutex_unlock(&complaint.lock);
    return found;
}

/* ---- clients ---- */

static int open_client_of(const char *nodes, int timeout_ms, int connect_ms, zkc_sync **ret_sync)
{
    zkc_options options;

    ZKC_INIT(&options);
    options.nodes = nodes;
    options.session_timeout_ms = timeout_ms;
    options.connect_timeout_ms = connect_ms;
    options.log = keep_complaint;
    return zkc_sync_open(&options, NULL, ret_sync);
}

static int open_client(int connect_ms, zkc_sync **ret_sync)
{
    return open_client_of("127.0.0.1:1", 4000, connect_ms, ret_sync);
}

/* In a session of its own. */
static int open_lock(zkc_sync *sync, zkc_lock **ret_lock)
{
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.ttl_ms = 3000;
    return zkc_lock_open(sync, "a", &options, ret_lock);
}

static int acquire(zkc_lock *lock, int64_t patience_ms)
{
    zkc_context *context;
    int result;

    if (zkc_context_new(NULL, &context) != ZKC_OK)
        return ZKC_ENOMEM;
    zkc_context_set_timeout_ms(context, patience_ms);
    result = zkc_lock_acquire(lock, context);
    zkc_context_free(context);
    return result;
}

static int closes_in_time(zkc_sync *sync)
{
    int64_t began = now_ms();

    EXPECT(zkc_sync_close(sync) == ZKC_OK);
    EXPECT(now_ms() - began < LIMIT_MS + LAG_MS);
    return 0;
}

/* ---- threads ---- */

static void *stay(void *argument)
{
    pause();
    return argument;
}

/* A session more, and a client more. */
static int session_without_threads(void)
{
    zkc_sync *sync, *other;
    zkc_lock *lock;

    EXPECT(become_nobody() == 0);
    EXPECT(open_client(-1, &sync) == ZKC_OK);
    EXPECT(limit(RLIMIT_NPROC, 0) == 0);
    EXPECT(open_lock(sync, &lock) == ZKC_OK);
    EXPECT(acquire(lock, 500) == ZKC_ETIMEDOUT);
    EXPECT(complains_of("ulimit -u"));
    EXPECT(open_client(1000, &other) == ZKC_ESYSTEM);
    EXPECT(errno == EAGAIN);
    return closes_in_time(sync);
}

static int few_threads;

/* However many there are: it works, or it says why not. */
static int client_with_few_threads(void)
{
    zkc_sync *sync;
    int result;

    EXPECT(become_nobody() == 0);
    EXPECT(limit(RLIMIT_NPROC, (rlim_t)few_threads) == 0);
    result = open_client(1000, &sync);
    EXPECT(result == ZKC_ESYSTEM || (result == ZKC_EUNREACHABLE && few_threads > 5));
    EXPECT(result != ZKC_ESYSTEM || errno == EAGAIN);
    return 0;
}

/* A handle that is given up makes room for the next: no further thread is needed for either. */
static int session_with_what_it_gives_back(void)
{
    zkc_sync *sync;
    zkc_lock *lock;
    pthread_t thread;

    EXPECT(become_nobody() == 0);
    EXPECT(open_client(-1, &sync) == ZKC_OK);
    EXPECT(open_lock(sync, &lock) == ZKC_OK);
    EXPECT(limit(RLIMIT_NPROC, 40) == 0);
    while (pthread_create(&thread, NULL, stay, NULL) == 0)
        ;
    EXPECT(acquire(lock, 2500) == ZKC_ETIMEDOUT); /* its handle lives for half its timeout */
    EXPECT(!complained());
    return closes_in_time(sync);
}

static void no_thread_for_a_session(void **state)
{
    (void)state;
    assert_int_equal(in_a_process(session_without_threads), 0);
}

static void few_threads_for_a_client(void **state)
{
    (void)state;
    for (few_threads = 1; few_threads <= 8; few_threads++)
        assert_int_equal(in_a_process(client_with_few_threads), 0);
}

static void threads_of_a_handle_are_enough_for_the_next(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* others of the same user count, too */
    assert_int_equal(in_a_process(session_with_what_it_gives_back), 0);
}

/* ---- descriptors ---- */

#define TAKEN 100 /* more than a client has by itself */

/* No gap is left among the lower ones. */
static void take_lower_ones(void)
{
    while (dup(0) < TAKEN - 1)
        ;
}

static int listen_at(char *ret_nodes, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    EXPECT(fd >= 0 && bind(fd, (struct sockaddr *)&at, length) == 0 && listen(fd, 8) == 0);
    EXPECT(getsockname(fd, (struct sockaddr *)&at, &length) == 0);
    snprintf(ret_nodes, size, "127.0.0.1:%u", ntohs(at.sin_port));
    return -fd;
}

static int free_descriptors;

/* "4711 (name) S ...": only a thread that waits for something is asleep. */
static bool is_asleep(const char *task)
{
    char path[64], line[128] = "";
    FILE *file;
    const char *name_end;

    snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", task);
    file = fopen(path, "re");
    if (file == NULL)
        return true; /* it has ended */
    name_end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    return name_end != NULL && name_end[1] == ' ' && name_end[2] == 'S';
}

static bool others_are_asleep(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;
    bool asleep = tasks != NULL;

    while (asleep && (entry = readdir(tasks)) != NULL)
        asleep =
            entry->d_name[0] == '.' || atoi(entry->d_name) == getpid() || is_asleep(entry->d_name);
    if (tasks != NULL)
        closedir(tasks);
    return asleep;
}

/* libzookeeper opens files for a moment before it waits for the answer to its handshake. */
static int hear_handshake(int listener)
{
    char length[4];
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    EXPECT(fd >= 0 && recv(fd, length, sizeof length, MSG_WAITALL) == sizeof length);
    while (!others_are_asleep())
        sched_yield();
    return 0;
}

/* The client's first session has its socket and keeps it, so that the count of descriptors holds:
 * the server says nothing, and the timeout is long. */
static int session_with_few_descriptors(void)
{
    zkc_sync *sync, *other;
    zkc_lock *lock;
    char nodes[32];
    int listener = listen_at(nodes, sizeof nodes);

    EXPECT(listener < 0);
    EXPECT(open_client_of(nodes, 40000, -1, &sync) == ZKC_OK);
    EXPECT(hear_handshake(-listener) == 0);
    take_lower_ones();
    EXPECT(limit(RLIMIT_NOFILE, (rlim_t)(TAKEN + free_descriptors)) == 0);
    EXPECT(open_lock(sync, &lock) == ZKC_OK);
    EXPECT(acquire(lock, 300) == ZKC_ETIMEDOUT);
    EXPECT(free_descriptors < 3 ? complains_of("ulimit -n") : !complained());
    EXPECT(open_client(1000, &other) == ZKC_ESYSTEM);
    EXPECT(errno == EMFILE);
    return closes_in_time(sync);
}

static void few_descriptors_for_a_session(void **state)
{
    (void)state;
    for (free_descriptors = 0; free_descriptors <= 3; free_descriptors++)
        assert_int_equal(in_a_process(session_with_few_descriptors), 0);
}

/* However many there are: it reaches the server, or it says at once what is missing. */
static int client_with_few_descriptors(void)
{
    zkc_sync *sync;
    char nodes[32];
    int listener = listen_at(nodes, sizeof nodes), result;
    struct pollfd arrival = {.fd = -listener, .events = POLLIN};
    int64_t began = now_ms();

    EXPECT(listener < 0);
    take_lower_ones();
    EXPECT(limit(RLIMIT_NOFILE, (rlim_t)(TAKEN + free_descriptors)) == 0);
    result = open_client_of(nodes, 4000, 3 * LIMIT_MS, &sync);
    if (result == ZKC_ESYSTEM) {
        EXPECT(errno == EMFILE);
        EXPECT(now_ms() - began < LIMIT_MS + LAG_MS);
        return 0;
    }
    EXPECT(result == ZKC_EUNREACHABLE && poll(&arrival, 1, 0) == 1);
    return 0;
}

static void few_descriptors_for_a_client(void **state)
{
    (void)state;
    for (free_descriptors = 0; free_descriptors <= 5; free_descriptors++)
        assert_int_equal(in_a_process(client_with_few_descriptors), 0);
}

#if !WITH_ASAN && !WITH_TSAN /* they have terabytes mapped */

/* ---- memory ---- */

#define KIB ((rlim_t)1024)
#define MOST (512 * 1024 * KIB)

static rlim_t free_memory;

static rlim_t mapped(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL || fscanf(file, "%lu", &pages) != 1)
        abort();
    fclose(file);
    return pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

enum { IS_ENOUGH = 0, IS_TOO_LITTLE = 251 }; /* no line of EXPECT's */

/* However much there is: it works, or it says why not. */
static int client_with_little_memory(void)
{
    zkc_sync *sync;
    int result;

    EXPECT(limit(RLIMIT_AS, mapped() + free_memory) == 0);
    result = open_client(20, &sync);
    if (result == ZKC_EUNREACHABLE)
        return IS_ENOUGH;
    EXPECT(result == ZKC_ENOMEM || (result == ZKC_ESYSTEM && errno == EAGAIN));
    return IS_TOO_LITTLE;
}

static bool is_enough(rlim_t memory)
{
    int result;

    free_memory = memory;
    result = in_a_process(client_with_little_memory);
    assert_true(result == IS_ENOUGH || result == IS_TOO_LITTLE);
    return result == IS_ENOUGH;
}

/* Where it begins to be enough the threads have their stacks, and little else is left. */
static void little_memory_for_a_client(void **state)
{
    rlim_t little = 0, enough = MOST;

    (void)state;
    assert_true(is_enough(enough));
    while (enough - little > 4 * KIB)
        *(is_enough((little + enough) / 2) ? &enough : &little) = (little + enough) / 2;
    print_message("enough: %lu KiB\n", (unsigned long)(enough / KIB));
    for (rlim_t less = 0; less < 400 * KIB && less < enough; less += 4 * KIB)
        (void)is_enough(enough - less);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_thread_for_a_session),
        cmocka_unit_test(few_threads_for_a_client),
        cmocka_unit_test(threads_of_a_handle_are_enough_for_the_next),
        cmocka_unit_test(few_descriptors_for_a_session),
        cmocka_unit_test(few_descriptors_for_a_client),
#if !WITH_ASAN && !WITH_TSAN
        cmocka_unit_test(little_memory_for_a_client),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
