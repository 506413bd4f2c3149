/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers die, fall silent and come back, all of them or one after the other: whoever holds knows
 * in time, everything recovers by itself, and nothing is left behind.
 */
#define _GNU_SOURCE
#include "harness.h"
#include "probe.h"
#include "scene.h"
#include "servers.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(60000)
#define TICK_MS 250
#define INIT_LIMIT 10 /* ticks until a failed election is repeated */
#define SHORT_MS 1500 /* a session that is to end */
#define LONG_MS 5000  /* one that is to live on */
#define PROBE_MS (20 * TICK_MS)
#define RECONNECT_MS 3000 /* at most, to servers that answer */

static struct servers *servers;
static struct probe *direct; /* knows all servers */

/* Elections are to be quick: votes are repeated often. */
static int start(int count)
{
    servers = servers_start(
        &(struct servers_options){.count = count,
                                  .tick_ms = TICK_MS,
                                  .init_limit = INIT_LIMIT,
                                  .extra = "fastleader.maxNotificationInterval=400\n"});
    if (!servers)
        return -1;
    direct = probe_open(servers_addresses(servers), PROBE_MS);
    return direct ? 0 : -1;
}

static int start_one(void **state)
{
    (void)state;
    return start(1);
}

static int start_three(void **state)
{
    (void)state;
    return start(3);
}

static int stop_servers(void **state)
{
    (void)state;
    probe_close(direct);
    servers_stop(servers);
    direct = NULL; /* the next group's start may fail */
    servers = NULL;
    return 0;
}

/* ---- contenders ---- */

#define CAST_MAX 6

struct cast {
    int count;
    bool open;
    zkc_sync *syncs[CAST_MAX];
    struct scene_seat seats[CAST_MAX];
    struct scene_umpire umpire;
};

static struct cast cast;

/* Each on a session of its own; all know all servers. */
static void add(struct cast *c, enum scene_kind kind, const char *id, int session_ms)
{
    struct scene how = {
        .nodes = servers_addresses(servers), .session_ms = session_ms, .quiet = true};
    int i = c->count++;

    c->syncs[i] = scene_open_as(&how);
    scene_seat_open(&c->seats[i], c->syncs[i], kind, id);
    scene_umpire_add(&c->umpire, &c->seats[i]);
}

static void open_cast(struct cast *c)
{
    memset(c, 0, sizeof(*c));
    scene_umpire_init(&c->umpire);
}

static void start_umpire(struct cast *c)
{
    scene_umpire_start(&c->umpire);
    c->open = true;
}

static void was_fair(struct cast *c)
{
    assert_int_equal(scene_umpire_fouls(&c->umpire), 0);
}

/* The probe's own session may have ended while its server was away. */
static void look_with_fresh_eyes(void)
{
    probe_close(direct);
    direct = probe_open(servers_addresses(servers), PROBE_MS);
    assert_non_null(direct);
}

static void nothing_left(struct cast *c)
{
    look_with_fresh_eyes();
    for (int i = 0; i < c->count; i++)
        scene_nothing_left(servers, direct, c->seats[i].path, SOON);
}

static void take(struct scene_seat *s)
{
    zkc_context *context = scene_context(60000);

    assert_int_equal(scene_seat_take(s, context), ZKC_OK);
    assert_true(scene_seat_is_held(s));
    zkc_context_free(context);
}

/* A machine that stands still for half of a short lease ends it: then that is the answer. */
static void leave(struct scene_seat *s)
{
    zkc_context *context = scene_context(60000);
    bool lost = scene_seat_reason(s) == ZKC_ELEASE;

    assert_int_equal(scene_seat_leave(s, context), lost ? ZKC_ENOTHELD : ZKC_OK);
    zkc_context_free(context);
}

static void close_cast(struct cast *c)
{
    for (int i = 0; i < c->count; i++) {
        scene_seat_close(&c->seats[i]);
        zkc_sync_close(c->syncs[i]);
    }
    c->open = false;
}

/* ---- all servers ---- */

enum outage { KILLED, PAUSED };

static void stop_all(enum outage how)
{
    for (int i = 0; i < servers_count(servers); i++) {
        if (how == KILLED)
            server_kill(servers, i);
        else
            server_pause(servers, i);
    }
}

