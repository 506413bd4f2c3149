/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link is cut at every step of a lock's and a candidate's life, while a rival with a link of
 * its own wants the same: there are never two holders, and nothing is left behind.
 */
#define _GNU_SOURCE
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define TICK_MS 200
#define SESSION_MS 2000      /* silence is noticed after 2/3 of it */
#define HOLD_SESSION_MS 4000 /* where something must be held on a busy machine */
#define SOON deadline_in_ms(20000)
#define CALM_SESSION_MS 16000 /* beats are so far apart that requests can be counted */

static struct servers *servers;
static struct probe *direct; /* sees what is true on the server */

/* What is cut, and how. */
struct cut {
    enum scene_kind kind;
    enum proxy_op op;
    enum proxy_action action;
    enum proxy_mode mode;
    int for_ms;
    bool meanwhile; /* the rival leaves while the link is cut */
    bool fresh;     /* the directory does not exist yet */
    int session_ms; /* 0: SESSION_MS */
};

struct bench {
    const struct cut *cut;
    struct proxy *proxy; /* before "mine" */
    zkc_sync *syncs[2];
    struct scene_seat mine, rival;
    struct scene_umpire umpire;
    zkc_context *patience;
    char ahead[256]; /* node of the one who holds */
};

static int start_server(void **state)
{
    (void)state;
    servers = servers_start(
        &(struct servers_options){.tick_ms = TICK_MS, .extra = "maxSessionTimeout=20000\n"});
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

static void open_seats(struct bench *b)
{
    static int number;
    int session_ms = b->cut->session_ms ? b->cut->session_ms : SESSION_MS;
    struct scene how = {.nodes = proxy_address(b->proxy), .session_ms = session_ms, .id = "mine"};
    char id[32];

    snprintf(id, sizeof(id), "cut-%d", number++);
    b->syncs[0] = scene_open_as(&how);
    /* No test cuts the rival off: what it holds it keeps, on a busy machine, too. */
    how.nodes = server_address(servers, 0);
    how.session_ms = CALM_SESSION_MS;
    how.id = "rival";
    b->syncs[1] = scene_open_as(&how);
    scene_seat_open(&b->mine, b->syncs[0], b->cut->kind, id);
    scene_seat_open(&b->rival, b->syncs[1], b->cut->kind, id);
    if (!b->cut->fresh)
        assert_int_equal(probe_make_path(direct, b->mine.path), ZOK);
}

static int set_up(void **state)
{
    static struct bench b;

    memset(&b, 0, sizeof(b));
    b.cut = *state;
    b.proxy = proxy_start(server_address(servers, 0));
    if (!b.proxy)
        return -1;
    open_seats(&b);
    b.patience = scene_context(20000);
    scene_umpire_init(&b.umpire);
    scene_umpire_add(&b.umpire, &b.mine);
    scene_umpire_add(&b.umpire, &b.rival);
    scene_umpire_start(&b.umpire);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    unsigned fouls = scene_umpire_stop(&b->umpire);

    proxy_set_mode(b->proxy, PROXY_PASS);
    proxy_refuse(b->proxy, false);
    proxy_release(b->proxy);
    scene_seat_close(&b->mine);
    scene_seat_close(&b->rival);
    zkc_sync_close(b->syncs[0]);
    zkc_sync_close(b->syncs[1]);
    zkc_context_free(b->patience);
    proxy_stop(b->proxy);
    return fouls ? -1 : 0;
}

/* ---- what is true ---- */

static bool mine_is_held(void *arg)
{
    return scene_seat_is_held(&((struct bench *)arg)->mine);
}

static bool mine_waits(void *arg)
{
    return !scene_seat_decided(&((struct bench *)arg)->mine);
}

static bool rival_waits(void *arg)
{
    return !scene_seat_decided(&((struct bench *)arg)->rival);
}

/* Whoever holds has asked for its descriptor and watches its own node, so who waits is the second.
 */
static bool somebody_is_next(void *arg)
{
    struct bench *b = arg;

    return server_watchers(servers, 0, b->ahead) >= 2;
}

static void wait_until_queued(struct bench *b)
{
    assert_true(scene_wait_count(direct, b->mine.path, 2, SOON));
    assert_true(scene_nth_node(direct, b->mine.path, 0, b->ahead, sizeof(b->ahead)));
    assert_true(wait_until(somebody_is_next, b, SOON));
}

static bool lease_is_long(void *arg)
{
    return scene_seat_remaining_ms(&((struct bench *)arg)->mine) >= HOLD_SESSION_MS * 2 / 5;
}

static bool is_fair(void *arg)
{
    return scene_umpire_fouls(&((struct bench *)arg)->umpire) == 0;
}

/* ---- steps ---- */

static void take(struct bench *b, struct scene_seat *s)
{
    assert_int_equal(scene_seat_take(s, b->patience), ZKC_OK);
    assert_true(scene_seat_is_held(s));
    assert_true(scene_seat_revoked_fd(s) >= 0);
}

/* Waits for the end of scene_seat_take_async(). */
static void taken(struct scene_seat *s)
{
    assert_int_equal(scene_seat_result(s, SOON), ZKC_OK);
    assert_true(scene_seat_is_held(s));
    assert_true(scene_seat_revoked_fd(s) >= 0);
}

static void leave(struct bench *b, struct scene_seat *s)
{
    assert_int_equal(scene_seat_leave(s, b->patience), ZKC_OK);
    assert_false(scene_seat_is_held(s));
}

/* The one who holds has one node; the other one gets it next, and then it is over. */
static void hand_over(struct bench *b, struct scene_seat *from, struct scene_seat *to)
{
    int64_t token = scene_seat_token(from);

    assert_true(scene_wait_count(direct, b->mine.path, 1, SOON));
    scene_seat_take_async(to, 0);
    wait_until_queued(b);
    assert_false(scene_seat_decided(to));
    leave(b, from);
    taken(to);
    assert_true(scene_seat_token(to) > token);
    leave(b, to);
    assert_true(is_fair(b));
    scene_nothing_left(servers, direct, b->mine.path, SOON);
}

static void heal(struct bench *b)
{
    proxy_refuse(b->proxy, false);
    proxy_set_mode(b->proxy, PROXY_PASS);
}

/* ---- acquire ---- */

static void acquire_survives(void **state)
{
    struct bench *b = *state;
    int rule = proxy_on(b->proxy, b->cut->op, 1, b->cut->action);

    take(b, &b->mine);
    assert_int_equal(proxy_fired(b->proxy, rule), 1);
    hand_over(b, &b->mine, &b->rival);
}

/* The node that nobody was told of: made, and the way back is dead for longer than the session. */
static void nobodys_node_goes(void **state)
{
    struct bench *b = *state;

    proxy_set_mode(b->proxy, PROXY_BLACKHOLE_TO_CLIENT);
    scene_seat_take_async(&b->mine, 0);
    assert_true(scene_wait_count(direct, b->mine.path, 1, SOON));
    scene_seat_take_async(&b->rival, 0);
    assert_true(scene_wait_count(direct, b->mine.path, 2, SOON));
    proxy_set_mode(b->proxy, PROXY_BLACKHOLE);
    taken(&b->rival);
    assert_true(mine_waits(b));
    heal(b);
    wait_until_queued(b);
    leave(b, &b->rival);
    taken(&b->mine);
    hand_over(b, &b->mine, &b->rival);
}

/* Given up while nobody knows whether the node was made. */
static void given_up_in_doubt(void **state)
{
    struct bench *b = *state;
    int rule = proxy_on(b->proxy, b->cut->op, 1, b->cut->action);

    scene_seat_take_async(&b->mine, 1000);
    assert_int_equal(scene_seat_result(&b->mine, SOON), ZKC_ETIMEDOUT);
    assert_true(proxy_wait_fired(b->proxy, rule, SOON));
    proxy_release(b->proxy);
    scene_nothing_left(servers, direct, b->mine.path, SOON);
    take(b, &b->mine);
    hand_over(b, &b->mine, &b->rival);
}

/* ---- waiting ---- */

/* The request that sets the watch on the one ahead is lost. */
static void watching_survives(void **state)
{
    struct bench *b = *state;
    int rule;

    take(b, &b->rival);
    assert_true(scene_nth_node(direct, b->mine.path, 0, b->ahead, sizeof(b->ahead)));
    rule = proxy_add(b->proxy, (struct proxy_rule){.op = PROXY_GET_DATA,
                                                   .action = b->cut->action,
                                                   .containing = b->ahead});
    scene_seat_take_async(&b->mine, 0);
    assert_true(proxy_wait_fired(b->proxy, rule, SOON));
    if (!b->cut->meanwhile)
        wait_until_queued(b);
    assert_true(mine_waits(b));
    leave(b, &b->rival);
    taken(&b->mine);
    hand_over(b, &b->mine, &b->rival);
}

static void cut_for_a_while(struct bench *b, bool (*condition)(void *arg))
{
    if (b->cut->mode == PROXY_PASS)
        proxy_reset_all(b->proxy);
    else
        proxy_set_mode(b->proxy, b->cut->mode);
    if (b->cut->meanwhile)
        leave(b, &b->rival);
    if (b->cut->for_ms > 0)
        assert_true(holds_until(condition, b, deadline_in_ms(b->cut->for_ms)));
    heal(b);
}

static void waiting_survives(void **state)
{
    struct bench *b = *state;

    take(b, &b->rival);
    scene_seat_take_async(&b->mine, 0);
    wait_until_queued(b);
    cut_for_a_while(b, mine_waits);
    if (!b->cut->meanwhile) {
        wait_until_queued(b);
        assert_true(mine_waits(b));
        leave(b, &b->rival);
    }
    taken(&b->mine);
    hand_over(b, &b->mine, &b->rival);
}

/* ---- holding ---- */

static void short_cut_changes_nothing(void **state)
{
    struct bench *b = *state;
    int64_t token;

    take(b, &b->mine);
    token = scene_seat_token(&b->mine);
    scene_seat_take_async(&b->rival, 0);
    wait_until_queued(b);
    assert_true(wait_until(lease_is_long, b, SOON));
    cut_for_a_while(b, mine_is_held);
    assert_true(holds_until(mine_is_held, b, deadline_in_ms(HOLD_SESSION_MS)));
    assert_true(rival_waits(b));
    assert_true(scene_seat_token(&b->mine) == token);
    assert_int_equal(scene_seat_reason(&b->mine), ZKC_OK);
    assert_false(scene_readable(scene_seat_revoked_fd(&b->mine)));
    leave(b, &b->mine);
    taken(&b->rival);
    hand_over(b, &b->rival, &b->mine);
}

static bool mines_end_was_seen(void *arg)
{
    struct bench *b = arg;

    return scene_umpire_belief(&b->umpire, &b->mine).over != 0;
}

static void print_margin(struct bench *b)
{
    struct scene_belief belief;

    assert_true(wait_until(mines_end_was_seen, b, SOON));
    belief = scene_umpire_belief(&b->umpire, &b->mine);
    assert_true(belief.last < b->rival.granted_at);
    print_message("granted %.1f ms after the old holder's end\n",
                  (double)(b->rival.granted_at - belief.over) / 1e6);
}

/* Both believe what they may, and the queue goes on behind the one who came late. */
static void back_in_the_queue(struct bench *b)
{
    int64_t old = scene_seat_token(&b->rival);

    scene_seat_take_async(&b->mine, 0);
    wait_until_queued(b);
    assert_true(mine_waits(b));
    leave(b, &b->rival);
    taken(&b->mine);
    assert_true(scene_seat_token(&b->mine) > old);
    hand_over(b, &b->mine, &b->rival);
}

static void long_cut_revokes_in_time(void **state)
{
    struct bench *b = *state;
    int fd;

    take(b, &b->mine);
    fd = scene_seat_revoked_fd(&b->mine);
    assert_false(scene_readable(fd));
    scene_seat_take_async(&b->rival, 0);
    wait_until_queued(b);
    proxy_set_mode(b->proxy, b->cut->mode);
    taken(&b->rival);
    assert_false(scene_seat_is_held(&b->mine));
    assert_true(scene_readable(fd));
    assert_int_equal(scene_seat_reason(&b->mine), ZKC_ELEASE);
    print_margin(b);
    heal(b);
    back_in_the_queue(b);
}

/* The same without a server to be found. */
static void refused_for_long(void **state)
{
    struct bench *b = *state;

    take(b, &b->mine);
    scene_seat_take_async(&b->rival, 0);
    wait_until_queued(b);
    proxy_refuse(b->proxy, true);
    proxy_reset_all(b->proxy);
    taken(&b->rival);
    assert_false(scene_seat_is_held(&b->mine));
    print_margin(b);
    heal(b);
    back_in_the_queue(b);
}

/* ---- release ---- */

static void release_survives(void **state)
{
    struct bench *b = *state;
    struct scene_call call = {.call = scene_leave, .arg = &b->mine, .context = b->patience};
    int rule;

    take(b, &b->mine);
    scene_seat_take_async(&b->rival, 0);
    wait_until_queued(b);
    rule = proxy_on(b->proxy, PROXY_DELETE, 1, b->cut->action);
    scene_start(&call);
    assert_true(proxy_wait_fired(b->proxy, rule, SOON));
    assert_false(scene_seat_is_held(&b->mine)); /* over at once, confirmed or not */
    assert_int_equal(scene_join(&call, SOON), ZKC_OK);
    taken(&b->rival);
    hand_over(b, &b->rival, &b->mine);
}

/* ---- again and again ---- */

struct contention {
    struct bench *bench;
    struct scene_seat *seat;
    int64_t until;
};

/* Takes and leaves; what the cuts revoked needs no leaving. */
static int contend(struct scene_call *c)
{
    struct contention *contention = c->arg;
    int grants = 0;

    while (!deadline_passed(contention->until)) {
        int result = scene_seat_take(contention->seat, c->context);
        if (result != ZKC_OK)
            return result;
        grants++;
        result = scene_seat_leave(contention->seat, c->context);
        if (result != ZKC_OK)
            return result;
    }
    return grants;
}

static void let_pass(struct bench *b, uint32_t ms)
{
    assert_true(holds_until(is_fair, b, deadline_in_ms(ms)));
}

static void shake(struct bench *b)
{
    static const enum proxy_mode modes[] = {PROXY_BLACKHOLE, PROXY_BLACKHOLE_TO_SERVER,
                                            PROXY_BLACKHOLE_TO_CLIENT, PROXY_PASS};

    proxy_set_mode(b->proxy, modes[harness_random(4)]);
    let_pass(b, harness_random(SESSION_MS / 2));
    if (harness_random(2))
        proxy_reset_all(b->proxy);
    proxy_set_mode(b->proxy, PROXY_PASS);
    let_pass(b, harness_random(SESSION_MS / 4));
}

static void flapping_link(void **state)
{
    struct bench *b = *state;
    int64_t until = deadline_in_ms(4000);
    struct contention contentions[2] = {{b, &b->mine, until}, {b, &b->rival, until}};
    struct scene_call calls[2];
    int grants[2];

    for (int i = 0; i < 2; i++) {
        calls[i] =
            (struct scene_call){.call = contend, .arg = &contentions[i], .context = b->patience};
        scene_start(&calls[i]);
    }
    while (!deadline_passed(until))
        shake(b);
    for (int i = 0; i < 2; i++)
        grants[i] = scene_join(&calls[i], SOON);
    print_message("%d grants behind the flapping link, %d beside it\n", grants[0], grants[1]);
    assert_true(grants[0] > 0 && grants[1] > 0);
    assert_true(is_fair(b));
    scene_nothing_left(servers, direct, b->mine.path, SOON);
    take(b, &b->mine);
    hand_over(b, &b->mine, &b->rival);
}

/* ---- what it costs ---- */

/* Whatever is not part of keeping an idle session alive. */
static unsigned requests(struct bench *b)
{
    return proxy_requests(b->proxy, PROXY_ANY) - proxy_requests(b->proxy, PROXY_SYNC);
}

/* As the user of a lock does it who asks for nothing more. */
static void take_plainly(struct bench *b)
{
    assert_int_equal(scene_seat_take(&b->mine, b->patience), ZKC_OK);
}

/* Returns how many requests it took, less the own watch of a leader. */
static unsigned acquire_and_count(struct bench *b)
{
    unsigned own_watch = b->cut->kind == SCENE_LEADER ? 1 : 0;

    proxy_reset_counters(b->proxy);
    take_plainly(b);
    assert_int_equal(proxy_requests(b->proxy, PROXY_CREATE2), 1);
    assert_int_equal(proxy_requests(b->proxy, PROXY_GET_CHILDREN), 1);
    assert_true(proxy_wait_replies(b->proxy, PROXY_GET_DATA, own_watch, SOON));
    return requests(b) - own_watch;
}

static void release_is_one_delete(struct bench *b)
{
    proxy_reset_counters(b->proxy);
    leave(b, &b->mine);
    assert_int_equal(proxy_requests(b->proxy, PROXY_DELETE), 1);
    assert_int_equal(requests(b), 1);
}

static void requests_of_an_acquire(void **state)
{
    struct bench *b = *state;

    assert_int_equal(acquire_and_count(b), 2); /* create and list */
    release_is_one_delete(b);
    scene_nothing_left(servers, direct, b->mine.path, SOON);
}

/*
 * An idle session costs the quorum nothing, and its lease need not be proven first. Unless the
 * machine stalls for a quarter of a session: so there is more than one try.
 */
static void idle_session_is_ready(void **state)
{
    struct bench *b = *state;
    unsigned took = 0;

    for (int try = 0; try < 3 && took != 2; try++) {
        take_plainly(b);
        leave(b, &b->mine);
        proxy_reset_counters(b->proxy);
        assert_true(proxy_wait_requests(b->proxy, PROXY_SYNC, 6, SOON)); /* longer than a lease */
        assert_int_equal(requests(b), 0);
        took = acquire_and_count(b);
        leave(b, &b->mine);
    }
    assert_int_equal(took, 2);
}

/* Both requests are on their way before the first answer: one round trip. */
static void acquire_is_one_round_trip(void **state)
{
    struct bench *b = *state;
    struct scene_call call = {.call = scene_take, .arg = &b->mine, .context = b->patience};
    int rule = proxy_on(b->proxy, PROXY_CREATE2, 1, PROXY_HOLD_REPLY);

    scene_start(&call);
    assert_true(proxy_wait_fired(b->proxy, rule, SOON));
    assert_true(proxy_wait_replies(b->proxy, PROXY_GET_CHILDREN, 1, SOON));
    assert_false(scene_returned(&call));
    proxy_release(b->proxy);
    assert_int_equal(scene_join(&call, SOON), ZKC_OK);
    leave(b, &b->mine);
}

/* Right after a beat, so that no other falls into the hand-over. */
static void hand_over_is_free(void **state)
{
    struct bench *b = *state;

    take(b, &b->rival);
    scene_seat_take_async(&b->mine, 0);
    wait_until_queued(b);
    proxy_reset_counters(b->proxy);
    assert_true(proxy_wait_replies(b->proxy, PROXY_MULTI, 1, SOON));
    proxy_reset_counters(b->proxy);
    leave(b, &b->rival);
    assert_int_equal(scene_seat_result(&b->mine, SOON), ZKC_OK);
    assert_int_equal(proxy_requests(b->proxy, PROXY_ANY), 0);
    assert_int_equal(proxy_replies(b->proxy, PROXY_NOTIFICATION), 1);
    leave(b, &b->mine);
    scene_nothing_left(servers, direct, b->mine.path, SOON);
}

/* ---- the table ---- */

#define NAMED(name_, test_, cut_)             \
    {                                         \
        name_, test_, set_up, tear_down, cut_ \
    }
#define CUT(name_, test_, ...)                                                      \
    NAMED("lock: " name_, test_, (&(struct cut){.kind = SCENE_LOCK, __VA_ARGS__})), \
        NAMED("leader: " name_, test_, (&(struct cut){.kind = SCENE_LEADER, __VA_ARGS__}))

/* The four ways to lose a request. */
#define LOST(name_, test_, ...)                                                            \
    CUT(name_ ", reset before", test_, .action = PROXY_RESET_BEFORE, __VA_ARGS__),         \
        CUT(name_ ", silence before", test_, .action = PROXY_SILENCE_BEFORE, __VA_ARGS__), \
        CUT(name_ ", reply reset", test_, .action = PROXY_RESET_AFTER, __VA_ARGS__),       \
        CUT(name_ ", reply silenced", test_, .action = PROXY_SILENCE_AFTER, __VA_ARGS__)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        LOST("create lost", acquire_survives, .op = PROXY_ANY_CREATE),
        LOST("list lost", acquire_survives, .op = PROXY_ANY_CHILDREN),
        CUT("parents lost, reset before", acquire_survives, .op = PROXY_CREATE_CONTAINER,
            .action = PROXY_RESET_BEFORE, .fresh = true),
        CUT("parents lost, reply reset", acquire_survives, .op = PROXY_CREATE_CONTAINER,
            .action = PROXY_RESET_AFTER, .fresh = true),
        CUT("session lost with the reply", nobodys_node_goes, .fresh = false),
        CUT("given up, create lost", given_up_in_doubt, .op = PROXY_ANY_CREATE,
            .action = PROXY_SILENCE_BEFORE),
        CUT("given up, reply to create lost", given_up_in_doubt, .op = PROXY_ANY_CREATE,
            .action = PROXY_SILENCE_AFTER),
        CUT("given up, create late", given_up_in_doubt, .op = PROXY_ANY_CREATE,
            .action = PROXY_HOLD_REQUEST),
        CUT("given up, reply to create late", given_up_in_doubt, .op = PROXY_ANY_CREATE,
            .action = PROXY_HOLD_REPLY),
        LOST("watch lost", watching_survives, .meanwhile = false),
        CUT("watch lost, reset before, rival leaves", watching_survives,
            .action = PROXY_RESET_BEFORE, .meanwhile = true),
        CUT("watch lost, reply silenced, rival leaves", watching_survives,
            .action = PROXY_SILENCE_AFTER, .meanwhile = true),
        CUT("waiting, reset", waiting_survives, .mode = PROXY_PASS),
        CUT("waiting, reset, rival leaves", waiting_survives, .mode = PROXY_PASS,
            .meanwhile = true),
        CUT("waiting, short silence", waiting_survives, .mode = PROXY_BLACKHOLE,
            .for_ms = SESSION_MS / 4),
        CUT("waiting, short silence, rival leaves", waiting_survives, .mode = PROXY_BLACKHOLE,
            .for_ms = SESSION_MS / 4, .meanwhile = true),
        CUT("waiting, events lost, rival leaves", waiting_survives,
            .mode = PROXY_BLACKHOLE_TO_CLIENT, .for_ms = SESSION_MS * 5 / 6, .meanwhile = true),
        CUT("waiting, long silence", waiting_survives, .mode = PROXY_BLACKHOLE,
            .for_ms = SESSION_MS * 5 / 6),
        CUT("waiting, session lost", waiting_survives, .mode = PROXY_BLACKHOLE,
            .for_ms = SESSION_MS * 3 / 2),
        CUT("waiting, session lost, rival leaves", waiting_survives, .mode = PROXY_BLACKHOLE,
            .for_ms = SESSION_MS * 3 / 2, .meanwhile = true),
        CUT("holding, reset", short_cut_changes_nothing, .mode = PROXY_PASS,
            .for_ms = HOLD_SESSION_MS / 7, .session_ms = HOLD_SESSION_MS),
        CUT("holding, short silence", short_cut_changes_nothing, .mode = PROXY_BLACKHOLE,
            .for_ms = HOLD_SESSION_MS / 7, .session_ms = HOLD_SESSION_MS),
        CUT("holding, long silence", long_cut_revokes_in_time, .mode = PROXY_BLACKHOLE,
            .session_ms = HOLD_SESSION_MS),
        CUT("holding, requests lost", long_cut_revokes_in_time, .mode = PROXY_BLACKHOLE_TO_SERVER,
            .session_ms = SESSION_MS),
        CUT("holding, refused", refused_for_long, .session_ms = SESSION_MS),
        LOST("delete lost", release_survives, .op = PROXY_DELETE),
        CUT("flapping link", flapping_link, .mode = PROXY_PASS),
        CUT("requests of an acquire", requests_of_an_acquire, .session_ms = CALM_SESSION_MS),
        CUT("acquire is one round trip", acquire_is_one_round_trip, .session_ms = CALM_SESSION_MS),
        CUT("hand-over is free", hand_over_is_free, .session_ms = CALM_SESSION_MS),
        CUT("idle session is ready", idle_session_is_ready, .session_ms = HOLD_SESSION_MS),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
