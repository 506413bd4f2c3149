/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancellation and deadlines: racing with the grant thousands of times, and on a link that is dead.
 * Whoever is not granted has left nothing behind.
 */
#define _GNU_SOURCE
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "sanitizers.h"
#include "scene.h"
#include "servers.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define TICK_MS 500
#define SESSION_MS 10000 /* long: what goes away goes because it was deleted */
#define SOON deadline_in_ms(20000)
#define LOCK_RACES 2000
#define LEADER_RACES 500

static struct servers *servers;
static struct probe *direct;

static int start_server(void **state)
{
    (void)state;
    servers = servers_start(&(struct servers_options){.tick_ms = TICK_MS});
    if (!servers)
        return -1;
    direct = probe_open(server_address(servers, 0), 10000);
    return direct ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    probe_close(direct);
    servers_stop(servers);
    return 0;
}

static zkc_sync *open_sync(const char *nodes, const char *id)
{
    return scene_open_as(
        &(struct scene){.nodes = nodes, .session_ms = SESSION_MS, .id = id, .quiet = true});
}

/* ---- races ---- */

/* How somebody gives up. */
enum giving_up {
    BY_CALL,     /* cancel of the handle */
    BY_WAIT,     /* the wait of the call is over */
    BY_CONTEXT,  /* a context is cancelled by another thread */
    BY_DEADLINE, /* a context's deadline */
    WAYS
};

struct race {
    struct scene_seat seats[2];
    struct scene_umpire umpire;
    int64_t aim_ns; /* about as long as a hand-over takes: then both outcomes are as likely */
    int outcomes[WAYS][2];
};

/* Of the one who waits. */
struct attempt {
    struct scene_seat *seat;
    enum giving_up way;
    int64_t give_up_at;
    zkc_context *context; /* of a blocking call */
    struct scene_call call;
};

/* Finer than a timer of the system. */
static void until(int64_t deadline)
{
    while (!deadline_passed(deadline))
        sched_yield();
}

static int64_t some_ns(int64_t bound)
{
    return harness_random((uint32_t)bound);
}

/* Deadlines are whole milliseconds. */
static int64_t left_ms(const struct attempt *a)
{
    int64_t ms = (a->give_up_at - now_ns()) / 1000000;

    return ms > 1 ? ms : 1;
}

static void begin_attempt(struct attempt *a)
{
    a->context = NULL;
    if (a->way == BY_CALL || a->way == BY_WAIT) {
        scene_seat_take_async(a->seat, a->way == BY_WAIT ? left_ms(a) : 0);
        return;
    }
    a->context = scene_context(a->way == BY_DEADLINE ? left_ms(a) : -1);
    a->call = (struct scene_call){.call = scene_take, .arg = a->seat, .context = a->context};
    scene_start(&a->call);
}

static void give_up(struct attempt *a)
{
    int result;

    if (a->way == BY_CONTEXT)
        zkc_context_cancel(a->context);
    if (a->way != BY_CALL)
        return;
    result = scene_seat_cancel(a->seat);
    assert_true(result == ZKC_OK || result == ZKC_ENOTHELD);
}

static int end_attempt(struct attempt *a)
{
    int result;

    if (!a->context)
        return scene_seat_result(a->seat, SOON);
    result = scene_join(&a->call, SOON);
    zkc_context_free(a->context);
    return result;
}

static void decided_clearly(struct race *r, struct attempt *a, int result)
{
    bool timed = a->way == BY_WAIT || a->way == BY_DEADLINE;

    r->outcomes[a->way][result == ZKC_OK]++;
    r->aim_ns = result == ZKC_OK ? r->aim_ns * 15 / 16 : r->aim_ns * 16 / 15;
    if (result == ZKC_OK) {
        assert_true(scene_seat_is_held(a->seat));
        assert_int_equal(scene_seat_leave(a->seat, NULL), ZKC_OK);
    } else {
        assert_int_equal(result, timed ? ZKC_ETIMEDOUT : ZKC_ECANCELED);
    }
    assert_false(scene_seat_is_held(a->seat));
}

