/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First come, first served, one at a time: among processes, among contenders of one client, with
 * cancellation in the queue, and where the server's sequence numbers come to their end.
 */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED
#endif
#include "child.h"
#include "harness.h"
#include "keeper.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(60000)
#define PATH "/t/lock/it"

static struct servers *servers;
static struct probe *probe;
static const char *nodes;

/* Many contenders of one client keep its threads busy for long, above all under a sanitizer. */
#define CROWD_SESSION_MS 30000

static int start_server(void **state)
{
    static const struct servers_options options = {.extra = "maxSessionTimeout=30000\n"};

    (void)state;
    servers = servers_start(&options);
    if (!servers)
        return -1;
    nodes = servers_addresses(servers);
    probe = probe_open(nodes, 10000);
    return probe ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

/* ---- what is known of a grant ---- */

struct grant {
    int64_t token;
    int64_t sequence; /* of its node's name */
    int64_t who;
};

/* The number at the end of our node's name, which may be negative: "-lock--2147483648". */
static int64_t own_sequence(zkc_lock *lock)
{
    zoo_op_t op;
    const char *dash;

    if (zkc_lock_check_op(lock, &op) != ZKC_OK)
        return INT64_MIN;
    dash = strrchr(op.check_op.path, '-');
    return strtoll(dash[-1] == '-' ? dash : dash + 1, NULL, 10);
}

static struct grant grant_of(zkc_lock *lock, int64_t who)
{
    return (struct grant){
        .token = zkc_lock_token(lock), .sequence = own_sequence(lock), .who = who};
}

/* Nodes were created in the order of their tokens, which are czxids. */
static void check_tokens_increase(const struct grant *grants, int n)
{
    for (int i = 0; i < n; i++) {
        assert_true(grants[i].token > 0);
        if (i > 0 && grants[i].token <= grants[i - 1].token)
            fail_msg("grant %d: token %lld after %lld", i, (long long)grants[i].token,
                     (long long)grants[i - 1].token);
    }
}

/* Without gaps, too: nobody queued up more often than needed. */
static void check_sequences_are_consecutive(const struct grant *grants, int n)
{
    for (int i = 1; i < n; i++)
        assert_int_equal(grants[i].sequence, grants[i - 1].sequence + 1);
}

/* ---- processes around a file ---- */

#define PROCESSES 8
#define ROUNDS 500

/* The file holds a counter, then one record for each value that it had. */
static bool add_one(int fd, zkc_lock *lock, int64_t who)
{
    struct grant g = grant_of(lock, who);
    int64_t counter = 0;
    off_t at;

    if (pread(fd, &counter, sizeof(counter), 0) != sizeof(counter))
        return false;
    at = (off_t)sizeof(counter) + counter * (off_t)sizeof(g);
    counter++;
    sched_yield(); /* whoever else believes to hold the lock gets a chance */
    return pwrite(fd, &g, sizeof(g), at) == sizeof(g) &&
           pwrite(fd, &counter, sizeof(counter), 0) == sizeof(counter);
}

static int add_with_lock(zkc_lock *lock, int fd, int64_t who)
{
    for (int i = 0; i < ROUNDS; i++) {
        int rc = zkc_lock_acquire(lock, NULL);
        if (rc != ZKC_OK)
            return rc;
        if (!zkc_lock_is_held(lock) || !add_one(fd, lock, who))
            return ZKC_ESYSTEM;
        rc = zkc_lock_release(lock, NULL);
        if (rc != ZKC_OK)
            return rc;
    }
    return ZKC_OK;
}

/* adder NODES FILE NUMBER: counts, says so, and keeps its session until it may go. */
static int role_adder(int argc, char **argv)
{
    char line[20];
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = argv[0], .quiet = true});
    zkc_lock *lock = scene_lock(sync, "it");
    int fd = open(argv[1], O_RDWR | O_CLOEXEC), rc = ZKC_ESYSTEM;

    (void)argc;
    printf("ready\n");
    if (fd >= 0 && fgets(line, sizeof(line), stdin))
        rc = add_with_lock(lock, fd, atoi(argv[2]));
    printf("%s\n", zkc_strerror(rc));
    if (fgets(line, sizeof(line), stdin)) {
        zkc_lock_close(lock);
        zkc_sync_close(sync);
    }
    return rc == ZKC_OK ? 0 : 1;
}

static const struct harness_role roles[] = {
    {"adder", role_adder},
    {NULL, NULL},
};

static void make_counter(const char *path)
{
    int64_t zero = 0;
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, &zero, sizeof(zero)), sizeof(zero));
    close(fd);
}