static void start_all(enum outage how)
{
    for (int i = 0; i < servers_count(servers); i++) {
        if (how == KILLED)
            assert_true(server_start_again(servers, i));
        else
            server_resume(servers, i);
    }
}

static bool nobody_holds(void *arg)
{
    struct cast *c = arg;

    for (int i = 0; i < c->count; i++) {
        if (scene_seat_is_held(&c->seats[i]))
            return false;
    }
    return true;
}

/* Seats 0 and 2 hold, 1 and 3 wait behind them. */
static void hold_and_queue(struct cast *c)
{
    add(c, SCENE_LOCK, "all-stopped", SHORT_MS);
    add(c, SCENE_LOCK, "all-stopped", SHORT_MS);
    add(c, SCENE_LEADER, "all-stopped", SHORT_MS);
    add(c, SCENE_LEADER, "all-stopped", SHORT_MS);
    start_umpire(c);
    for (int i = 0; i < c->count; i += 2) {
        take(&c->seats[i]);
        scene_seat_take_async(&c->seats[i + 1], 0);
        assert_true(scene_wait_count(direct, c->seats[i].path, 2, SOON));
    }
}

static void is_revoked(struct cast *c, int i, int fd, int64_t stopped_at)
{
    struct scene_belief b = scene_umpire_belief(&c->umpire, &c->seats[i]);

    assert_true(scene_readable(fd));
    assert_int_equal(scene_seat_reason(&c->seats[i]), ZKC_ELEASE);
    print_message("believed %.1f ms on, of %d\n", (double)(b.last - stopped_at) / 1e6, SHORT_MS);
    assert_true(b.last - stopped_at <= SHORT_MS * 1000000LL);
}

/* The one who waited is next, and the old holder comes after it. */
static void goes_on(struct cast *c, int i)
{
    int64_t token = scene_umpire_belief(&c->umpire, &c->seats[i]).token;

    assert_int_equal(scene_seat_result(&c->seats[i + 1], SOON), ZKC_OK);
    assert_true(scene_seat_token(&c->seats[i + 1]) > token);
    token = scene_seat_token(&c->seats[i + 1]);
    scene_seat_take_async(&c->seats[i], 0);
    leave(&c->seats[i + 1]);
    assert_int_equal(scene_seat_result(&c->seats[i], SOON), ZKC_OK);
    assert_true(scene_seat_token(&c->seats[i]) > token);
    leave(&c->seats[i]);
}

/* A busy machine may have taken something from its holder before. */
static bool stopped_while_held(struct cast *c)
{
    return !scene_seat_decided(&c->seats[1]) && !scene_seat_decided(&c->seats[3]);
}

/* All servers, while seats 0 and 2 hold; when that was. */
static int64_t stop_all_while_held(struct cast *c, enum outage how)
{
    for (int tries = 0; tries < 5; tries++) {
        int64_t stopped_at;

        open_cast(c);
        hold_and_queue(c);
        stop_all(how);
        stopped_at = now_ns();
        if (stopped_while_held(c))
            return stopped_at;
        start_all(how);
        assert_true(servers_wait_serving(servers, SOON));
        scene_umpire_stop(&c->umpire);
        close_cast(c);
        look_with_fresh_eyes();
    }
    fail_msg("never held until the servers stopped");
    return 0;
}

static void all_stopped(enum outage how)
{
    struct cast *c = &cast;
    int64_t stopped_at = stop_all_while_held(c, how);
    int fds[2];

    for (int i = 0; i < 2; i++)
        fds[i] = scene_seat_revoked_fd(&c->seats[2 * i]);
    for (int i = 0; i < 2; i++)
        assert_true(scene_wait_readable(fds[i], SOON));
    assert_true(wait_until(nobody_holds, c, SOON));
    /* Longer than the session lives, and nobody is granted anything without a server. */
    assert_true(holds_until(nobody_holds, c, deadline_in_ms(SHORT_MS * 3 / 2)));
    for (int i = 0; i < 2; i++)
        is_revoked(c, 2 * i, fds[i], stopped_at);
    start_all(how);
    for (int i = 0; i < 2; i++)
        goes_on(c, 2 * i);
    assert_true(servers_wait_serving(servers, SOON));
    nothing_left(c);
    was_fair(c);
}

