/*
 * Hand-written stories: each brings one fault about at an exact moment and says what must come of
 * it. A story is told in a few worlds, which differ in what chance leaves open.
 *
 * Everybody contends for the lock and the leadership "a" under /g, with a session timeout of six
 * seconds; a tick is one. beliefs.c looks on: never two holders, nobody before its turn.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_STORIES_H
#define ZKC_SIM_STORIES_H

#include "beliefs.h"
#include "cluster.h"
#include "world.h"

#include "core/request.h"

#include <zkcoord/zkcoord.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define TICK 1000
#define TIMEOUT (6 * TICK)
#define MOMENT 40     /* more than it takes to be answered, less than anything is waited for */
#define NO_LIMIT (-1) /* of a call's time */

#define LOCK_DIRECTORY "/g/lock/a"
#define LEADER_DIRECTORY "/g/leader/a"

/* Defines a test that tells the story that follows in each world. */
#define STORY(name)                       \
    static void name##_once(void);        \
    static void name(void **state)        \
    {                                     \
        (void)state;                      \
        story_in_each_world(name##_once); \
    }                                     \
    static void name##_once(void)
void story_in_each_world(void (*tell)(void));

#define story_test(name) cmocka_unit_test_teardown(name, story_abandoned)
int story_abandoned(void **state);

/* A process that uses the library, on a machine of its own. */
struct actor {
    struct machine *machine;
    char addresses[80];
    zkc_options options;
    zkc_sync *sync;
    zkc_lock *lock;
    zkc_leader *leader;
    zkc_elected *elected;
    bool shares; /* the lock, with others that do */
    int told;    /* revocations that a callback has told */
    int reason;
    int asked[16]; /* requests by verb, from count_from_now() on */
};

/* ---- the scene ---- */

void scene(int servers);
void scene_with(const struct cluster_options *options);

/* Everybody closes what is open; nothing may be left anywhere. */
void scene_end(void);

/* Somebody whose client is not opened yet. */
struct actor *actor(const char *name, int drift_ppm);

/* With an open client: of all servers, or of one only. */
struct actor *enters(const char *name);
struct actor *enters_at(const char *name, int server);
struct actor *enters_to_share(const char *name);
int a_follower(void); /* a server that is not the leader */

/* ---- calls: in a thread of the actor's machine ---- */

typedef int (*act_fn)(struct actor *actor, zkc_context *context);
struct call {
    struct actor *actor;
    act_fn act;
    zkc_context *context;
    int64_t began, ended; /* true time */
    int result;
    bool over;
};
struct call *begins(struct actor *actor, act_fn act, int64_t limit_ms);
int outcome(struct call *call);                                  /* waits until it is over */
int does(struct actor *actor, act_fn act, int64_t limit_ms);     /* both */
int64_t took(struct actor *actor, act_fn act, int64_t limit_ms); /* must succeed; milliseconds */

/* As if on the machine of the actor, in no thread of its own: nothing that blocks. */
int on(struct actor *actor, int (*fn)(struct actor *actor));

int open_client(struct actor *actor, zkc_context *context);
int close_client(struct actor *actor, zkc_context *context);
int acquire(struct actor *actor, zkc_context *context);
int try_acquire(struct actor *actor, zkc_context *context);
int release(struct actor *actor, zkc_context *context);
int wait_revoked(struct actor *actor, zkc_context *context);
int elect(struct actor *actor, zkc_context *context);
int resign(struct actor *actor, zkc_context *context);

/* ---- looking ---- */

bool holds(struct actor *actor); /* the lock, or the leadership */
int64_t remaining(struct actor *actor);
int64_t token(struct actor *actor);
int reason(struct actor *actor);
int revoked_fd(struct actor *actor);
void listens(struct actor *actor); /* to revocations */
int asked(const struct actor *actor, enum verb verb);
void count_from_now(void);

int queue_length(const char *directory);                   /* nodes of sessions */
const char *node_of(int64_t token, const char *directory); /* NULL: it is gone */
int64_t session_of(struct actor *actor);

/* ---- time, in milliseconds ---- */

int64_t now(void);
void run_for(int64_t ms);
void run_to(int64_t ms);

/* Runs until such a request is sent. */
void until_asks(struct actor *who, enum verb verb);

/* Runs until it is true; false: it was not within that time. */
bool comes(bool (*condition)(struct actor *actor), struct actor *actor, int64_t within_ms);

/* ---- strangers ---- */

void stranger_deletes(const char *path);
void stranger_ends_session(struct actor *actor);

/* ---- what is told, by subject ---- */

int stories_lease(void);
int stories_revoked(void);
int stories_queue(void);
int stories_shared(void);
int stories_lost(void);
int stories_errors(void);
int stories_calls(void);
int stories_leader(void);
int stories_servers(void);
int stories_unknown(void);

#endif