/* Returns the counter; *grants is malloc'ed. */
static int64_t read_counter(const char *path, struct grant **grants)
{
    FILE *f = fopen(path, "re");
    int64_t counter;

    assert_non_null(f);
    assert_int_equal(fread(&counter, sizeof(counter), 1, f), 1);
    assert_in_range(counter, 1, PROCESSES * ROUNDS);
    *grants = calloc((size_t)counter, sizeof(**grants));
    assert_non_null(*grants);
    assert_int_equal(fread(*grants, sizeof(**grants), (size_t)counter, f), counter);
    fclose(f);
    return counter;
}

static void start_adders(struct child **children, const char *file)
{
    char number[12];

    for (int i = 0; i < PROCESSES; i++) {
        snprintf(number, sizeof(number), "%d", i);
        children[i] = child_start("adder", nodes, file, number, NULL);
        assert_non_null(children[i]);
    }
    for (int i = 0; i < PROCESSES; i++)
        assert_true(child_wait_line(children[i], "ready", SOON));
    for (int i = 0; i < PROCESSES; i++)
        assert_true(child_write_line(children[i], "go"));
}

static void end_adders(struct child **children)
{
    int status;

    for (int i = 0; i < PROCESSES; i++)
        assert_true(child_write_line(children[i], "go home"));
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(child_wait(children[i], &status, SOON));
        assert_int_equal(status, 0);
        child_free(children[i]);
    }
}

static void check_everybody_had_turns(const struct grant *grants, int n)
{
    int turns[PROCESSES] = {0};

    for (int i = 0; i < n; i++)
        turns[grants[i].who]++;
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(turns[i], ROUNDS);
}

static void processes_count_exactly(void **state)
{
    struct child *children[PROCESSES];
    struct grant *grants;
    char dir[200], file[220];
    int64_t start = now_ns();

    (void)state;
    assert_int_equal(keeper_make_dir(dir, sizeof(dir)), 0);
    snprintf(file, sizeof(file), "%s/counter", dir);
    make_counter(file);
    start_adders(children, file);
    for (int i = 0; i < PROCESSES; i++)
        assert_true(child_wait_line(children[i], zkc_strerror(ZKC_OK), deadline_in_ms(150000)));
    print_message("%d acquisitions in %lld ms\n", PROCESSES * ROUNDS,
                  (long long)((now_ns() - start) / 1000000));
    assert_int_equal(read_counter(file, &grants), PROCESSES * ROUNDS);
    check_tokens_increase(grants, PROCESSES * ROUNDS);
    check_sequences_are_consecutive(grants, PROCESSES * ROUNDS);
    check_everybody_had_turns(grants, PROCESSES * ROUNDS);
    free(grants);
    assert_int_equal(server_connections(servers, 0), PROCESSES + 1); /* they are still there */
    scene_nothing_left(servers, probe, PATH, SOON);
    end_adders(children);
    keeper_remove_dir(dir);
}

/* ---- many contenders of one client ---- */

#define CONTENDERS 1000

struct queue {
    pthread_mutex_t lock;
    int holding, most_holding;
    int granted, cancelled, released, failed;
    struct grant grants[CONTENDERS];
    struct contender *first; /* does not give the lock up by itself */
    int64_t count;
};

struct contender {
    struct queue *queue;
    zkc_lock *lock;
    int64_t number;
    bool is_cancelled; /* by us */
};

static void note_released(void *arg, int result)
{
    struct contender *c = arg;

    pthread_mutex_lock(&c->queue->lock);
    c->queue->released += result == ZKC_OK;
    c->queue->failed += result != ZKC_OK;
    pthread_mutex_unlock(&c->queue->lock);
}

static void give_up(struct contender *c)
{
    pthread_mutex_lock(&c->queue->lock);
    c->queue->holding--;
    pthread_mutex_unlock(&c->queue->lock);
    if (zkc_lock_release_async(c->lock, note_released, c) != ZKC_OK)
        note_released(c, ZKC_ENOTHELD);
}

static void note_granted(void *arg, int result)
{
    struct contender *c = arg;
    struct queue *q = c->queue;

    pthread_mutex_lock(&q->lock);
    if (result == ZKC_OK) {
        q->grants[q->granted++] = grant_of(c->lock, c->number);
        q->holding++;
        q->most_holding = q->holding > q->most_holding ? q->holding : q->most_holding;
    }
    q->cancelled += result == ZKC_ECANCELED;
    q->failed += result != ZKC_OK && result != ZKC_ECANCELED;
    pthread_mutex_unlock(&q->lock);
    if (result == ZKC_OK && c != q->first)
        give_up(c);
}

