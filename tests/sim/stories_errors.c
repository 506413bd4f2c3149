/*
 * "Errors" and "libzookeeper's own hazards" of the design.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"
#include "zk/zk.h"

#include <zookeeper/zookeeper.h>

#include <stdio.h>

static int server_error(struct actor *who)
{
    return zkc_sync_server_error(who->sync);
}

/* ---- errors ---- */

/* Errors: no server can be reached: said when the time for it is over, and nothing is left. */
STORY(no_server)
{
    struct actor *alice;
    struct call *opening;

    scene(3);
    alice = actor("alice", 0);
    alice->options.connect_timeout_ms = TIMEOUT;
    cluster_link(alice->machine, -1, LINK_REFUSED);
    opening = begins(alice, open_client, NO_LIMIT);
    assert_int_equal(outcome(opening), ZKC_EUNREACHABLE);
    assert_in_range((opening->ended - opening->began) / SIM_MS, TIMEOUT, TIMEOUT + 2500);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    opening = begins(alice, open_client, NO_LIMIT);
    assert_int_equal(outcome(opening), ZKC_EUNREACHABLE);
    assert_in_range((opening->ended - opening->began) / SIM_MS, TIMEOUT, TIMEOUT + 2500);
    scene_end();
}

/* Errors: the context's deadline, and its cancellation, come before. */
STORY(no_server_and_no_patience)
{
    struct actor *alice;
    struct call *opening;

    scene(3);
    alice = actor("alice", 0);
    cluster_link(alice->machine, -1, LINK_REFUSED);
    assert_int_equal(does(alice, open_client, TICK), ZKC_ETIMEDOUT);
    opening = begins(alice, open_client, NO_LIMIT);
    run_for(TICK);
    assert_false(opening->over);
    zkc_context_cancel(opening->context);
    assert_int_equal(outcome(opening), ZKC_ECANCELED);
    scene_end();
}

/* Errors: a credential that is refused, at the beginning and while waiting. */
STORY(a_credential_that_is_refused)
{
    struct actor *alice, *bob;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    bob = actor("bob", 0);
    bob->options.auth_scheme = "digest";
    bob->options.auth = "bob:secret";
    cluster_refuse_auth(true);
    assert_int_equal(does(bob, open_client, NO_LIMIT), ZKC_EAUTH);
    cluster_refuse_auth(false);
    assert_int_equal(does(bob, open_client, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    wish = begins(bob, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    cluster_refuse_auth(true);
    cluster_reset(bob->machine);
    assert_int_equal(outcome(wish), ZKC_EAUTH);
    assert_true(holds(alice));
    cluster_refuse_auth(false);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(bob, acquire, NO_LIMIT), ZKC_OK); /* the next wish tries again */
    scene_end();
}

/* Errors: the ACL of the directory forbids it; ZooKeeper's own code can be read. */
static void forbidden(int permissions)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    assert_true(cluster_forbid(LOCK_DIRECTORY, permissions));
    run_for(MOMENT);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_EACCES);
    assert_int_equal(on(alice, server_error), ZNOAUTH);
    run_for(MOMENT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    assert_true(cluster_forbid(LOCK_DIRECTORY, ZOO_PERM_ALL));
    run_for(MOMENT);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    scene_end();
}

STORY(a_directory_where_nothing_may_be_created)
{
    forbidden(ZOO_PERM_ALL & ~ZOO_PERM_CREATE);
}

STORY(a_directory_that_may_not_be_read)
{
    forbidden(ZOO_PERM_ALL & ~ZOO_PERM_READ);
}

/* Errors: a delete that is refused is told, and asked for again until it is allowed. */
STORY(a_directory_where_nothing_may_be_deleted)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_true(cluster_forbid(LOCK_DIRECTORY, ZOO_PERM_ALL & ~ZOO_PERM_DELETE));
    run_for(MOMENT);
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_EACCES);
    assert_false(holds(alice));
    assert_int_equal(queue_length(LOCK_DIRECTORY), 1);
    assert_true(cluster_forbid(LOCK_DIRECTORY, ZOO_PERM_ALL));
    run_for(2000);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    scene_end();
}

/* Errors: who is ahead hides its content, and with it the news of it. He is served all the same. */
STORY(somebody_ahead_who_may_not_be_read)
{
    struct actor *alice, *bob;
    struct call *next;

    scene_with(&(struct cluster_options){.servers = 3, .reads_forbidden_are_silent = true});
    alice = enters("alice");
    bob = enters("bob");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    assert_true(cluster_forbid(node_of(token(alice), LOCK_DIRECTORY), 0));
    next = begins(bob, acquire, NO_LIMIT);
    run_for(2 * TIMEOUT);
    assert_true(holds(alice));
    assert_int_equal(does(alice, release, NO_LIMIT), ZKC_OK);
    run_for(TIMEOUT);
    assert_true(next->over);
    assert_int_equal(outcome(next), ZKC_OK);
    scene_end();
}

