/* SPDX-License-Identifier: Apache-2.0 */
#include "stories.h"

#include "core/session.h"
#include "zk/zk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTORS 16
#define CALLS 256
#define WORLDS 5
#define PATIENCE (300 * SIM_SECOND) /* whatever takes longer does not come */

static struct {
    struct actor actors[ACTORS];
    int count;
    struct call calls[CALLS];
    int calls_made;
    bool open;
    uint64_t seed;
} all;

/* ---- worlds ---- */

void story_in_each_world(void (*tell)(void))
{
    const char *seed = getenv("ZKC_SEED");

    for (uint64_t world = 1; world <= WORLDS; world++) {
        all.seed = seed != NULL ? strtoull(seed, NULL, 0) : world;
        tell();
        if (seed != NULL)
            break;
    }
}

/* After an assertion that failed. */
int story_abandoned(void **state)
{
    (void)state;
    if (!all.open)
        return 0;
    story_print();
    print_message("ZKC_SEED=%llu tells this world only\n", (unsigned long long)all.seed);
    if (world_failure() != NULL)
        print_message("%s\n", world_failure());
    beliefs_end();
    cluster_end();
    world_end();
    all.open = false;
    return 0;
}

void scene_with(const struct cluster_options *options)
{
    struct cluster_options known = *options;

    if (known.tick == 0)
        known.tick = TICK * SIM_MS;
    if (known.most_delay == 0) {
        known.least_delay = SIM_MS / 2;
        known.most_delay = SIM_MS;
    }
    if (known.container_check == 0)
        known.container_check = 3600 * SIM_SECOND; /* empty directories stay */
    memset(&all.actors, 0, sizeof all.actors);
    memset(&all.calls, 0, sizeof all.calls);
    all.count = all.calls_made = 0;
    all.open = true;
    story_keep(true);
    world_begin(all.seed);
    cluster_begin(&known);
    beliefs_begin();
    run_for(MOMENT);
}

void scene(int servers)
{
    scene_with(&(struct cluster_options){.servers = servers});
}

static void nobody_is_left(const char *directory)
{
    assert_int_equal(queue_length(directory), 0);
}

void scene_end(void)
{
    for (int i = 0; i < all.count; i++)
        if (all.actors[i].sync != NULL && !machine_dead(all.actors[i].machine))
            assert_int_equal(does(&all.actors[i], close_client, NO_LIMIT), ZKC_OK);
    run_for(10 * TIMEOUT);
    nobody_is_left(LOCK_DIRECTORY);
    nobody_is_left(LEADER_DIRECTORY);
    assert_int_equal(cluster_watches(), 0);
    assert_int_equal(cluster_sessions(), 0);
    for (int i = 0; i < all.count; i++) {
        assert_int_equal(machine_blocks(all.actors[i].machine), 0);
        assert_int_equal(machine_alarms(all.actors[i].machine), 0);
    }
    beliefs_end();
    cluster_end();
    world_end();
    all.open = false;
}

/* ---- actors ---- */

struct actor *actor(const char *name, int drift_ppm)
{
    struct actor *who;

    assert_true(all.count < ACTORS);
    who = &all.actors[all.count++];
    who->machine = machine_new(name, world_between(1, 1000) * SIM_SECOND, drift_ppm);
    snprintf(who->addresses, sizeof who->addresses, "%s", cluster_addresses());
    ZKC_INIT(&who->options);
    who->options.nodes = who->addresses;
    who->options.name_space = "/g";
    who->options.session_timeout_ms = TIMEOUT;
    return who;
}

struct actor *enters(const char *name)
{
    struct actor *who = actor(name, 0);

    assert_int_equal(does(who, open_client, NO_LIMIT), ZKC_OK);
    return who;
}

struct actor *enters_to_share(const char *name)
{
    struct actor *who = actor(name, 0);

    who->shares = true;
    assert_int_equal(does(who, open_client, NO_LIMIT), ZKC_OK);
    return who;
}

struct actor *enters_at(const char *name, int server)
{
    struct actor *who = actor(name, 0);

    cluster_address(server, who->addresses, sizeof who->addresses);
    assert_int_equal(does(who, open_client, NO_LIMIT), ZKC_OK);
    return who;
}

