/*
 * The processes of examples/demo. What happens goes to standard output, one line for each event,
 *
 *     EVENT NAME MILLISECONDS TOKEN NUMBER
 *
 * with times of CLOCK_BOOTTIME, which the demo can read, too, in /proc/uptime.
 *
 *   demo_worker NAMESPACE NAME turns FILE TURNS STAY   takes turns on a lock, in each adds one to
 *                                                      the number in FILE, once there is one; in
 *                                                      turn STAY it stays
 *   demo_worker NAMESPACE NAME lead                    stands for election, leads until SIGTERM
 *   demo_worker NAMESPACE NAME queue lock|leader       says who holds or leads, and who is next
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include <zkcoord/zkcoord.h>

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { SESSION_TIMEOUT_MS = 3000, WORK_MS = 80, ROUND_MS = 100 };

static const char *name;     /* ours */
static zkc_context *context; /* cancelled on SIGTERM */

static void on_terminate(int number)
{
    (void)number;
    zkc_context_cancel(context);
}

static int failed(const char *what, int error)
{
    fprintf(stderr, "%s: %s: %s\n", name, what, zkc_strerror(error));
    return error;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const char *event, int64_t ms, int64_t token, int64_t number)
{
    printf("%s %s %" PRId64 " %" PRId64 " %" PRId64 "\n", event, name, ms, token, number);
}

/* ---- turns on a lock ---- */

static bool read_number(const char *path, long *ret_number)
{
    FILE *file = fopen(path, "r");
    char text[32];
    bool good = file != NULL && fgets(text, sizeof text, file) != NULL;

    if (good)
        *ret_number = strtol(text, NULL, 10);
    if (file != NULL)
        fclose(file);
    return good;
}

static bool write_number(const char *path, long number)
{
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fprintf(file, "%ld\n", number) > 0;

    return file != NULL && fclose(file) == 0 && good;
}

/* Takes some time; ends early, with false, if the lock is lost or SIGTERM comes. */
static bool work(const zkc_lock *lock, int64_t ms, int64_t *ret_last_held)
{
    int64_t now, end = now_ms() + ms;

    do {
        now = now_ms();
        if (!zkc_lock_is_held(lock) || zkc_context_error(context) != ZKC_OK)
            return false;
        *ret_last_held = now;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    } while (now < end);
    return zkc_lock_is_held(lock);
}

static int turn(zkc_lock *lock, const char *path, bool stay)
{
    int error = zkc_lock_acquire(lock, context);
    int64_t token, last_held;
    long number;

    if (error != ZKC_OK)
        return failed("acquire", error);
    token = zkc_lock_token(lock);
    last_held = now_ms();
    say("begin", last_held, token, 0);
    if (!read_number(path, &number))
        return failed(path, ZKC_ESYSTEM);
    if (stay)
        say("stays", now_ms(), token, number);
    if (!work(lock, stay ? 3600000 : WORK_MS, &last_held)) {
        say("lost", last_held, token, number);
        zkc_lock_release(lock, context);
        return ZKC_ELEASE;
    }
    if (!write_number(path, number + 1))
        return failed(path, ZKC_ESYSTEM);
    say("end", now_ms(), token, number + 1);
    error = zkc_lock_release(lock, context);
    return error == ZKC_OK ? ZKC_OK : failed("release", error);
}

static int take_turns(zkc_sync *sync, char **arguments)
{
    const long turns = strtol(arguments[1], NULL, 10), stay = strtol(arguments[2], NULL, 10);
    zkc_lock *lock = NULL;
    int error = zkc_lock_open(sync, "counter", NULL, &lock);

    while (access(arguments[0], R_OK) != 0 && zkc_context_error(context) == ZKC_OK)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    for (long done = 0; error == ZKC_OK && done < turns;) {
        error = turn(lock, arguments[0], done + 1 == stay);
        if (error == ZKC_OK)
            done++;
        else if (error == ZKC_ELEASE)
            error = ZKC_OK; /* the same turn again */
    }
    zkc_lock_close(lock);
    return error;
}

/* ---- leading ---- */