/* Errors: the client takes no request, for want of memory. The call ends by its time. */
STORY(a_client_without_memory)
{
    struct actor *alice;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    cluster_refuse_submissions(alice->machine, 1000);
    wish = begins(alice, acquire, TIMEOUT);
    outcome(wish);
    assert_true(wish->result == ZKC_ETIMEDOUT || wish->result == ZKC_ENOMEM);
    assert_true(wish->ended - wish->began <= (TIMEOUT + MOMENT) * SIM_MS);
    cluster_refuse_submissions(alice->machine, 0);
    run_for(TIMEOUT);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    scene_end();
}

/* Errors: every code that a server can send means something, of later servers, too. */
static void codes(void **state)
{
    static const struct {
        int code;
        enum answer answer;
        bool decided;
    } table[] = {
        {ZOK, ANSWER_OK, true},
        {ZSYSTEMERROR, ANSWER_LOST, false},
        {ZRUNTIMEINCONSISTENCY, ANSWER_LOST, false},
        {-3 /* data inconsistency */, ANSWER_OTHER, true},
        {ZCONNECTIONLOSS, ANSWER_LOST, false},
        {ZMARSHALLINGERROR, ANSWER_OTHER, true}, /* an exception in the server */
        {ZUNIMPLEMENTED, ANSWER_UNSUPPORTED, true},
        {ZBADARGUMENTS, ANSWER_OTHER, false}, /* perhaps of the client, which asked nobody */
        {ZNONODE, ANSWER_NO_NODE, true},
        {ZNOAUTH, ANSWER_NO_AUTH, true},
        {ZBADVERSION, ANSWER_OTHER, true},
        {ZNOCHILDRENFOREPHEMERALS, ANSWER_OTHER, true},
        {ZNODEEXISTS, ANSWER_NODE_EXISTS, true},
        {ZNOTEMPTY, ANSWER_OTHER, true},
        {ZSESSIONEXPIRED, ANSWER_EXPIRED, false},
        {-12 /* unknown session: a lone server */, ANSWER_EXPIRED, false},
        {ZINVALIDACL, ANSWER_OTHER, true},
        {ZAUTHFAILED, ANSWER_AUTH_FAILED, false},
        {ZSESSIONMOVED, ANSWER_REFUSED, false},
        {-119 /* not read only */, ANSWER_REFUSED, false},
        {-120 /* ephemeral on local session */, ANSWER_OTHER, true},
        {ZNOWATCHER, ANSWER_NO_WATCH, true},
        {-122 /* request timeout */, ANSWER_OTHER, true},
        {-123 /* reconfig disabled */, ANSWER_OTHER, true},
        {-124 /* session closed, requires authentication */, ANSWER_AUTH_REQUIRED, false},
        {-125 /* quota exceeded */, ANSWER_QUOTA, true},
        {-127 /* throttled */, ANSWER_REFUSED, false},
        {-9999, ANSWER_OTHER, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(zk_answer_of(table[i].code), table[i].answer);
        assert_int_equal(zk_decided(table[i].code), table[i].decided);
    }
}

/* ---- hazards ---- */

/* Hazards: an even number of addresses, of which one is dead. */
STORY(two_servers_of_which_one_dies)
{
    char first[24], second[24];
    struct actor *alice;
    int server;

    scene(3);
    alice = actor("alice", 0);
    cluster_address(0, first, sizeof first);
    cluster_address(1, second, sizeof second);
    snprintf(alice->addresses, sizeof alice->addresses, "%s,%s", first, second);
    assert_int_equal(does(alice, open_client, NO_LIMIT), ZKC_OK);
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    server = cluster_server_of_session(session_of(alice));
    assert_true(server == 0 || server == 1);
    cluster_link(alice->machine, server, LINK_REFUSED);
    run_for(4 * TIMEOUT);
    assert_true(holds(alice));
    assert_int_equal(cluster_server_of_session(session_of(alice)), 1 - server);
    scene_end();
}

/* Hazards: closing drains, so that the session is gone at once. */
STORY(a_close)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    revoked_fd(alice);
    assert_true(took(alice, close_client, NO_LIMIT) < MOMENT);
    run_for(MOMENT);
    assert_int_equal(cluster_sessions(), 0);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    scene_end();
}

/* Hazards: closing is bounded, though nobody answers. */
STORY(a_close_into_a_black_hole)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    assert_true(took(alice, close_client, NO_LIMIT) <= 2000 + MOMENT);
    run_for(2 * TIMEOUT + 2 * TICK);
    assert_int_equal(queue_length(LOCK_DIRECTORY), 0);
    cluster_link(alice->machine, -1, LINK_FINE);
    scene_end();
}

/* Hazards: two of three servers are silent. One client alone would need 4/3 of the timeout. */
STORY(silent_servers_at_the_beginning)
{
    struct actor *alice;
    int64_t start;

    scene(3);
    alice = actor("alice", 0);
    cluster_link(alice->machine, 0, LINK_BLACKHOLE);
    cluster_link(alice->machine, 1, LINK_BLACKHOLE);
    start = now();
    alice->options.connect_timeout_ms = 10 * TIMEOUT;
    assert_int_equal(does(alice, open_client, NO_LIMIT), ZKC_OK);
    assert_true(now() - start < 10 * TIMEOUT);
    assert_int_equal(cluster_server_of_session(session_of(alice)), 2);
    cluster_link(alice->machine, -1, LINK_FINE);
    scene_end();
}