int a_follower(void)
{
    return (cluster_leader() + 1) % cluster_servers();
}

/* ---- calls ---- */

static void perform(void *arg)
{
    struct call *call = arg;

    call->result = call->act(call->actor, call->context);
    call->ended = world_now();
    zkc_context_free(call->context);
    call->context = NULL;
    call->over = true;
}

static void make_context(void *arg)
{
    struct call *call = arg;

    call->result = zkc_context_new(NULL, &call->context);
    if (call->ended >= 0)
        zkc_context_set_timeout_ms(call->context, call->ended);
}

struct call *begins(struct actor *who, act_fn act, int64_t limit_ms)
{
    struct call *call;

    assert_true(all.calls_made < CALLS);
    call = &all.calls[all.calls_made++];
    *call = (struct call){.actor = who, .act = act, .began = world_now(), .ended = limit_ms};
    machine_visit(who->machine, make_context, call);
    assert_int_equal(call->result, ZKC_OK);
    fiber_start(who->machine, "call", perform, call);
    return call;
}

int outcome(struct call *call)
{
    int64_t limit = world_now() + PATIENCE;

    while (!call->over && world_step(limit))
        ;
    if (!call->over)
        fail_msg("a call does not return: %s",
                 world_failure() != NULL ? world_failure() : "time is over");
    return call->result;
}

int does(struct actor *who, act_fn act, int64_t limit_ms)
{
    return outcome(begins(who, act, limit_ms));
}

int64_t took(struct actor *who, act_fn act, int64_t limit_ms)
{
    struct call *call = begins(who, act, limit_ms);

    assert_int_equal(outcome(call), ZKC_OK);
    return (call->ended - call->began) / SIM_MS;
}

struct visit {
    struct actor *actor;
    int (*fn)(struct actor *actor);
    int result;
};

static void visit(void *arg)
{
    struct visit *going = arg;

    going->result = going->fn(going->actor);
}

int on(struct actor *who, int (*fn)(struct actor *actor))
{
    struct visit going = {who, fn, 0};

    machine_visit(who->machine, visit, &going);
    return going.result;
}

int open_client(struct actor *who, zkc_context *context)
{
    int result = zkc_sync_open(&who->options, context, &who->sync);
    zkc_lock_options options;

    ZKC_INIT(&options);
    options.shared = who->shares;
    if (result == ZKC_OK)
        result = zkc_lock_open(who->sync, "a", &options, &who->lock);
    if (result == ZKC_OK)
        result = zkc_leader_open(who->sync, "a", NULL, &who->leader);
    return result;
}

int close_client(struct actor *who, zkc_context *context)
{
    int result = zkc_sync_close(who->sync);

    (void)context;
    who->sync = NULL;
    zkc_lock_close(who->lock);
    zkc_leader_close(who->leader);
    zkc_elected_close(who->elected);
    who->lock = NULL;
    who->leader = NULL;
    who->elected = NULL;
    return result;
}

int acquire(struct actor *who, zkc_context *context)
{
    return zkc_lock_acquire(who->lock, context);
}

int try_acquire(struct actor *who, zkc_context *context)
{
    return zkc_lock_try_acquire(who->lock, context);
}

int release(struct actor *who, zkc_context *context)
{
    return zkc_lock_release(who->lock, context);
}

int wait_revoked(struct actor *who, zkc_context *context)
{
    return who->elected != NULL ? zkc_elected_wait_revoked(who->elected, context)
                                : zkc_lock_wait_revoked(who->lock, context);
}

int elect(struct actor *who, zkc_context *context)
{
    return zkc_leader_elect(who->leader, context, &who->elected);
}

int resign(struct actor *who, zkc_context *context)
{
    int result = zkc_elected_resign(who->elected, context);

    zkc_elected_close(who->elected);
    who->elected = NULL;
    return result;
}

/* ---- looking ---- */

static int ask_held(struct actor *who)
{
    return who->elected != NULL ? zkc_elected_is_valid(who->elected) : zkc_lock_is_held(who->lock);
}

bool holds(struct actor *who)
{
    return on(who, ask_held) != 0;
}

static int ask_remaining(struct actor *who)
{
    return (int)(who->elected != NULL ? zkc_elected_remaining_ms(who->elected)
                                      : zkc_lock_remaining_ms(who->lock));
}