static bool is_over(void *arg)
{
    struct queue *q = arg;
    bool over;

    pthread_mutex_lock(&q->lock);
    over = q->released + q->cancelled + q->failed >= q->count;
    pthread_mutex_unlock(&q->lock);
    return over;
}

static bool has_first_grant(void *arg)
{
    struct queue *q = arg;
    bool granted;

    pthread_mutex_lock(&q->lock);
    granted = q->granted > 0;
    pthread_mutex_unlock(&q->lock);
    return granted;
}

static void join(struct contender *c, zkc_sync *sync)
{
    c->lock = scene_lock(sync, "it");
    assert_int_equal(zkc_lock_acquire_async(c->lock, 0, note_granted, c), ZKC_OK);
}

static zkc_sync *open_crowd(void)
{
    return scene_open_as(&(struct scene){.nodes = nodes, .session_ms = CROWD_SESSION_MS});
}

/*
 * All in the queue, the first holding. It comes alone: where the directory is missing (the server
 * removes empty ones), creates that wait for it to be made are overtaken by later ones.
 */
static struct contender *line_up(struct queue *q, struct probe *p, zkc_sync *sync, int n)
{
    struct contender *all = calloc((size_t)n, sizeof(*all));

    assert_non_null(all);
    memset(q, 0, sizeof(*q));
    pthread_mutex_init(&q->lock, NULL);
    q->first = all;
    q->count = n;
    for (int i = 0; i < n; i++) {
        all[i] = (struct contender){.queue = q, .number = i};
        join(&all[i], sync);
        if (i == 0)
            assert_true(wait_until(has_first_grant, q, SOON));
    }
    assert_true(scene_wait_count(p, PATH, n, SOON));
    return all;
}

static void disperse(struct contender *all, int n)
{
    for (int i = 0; i < n; i++)
        zkc_lock_close(all[i].lock);
    free(all);
}

static void check_queue(struct queue *q, int cancelled)
{
    assert_int_equal(q->failed, 0);
    assert_int_equal(q->cancelled, cancelled);
    assert_int_equal(q->granted, q->count - cancelled);
    assert_int_equal(q->released, q->count - cancelled);
    assert_int_equal(q->most_holding, 1);
    check_tokens_increase(q->grants, q->granted);
    for (int i = 1; i < q->granted; i++)
        assert_true(q->grants[i].who > q->grants[i - 1].who);
}

static void a_thousand_contenders_in_order(void **state)
{
    static struct queue q;
    zkc_sync *sync = open_crowd();
    struct contender *all = line_up(&q, probe, sync, CONTENDERS);
    int64_t start;

    (void)state;
    /* Everybody but the first watches who is ahead, and who is two ahead: all but the last. */
    assert_true(scene_wait_watches(servers, CONTENDERS - 1, SOON));
    start = now_ns();
    give_up(all);
    assert_true(wait_until(is_over, &q, SOON));
    print_message("%d hand-overs in %lld ms\n", CONTENDERS,
                  (long long)((now_ns() - start) / 1000000));
    check_queue(&q, 0);
    check_sequences_are_consecutive(q.grants, q.granted);
    scene_nothing_left(servers, probe, PATH, SOON);
    disperse(all, CONTENDERS);
    zkc_sync_close(sync);
}

/* All nodes but the last are watched; the last one may watch its own. */
static bool all_watch(void *arg)
{
    int watches = scene_watches(servers), waiting = *(int *)arg;

    return watches == waiting || watches == waiting + 1;
}

/* Some before the queue moves, some while it does. */
static int cancel_some(struct contender *all, int n, int tries)
{
    int cancelled = 0;

    for (int i = 0; i < tries; i++) {
        struct contender *c = &all[1 + harness_random((uint32_t)n - 1)];
        int rc = zkc_lock_cancel(c->lock);
        assert_true(rc == ZKC_OK || rc == ZKC_ENOTHELD);
        assert_true(rc == ZKC_OK || c->is_cancelled || i >= tries / 2);
        c->is_cancelled = c->is_cancelled || rc == ZKC_OK;
        cancelled += rc == ZKC_OK;
        if (i == tries / 2) {
            int waiting = n - 1 - cancelled;
            assert_true(wait_until(all_watch, &waiting, SOON));
            give_up(all);
        }
    }
    return cancelled;
}

static void order_survives_cancellation(void **state)
{
    enum { N = 400 };
    static struct queue q;
    zkc_sync *sync = open_crowd();
    struct contender *all = line_up(&q, probe, sync, N);
    int cancelled = cancel_some(all, N, 200);

    (void)state;
    assert_true(wait_until(is_over, &q, SOON));
    print_message("%d of %d cancelled\n", cancelled, N);
    assert_in_range(cancelled, 50, 200);
    check_queue(&q, cancelled);
    scene_nothing_left(servers, probe, PATH, SOON);
    disperse(all, N);
    zkc_sync_close(sync);
}