#define MANY 8

/* Hazards: everybody's session ends in one instant; the new ones are spread. */
STORY(sessions_that_end_together)
{
    static const char *const names[MANY] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct actor *crowd[MANY];
    int64_t back[MANY] = {0}, first = INT64_MAX, last = 0;

    scene(3);
    for (int i = 0; i < MANY; i++)
        crowd[i] = enters(names[i]);
    for (int i = 0; i < MANY; i++)
        stranger_ends_session(crowd[i]);
    run_for(5);
    for (int ms = 0; ms < TIMEOUT; ms++) {
        run_for(1);
        for (int i = 0; i < MANY; i++)
            if (back[i] == 0 && session_of(crowd[i]) != 0)
                back[i] = now();
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(back[i] != 0);
        first = back[i] < first ? back[i] : first;
        last = back[i] > last ? back[i] : last;
    }
    assert_true(last - first > TIMEOUT / 240);
    scene_end();
}

/* ---- no more threads ---- */

/* What is made at the beginning: for timers, and for closing handles. */
#define THREADS_OF_A_CLIENT 2

static bool is_connected(struct actor *who)
{
    return zkc_sync_is_connected(who->sync);
}

/* Errors: no thread for the first session: said at once, and all right when there is one. */
STORY(a_client_without_threads)
{
    struct actor *alice;
    struct call *opening;

    scene(3);
    alice = actor("alice", 0);
    for (int threads = 0; threads < THREADS_OF_A_CLIENT + 2; threads++) {
        machine_threads(alice->machine, threads);
        opening = begins(alice, open_client, NO_LIMIT);
        assert_int_equal(outcome(opening), ZKC_ESYSTEM);
        assert_true(opening->ended - opening->began < MOMENT * SIM_MS);
    }
    machine_threads(alice->machine, THREADS_OF_A_CLIENT + 2);
    assert_int_equal(does(alice, open_client, NO_LIMIT), ZKC_OK);
    scene_end();
}

/* Errors: no thread for the next session: it comes when there is one, and a wish waits for it. */
STORY(a_session_lost_without_threads)
{
    struct actor *alice;
    struct call *wish;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire, NO_LIMIT), ZKC_OK);
    machine_threads(alice->machine, 0);
    stranger_ends_session(alice);
    run_for(2 * TIMEOUT);
    assert_false(is_connected(alice));
    assert_int_equal(does(alice, acquire, TICK), ZKC_ETIMEDOUT);
    wish = begins(alice, acquire, NO_LIMIT);
    run_for(TIMEOUT);
    assert_false(wish->over);
    machine_threads(alice->machine, -1);
    assert_int_equal(outcome(wish), ZKC_OK);
    assert_true(holds(alice));
    scene_end();
}

static zkc_lock *another;

static int acquire_in_another_session(struct actor *who, zkc_context *context)
{
    zkc_lock_options options;
    int result;

    ZKC_INIT(&options);
    options.ttl_ms = 2 * TIMEOUT;
    result = zkc_lock_open(who->sync, "b", &options, &another);
    return result != ZKC_OK ? result : zkc_lock_acquire(another, context);
}

static int close_both(struct actor *who, zkc_context *context)
{
    int result = close_client(who, context);

    zkc_lock_close(another);
    return result;
}

/* Errors: closing takes its two seconds also where several handles have one thread for that. */
STORY(a_close_without_threads)
{
    struct actor *alice;

    scene(3);
    alice = enters("alice");
    assert_int_equal(does(alice, acquire_in_another_session, NO_LIMIT), ZKC_OK);
    machine_threads(alice->machine, 0);
    cluster_link(alice->machine, -1, LINK_BLACKHOLE);
    assert_true(took(alice, close_both, NO_LIMIT) <= 2000 + MOMENT);
    cluster_link(alice->machine, -1, LINK_FINE);
    scene_end();
}

int stories_errors(void)
{
    const struct CMUnitTest tests[] = {
        story_test(no_server),
        story_test(no_server_and_no_patience),
        story_test(a_credential_that_is_refused),
        story_test(a_directory_where_nothing_may_be_created),
        story_test(a_directory_that_may_not_be_read),
        story_test(a_directory_where_nothing_may_be_deleted),
        story_test(somebody_ahead_who_may_not_be_read),
        story_test(a_client_without_memory),
        cmocka_unit_test(codes),
        story_test(two_servers_of_which_one_dies),
        story_test(a_close),
        story_test(a_close_into_a_black_hole),
        story_test(silent_servers_at_the_beginning),
        story_test(sessions_that_end_together),
        story_test(a_client_without_threads),
        story_test(a_session_lost_without_threads),
        story_test(a_close_without_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