int64_t remaining(struct actor *who)
{
    return on(who, ask_remaining);
}

int64_t token(struct actor *who)
{
    return who->elected != NULL ? zkc_elected_token(who->elected) : zkc_lock_token(who->lock);
}

static int ask_reason(struct actor *who)
{
    return who->elected != NULL ? zkc_elected_revoked_reason(who->elected)
                                : zkc_lock_revoked_reason(who->lock);
}

int reason(struct actor *who)
{
    return on(who, ask_reason);
}

static int ask_fd(struct actor *who)
{
    return who->elected != NULL ? zkc_elected_revoked_fd(who->elected)
                                : zkc_lock_revoked_fd(who->lock);
}

int revoked_fd(struct actor *who)
{
    int fd = on(who, ask_fd);

    assert_true(fd >= 0);
    return fd;
}

static void told(void *arg, int why)
{
    struct actor *who = arg;

    who->told++;
    who->reason = why;
}

static int ask_to_be_told(struct actor *who)
{
    return who->elected != NULL ? zkc_elected_on_revoked(who->elected, told, who)
                                : zkc_lock_on_revoked(who->lock, told, who);
}

void listens(struct actor *who)
{
    assert_int_equal(on(who, ask_to_be_told), ZKC_OK);
}

int asked(const struct actor *who, enum verb verb)
{
    return who->asked[verb];
}

void count_from_now(void)
{
    for (int i = 0; i < all.count; i++)
        memset(all.actors[i].asked, 0, sizeof all.actors[i].asked);
}

enum zk_submission __real_zk_submit(struct zk *zk, struct request *request,
                                    struct reply *ret_reply);
enum zk_submission __wrap_zk_submit(struct zk *zk, struct request *request,
                                    struct reply *ret_reply);

enum zk_submission __wrap_zk_submit(struct zk *zk, struct request *request, struct reply *ret_reply)
{
    story("asks: verb %d of %s%s", request->verb, request->path,
          request->watch ? ", watching" : "");
    for (int i = 0; i < all.count; i++) {
        if (all.actors[i].machine == machine_current())
            all.actors[i].asked[request->verb]++;
    }
    return __real_zk_submit(zk, request, ret_reply);
}

int queue_length(const char *directory)
{
    struct cluster_node nodes[64];
    int count = cluster_children(directory, nodes, 64), length = 0;

    for (int i = 0; i < count; i++)
        length += nodes[i].owner != 0;
    return length;
}

const char *node_of(int64_t number, const char *directory)
{
    struct cluster_node nodes[64];
    int count = cluster_children(directory, nodes, 64);

    for (int i = 0; i < count; i++)
        if (nodes[i].czxid == number)
            return nodes[i].path;
    return NULL;
}

int64_t session_of(struct actor *who)
{
    return cluster_session_of(who->machine, 0);
}

/* ---- time ---- */

int64_t now(void)
{
    return world_now() / SIM_MS;
}

static void run_until(int64_t when)
{
    while (world_step(when))
        ;
    if (world_failure() != NULL)
        fail_msg("%s", world_failure());
}

void run_to(int64_t ms)
{
    run_until(ms * SIM_MS);
}

void run_for(int64_t ms)
{
    run_until(world_now() + ms * SIM_MS);
}

void until_asks(struct actor *who, enum verb verb)
{
    int before = asked(who, verb);
    int64_t limit = world_now() + PATIENCE;

    while (asked(who, verb) == before && world_step(limit))
        ;
    assert_true(asked(who, verb) > before);
}

bool comes(bool (*condition)(struct actor *actor), struct actor *who, int64_t within_ms)
{
    int64_t until = world_now() + within_ms * SIM_MS;

    while (!condition(who))
        if (!world_step(until))
            return condition(who);
    return true;
}

/* ---- strangers ---- */

void stranger_deletes(const char *path)
{
    assert_non_null(path);
    beliefs_rob_node(path);
    assert_true(cluster_delete(path));
}

void stranger_ends_session(struct actor *who)
{
    int64_t session = session_of(who);

    beliefs_rob_session(session);
    assert_true(cluster_expire(session));
}