static int lead(zkc_elected *elected)
{
    struct pollfd revoked = {.fd = zkc_elected_revoked_fd(elected), .events = POLLIN};
    int64_t now, last_led = now_ms(), token = zkc_elected_token(elected);
    int error;

    if (revoked.fd < 0)
        return failed("revoked", revoked.fd);
    say("begin", last_led, token, 0);
    for (int64_t round = 1; zkc_context_error(context) == ZKC_OK; round++) {
        if (poll(&revoked, 1, ROUND_MS) > 0) {
            say("lost", last_led, token, 0);
            return failed("revoked", zkc_elected_revoked_reason(elected));
        }
        now = now_ms();
        if (zkc_elected_is_valid(elected)) {
            last_led = now;
            say("works", now, token, round);
        }
    }
    say("end", now_ms(), token, 0);
    error = zkc_elected_resign(elected, NULL); /* the context is cancelled */
    return error == ZKC_OK ? ZKC_OK : failed("resign", error);
}

static int stand(zkc_sync *sync)
{
    zkc_leader *leader = NULL;
    zkc_elected *elected = NULL;
    int error = zkc_leader_open(sync, "office", NULL, &leader);

    if (error == ZKC_OK)
        error = zkc_leader_elect(leader, context, &elected);
    if (error == ZKC_OK)
        error = lead(elected);
    else
        failed("elect", error);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    return error;
}

/* ---- queues ---- */

static int list(zkc_sync *sync, const char *what)
{
    bool of_lock = strcmp(what, "lock") == 0;
    zkc_lock *lock = NULL;
    zkc_leader *leader = NULL;
    zkc_contenders *all = NULL;
    int error = of_lock ? zkc_lock_open(sync, "counter", NULL, &lock)
                        : zkc_leader_open(sync, "office", NULL, &leader);

    if (error == ZKC_OK)
        error = of_lock ? zkc_lock_contenders(lock, context, &all)
                        : zkc_leader_contenders(leader, context, &all);
    for (size_t i = 0; i < zkc_contenders_count(all); i++) {
        const zkc_contender *one = zkc_contenders_at(all, i);

        name = one->node != NULL ? one->node->id : "stranger";
        say("queue", now_ms(), one->token, one->position);
    }
    zkc_contenders_free(all);
    zkc_leader_close(leader);
    zkc_lock_close(lock);
    return error == ZKC_OK ? ZKC_OK : failed("list", error);
}

static int run(int argc, char **argv, zkc_sync *sync)
{
    if (argc == 7 && strcmp(argv[3], "turns") == 0)
        return take_turns(sync, argv + 4);
    if (argc == 4 && strcmp(argv[3], "lead") == 0)
        return stand(sync);
    if (argc == 5 && strcmp(argv[3], "queue") == 0)
        return list(sync, argv[4]);
    return failed("arguments", ZKC_EINVAL);
}

static int open_sync(const char *name_space, zkc_sync **ret_sync)
{
    zkc_options options;
    zkc_service service;
    zkc_node node;
    const zkc_node *nodes[] = {&node};

    ZKC_INIT(&node);
    node.id = name;
    ZKC_INIT(&service);
    service.name = "demo";
    service.nodes = nodes;
    service.node_count = 1;
    ZKC_INIT(&options);
    options.name_space = name_space;
    options.service = &service;
    options.session_timeout_ms = SESSION_TIMEOUT_MS;
    return zkc_sync_open(&options, context, ret_sync);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_terminate};
    zkc_sync *sync = NULL;
    int error = zkc_context_new(NULL, &context);

    name = argc > 2 ? argv[2] : argv[0];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (error != ZKC_OK || argc < 4 || sigaction(SIGTERM, &action, NULL) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) /* nothing outlives a demo that was killed */
        return failed("prepare", ZKC_EINVAL), 1;
    error = open_sync(argv[1], &sync);
    if (error != ZKC_OK) {
        say("failed", now_ms(), 0, error);
        return failed("connect", error), 1;
    }
    say("ready", now_ms(), 0, zkc_sync_session_timeout_ms(sync));
    error = run(argc, argv, sync);
    if (error != ZKC_OK)
        say("failed", now_ms(), 0, error);
    zkc_sync_close(sync);
    return error == ZKC_OK ? 0 : 1;
}