/* One holds and leaves, the other one waits and gives up, both at about the same time. */
static void race_once(struct race *r)
{
    unsigned first = harness_random(2);
    struct scene_seat *holder = &r->seats[first];
    struct attempt a = {.seat = &r->seats[!first], .way = harness_random(WAYS)};
    struct scene_call leaving = {.call = scene_leave, .arg = holder};
    int64_t start, leave_at;

    assert_int_equal(scene_seat_take(holder, NULL), ZKC_OK);
    start = now_ns();
    leave_at = start + some_ns(2 * r->aim_ns);
    a.give_up_at = leave_at + some_ns(2 * r->aim_ns);
    begin_attempt(&a);
    until(leave_at);
    scene_start(&leaving);
    until(a.give_up_at);
    give_up(&a);
    assert_int_equal(scene_join(&leaving, SOON), ZKC_OK);
    decided_clearly(r, &a, end_attempt(&a));
}

static void print_outcomes(const struct race *r)
{
    static const char *const names[] = {"cancel", "wait", "context", "deadline"};

    for (int way = 0; way < WAYS; way++)
        print_message("%s: %d granted, %d given up\n", names[way], r->outcomes[way][1],
                      r->outcomes[way][0]);
}

static void race_often(enum scene_kind kind, int times)
{
    struct race r = {.aim_ns = 2000000};
    zkc_sync *syncs[2];

    scene_umpire_init(&r.umpire);
    for (int i = 0; i < 2; i++) {
        syncs[i] = open_sync(server_address(servers, 0), i ? "second" : "first");
        scene_seat_open(&r.seats[i], syncs[i], kind, "race");
        scene_umpire_add(&r.umpire, &r.seats[i]);
    }
    scene_umpire_start(&r.umpire);
    for (int i = 0; i < times; i++)
        race_once(&r);
    print_outcomes(&r);
    assert_int_equal(scene_umpire_stop(&r.umpire), 0);
    scene_nothing_left(servers, direct, r.seats[0].path, SOON);
    for (int way = 0; way < WAYS; way++) /* they did race */
        assert_true(r.outcomes[way][0] > 0 && r.outcomes[way][1] > 0);
    for (int i = 0; i < 2; i++) {
        scene_seat_close(&r.seats[i]);
        zkc_sync_close(syncs[i]);
    }
}

static void giving_a_lock_up_races_with_its_grant(void **state)
{
    (void)state;
    race_often(SCENE_LOCK, LOCK_RACES);
}

static void giving_an_election_up_races_with_its_gain(void **state)
{
    (void)state;
    race_often(SCENE_LEADER, LEADER_RACES);
}

/* ---- a dead link ---- */

enum moment { BEFORE_CREATE, CREATE_LOST, CREATE_APPLIED, LIST_LOST, WAITING };

struct dead_link {
    enum moment moment;
    bool resets; /* the link comes back by a new connection, what was sent is lost */
};

struct line {
    const struct dead_link *how;
    struct proxy *proxy;
    zkc_sync *syncs[2];
    zkc_lock *lock, *waits; /* of one id; the second has a wait_ms of its own */
    zkc_lock *rival;        /* beside the link */
    zkc_leader *leader;
    char path[128];
    struct proxy_session session; /* behind the link, to begin with */
};

#define WAIT_MS 500
/* The promise is 600, which the simulator tests; two busy cores' slowness is none of the library's.
 * A dead link would be noticed after 4,700 at the earliest. */
#define WAIT_MOST_MS 4000

static int set_up(void **state)
{
    static struct line l;
    static int number;
    zkc_lock_options waits;
    char id[32];

    snprintf(id, sizeof(id), "line-%d", number++);
    memset(&l, 0, sizeof(l));
    l.how = *state;
    l.proxy = proxy_start(server_address(servers, 0));
    ZKC_INIT(&waits);
    waits.wait_ms = WAIT_MS;
    l.syncs[0] = open_sync(proxy_address(l.proxy), "behind");
    l.syncs[1] = open_sync(server_address(servers, 0), "beside");
    l.lock = scene_lock(l.syncs[0], id);
    l.waits = scene_lock_with(l.syncs[0], id, &waits);
    l.rival = scene_lock(l.syncs[1], id);
    l.leader = scene_leader(l.syncs[0], id);
    scene_lock_path(l.path, sizeof(l.path), id);
    assert_int_equal(probe_make_path(direct, l.path), ZOK);
    assert_true(proxy_last_session(l.proxy, &l.session));
    *state = &l;
    return 0;
}

static int tear_down(void **state)
{
    struct line *l = *state;

    proxy_set_mode(l->proxy, PROXY_PASS);
    zkc_lock_close(l->lock);
    zkc_lock_close(l->waits);
    zkc_lock_close(l->rival);
    zkc_leader_close(l->leader);
    zkc_sync_close(l->syncs[0]);
    zkc_sync_close(l->syncs[1]);
    proxy_stop(l->proxy);
    return 0;
}