static void all_killed_and_restarted(void **state)
{
    (void)state;
    all_stopped(KILLED);
}

static void all_silent_and_back(void **state)
{
    (void)state;
    all_stopped(PAUSED);
}

/* Asked for while there is no server: granted when there is one. */
static void acquire_waits_for_servers(void **state)
{
    struct cast *c = &cast;
    zkc_context *context;

    (void)state;
    open_cast(c);
    add(c, SCENE_LOCK, "no-server", LONG_MS);
    add(c, SCENE_LEADER, "no-server", LONG_MS);
    start_umpire(c);
    stop_all(KILLED);
    context = scene_context(300);
    for (int i = 0; i < c->count; i++)
        assert_int_equal(scene_seat_take(&c->seats[i], context), ZKC_ETIMEDOUT);
    zkc_context_free(context);
    for (int i = 0; i < c->count; i++)
        scene_seat_take_async(&c->seats[i], 0);
    start_all(KILLED);
    for (int i = 0; i < c->count; i++)
        assert_int_equal(scene_seat_result(&c->seats[i], SOON), ZKC_OK);
    look_with_fresh_eyes();
    for (int i = 0; i < c->count; i++)
        assert_true(
            scene_wait_count(direct, c->seats[i].path, 1, SOON)); /* the first tries' are gone */
    for (int i = 0; i < c->count; i++)
        leave(&c->seats[i]);
    nothing_left(c);
    was_fair(c);
}

/* ---- over by the clock, and given up at once ---- */

static int tell(const struct scene_seat *s, struct scene_outcome *revoked)
{
    zkc_revoked_fn told = revoked != NULL ? scene_done : NULL;

    return s->kind == SCENE_LOCK ? zkc_lock_on_revoked(s->lock, told, revoked)
                                 : zkc_elected_on_revoked(s->elected, told, revoked);
}

static int give_up(const struct scene_seat *s, struct scene_outcome *done)
{
    if (s->kind == SCENE_LOCK)
        return done != NULL ? zkc_lock_release_async(s->lock, scene_done, done)
                            : zkc_lock_release(s->lock, NULL);
    return done != NULL ? zkc_elected_resign_async(s->elected, scene_done, done)
                        : zkc_elected_resign(s->elected, NULL);
}

/* The servers are silent, and whoever asks sees the end of the lease before our threads do. */
static void given_up_as_soon_as_over(struct scene_seat *s, bool async)
{
    struct scene_outcome revoked, done;
    int64_t began;

    scene_outcome_init(&revoked);
    scene_outcome_init(&done);
    take(s);
    assert_int_equal(tell(s, &revoked), ZKC_OK);
    stop_all(PAUSED);
    while (scene_seat_is_held(s))
        ;
    began = now_ns();
    assert_int_equal(give_up(s, async ? &done : NULL), ZKC_OK);
    assert_in_range(now_ns() - began, 0, INT64_C(1000000000));
    assert_int_equal(scene_seat_reason(s), ZKC_ELEASE);
    assert_int_equal(scene_result(&revoked, deadline_in_ms(1000)), ZKC_ELEASE);
    if (async)
        assert_int_equal(scene_result(&done, deadline_in_ms(1000)), ZKC_OK);
    start_all(PAUSED);
    look_with_fresh_eyes();
    assert_true(scene_wait_count(direct, s->path, 0, SOON));
    assert_int_equal(tell(s, NULL), ZKC_OK);
    assert_int_equal(scene_calls(&revoked), 1);
    scene_outcome_end(&revoked);
    scene_outcome_end(&done);
}

static void given_up_after_the_lease(void **state)
{
    struct cast *c = &cast;

    (void)state;
    open_cast(c);
    add(c, SCENE_LOCK, "over", SHORT_MS);
    add(c, SCENE_LEADER, "over", SHORT_MS);
    start_umpire(c);
    for (int i = 0; i < c->count; i++) {
        given_up_as_soon_as_over(&c->seats[i], false);
        given_up_as_soon_as_over(&c->seats[i], true);
    }
    nothing_left(c);
    was_fair(c);
}

