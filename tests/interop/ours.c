/* SPDX-License-Identifier: Apache-2.0 */
/* Our own contender: ours KIND SERVER PATH TIMEOUT-MS. The protocol is in peer.h. */
#define _GNU_SOURCE
#include "peer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zkcoord/zkcoord.h>

struct kind {
    const char *name;
    bool election, shared;
    zkc_dialect dialect;
    const char *credential; /* NULL: none */
};

static const struct kind kinds[] = {
    {"lock", .dialect = ZKC_DIALECT_LOCK},
    {"lock-as-kazoo", .dialect = ZKC_DIALECT_KAZOO},
    {"lock-of-user", .dialect = ZKC_DIALECT_LOCK, .credential = "user:password"},
    {"writer", .dialect = ZKC_DIALECT_READ_WRITE},
    {"reader", .dialect = ZKC_DIALECT_READ_WRITE, .shared = true},
    {"leader", .dialect = ZKC_DIALECT_LOCK, .election = true},
    {"leader-as-latch", .dialect = ZKC_DIALECT_LATCH, .election = true},
    {"leader-as-kazoo", .dialect = ZKC_DIALECT_KAZOO, .election = true},
};

struct seat {
    const struct kind *kind;
    zkc_sync *sync;
    zkc_lock *lock;
    zkc_leader *leader; /* NULL: it is a lock */
    zkc_elected *elected;
};

/* ---- one turn ---- */

static int acquire(struct seat *seat)
{
    zkc_elected *elected;
    int error;

    if (seat->leader == NULL)
        return zkc_lock_acquire(seat->lock, NULL);
    error = zkc_leader_elect(seat->leader, NULL, &elected);
    if (error == ZKC_OK) {
        zkc_elected_close(seat->elected);
        seat->elected = elected;
    }
    return error;
}

static int release(struct seat *seat)
{
    return seat->leader == NULL ? zkc_lock_release(seat->lock, NULL)
                                : zkc_elected_resign(seat->elected, NULL);
}

static bool is_held(const struct seat *seat)
{
    return seat->leader == NULL ? zkc_lock_is_held(seat->lock)
                                : zkc_elected_is_valid(seat->elected);
}

static int wait_revoked(struct seat *seat)
{
    return seat->leader == NULL ? zkc_lock_wait_revoked(seat->lock, NULL)
                                : zkc_elected_wait_revoked(seat->elected, NULL);
}

static int ask(struct seat *seat)
{
    zkc_contenders *all;
    int error = zkc_lock_contenders(seat->lock, NULL, &all);

    if (error != ZKC_OK)
        return error;
    error = zkc_contender_ask(seat->sync, zkc_contenders_at(all, 0), NULL);
    zkc_contenders_free(all);
    return error;
}

static int wait_asked(struct seat *seat)
{
    struct pollfd asked = {.fd = zkc_lock_asked_fd(seat->lock), .events = POLLIN};

    if (asked.fd < 0)
        return asked.fd;
    return poll(&asked, 1, -1) == 1 ? ZKC_OK : ZKC_ESYSTEM;
}

/* ---- work ---- */

struct workplace {
    int directory, counter, log;
};

static int read_number(const struct workplace *at)
{
    char text[32] = "";

    return pread(at->counter, text, sizeof text - 1, 0) > 0 ? atoi(text) : -1;
}

static bool mark(const struct workplace *at, const char *name)
{
    int fd = openat(at->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    close(fd);
    return fd >= 0;
}

static bool is_marked(const struct workplace *at, const char *name)
{
    return faccessat(at->directory, name, F_OK, 0) == 0;
}

/* The files stay open, but nothing else keeps others away. */
static bool count(const struct workplace *at)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%d", read_number(at) + 1);

    return mark(at, "alone") && !is_marked(at, "shared-o") && !is_marked(at, "shared-t") &&
           pwrite(at->counter, text, (size_t)length, 0) == length &&
           unlinkat(at->directory, "alone", 0) == 0;
}

static bool look(const struct workplace *at)
{
    bool alone = mark(at, "shared-o");
    int number = read_number(at);

    return alone && !is_marked(at, "alone") && read_number(at) == number &&
           unlinkat(at->directory, "shared-o", 0) == 0;
}

static bool take_turn(const struct seat *seat, const struct workplace *at)
{
    return (seat->kind->shared ? look(at) : count(at)) && write(at->log, &PEER_LETTERS[0], 1) == 1;
}

