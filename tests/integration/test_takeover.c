/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a lock when its holder dies, is paused, or loses its node, its session or its
 * connection; and of a waiter that loses its session. One server.
 */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED
#endif
#include "child.h"
#include "harness.h"
#include "keeper.h"
#include "probe.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(30000)
#define SHORTLY deadline_in_ms(200)
#define PATH "/t/lock/it"
#define TICK_MS 500
#define SESSION_MS 2000
#define LENGTHY_MS 10000  /* a session timeout so long that it plays no part */
#define ALLOWANCE_MS 2000 /* for a busy machine with two cores */
#define SECOND_MS (1000 + ALLOWANCE_MS)

static struct servers *servers;
static struct probe *probe;
static const char *nodes;

static int start_server(void **state)
{
    (void)state;
    servers = servers_start(&(struct servers_options){.tick_ms = TICK_MS});
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

/* Whatever a test that failed has left does not concern the next. */
static int begin(void **state)
{
    (void)state;
    return probe_delete_tree(probe, PATH);
}

static int nothing_left(void **state)
{
    (void)state;
    scene_nothing_left(servers, probe, PATH, SOON);
    return 0;
}

static int64_t ms_since(int64_t start)
{
    return (now_ns() - start) / 1000000;
}

static bool is_so(void *arg)
{
    (void)arg;
    return true;
}

static void pass_time(int64_t ms)
{
    holds_until(is_so, NULL, deadline_in_ms(ms));
}

/* ---- a store that refuses old tokens ---- */

/* The file holds the largest token seen. False: refused. */
static bool store_put(const char *file, int64_t token)
{
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int64_t largest = 0;
    bool accepted = false;

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return false;
    if (pread(fd, &largest, sizeof(largest), 0) >= 0 && token >= largest)
        accepted = pwrite(fd, &token, sizeof(token), 0) == sizeof(token);
    close(fd);
    return accepted;
}

/* ---- a holder in a process of its own ---- */

static int64_t boot_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct moment {
    bool held, readable, accepted;
};

/*
 * Looks at the clock and then at the lock, again and again. When the clock has jumped, what was
 * seen after the jump is the first thing that this thread did after the pause. True if the lock
 * was held until then.
 */
static bool watch_for_pause(zkc_lock *lock, int64_t jump_ns, bool *held_after)
{
    int64_t last = boot_ns();

    for (bool held = true; held;) {
        int64_t now = boot_ns();
        bool is_held = zkc_lock_is_held(lock);
        if (now - last > jump_ns) {
            *held_after = is_held;
            return true;
        }
        /* Paused between these two lines: the next turn sees the jump. */
        held = is_held || boot_ns() - now > jump_ns;
        last = now;
    }
    return false;
}

static int go_on_after_pause(zkc_lock *lock, const char *file, struct scene_outcome *revoked)
{
    int64_t old = zkc_lock_token(lock);
    int fd = zkc_lock_revoked_fd(lock);
    struct moment m = {0};

    if (!watch_for_pause(lock, SESSION_MS * 1000000LL, &m.held)) {
        printf("lost before the pause: %s\n", zkc_strerror(zkc_lock_revoked_reason(lock)));
        return 1;
    }
    m.readable = scene_readable(fd);
    m.accepted = store_put(file, old);
    printf("held %d readable %d accepted %d\n", m.held, m.readable, m.accepted);
    printf("revoked: %s\n", zkc_strerror(scene_result(revoked, SOON)));
    if (zkc_lock_acquire(lock, NULL) != ZKC_OK)
        return 2;
    printf("again %d\n", zkc_lock_is_held(lock) && zkc_lock_token(lock) > old &&
                             store_put(file, zkc_lock_token(lock)) && !scene_readable(fd));
    return zkc_lock_release(lock, NULL) == ZKC_OK && scene_calls(revoked) == 1 ? 0 : 3;
}

/* holder NODES FILE */
static int role_holder(int argc, char **argv)
{
    zkc_sync *sync =
        scene_open_as(&(struct scene){.nodes = argv[0], .id = "holder", .session_ms = SESSION_MS});
    zkc_lock *lock = scene_lock(sync, "it");
    struct scene_outcome revoked;
    int status = 4;

    (void)argc;
    scene_outcome_init(&revoked);
    if (zkc_lock_on_revoked(lock, scene_done, &revoked) == ZKC_OK &&
        zkc_lock_revoked_fd(lock) >= 0 && zkc_lock_acquire(lock, NULL) == ZKC_OK &&
        store_put(argv[1], zkc_lock_token(lock))) {
        printf("held\n");
        status = go_on_after_pause(lock, argv[1], &revoked);
    }
    zkc_lock_close(lock);
    zkc_sync_close(sync);
    return status;
}

static const struct harness_role roles[] = {
    {"holder", role_holder},
    {NULL, NULL},
};

/* ---- death and pause ---- */

struct successor {
    zkc_sync *sync;
    zkc_lock *lock;
    struct scene_call waiting;
};

/* Queues up behind one holder. */
static void line_up(struct successor *s)
{
    s->sync = scene_open_as(&(struct scene){.nodes = nodes, .id = "next"});
    s->lock = scene_lock(s->sync, "it");
    s->waiting = (struct scene_call){.call = scene_acquire, .lock = s->lock};
    scene_start(&s->waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
}

static void leave(struct successor *s)
{
    zkc_lock_close(s->lock);
    zkc_sync_close(s->sync);
}

/* From `start` until granted: the session timeout and a tick at most. */
static void check_takeover(struct successor *s, int64_t start, const char *what)
{
    int64_t took;

    assert_int_equal(scene_join(&s->waiting, SOON), ZKC_OK);
    took = (s->waiting.ended - start) / 1000000;
    print_message("%s: granted after %lld ms (timeout %d, tick %d)\n", what, (long long)took,
                  SESSION_MS, TICK_MS);
    assert_true(took <= SESSION_MS + TICK_MS + ALLOWANCE_MS);
}

/* Every phase of the server's ticks and of the holder's proofs may come. */
static void pass_random_time(void)
{
    uint32_t ms = harness_random(SESSION_MS / 2);

    print_message("after %u ms: ", ms);
    pass_time(ms);
}

static void killed_holder_is_followed(void **state)
{
    char dir[200], file[220];

    (void)state;
    assert_int_equal(keeper_make_dir(dir, sizeof(dir)), 0);
    for (int i = 0; i < 3; i++) {
        struct child *holder;
        struct successor next;
        int64_t start;

        snprintf(file, sizeof(file), "%s/store%d", dir, i);
        holder = child_start("holder", nodes, file, NULL);
        assert_true(child_wait_line(holder, "held", SOON));
        line_up(&next);
        pass_random_time();
        start = now_ns();
        child_kill(holder);
        check_takeover(&next, start, "SIGKILL");
        child_free(holder);
        leave(&next);
    }
    keeper_remove_dir(dir);
}

static void check_line(struct child *c, const char *expected)
{
    char line[300];

    assert_true(child_read_line(c, line, sizeof(line), SOON));
    assert_string_equal(line, expected);
}

/*
 * The lease ran out first, whatever arrived first: the events of the session's end, deletion of
 * its nodes among them, wait in the holder's socket.
 */
static void check_revoked(struct child *c)
{
    char line[300];

    assert_true(child_read_line(c, line, sizeof(line), SOON));
    print_message("%s\n", line);
    assert_memory_equal(line, "revoked: ", 9);
    assert_string_not_equal(line + 9, zkc_strerror(ZKC_OK));
    assert_string_not_equal(line + 9, zkc_strerror(ZKC_EDELETED));
}

static void paused_holder_knows_at_once(void **state)
{
    char dir[200], file[220];

    (void)state;
    assert_int_equal(keeper_make_dir(dir, sizeof(dir)), 0);
    for (int i = 0; i < 2; i++) {
        struct child *holder;
        struct successor next;
        int64_t start;
        int status;

        snprintf(file, sizeof(file), "%s/store%d", dir, i);
        holder = child_start("holder", nodes, file, NULL);
        assert_true(child_wait_line(holder, "held", SOON));
        line_up(&next);
        pass_random_time();
        start = now_ns();
        child_stop(holder);
        check_takeover(&next, start, "SIGSTOP");
        assert_true(store_put(file, zkc_lock_token(next.lock)));
        pass_time(3 * SESSION_MS - ms_since(start));
        child_cont(holder);
        check_line(holder, "held 0 readable 1 accepted 0");
        check_revoked(holder);
        assert_true(zkc_lock_is_held(next.lock));
        assert_int_equal(zkc_lock_release(next.lock, NULL), ZKC_OK);
        check_line(holder, "again 1");
        assert_true(child_wait(holder, &status, SOON));
        assert_int_equal(status, 0);
        child_free(holder);
        leave(&next);
    }
    keeper_remove_dir(dir);
}

/* ---- a holder whose node is deleted by somebody else ---- */

struct holder {
    struct proxy *proxy;
    zkc_sync *sync;
    zkc_lock *lock;
    struct scene_outcome revoked;
    int64_t lost; /* a session that it had */
};

/* Its connection goes through a proxy, so that it can be cut and its session is known. */
static void open_holder(struct holder *h, int session_ms)
{
    h->proxy = proxy_start(nodes);
    assert_non_null(h->proxy);
    h->sync = scene_open_as(&(struct scene){
        .nodes = proxy_address(h->proxy), .id = "holder", .session_ms = session_ms});
    h->lock = scene_lock(h->sync, "it");
    scene_outcome_init(&h->revoked);
}

static void close_holder(struct holder *h)
{
    zkc_lock_close(h->lock);
    zkc_sync_close(h->sync);
    scene_outcome_end(&h->revoked);
    proxy_stop(h->proxy);
}

static void delete_first(void)
{
    char node[300];

    assert_true(scene_nth_node(probe, PATH, 0, node, sizeof(node)));
    assert_int_equal(probe_delete(probe, node), ZOK);
}

static void check_deleted(struct holder *h, int64_t start, const char *what)
{
    int64_t took = ms_since(start);

    print_message("%s after %lld ms\n", what, (long long)took);
    assert_true(took < SECOND_MS);
    assert_false(zkc_lock_is_held(h->lock));
    assert_int_equal(zkc_lock_remaining_ms(h->lock), 0);
    assert_int_equal(zkc_lock_revoked_reason(h->lock), ZKC_EDELETED);
    assert_int_equal(zkc_lock_acquire(h->lock, NULL), ZKC_OK);
    assert_true(zkc_lock_is_held(h->lock));
}

/* `early`: asked for before the grant. */
static void deleted_with_fd(bool early)
{
    struct holder h;
    int64_t start;
    int fd = -1;

    open_holder(&h, LENGTHY_MS);
    if (early)
        fd = zkc_lock_revoked_fd(h.lock);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
    if (!early)
        fd = zkc_lock_revoked_fd(h.lock);
    start = now_ns();
    delete_first();
    assert_true(scene_wait_readable(fd, deadline_in_ms(SECOND_MS)));
    check_deleted(&h, start, "fd");
    assert_false(scene_readable(fd));
    close_holder(&h);
}

static void deleted_with_callback(bool early)
{
    struct holder h;
    int64_t start;

    open_holder(&h, LENGTHY_MS);
    if (early)
        zkc_lock_on_revoked(h.lock, scene_done, &h.revoked);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
    if (!early)
        zkc_lock_on_revoked(h.lock, scene_done, &h.revoked);
    start = now_ns();
    delete_first();
    assert_int_equal(scene_result(&h.revoked, deadline_in_ms(SECOND_MS)), ZKC_EDELETED);
    check_deleted(&h, start, "callback");
    close_holder(&h);
}

static bool is_waiting(void *arg)
{
    return !scene_returned(arg);
}

static void deleted_while_waited_for(void)
{
    struct scene_call waiting = {.call = scene_wait_revoked};
    struct holder h;
    int64_t start;

    open_holder(&h, LENGTHY_MS);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
    waiting.lock = h.lock;
    scene_start(&waiting);
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    start = now_ns();
    delete_first();
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    check_deleted(&h, start, "wait");
    close_holder(&h);
}

static void deleted_node_revokes_within_a_second(void **state)
{
    (void)state;
    deleted_with_fd(true);
    deleted_with_fd(false);
    deleted_with_callback(true);
    deleted_with_callback(false);
    deleted_while_waited_for();
}

static bool is_not_held(void *arg)
{
    return !zkc_lock_is_held(arg);
}

/* Nobody asked to be told: the next proof of the session finds out. */
static void deleted_node_is_noticed_anyway(void **state)
{
    struct holder h;
    int64_t start;

    (void)state;
    open_holder(&h, LENGTHY_MS);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
    start = now_ns();
    delete_first();
    assert_true(wait_until(is_not_held, h.lock, deadline_in_ms(SECOND_MS)));
    check_deleted(&h, start, "check");
    close_holder(&h);
}

/* ---- sessions that end ---- */

static int64_t session_of(struct proxy *p)
{
    struct proxy_session s;

    assert_true(proxy_last_session(p, &s));
    return s.id;
}

/*
 * An owner who came back meanwhile could be left with a connection on which the server answers
 * nothing any more: it would hear of the end by its own patience only.
 */
static void end_session(struct proxy *p)
{
    struct proxy_session s;

    assert_true(proxy_last_session(p, &s));
    proxy_refuse(p, true);
    assert_true(probe_expire(nodes, s.id, s.password));
    proxy_refuse(p, false);
}

/* Our node belongs to the session that we have now. */
static void check_owner(struct holder *h)
{
    zoo_op_t op;

    assert_int_equal(zkc_lock_check_op(h->lock, &op), ZKC_OK);
    assert_int_equal(probe_owner(probe, op.check_op.path), session_of(h->proxy));
    assert_int_equal(probe_czxid(probe, op.check_op.path), zkc_lock_token(h->lock));
}

/* If our client took the session back for a moment, it is told of the node first. */
static void check_reason(int reason)
{
    assert_true(reason == ZKC_EEXPIRED || reason == ZKC_EDELETED);
}

static void holder_whose_session_is_closed_elsewhere(void **state)
{
    struct holder h;
    int64_t start, first, token;
    int fd;

    (void)state;
    open_holder(&h, LENGTHY_MS);
    fd = zkc_lock_revoked_fd(h.lock);
    zkc_lock_on_revoked(h.lock, scene_done, &h.revoked);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
    first = session_of(h.proxy);
    token = zkc_lock_token(h.lock);
    check_owner(&h);
    end_session(h.proxy);
    start = now_ns();
    assert_true(scene_wait_readable(fd, SOON));
    print_message("revoked after %lld ms\n", (long long)ms_since(start));
    assert_true(ms_since(start) < SECOND_MS);
    assert_false(zkc_lock_is_held(h.lock));
    assert_int_equal(zkc_lock_revoked_reason(h.lock), scene_result(&h.revoked, SOON));
    check_reason(zkc_lock_revoked_reason(h.lock));
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK); /* without a release */
    assert_true(session_of(h.proxy) != first);
    assert_true(zkc_lock_token(h.lock) > token);
    assert_false(scene_readable(fd));
    check_owner(&h);
    assert_int_equal(scene_calls(&h.revoked), 1);
    close_holder(&h);
}

enum loss { CLOSED_ELSEWHERE, EXPIRED_BY_SERVER };

static bool is_forgotten(void *arg)
{
    return !server_knows_session(servers, 0, *(int64_t *)arg);
}

static void lose_session(struct holder *h, enum loss how)
{
    int64_t id = session_of(h->proxy);

    if (how == CLOSED_ELSEWHERE) {
        end_session(h->proxy);
        return;
    }
    proxy_set_mode(h->proxy, PROXY_BLACKHOLE);
    assert_true(wait_until(is_forgotten, &id, SOON));
    proxy_reset_all(h->proxy);
    proxy_set_mode(h->proxy, PROXY_PASS);
}

/*
 * Behind the holder wait a victim and then another. The victim loses its session, and with it its
 * node and its place.
 */
static void waiter_loses_its_session(enum loss how)
{
    zkc_sync *sync = scene_open(nodes);
    zkc_lock *first = scene_lock(sync, "it"), *other = scene_lock(sync, "it");
    struct scene_call waiting = {.call = scene_acquire}, second;
    struct holder victim;
    char node[300];
    int64_t lost;

    assert_int_equal(zkc_lock_acquire(first, NULL), ZKC_OK);
    open_holder(&victim, SESSION_MS);
    waiting.lock = victim.lock;
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    assert_true(scene_nth_node(probe, PATH, 1, node, sizeof(node)));
    second = (struct scene_call){.call = scene_acquire, .lock = other};
    scene_start(&second);
    assert_true(scene_wait_count(probe, PATH, 3, SOON));
    lost = session_of(victim.proxy);
    lose_session(&victim, how);
    assert_true(probe_wait_gone(probe, node, SOON));
    assert_true(scene_wait_count(probe, PATH, 3, SOON)); /* queued up again by itself */
    assert_true(scene_nth_node(probe, PATH, 2, node, sizeof(node)));
    assert_true(probe_owner(probe, node) != lost);
    assert_int_equal(probe_owner(probe, node), session_of(victim.proxy));
    assert_int_equal(zkc_lock_release(first, NULL), ZKC_OK);
    assert_int_equal(scene_join(&second, SOON), ZKC_OK);
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    assert_int_equal(zkc_lock_release(other, NULL), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_true(zkc_lock_is_held(victim.lock));
    check_owner(&victim);
    close_holder(&victim);
    zkc_lock_close(first);
    zkc_lock_close(other);
    zkc_sync_close(sync);
}

static void waiter_queues_up_again(void **state)
{
    (void)state;
    waiter_loses_its_session(CLOSED_ELSEWHERE);
    waiter_loses_its_session(EXPIRED_BY_SERVER);
}

/* Revoked, it acquires again; true as soon as what it holds belongs to the session it has. */
static bool holds_on_its_session(void *arg)
{
    struct holder *h = arg;
    zoo_op_t op;

    if (!zkc_lock_is_held(h->lock))
        assert_int_equal(zkc_lock_acquire(h->lock, NULL), ZKC_OK);
    return zkc_lock_check_op(h->lock, &op) == ZKC_OK &&
           probe_owner(probe, op.check_op.path) == session_of(h->proxy) &&
           !server_knows_session(servers, 0, h->lost);
}

/* The session of the first waiter ends just before or just after the lock is released. */
static void end_session_at_the_grant(zkc_lock *first, struct holder *victim)
{
    struct scene_call waiting = {.call = scene_acquire, .lock = victim->lock},
                      releasing = {.call = scene_release, .lock = first};
    bool before = harness_random(2);

    assert_int_equal(zkc_lock_acquire(first, NULL), ZKC_OK);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    victim->lost = session_of(victim->proxy);
    if (before)
        scene_start(&releasing);
    end_session(victim->proxy);
    if (!before)
        scene_start(&releasing);
    assert_int_equal(scene_join(&releasing, SOON), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
}

/* Whatever was granted is revoked, or worth something. */
static void session_ends_at_the_grant(void **state)
{
    zkc_sync *sync = scene_open(nodes);
    zkc_lock *first = scene_lock(sync, "it");

    (void)state;
    for (int i = 0; i < 8; i++) {
        struct holder victim;

        open_holder(&victim, LENGTHY_MS);
        zkc_lock_on_revoked(victim.lock, scene_done, &victim.revoked);
        end_session_at_the_grant(first, &victim);
        assert_true(wait_until(holds_on_its_session, &victim, SOON));
        close_holder(&victim);
    }
    zkc_lock_close(first);
    zkc_sync_close(sync);
}

/* ---- connections that die ---- */

/* The next one's grant sees what the old holder believes. */
struct rival {
    zkc_lock *old, *own;
    bool both;
    struct scene_outcome outcome;
};

static void note_grant(void *arg, int result)
{
    struct rival *r = arg;

    r->both = zkc_lock_is_held(r->old) && zkc_lock_is_held(r->own);
    scene_done(&r->outcome, result);
}

static void check_revoked_by_lease(struct holder *h, int fd, int64_t start)
{
    assert_true(scene_wait_readable(fd, SOON));
    print_message("lease over after %lld ms of %d\n", (long long)ms_since(start), SESSION_MS);
    assert_true(ms_since(start) <= SESSION_MS + ALLOWANCE_MS);
    assert_false(zkc_lock_is_held(h->lock));
    assert_int_equal(zkc_lock_remaining_ms(h->lock), 0);
    assert_int_equal(scene_result(&h->revoked, SOON), ZKC_ELEASE);
    assert_int_equal(zkc_lock_revoked_reason(h->lock), ZKC_ELEASE);
}

static void lose_connection(enum proxy_mode mode)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .id = "next"});
    struct rival next = {.own = scene_lock(sync, "it")};
    struct holder h;
    int64_t start;
    int fd;

    open_holder(&h, SESSION_MS);
    scene_outcome_init(&next.outcome);
    next.old = h.lock;
    fd = zkc_lock_revoked_fd(h.lock);
    zkc_lock_on_revoked(h.lock, scene_done, &h.revoked);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire_async(next.own, 0, note_grant, &next), ZKC_OK);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    pass_random_time();
    start = now_ns();
    proxy_set_mode(h.proxy, mode);
    check_revoked_by_lease(&h, fd, start);
    proxy_set_mode(h.proxy, PROXY_PASS);
    assert_int_equal(scene_result(&next.outcome, SOON), ZKC_OK);
    assert_false(next.both);
    assert_int_equal(zkc_lock_release(next.own, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK); /* without a release */
    assert_false(scene_readable(fd));
    check_owner(&h);
    assert_int_equal(scene_calls(&h.revoked), 1);
    zkc_lock_close(next.own);
    zkc_sync_close(sync);
    close_holder(&h);
    scene_outcome_end(&next.outcome);
}