static void lose_data(int server)
{
    char path[PATH_MAX], file[PATH_MAX + 300];
    struct dirent *entry;
    DIR *dir;

    assert_in_range(snprintf(path, sizeof(path), "%s/%d/version-2", servers_dir(servers), server),
                    1, sizeof(path) - 1);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(file), 0);
    }
    closedir(dir);
}

/* Servers without their data give zxids again: a token of before may come back. */
static void forget_tokens(struct cast *c)
{
    unsigned fouls = scene_umpire_stop(&c->umpire);

    scene_umpire_init(&c->umpire);
    for (int i = 0; i < c->count; i++)
        scene_umpire_add(&c->umpire, &c->seats[i]);
    scene_umpire_start(&c->umpire);
    assert_int_equal(fouls, 0);
}

/*
 * They turn away every session that has seen more than they know, without a word. A client that
 * waits for its session there waits for nothing: once they serve, somebody holds within a timeout
 * and what a reconnection takes.
 */
static void servers_come_back_without_data(void **state)
{
    struct cast *c = &cast;
    int64_t serving, took;

    (void)state;
    open_cast(c);
    add(c, SCENE_LOCK, "forgotten", SHORT_MS);
    add(c, SCENE_LEADER, "forgotten", SHORT_MS);
    add(c, SCENE_LEADER, "forgotten", SHORT_MS);
    start_umpire(c);
    take(&c->seats[0]);
    take(&c->seats[1]);
    scene_seat_take_async(&c->seats[2], 0);
    assert_true(scene_wait_count(direct, c->seats[1].path, 2, SOON));
    stop_all(KILLED);
    assert_true(wait_until(nobody_holds, c, SOON));
    for (int i = 0; i < servers_count(servers); i++)
        lose_data(i);
    forget_tokens(c);
    start_all(KILLED);
    scene_seat_take_async(&c->seats[0], 0);
    assert_true(servers_wait_serving(servers, SOON));
    serving = now_ns();
    assert_int_equal(scene_seat_result(&c->seats[0], SOON), ZKC_OK);
    assert_int_equal(scene_seat_result(&c->seats[2], SOON), ZKC_OK);
    took = (now_ns() - serving) / 1000000;
    print_message("%lld ms after they served\n", (long long)took);
    leave(&c->seats[0]);
    leave(&c->seats[2]);
    nothing_left(c);
    was_fair(c);
    assert_true(took <= SHORT_MS + RECONNECT_MS);
}

/* ---- the ensemble's leader ---- */

/* Nobody loses its place in the queue: what is granted is the node of before. */
static void leader_killed_with_waiters(void **state)
{
    struct cast *c = &cast;
    int64_t places[CAST_MAX];
    char node[256];
    int old;

    (void)state;
    open_cast(c);
    for (int i = 0; i < CAST_MAX - 1; i++)
        add(c, SCENE_LOCK, "leader-killed", LONG_MS);
    start_umpire(c);
    take(&c->seats[0]);
    for (int i = 1; i < c->count; i++) {
        scene_seat_take_async(&c->seats[i], 0);
        assert_true(scene_wait_count(direct, c->seats[0].path, i + 1, SOON));
        assert_true(scene_nth_node(direct, c->seats[0].path, i, node, sizeof(node)));
        places[i] = probe_czxid(direct, node);
    }
    old = servers_leader_index(servers);
    server_kill(servers, old);
    assert_true(servers_wait_leader(servers, old, SOON) >= 0);
    print_message("the holder %s\n", scene_seat_is_held(&c->seats[0]) ? "holds on" : "was revoked");
    leave(&c->seats[0]);
    for (int i = 1; i < c->count; i++) {
        assert_int_equal(scene_seat_result(&c->seats[i], SOON), ZKC_OK);
        assert_true(scene_seat_token(&c->seats[i]) == places[i]);
        if (i + 1 < c->count)
            assert_false(scene_seat_decided(&c->seats[i + 1]));
        leave(&c->seats[i]);
    }
    assert_true(server_start_again(servers, old));
    assert_true(servers_wait_serving(servers, SOON));
    nothing_left(c);
    was_fair(c);
}

/* ---- one after the other ---- */

struct contender {
    int number;
    struct scene_call call;
};

struct rolling {
    struct contender contenders[CAST_MAX];
    int running;
    atomic_bool stop;
    pthread_mutex_t lock; /* guards the rest */
    int64_t newest;       /* token */
    unsigned disorder;    /* grants whose token was not larger than all before */
    unsigned grants[CAST_MAX];
};