static int take_turns(struct seat *seat, const struct workplace *at, int *turns)
{
    int error;

    for (;;) {
        bool stop;
        error = acquire(seat);
        if (error != ZKC_OK)
            return error;
        stop = is_marked(at, "stop");
        if (!stop && !take_turn(seat, at))
            return ZKC_ESYSTEM;
        error = release(seat);
        if (stop || error != ZKC_OK)
            return error;
        ++*turns;
    }
}

static int work(struct seat *seat, const char *path, int *turns)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct workplace at = {directory, openat(directory, "counter", O_RDWR | O_CLOEXEC),
                           openat(directory, "log", O_WRONLY | O_APPEND | O_CLOEXEC)};
    int error = ZKC_ESYSTEM;

    if (at.counter >= 0 && at.log >= 0)
        error = take_turns(seat, &at, turns);
    close(at.log);
    close(at.counter);
    close(directory);
    return error;
}

/* ---- commands ---- */

static void say(int error, const char *words)
{
    if (error == ZKC_OK)
        printf("%s\n", words);
    else
        printf("failed %s\n", zkc_strerror(error));
}

static void say_leader(const struct seat *seat)
{
    zkc_contenders *leader;
    int error = zkc_leader_current(seat->leader, NULL, &leader);

    if (error == ZKC_OK) {
        const zkc_contender *who = zkc_contenders_at(leader, 0);
        printf("leader %.*s\n", (int)who->data_length, (const char *)who->data);
        zkc_contenders_free(leader);
    } else {
        say(error, NULL);
    }
}

static void say_work(struct seat *seat, const char *path)
{
    char words[32];
    int turns = 0;
    int error = work(seat, path, &turns);

    snprintf(words, sizeof words, "worked %d", turns);
    say(error, words);
}

static void obey(struct seat *seat, const char *line)
{
    if (strcmp(line, "acquire") == 0)
        say(acquire(seat), "acquired");
    else if (strcmp(line, "release") == 0)
        say(release(seat), "released");
    else if (strcmp(line, "leader") == 0)
        say_leader(seat);
    else if (strcmp(line, "held") == 0)
        say(ZKC_OK, is_held(seat) ? "held yes" : "held no");
    else if (strcmp(line, "watch") == 0)
        say(wait_revoked(seat), "revoked");
    else if (strcmp(line, "ask") == 0)
        say(ask(seat), "done");
    else if (strcmp(line, "asked") == 0)
        say(wait_asked(seat), "asked");
    else if (strncmp(line, "work ", 5) == 0)
        say_work(seat, line + 5);
    else
        printf("failed what is %s?\n", line);
}

/* ---- the seat ---- */

static int open_lock(struct seat *seat, const char *path)
{
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.path = path;
    options.dialect = seat->kind->dialect;
    options.shared = seat->kind->shared;
    return zkc_lock_open(seat->sync, NULL, &options, &seat->lock);
}

static int open_leader(struct seat *seat, const char *path)
{
    zkc_leader_options options;

    ZKC_INIT(&options);
    options.path = path;
    options.dialect = seat->kind->dialect;
    return zkc_leader_open(seat->sync, NULL, &options, &seat->leader);
}

static int open_sync(struct seat *seat, const char *server, const char *timeout)
{
    zkc_node node;
    const zkc_node *nodes[] = {&node};
    zkc_service service;
    zkc_options options;

    ZKC_INIT(&node);
    ZKC_INIT(&service);
    ZKC_INIT(&options);
    node.id = "ours";
    service.nodes = nodes;
    service.node_count = 1;
    options.service = &service;
    options.nodes = server;
    options.session_timeout_ms = atoi(timeout);
    options.connect_timeout_ms = 60000;
    if (seat->kind->credential != NULL) {
        options.auth_scheme = "digest";
        options.auth = seat->kind->credential;
    }
    return zkc_sync_open(&options, NULL, &seat->sync);
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static int open_seat(struct seat *seat, char **argv)
{
    int error;

    seat->kind = find_kind(argv[0]);
    if (seat->kind == NULL)
        return ZKC_EINVAL;
    error = open_sync(seat, argv[1], argv[3]);
    if (error != ZKC_OK)
        return error;
    return seat->kind->election ? open_leader(seat, argv[2]) : open_lock(seat, argv[2]);
}

int peer_ours(int argc, char **argv)
{
    struct seat seat = {0};
    char line[4096];
    int error = argc == 4 ? open_seat(&seat, argv) : ZKC_EINVAL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    say(error, "ready");
    while (error == ZKC_OK && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(&seat, line);
    }
    zkc_elected_close(seat.elected);
    zkc_leader_close(seat.leader);
    zkc_lock_close(seat.lock);
    zkc_sync_close(seat.sync);
    return error != ZKC_OK;
}