static void black_holes_revoke_in_time(void **state)
{
    (void)state;
    lose_connection(PROXY_BLACKHOLE);
    lose_connection(PROXY_BLACKHOLE_TO_SERVER);
    lose_connection(PROXY_BLACKHOLE_TO_CLIENT); /* the session lives on; the node must go */
}

/* Without healing: the server expires the session, and the holder has known before. */
static void expired_unknown_to_the_holder(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .id = "next"});
        struct rival next = {.own = scene_lock(sync, "it")};
        struct holder h;
        int64_t start;

        open_holder(&h, SESSION_MS);
        scene_outcome_init(&next.outcome);
        next.old = h.lock;
        assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
        assert_int_equal(zkc_lock_acquire_async(next.own, 0, note_grant, &next), ZKC_OK);
        assert_true(scene_wait_count(probe, PATH, 2, SOON));
        pass_random_time();
        start = now_ns();
        proxy_set_mode(h.proxy, PROXY_BLACKHOLE);
        assert_int_equal(scene_result(&next.outcome, SOON), ZKC_OK);
        print_message("granted after %lld ms\n", (long long)ms_since(start));
        assert_false(next.both);
        assert_true(ms_since(start) <= SESSION_MS + TICK_MS + ALLOWANCE_MS);
        zkc_lock_close(next.own);
        zkc_sync_close(sync);
        close_holder(&h);
        scene_outcome_end(&next.outcome);
    }
}