static struct rolling rolling;

static void note_grant(struct rolling *r, int number)
{
    struct scene_seat *s = &cast.seats[number];
    int64_t token = scene_seat_token(s);

    pthread_mutex_lock(&r->lock);
    if (scene_seat_is_held(s)) {
        r->disorder += token <= r->newest;
        r->newest = token;
    }
    r->grants[number]++;
    pthread_mutex_unlock(&r->lock);
}

static int contend(struct scene_call *call)
{
    struct contender *c = call->arg;
    struct scene_seat *s = &cast.seats[c->number];
    int result = ZKC_OK;

    while (result == ZKC_OK && !atomic_load(&rolling.stop)) {
        result = scene_seat_take(s, NULL);
        if (result != ZKC_OK)
            break;
        note_grant(&rolling, c->number);
        result = scene_seat_leave(s, NULL);
    }
    return result;
}

struct progress {
    struct rolling *rolling;
    unsigned wanted[CAST_MAX];
};

static bool all_went_on(void *arg)
{
    struct progress *p = arg;
    bool all = true;

    pthread_mutex_lock(&p->rolling->lock);
    for (int i = 0; i < cast.count; i++)
        all = all && p->rolling->grants[i] >= p->wanted[i];
    pthread_mutex_unlock(&p->rolling->lock);
    return all;
}

static void everybody_goes_on(struct rolling *r)
{
    struct progress p = {.rolling = r};

    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < cast.count; i++)
        p.wanted[i] = r->grants[i] + 2;
    pthread_mutex_unlock(&r->lock);
    assert_true(wait_until(all_went_on, &p, SOON));
}

static void roll(struct rolling *r)
{
    for (int i = 0; i < servers_count(servers); i++) {
        server_kill(servers, i);
        everybody_goes_on(r); /* on those that are left */
        assert_true(server_start_again(servers, i));
        assert_true(servers_wait_serving(servers, SOON));
        everybody_goes_on(r);
    }
}

static void start_contenders(struct rolling *r)
{
    for (int i = 0; i < cast.count; i++) {
        struct contender *c = &r->contenders[i];
        *c = (struct contender){.number = i, .call = {.call = contend, .arg = c}};
        scene_start(&c->call);
        r->running++;
    }
}

/* Returns how many of them failed. */
static int stop_contenders(struct rolling *r)
{
    int failed = 0;

    atomic_store(&r->stop, true);
    while (r->running > 0)
        failed += scene_join(&r->contenders[--r->running].call, SOON) != ZKC_OK;
    return failed;
}

static void servers_restarted_one_by_one(void **state)
{
    struct rolling *r = &rolling;

    (void)state;
    memset(r, 0, sizeof(*r));
    pthread_mutex_init(&r->lock, NULL);
    open_cast(&cast);
    for (int i = 0; i < 3; i++)
        add(&cast, SCENE_LOCK, "rolling", LONG_MS);
    start_umpire(&cast);
    start_contenders(r);
    everybody_goes_on(r);
    roll(r);
    assert_int_equal(stop_contenders(r), 0);
    print_message("%u, %u and %u grants\n", r->grants[0], r->grants[1], r->grants[2]);
    assert_int_equal(r->disorder, 0);
    nothing_left(&cast);
    was_fair(&cast);
}

/* ---- a silent server ---- */

/* Which server this session is connected to; -1: none. */
static int serving(int64_t session)
{
    int64_t ids[64];

    for (int i = 0; i < servers_count(servers); i++) {
        int n = server_sessions(servers, i, ids, 64);
        for (int k = 0; k < n && k < 64; k++) {
            if (ids[k] == session)
                return i;
        }
    }
    return -1;
}