/* ---- the sequence counter at its end ---- */

/*
 * A number comes from the parent's count of creates, which a client cannot set. The transaction
 * log can: a create says what its parent's count is afterwards. So while the server is down one
 * more create is written to the end of its log.
 * Format: FileTxnLog.java and zookeeper.jute (CreateTxn, TxnHeader) of ZooKeeper.
 */
#define LOG_HEADER 16 /* magic, version, database */
#define CREATE_TXN 1
#define LAST_ONES (INT32_MAX - 3)

struct bytes {
    size_t used;
    unsigned char bytes[1024];
};

static void put(struct bytes *b, const void *bytes, size_t n)
{
    assert_true(b->used + n <= sizeof(b->bytes));
    memcpy(b->bytes + b->used, bytes, n);
    b->used += n;
}

static void put_int(struct bytes *b, int32_t value)
{
    uint32_t big = htobe32((uint32_t)value);

    put(b, &big, sizeof(big));
}

static void put_long(struct bytes *b, int64_t value)
{
    uint64_t big = htobe64((uint64_t)value);

    put(b, &big, sizeof(big));
}

static void put_text(struct bytes *b, const char *text)
{
    put_int(b, (int32_t)strlen(text));
    put(b, text, strlen(text));
}

/* A create of a plain node that everybody may use. */
static void put_create(struct bytes *b, int64_t zxid, const char *path, int32_t parent_count)
{
    put_long(b, 0); /* session */
    put_int(b, 0);
    put_long(b, zxid);
    put_long(b, 0); /* time */
    put_int(b, CREATE_TXN);
    put_text(b, path);
    put_int(b, -1); /* no data */
    put_int(b, 1);  /* one entry in the list */
    put_int(b, ZOO_PERM_ALL);
    put_text(b, "world");
    put_text(b, "anyone");
    put(b, "", 1); /* not ephemeral */
    put_int(b, parent_count);
}

static uint32_t adler32(const unsigned char *bytes, size_t n)
{
    uint32_t a = 1, b = 0;

    for (size_t i = 0; i < n; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* An entry is: checksum, length, transaction, 'B'. Zeros follow the last one. */
static off_t end_of_log(int fd, int64_t *last_zxid)
{
    off_t at = LOG_HEADER;
    uint32_t length;
    uint64_t zxid;

    while (pread(fd, &length, sizeof(length), at + 8) == sizeof(length) && length != 0) {
        assert_int_equal(pread(fd, &zxid, sizeof(zxid), at + 12 + 12), sizeof(zxid));
        *last_zxid = (int64_t)be64toh(zxid);
        at += 8 + 4 + (off_t)be32toh(length) + 1;
    }
    return at;
}

static void append_create(const char *log, const char *path, int32_t parent_count)
{
    struct bytes entry = {0}, txn = {0};
    int fd = open(log, O_RDWR | O_CLOEXEC);
    int64_t zxid = 0;
    off_t at;

    assert_true(fd >= 0);
    at = end_of_log(fd, &zxid);
    assert_true(zxid > 0);
    put_create(&txn, zxid + 1, path, parent_count);
    put_long(&entry, adler32(txn.bytes, txn.used));
    put_int(&entry, (int32_t)txn.used);
    put(&entry, txn.bytes, txn.used);
    put(&entry, "B", 1);
    assert_int_equal(pwrite(fd, entry.bytes, entry.used, at), entry.used);
    close(fd);
}

/* The only one: the server was started once. */
static void find_log(struct servers *s, char *log, size_t size)
{
    char version[PATH_MAX];
    int found = 0;
    DIR *dir;

    snprintf(version, sizeof(version), "%s/0/version-2", servers_dir(s));
    dir = opendir(version);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strncmp(e->d_name, "log.", 4) == 0 && ++found)
            assert_true((size_t)snprintf(log, size, "%s/%s", version, e->d_name) < size);
    }
    closedir(dir);
    assert_int_equal(found, 1);
}

/* A server whose lock directory has few numbers left. */
static struct servers *start_near_the_end(void)
{
    struct servers *s = servers_start(NULL);
    struct probe *p = probe_open(servers_addresses(s), 10000);
    char log[PATH_MAX + 300];

    assert_int_equal(probe_make_path(p, PATH), ZOK);
    probe_close(p);
    server_kill(s, 0);
    find_log(s, log, sizeof(log));
    append_create(log, PATH "/last", LAST_ONES);
    assert_true(server_start_again(s, 0));
    assert_true(servers_wait_serving(s, SOON));
    return s;
}