/* A short cut changes nothing. */
static void reconnected_in_time(void **state)
{
    struct holder h;
    int64_t session;

    (void)state;
    open_holder(&h, 8000);
    zkc_lock_on_revoked(h.lock, scene_done, &h.revoked);
    assert_int_equal(zkc_lock_acquire(h.lock, NULL), ZKC_OK);
    session = session_of(h.proxy);
    for (int i = 0; i < 3; i++) {
        unsigned n = proxy_accepted(h.proxy);
        proxy_reset_all(h.proxy);
        assert_true(proxy_wait_accepted(h.proxy, n + 1, SOON));
        assert_true(zkc_lock_is_held(h.lock));
    }
    pass_time(8500);
    assert_true(zkc_lock_is_held(h.lock));
    assert_int_equal(session_of(h.proxy), session);
    assert_int_equal(scene_calls(&h.revoked), 0);
    assert_int_equal(zkc_lock_release(h.lock, NULL), ZKC_OK);
    close_holder(&h);
}

#define CLEAN(test) cmocka_unit_test_setup_teardown(test, begin, nothing_left)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CLEAN(killed_holder_is_followed),
        CLEAN(paused_holder_knows_at_once),
        CLEAN(deleted_node_revokes_within_a_second),
        CLEAN(deleted_node_is_noticed_anyway),
        CLEAN(holder_whose_session_is_closed_elsewhere),
        CLEAN(waiter_queues_up_again),
        CLEAN(session_ends_at_the_grant),
        CLEAN(black_holes_revoke_in_time),
        CLEAN(expired_unknown_to_the_holder),
        CLEAN(reconnected_in_time),
    };

    harness_start(argc, argv, roles);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