/* Seat 0 holds, on a server of the wanted kind. Clients choose theirs by chance. */
static int hold_on(struct cast *c, enum server_mode mode)
{
    char node[256];
    int server = -1;

    for (int try = 0; try < 50; try++) {
        take(&c->seats[0]);
        assert_int_equal(probe_sync(direct, c->seats[0].path), ZOK);
        assert_true(scene_nth_node(direct, c->seats[0].path, 0, node, sizeof(node)));
        server = serving(probe_owner(direct, node));
        if (server >= 0 && server_mode(servers, server) == mode)
            return server;
        leave(&c->seats[0]);
        scene_seat_close(&c->seats[0]);
        zkc_sync_close(c->syncs[0]);
        c->syncs[0] = scene_open_as(&(struct scene){
            .nodes = servers_addresses(servers), .session_ms = LONG_MS, .quiet = true});
        scene_seat_open(&c->seats[0], c->syncs[0], SCENE_LOCK, "silent");
    }
    fail_msg("no client chose such a server");
    return -1;
}

static bool holder_is_connected(void *arg)
{
    struct cast *c = arg;

    return zkc_sync_is_connected(c->syncs[0]) && zkc_lock_ttl_ms(c->seats[0].lock) > 0;
}

static bool is_settled(void *arg)
{
    struct cast *c = arg;

    return scene_seat_decided(&c->seats[1]) || scene_seat_remaining_ms(&c->seats[0]) > LONG_MS / 3;
}

/* The server that serves the holder says nothing more; another one takes over. */
static void server_falls_silent(enum server_mode mode)
{
    struct cast *c = &cast;
    int64_t start, token;
    int silent;

    open_cast(c);
    add(c, SCENE_LOCK, "silent", LONG_MS);
    add(c, SCENE_LOCK, "silent", LONG_MS);
    silent = hold_on(c, mode);
    start_umpire(c);
    token = scene_seat_token(&c->seats[0]);
    scene_seat_take_async(&c->seats[1], 0);
    assert_true(scene_wait_count(direct, c->seats[0].path, 2, SOON));
    server_pause(servers, silent);
    start = now_ns();
    /* Until it has long been noticed, however it ends. */
    holds_until(holder_is_connected, c, deadline_in_ms(LONG_MS));
    assert_true(wait_until(is_settled, c, SOON));
    print_message("after %.1f s the holder %s\n", (double)(now_ns() - start) / 1e9,
                  scene_seat_is_held(&c->seats[0]) ? "holds on" : "was revoked");
    leave(&c->seats[0]);
    assert_int_equal(scene_seat_result(&c->seats[1], SOON), ZKC_OK);
    assert_true(scene_seat_token(&c->seats[1]) > token);
    leave(&c->seats[1]);
    take(&c->seats[0]);
    leave(&c->seats[0]);
    print_message("all was over after %.1f s\n", (double)(now_ns() - start) / 1e9);
    server_resume(servers, silent);
    assert_true(servers_wait_serving(servers, SOON));
    nothing_left(c);
    was_fair(c);
}

static void follower_falls_silent(void **state)
{
    (void)state;
    server_falls_silent(SERVER_FOLLOWER);
}

static void leader_falls_silent(void **state)
{
    (void)state;
    server_falls_silent(SERVER_LEADER);
}

/* Also after a test that failed half-way. */
static int clean_up(void **state)
{
    unsigned fouls = 0;

    (void)state;
    for (int i = 0; i < servers_count(servers); i++) {
        server_resume(servers, i);
        if (!server_pid(servers, i))
            server_start_again(servers, i);
    }
    servers_wait_serving(servers, SOON);
    stop_contenders(&rolling);
    if (cast.open)
        fouls = scene_umpire_stop(&cast.umpire);
    if (cast.open)
        close_cast(&cast);
    return fouls ? -1 : 0;
}

#define TEST(name_) cmocka_unit_test_teardown(name_, clean_up)

int main(int argc, char **argv)
{
    const struct CMUnitTest alone[] = {
        TEST(all_killed_and_restarted), TEST(servers_come_back_without_data),
        TEST(all_silent_and_back),      TEST(acquire_waits_for_servers),
        TEST(given_up_after_the_lease),
    };
    const struct CMUnitTest together[] = {
        TEST(servers_come_back_without_data), TEST(leader_killed_with_waiters),
        TEST(all_killed_and_restarted),       TEST(servers_restarted_one_by_one),
        TEST(follower_falls_silent),          TEST(leader_falls_silent),
    };
    int failed;

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    failed = cmocka_run_group_tests(alone, start_one, stop_servers);
    return failed + cmocka_run_group_tests(together, start_three, stop_servers);
}