/* The next such request finds the link dead; what comes after it, too. */
static void kill_link(struct proxy *p, void *arg)
{
    (void)arg;
    proxy_set_mode(p, PROXY_BLACKHOLE);
}

static void kill_link_at(struct line *l, enum proxy_op op, enum proxy_action action)
{
    proxy_add(l->proxy, (struct proxy_rule){.op = op, .action = action, .call = kill_link});
}

static void cut_at_moment(struct line *l)
{
    switch (l->how->moment) {
    case BEFORE_CREATE:
        proxy_set_mode(l->proxy, PROXY_BLACKHOLE);
        break;
    case CREATE_LOST:
        kill_link_at(l, PROXY_ANY_CREATE, PROXY_CALL_BEFORE);
        break;
    case CREATE_APPLIED:
        kill_link_at(l, PROXY_ANY_CREATE, PROXY_CALL_AFTER);
        break;
    case LIST_LOST:
        kill_link_at(l, PROXY_ANY_CHILDREN, PROXY_CALL_AFTER);
        break;
    case WAITING:
        assert_int_equal(zkc_lock_acquire(l->rival, NULL), ZKC_OK);
        kill_link_at(l, PROXY_GET_DATA, PROXY_CALL_AFTER);
        break;
    }
}

static void heal(struct line *l)
{
    proxy_clear_rules(l->proxy);
    if (l->how->resets)
        proxy_reset_all(l->proxy);
    proxy_set_mode(l->proxy, PROXY_PASS);
}