static void check_count_was_set(struct probe *p)
{
    char made[200];

    assert_int_equal(probe_delete(p, PATH "/last"), ZOK);
    assert_int_equal(
        probe_create(p, PATH "/try-", NULL, ZOO_EPHEMERAL_SEQUENTIAL, made, sizeof(made)), ZOK);
    assert_string_equal(made, PATH "/try-2147483644");
    assert_int_equal(probe_delete(p, made), ZOK);
}

/* Several clients, each on a thread, one lock: who holds notes its grant. */
#define TURNS 10
#define CLIENTS 4

struct ring {
    atomic_int holding, overlaps, granted;
    struct grant grants[CLIENTS * TURNS];
};

static int take_turns(struct scene_call *c)
{
    struct ring *ring = c->arg;
    int rc = ZKC_OK;

    for (int i = 0; rc == ZKC_OK && i < TURNS; i++) {
        rc = zkc_lock_acquire(c->lock, NULL);
        if (rc != ZKC_OK)
            return rc;
        if (atomic_fetch_add(&ring->holding, 1) != 0)
            atomic_fetch_add(&ring->overlaps, 1);
        ring->grants[atomic_fetch_add(&ring->granted, 1)] = grant_of(c->lock, i);
        sched_yield();
        atomic_fetch_sub(&ring->holding, 1);
        rc = zkc_lock_release(c->lock, NULL);
    }
    return rc;
}

static void run_ring(const char *address, struct ring *ring)
{
    struct scene_call calls[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        zkc_sync *sync = scene_open(address);
        calls[i] = (struct scene_call){
            .call = take_turns, .sync = sync, .lock = scene_lock(sync, "it"), .arg = ring};
    }
    for (int i = 0; i < CLIENTS; i++)
        scene_start(&calls[i]);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(scene_join(&calls[i], SOON), ZKC_OK);
    for (int i = 0; i < CLIENTS; i++) {
        zkc_lock_close(calls[i].lock);
        zkc_sync_close(calls[i].sync);
    }
}

/* Otherwise nothing was tested: numbers do not tell the order any more. */
static int count_misleading(const struct grant *grants, int n)
{
    int misleading = 0;

    for (int i = 1; i < n; i++)
        misleading += grants[i].sequence <= grants[i - 1].sequence;
    return misleading;
}

static void numbers_come_to_their_end(void **state)
{
    static struct ring ring;
    struct servers *s = start_near_the_end();
    struct probe *p = probe_open(servers_addresses(s), 10000);

    (void)state;
    check_count_was_set(p);
    run_ring(servers_addresses(s), &ring);
    assert_int_equal(ring.overlaps, 0);
    assert_int_equal(ring.granted, CLIENTS * TURNS);
    check_tokens_increase(ring.grants, CLIENTS * TURNS);
    assert_true(ring.grants[0].sequence < INT32_MAX && ring.grants[0].sequence > 0);
    print_message("%d of %d numbers not above the one before\n",
                  count_misleading(ring.grants, CLIENTS * TURNS), CLIENTS * TURNS);
    assert_true(count_misleading(ring.grants, CLIENTS * TURNS) > CLIENTS * TURNS / 2);
    scene_nothing_left(s, p, PATH, SOON);
    probe_close(p);
    servers_stop(s);
}

/* Creates that follow one another closely get negative numbers. */
static void numbers_go_negative(void **state)
{
    enum { N = 40 };
    static struct queue q;
    struct servers *s = start_near_the_end();
    struct probe *p = probe_open(servers_addresses(s), 10000);
    zkc_sync *sync = scene_open(servers_addresses(s));
    struct contender *all;
    int negative = 0;

    (void)state;
    check_count_was_set(p);
    all = line_up(&q, p, sync, N);
    give_up(all);
    assert_true(wait_until(is_over, &q, SOON));
    check_queue(&q, 0);
    for (int i = 0; i < q.granted; i++)
        negative += q.grants[i].sequence < 0;
    print_message("%d of %d numbers negative\n", negative, N);
    assert_true(negative > 0);
    scene_nothing_left(s, p, PATH, SOON);
    disperse(all, N);
    zkc_sync_close(sync);
    probe_close(p);
    servers_stop(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_count_exactly),
        cmocka_unit_test(a_thousand_contenders_in_order),
        cmocka_unit_test(order_survives_cancellation),
        cmocka_unit_test(numbers_come_to_their_end),
        cmocka_unit_test(numbers_go_negative),
    };

    harness_start(argc, argv, roles);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