/* Ours are deleted, not expired: the session is the one it was. */
static void ends_clean(struct line *l)
{
    struct proxy_session s;

    heal(l);
    if (l->how->moment == WAITING) {
        assert_true(scene_wait_count(direct, l->path, 1, SOON));
        assert_int_equal(zkc_lock_release(l->rival, NULL), ZKC_OK);
    }
    scene_nothing_left(servers, direct, l->path, SOON);
    assert_true(proxy_last_session(l->proxy, &s));
    assert_true(s.id == l->session.id);
    assert_true(server_knows_session(servers, 0, s.id));
    assert_int_equal(zkc_lock_acquire(l->lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_release(l->lock, NULL), ZKC_OK);
}

static void in_time(int64_t start)
{
    int64_t took_ms = (now_ns() - start) / 1000000;

    assert_in_range(took_ms, WAIT_MS - 1, WAIT_MOST_MS);
}

static void own_wait_ends_in_time(void **state)
{
    struct line *l = *state;
    int64_t start;

    cut_at_moment(l);
    start = now_ns();
    assert_int_equal(zkc_lock_acquire(l->waits, NULL), ZKC_ETIMEDOUT);
    in_time(start);
    assert_false(zkc_lock_is_held(l->waits));
    ends_clean(l);
}

static void deadline_ends_in_time(void **state)
{
    struct line *l = *state;
    zkc_context *context;
    int64_t start;

    cut_at_moment(l);
    start = now_ns();
    context = scene_context(WAIT_MS);
    assert_int_equal(zkc_lock_acquire(l->lock, context), ZKC_ETIMEDOUT);
    in_time(start);
    zkc_context_free(context);
    ends_clean(l);
}

static void try_ends_in_time(void **state)
{
    struct line *l = *state;
    zkc_context *context;
    int64_t start;

    cut_at_moment(l);
    start = now_ns();
    context = scene_context(WAIT_MS);
    assert_int_equal(zkc_lock_try_acquire(l->lock, context), ZKC_ETIMEDOUT);
    in_time(start);
    zkc_context_free(context);
    ends_clean(l);
}

static void election_ends_in_time(void **state)
{
    struct line *l = *state;
    zkc_context *context;
    zkc_elected *elected = NULL;
    int64_t start;

    cut_at_moment(l);
    start = now_ns();
    context = scene_context(WAIT_MS);
    assert_int_equal(zkc_leader_elect(l->leader, context, &elected), ZKC_ETIMEDOUT);
    in_time(start);
    assert_null(elected);
    zkc_context_free(context);
    ends_clean(l);
}

static void async_wait_ends_in_time(void **state)
{
    struct line *l = *state;
    struct scene_outcome o;
    int64_t start;

    cut_at_moment(l);
    scene_outcome_init(&o);
    start = now_ns();
    assert_int_equal(zkc_lock_acquire_async(l->lock, WAIT_MS, scene_done, &o), ZKC_OK);
    assert_int_equal(scene_result(&o, SOON), ZKC_ETIMEDOUT);
    in_time(start);
    ends_clean(l);
    assert_int_equal(scene_calls(&o), 1);
    scene_outcome_end(&o);
}

/* Cancelled with the link dead: at once. */
static void cancel_is_immediate(void **state)
{
    struct line *l = *state;
    zkc_context *context = scene_context(-1);
    struct scene_call call = {.call = scene_acquire, .lock = l->lock, .context = context};
    int64_t start;

    cut_at_moment(l);
    scene_start(&call);
    assert_true(proxy_wait_requests(l->proxy, PROXY_ANY_CHILDREN, 1, SOON));
    start = now_ns();
    zkc_context_cancel(context);
    assert_int_equal(scene_join(&call, SOON), ZKC_ECANCELED);
    assert_in_range((call.ended - start) / 1000000, 0, WAIT_MOST_MS - WAIT_MS);
    zkc_context_free(context);
    ends_clean(l);
}

/* ---- release on a dead link ---- */

static void release_ends_in_time(void **state)
{
    struct line *l = *state;
    zkc_context *context;
    int64_t start;

    assert_int_equal(zkc_lock_acquire(l->lock, NULL), ZKC_OK);
    if (l->how->resets)
        kill_link_at(l, PROXY_DELETE, PROXY_CALL_BEFORE);
    else
        proxy_set_mode(l->proxy, PROXY_BLACKHOLE);
    start = now_ns();
    context = scene_context(WAIT_MS);
    assert_int_equal(zkc_lock_release(l->lock, context), ZKC_ETIMEDOUT);
    in_time(start);
    assert_false(zkc_lock_is_held(l->lock));
    zkc_context_free(context);
    assert_int_equal(scene_count(direct, l->path), 1);
    ends_clean(l);
}

/* ---- the table ---- */

#define DEAD(name_, test_, ...)                                             \
    {                                                                       \
        name_, test_, set_up, tear_down, (&(struct dead_link){__VA_ARGS__}) \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(giving_a_lock_up_races_with_its_grant),
        cmocka_unit_test(giving_an_election_up_races_with_its_gain),
        DEAD("wait, dead from the start", own_wait_ends_in_time, .moment = BEFORE_CREATE),
        DEAD("wait, create lost", own_wait_ends_in_time, .moment = CREATE_LOST),
        DEAD("wait, create lost for good", own_wait_ends_in_time, .moment = CREATE_LOST,
             .resets = true),
        DEAD("wait, create applied", own_wait_ends_in_time, .moment = CREATE_APPLIED),
        DEAD("wait, create applied, reply lost for good", own_wait_ends_in_time,
             .moment = CREATE_APPLIED, .resets = true),
        DEAD("wait, list lost", own_wait_ends_in_time, .moment = LIST_LOST, .resets = true),
        DEAD("wait, link dies while waiting", own_wait_ends_in_time, .moment = WAITING),
        DEAD("deadline, dead from the start", deadline_ends_in_time, .moment = BEFORE_CREATE),
        DEAD("deadline, create applied", deadline_ends_in_time, .moment = CREATE_APPLIED,
             .resets = true),
        DEAD("deadline, link dies while waiting", deadline_ends_in_time, .moment = WAITING,
             .resets = true),
        DEAD("try, dead from the start", try_ends_in_time, .moment = BEFORE_CREATE),
        DEAD("try, create applied", try_ends_in_time, .moment = CREATE_APPLIED, .resets = true),
        DEAD("election, dead from the start", election_ends_in_time, .moment = BEFORE_CREATE),
        DEAD("election, create applied", election_ends_in_time, .moment = CREATE_APPLIED,
             .resets = true),
        DEAD("async, create applied", async_wait_ends_in_time, .moment = CREATE_APPLIED),
        DEAD("cancel, dead from the start", cancel_is_immediate, .moment = BEFORE_CREATE),
        DEAD("cancel, create applied", cancel_is_immediate, .moment = CREATE_APPLIED,
             .resets = true),
        DEAD("release, dead link", release_ends_in_time, .moment = BEFORE_CREATE),
        DEAD("release, delete lost for good", release_ends_in_time, .resets = true),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
