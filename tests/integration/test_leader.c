/* SPDX-License-Identifier: Apache-2.0 */
/* Elections and their observers, on one server that is restarted now and then. */
#define _GNU_SOURCE
#ifndef THREADED
#define THREADED
#endif
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(30000)
#define SHORTLY deadline_in_ms(200) /* for "nothing happens" */
#define PATH "/t/leader/it"
#define LENGTHY_MS 30000 /* outlasts a restart of the server */
#define SECONDS_MS 3000  /* "at once"; by a beat only after LENGTHY_MS / 8 */

static struct servers *servers;
static struct probe *probe;
static const char *nodes;
static struct scene_census before;

/* ---- around each test ---- */

static int start_server(void **state)
{
    (void)state;
    servers = servers_start(&(struct servers_options){.extra = "maxSessionTimeout=30000\n"});
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
    before = scene_census();
    return probe_delete_tree(probe, PATH);
}

static int end(void **state)
{
    (void)state;
    scene_nothing_left(servers, probe, PATH, SOON);
    scene_same_census(&before, SOON);
    return 0;
}

/* ---- helpers ---- */

/* A sync object and a candidate of its own. */
struct party {
    zkc_sync *sync;
    zkc_leader *leader;
    zkc_elected *elected;
};

static struct party join_for(int session_ms)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .session_ms = session_ms});

    return (struct party){.sync = sync, .leader = scene_leader(sync, "it")};
}

static struct party join(void)
{
    return join_for(SCENE_SESSION_MS);
}

static void leave(struct party *p)
{
    zkc_elected_close(p->elected);
    zkc_leader_close(p->leader);
    assert_int_equal(zkc_sync_close(p->sync), ZKC_OK);
}

static void elect(struct party *p)
{
    zkc_elected_close(p->elected);
    p->elected = NULL;
    assert_int_equal(zkc_leader_elect(p->leader, NULL, &p->elected), ZKC_OK);
    assert_true(zkc_elected_is_valid(p->elected));
}

static void resign(struct party *p)
{
    assert_int_equal(zkc_elected_resign(p->elected, NULL), ZKC_OK);
}

/* Who leads, as anybody may ask; free it. */
static zkc_contenders *current(zkc_leader *leader)
{
    zkc_contenders *found = NULL;

    assert_int_equal(zkc_leader_current(leader, NULL, &found), ZKC_OK);
    assert_int_equal(zkc_contenders_count(found), 1);
    return found;
}

static int64_t current_token(zkc_leader *leader)
{
    zkc_contenders *found = current(leader);
    int64_t token = zkc_contenders_at(found, 0)->token;

    zkc_contenders_free(found);
    return token;
}

static void check_nobody(zkc_leader *leader)
{
    zkc_contenders *found = NULL;

    assert_int_equal(zkc_leader_current(leader, NULL, &found), ZKC_ENOLEADER);
    assert_null(found);
}

/* A node as other programs make it; its path goes to made[300]. */
static void make_foreign(const char *name, const char *data, char *made)
{
    char path[300];

    assert_int_equal(probe_make_path(probe, PATH), ZOK);
    snprintf(path, sizeof(path), PATH "/%s", name);
    assert_int_equal(probe_create(probe, path, data, ZOO_EPHEMERAL_SEQUENTIAL, made, 300), ZOK);
}

static void depose(void)
{
    char node[300];

    assert_true(scene_nth_node(probe, PATH, 0, node, sizeof(node)));
    assert_int_equal(probe_delete(probe, node), ZOK);
}

static bool is_waiting(void *arg)
{
    return !scene_returned(arg);
}

static bool has_one_call(void *arg)
{
    return scene_calls(arg) == 1;
}

/* ---- elections ---- */

static void a_life(void **state)
{
    struct party a = join(), b = join();
    int64_t first;

    (void)state;
    assert_string_equal(zkc_leader_id(a.leader), "it");
    check_nobody(a.leader);
    assert_int_equal(zkc_leader_status(a.leader), ZKC_FOLLOWER);
    elect(&a);
    assert_int_equal(zkc_leader_status(a.leader), ZKC_ELECTED);
    assert_int_equal(zkc_leader_status(b.leader), ZKC_FOLLOWER);
    assert_in_range(zkc_elected_remaining_ms(a.elected), 1, SCENE_SESSION_MS);
    first = zkc_elected_token(a.elected);
    assert_int_equal(current_token(a.leader), first);
    assert_int_equal(current_token(b.leader), first);
    assert_int_equal(zkc_leader_elect(a.leader, NULL, &b.elected), ZKC_EALREADY);
    assert_null(b.elected);
    resign(&a);
    assert_false(zkc_elected_is_valid(a.elected));
    assert_int_equal(zkc_elected_remaining_ms(a.elected), 0);
    assert_int_equal(zkc_leader_status(a.leader), ZKC_FOLLOWER);
    assert_int_equal(zkc_elected_resign(a.elected, NULL), ZKC_ENOTHELD);
    assert_int_equal(zkc_elected_revoked_reason(a.elected), ZKC_OK);
    check_nobody(b.leader);
    elect(&b);
    assert_true(zkc_elected_token(b.elected) > first);
    resign(&b);
    elect(&a);
    assert_true(zkc_elected_token(a.elected) > zkc_elected_token(b.elected));
    leave(&a);
    leave(&b);
}

static void candidates_in_order(void **state)
{
    enum { N = 5 };
    struct party all[N];
    struct scene_call calls[N];
    zkc_contenders *list = NULL;

    (void)state;
    for (int i = 0; i < N; i++) {
        all[i] = join();
        calls[i] = (struct scene_call){.call = scene_elect, .leader = all[i].leader};
        scene_start(&calls[i]);
        assert_true(scene_wait_count(probe, PATH, i + 1, SOON));
        if (i == 0)
            assert_int_equal(scene_result(&calls[i].outcome, SOON), ZKC_OK);
        assert_int_equal(zkc_leader_status(all[i].leader), i ? ZKC_CANDIDATE : ZKC_ELECTED);
    }
    assert_int_equal(zkc_leader_contenders(all[N - 1].leader, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(scene_join(&calls[i], SOON), ZKC_OK);
        assert_int_equal(zkc_contenders_at(list, (size_t)i)->position, i);
        assert_int_equal(zkc_contenders_at(list, (size_t)i)->token,
                         zkc_elected_token(calls[i].elected));
        if (i + 1 < N)
            assert_false(scene_returned(&calls[i + 1]));
        assert_int_equal(zkc_elected_resign(calls[i].elected, NULL), ZKC_OK);
        zkc_elected_close(calls[i].elected);
    }
    zkc_contenders_free(list);
    for (int i = 0; i < N; i++)
        leave(&all[i]);
}

static void elections_end_without_a_winner(void **state)
{
    struct party a = join(), b = join();
    int64_t start = now_ns();
    zkc_context *brief = scene_context(200), *context = scene_context(-1);
    struct scene_call waiting = {.call = scene_elect, .leader = b.leader, .context = context};

    (void)state;
    assert_int_equal(zkc_leader_cancel(a.leader), ZKC_ENOTHELD);
    elect(&a);
    assert_int_equal(zkc_leader_cancel(a.leader), ZKC_ENOTHELD);
    assert_int_equal(zkc_leader_elect(b.leader, brief, &b.elected), ZKC_ETIMEDOUT);
    assert_true(now_ns() - start >= 200000000);
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    assert_int_equal(zkc_leader_elect(b.leader, NULL, &b.elected), ZKC_EALREADY);
    assert_int_equal(zkc_leader_cancel(b.leader), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ECANCELED);
    assert_int_equal(zkc_leader_status(b.leader), ZKC_FOLLOWER);
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    zkc_context_cancel(context);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_ECANCELED);
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    assert_null(b.elected);
    assert_true(scene_wait_watches(servers, 1, SOON)); /* the leader's own */
    zkc_context_free(brief);
    zkc_context_free(context);
    leave(&a);
    leave(&b);
}

static void asynchronous_elections(void **state)
{
    struct party a = join(), b = join();
    struct scene_outcome won, lost, resigned;

    (void)state;
    scene_outcome_init(&won);
    scene_outcome_init(&lost);
    scene_outcome_init(&resigned);
    assert_int_equal(zkc_leader_elect_async(a.leader, 0, scene_elected, &won), ZKC_OK);
    assert_int_equal(zkc_leader_elect_async(a.leader, 0, scene_elected, &won), ZKC_EALREADY);
    assert_int_equal(scene_result(&won, SOON), ZKC_OK);
    a.elected = won.elected;
    assert_true(zkc_elected_is_valid(a.elected));
    assert_int_equal(zkc_leader_elect_async(b.leader, 100, scene_elected, &lost), ZKC_OK);
    assert_int_equal(scene_result(&lost, SOON), ZKC_ETIMEDOUT);
    assert_null(lost.elected);
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    assert_int_equal(zkc_leader_elect_async(b.leader, -1, scene_elected, &lost), ZKC_OK);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    assert_int_equal(zkc_leader_cancel(b.leader), ZKC_OK);
    assert_true(scene_wait_calls(&lost, 2, SOON));
    assert_int_equal(scene_result(&lost, SOON), ZKC_ECANCELED);
    assert_int_equal(zkc_elected_resign_async(a.elected, scene_done, &resigned), ZKC_OK);
    assert_false(zkc_elected_is_valid(a.elected));
    assert_int_equal(scene_result(&resigned, SOON), ZKC_OK);
    assert_int_equal(scene_count(probe, PATH), 0);
    assert_true(holds_until(has_one_call, &won, SHORTLY));
    leave(&a);
    leave(&b);
    assert_int_equal(scene_calls(&won), 1);
    assert_int_equal(scene_calls(&lost), 2);
    assert_int_equal(scene_calls(&resigned), 1);
    scene_outcome_end(&won);
    scene_outcome_end(&lost);
    scene_outcome_end(&resigned);
}

/* ---- closing ---- */

static void closed_while_standing(void **state)
{
    struct party a = join(), b = join(), c = join(), d = join();
    struct scene_call first = {.call = scene_elect, .leader = b.leader},
                      second = {.call = scene_elect, .leader = c.leader};
    struct scene_outcome third;

    (void)state;
    scene_outcome_init(&third);
    elect(&a);
    scene_start(&first);
    scene_start(&second);
    assert_int_equal(zkc_leader_elect_async(d.leader, 0, scene_elected, &third), ZKC_OK);
    assert_true(scene_wait_count(probe, PATH, 4, SOON));
    assert_int_equal(zkc_sync_close(b.sync), ZKC_OK);
    assert_int_equal(scene_join(&first, SOON), ZKC_ECLOSED);
    assert_int_equal(zkc_leader_elect(b.leader, NULL, &b.elected), ZKC_ECLOSED);
    zkc_leader_close(b.leader);
    zkc_leader_close(c.leader);
    assert_int_equal(scene_join(&second, SOON), ZKC_ECLOSED);
    zkc_leader_close(d.leader);
    assert_int_equal(scene_calls(&third), 1);
    assert_int_equal(scene_result(&third, SOON), ZKC_ECLOSED);
    assert_null(third.elected);
    assert_true(scene_wait_count(probe, PATH, 1, SOON));
    assert_true(holds_until(has_one_call, &third, SHORTLY));
    zkc_sync_close(c.sync);
    zkc_sync_close(d.sync);
    leave(&a);
    scene_outcome_end(&third);
}

static bool is_valid(void *arg)
{
    return zkc_elected_is_valid(arg);
}

static void leadership_outlives_the_candidate(void **state)
{
    struct party a = join(), b = join();
    struct scene_call waiting = {.call = scene_elect, .leader = b.leader};

    (void)state;
    elect(&a);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    zkc_leader_close(a.leader);
    a.leader = NULL;
    assert_true(holds_until(is_valid, a.elected, SHORTLY));
    assert_int_equal(current_token(b.leader), zkc_elected_token(a.elected));
    zkc_elected_close(a.elected); /* gives it up */
    a.elected = NULL;
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    b.elected = waiting.elected;
    assert_int_equal(zkc_sync_close(b.sync), ZKC_OK);
    assert_false(zkc_elected_is_valid(b.elected));
    assert_int_equal(zkc_elected_resign(b.elected, NULL), ZKC_ECLOSED);
    assert_int_equal(zkc_leader_status(b.leader), ZKC_FOLLOWER);
    zkc_elected_close(b.elected);
    zkc_leader_close(b.leader);
    leave(&a);
}

/* ---- revocation ---- */

static int wait_for_revocation(struct scene_call *c)
{
    return zkc_elected_wait_revoked(c->elected, c->context);
}

static void deposed_by_an_operator(void **state)
{
    struct party a = join_for(LENGTHY_MS), b = join();
    struct scene_call waiting = {.call = wait_for_revocation},
                      next = {.call = scene_elect, .leader = b.leader};
    struct scene_outcome revoked;
    int64_t start;
    int fd;

    (void)state;
    scene_outcome_init(&revoked);
    elect(&a);
    fd = zkc_elected_revoked_fd(a.elected);
    assert_true(fd >= 0);
    assert_false(scene_readable(fd));
    assert_int_equal(zkc_elected_on_revoked(a.elected, scene_done, &revoked), ZKC_OK);
    waiting.elected = a.elected;
    scene_start(&waiting);
    scene_start(&next);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    start = now_ns();
    depose();
    assert_true(scene_wait_readable(fd, deadline_in_ms(SECONDS_MS)));
    assert_int_equal(scene_result(&revoked, SOON), ZKC_EDELETED);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_true(now_ns() - start < SECONDS_MS * 1000000LL);
    assert_false(zkc_elected_is_valid(a.elected));
    assert_int_equal(zkc_leader_status(a.leader), ZKC_FOLLOWER);
    assert_int_equal(zkc_elected_revoked_reason(a.elected), ZKC_EDELETED);
    assert_int_equal(scene_join(&next, SOON), ZKC_OK);
    assert_true(zkc_elected_token(next.elected) > zkc_elected_token(a.elected));
    zkc_elected_close(next.elected);
    elect(&a); /* again, without having resigned */
    assert_int_equal(scene_calls(&revoked), 1);
    leave(&a);
    leave(&b);
    scene_outcome_end(&revoked);
}

/* A leader always watches its node: nobody needs to ask for the news before. */
static void deposed_leader_notices_unasked(void **state)
{
    struct party a = join_for(LENGTHY_MS);

    (void)state;
    elect(&a);
    depose();
    assert_false(holds_until(is_valid, a.elected, deadline_in_ms(SECONDS_MS)));
    leave(&a);
}

static void check_guards_a_transaction(void **state)
{
    struct party a = join();
    zoo_op_result_t results[2];
    zoo_op_t ops[2];

    (void)state;
    elect(&a);
    assert_int_equal(zkc_elected_check_op(a.elected, &ops[0]), ZKC_OK);
    zoo_set_op_init(&ops[1], "/t", "led", 3, -1, NULL);
    assert_int_equal(zoo_multi(probe_handle(probe), 2, ops, results), ZOK);
    resign(&a);
    assert_int_equal(zoo_multi(probe_handle(probe), 2, ops, results), ZNONODE);
    assert_int_equal(zkc_elected_check_op(a.elected, &ops[0]), ZKC_ENOTHELD);
    leave(&a);
}

/* ---- who leads ---- */

static const zkc_pair metadata[] = {{"zone", "n\xc3\xb6rd"}, {"\xe2\x82\xac", "\"\\\n\t"}};

static zkc_sync *open_with_identity(void)
{
    zkc_options o;
    zkc_node node;
    zkc_service service;
    const zkc_node *list[] = {&node};
    zkc_sync *sync = NULL;

    ZKC_INIT(&node);
    node.id = "knoten-\xc3\xa4";
    node.address = "h\xc3\xb4te.example";
    node.port = 65535;
    node.metadata = metadata;
    node.metadata_count = 2;
    ZKC_INIT(&service);
    service.name = "orders";
    service.version = "1.0";
    service.nodes = list;
    service.node_count = 1;
    ZKC_INIT(&o);
    o.nodes = nodes;
    o.name_space = SCENE_NAMESPACE;
    o.service = &service;
    assert_int_equal(zkc_sync_open(&o, NULL, &sync), ZKC_OK);
    return sync;
}

static void check_identity(const zkc_node *node)
{
    assert_non_null(node);
    assert_string_equal(node->id, "knoten-\xc3\xa4");
    assert_string_equal(node->address, "h\xc3\xb4te.example");
    assert_int_equal(node->port, 65535);
    assert_int_equal(node->metadata_count, 2);
    for (size_t i = 0; i < 2; i++) {
        size_t j = strcmp(node->metadata[i].key, metadata[0].key) == 0 ? 0 : 1;
        assert_string_equal(node->metadata[i].key, metadata[j].key);
        assert_string_equal(node->metadata[i].value, metadata[j].value);
    }
    assert_string_not_equal(node->metadata[0].key, node->metadata[1].key);
}

static void identity_is_published(void **state)
{
    struct party a = {.sync = open_with_identity()}, b = join();
    zkc_contenders *found;
    char json[500];

    (void)state;
    a.leader = scene_leader(a.sync, "it");
    elect(&a);
    found = current(b.leader);
    check_identity(zkc_contenders_at(found, 0)->node);
    assert_int_equal(zkc_contenders_at(found, 0)->position, 0);
    assert_int_equal(probe_get(probe, zkc_contenders_at(found, 0)->path, json, sizeof(json)), ZOK);
    assert_string_equal(json, "{\"id\":\"knoten-\xc3\xa4\",\"address\":\"h\xc3\xb4te.example\","
                              "\"port\":65535,\"metadata\":{\"zone\":\"n\xc3\xb6rd\","
                              "\"\xe2\x82\xac\":\"\\\"\\\\\\n\\t\"}}");
    assert_int_equal(zkc_contenders_at(found, 0)->data_length, strlen(json));
    assert_memory_equal(zkc_contenders_at(found, 0)->data, json, strlen(json));
    zkc_contenders_free(found);
    leave(&a);
    leave(&b);
}

/* Without a service: host name and process. */
static void default_identity(void **state)
{
    struct party a = join();
    zkc_contenders *found;
    char host[100] = "", pid[20];

    (void)state;
    elect(&a);
    found = current(a.leader);
    assert_non_null(zkc_contenders_at(found, 0)->node);
    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_non_null(strstr(zkc_contenders_at(found, 0)->node->id, host));
    assert_non_null(strstr(zkc_contenders_at(found, 0)->node->id, pid));
    zkc_contenders_free(found);
    leave(&a);
}

static void foreign_data_is_handed_out_raw(void **state)
{
    static const char *const data[] = {"host-7:4711", "", "[1]", "{\"id\":5}", "\xff\xfe{", "{}}"};
    struct party a = join();
    char made[300];

    (void)state;
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        zkc_contenders *found;

        make_foreign("0f5c7b3c6ce14d6a8c3cba2b6e6d1f0a__lock__", data[i], made);
        found = current(a.leader);
        assert_string_equal(zkc_contenders_at(found, 0)->path, made);
        assert_null(zkc_contenders_at(found, 0)->node);
        assert_int_equal(zkc_contenders_at(found, 0)->data_length, strlen(data[i]));
        assert_non_null(zkc_contenders_at(found, 0)->data);
        assert_memory_equal(zkc_contenders_at(found, 0)->data, data[i], strlen(data[i]));
        assert_int_equal(zkc_contenders_at(found, 0)->session, probe_session(probe));
        zkc_contenders_free(found);
        assert_int_equal(probe_delete(probe, made), ZOK);
    }
    leave(&a);
}

/* Curator's LeaderLatch is ahead of us, then behind us. */
static void shares_a_latch(void **state)
{
    struct party a = join();
    struct scene_call waiting = {.call = scene_elect};
    zkc_leader_options o;
    zkc_contenders *list = NULL;
    char theirs[300], ours[300], behind[300];

    (void)state;
    ZKC_INIT(&o);
    o.path = PATH;
    o.dialect = ZKC_DIALECT_LATCH;
    o.data = "raw";
    o.data_length = 3;
    zkc_leader_close(a.leader);
    assert_int_equal(zkc_leader_open(a.sync, NULL, &o, &a.leader), ZKC_OK);
    assert_string_equal(zkc_leader_id(a.leader), PATH);
    make_foreign("_c_7cd5d1f5-0a58-4e6b-9a0e-7e3f0ce1c1ab-latch-", "theirs", theirs);
    waiting.leader = a.leader;
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, PATH, 2, SOON));
    make_foreign("_c_0cd5d1f5-0a58-4e6b-9a0e-7e3f0ce1c1ab-latch-", "behind", behind);
    assert_true(scene_nth_node(probe, PATH, 1, ours, sizeof(ours)));
    assert_int_equal(strlen(ours), strlen(theirs));
    assert_non_null(strstr(ours, "-latch-"));
    assert_true(holds_until(is_waiting, &waiting, SHORTLY));
    assert_int_equal(probe_delete(probe, theirs), ZOK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_int_equal(zkc_leader_contenders(a.leader, NULL, &list), ZKC_OK);
    assert_int_equal(zkc_contenders_count(list), 2);
    assert_string_equal(zkc_contenders_at(list, 0)->path, ours);
    assert_memory_equal(zkc_contenders_at(list, 0)->data, "raw", 3);
    assert_string_equal(zkc_contenders_at(list, 1)->path, behind);
    zkc_contenders_free(list);
    zkc_elected_close(waiting.elected);
    assert_int_equal(probe_delete(probe, behind), ZOK);
    leave(&a);
}

static void ttl_means_another_session(void **state)
{
    struct party a = join();
    zkc_leader_options o;
    zkc_contenders *found;
    int64_t session;

    (void)state;
    elect(&a);
    found = current(a.leader);
    session = zkc_contenders_at(found, 0)->session;
    zkc_contenders_free(found);
    resign(&a);
    zkc_elected_close(a.elected);
    zkc_leader_close(a.leader);
    ZKC_INIT(&o);
    o.ttl_ms = 7000;
    assert_int_equal(zkc_leader_open(a.sync, "it", &o, &a.leader), ZKC_OK);
    assert_int_equal(zkc_leader_elect(a.leader, NULL, &a.elected), ZKC_OK);
    found = current(a.leader);
    assert_true(zkc_contenders_at(found, 0)->session != session);
    assert_true(zkc_elected_remaining_ms(a.elected) > SCENE_SESSION_MS);
    zkc_contenders_free(found);
    leave(&a);
}

/* ---- observers ---- */

#define MAX_SEEN 50000

/* What an observer was told, in order; 0 is nobody. */
struct seen {
    pthread_mutex_t lock;
    int count;
    int64_t tokens[MAX_SEEN];
    char data[64]; /* the newest */
    int slow_ms;   /* how long the callback takes */
    int64_t wanted;
    zkc_observer *observer;
};

static void seen_init(struct seen *s)
{
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
}

static bool is_so(void *arg)
{
    (void)arg;
    return true;
}

static void note_change(void *arg, const zkc_contender *leader)
{
    struct seen *s = arg;

    if (s->slow_ms > 0)
        holds_until(is_so, NULL, deadline_in_ms(s->slow_ms));
    pthread_mutex_lock(&s->lock);
    if (s->count < MAX_SEEN)
        s->tokens[s->count++] = leader ? leader->token : 0;
    else
        s->tokens[MAX_SEEN - 1] = leader ? leader->token : 0;
    snprintf(s->data, sizeof(s->data), "%.*s", leader ? (int)leader->data_length : 0,
             leader ? (const char *)leader->data : "");
    pthread_mutex_unlock(&s->lock);
}

static int seen_count(struct seen *s)
{
    int n;

    pthread_mutex_lock(&s->lock);
    n = s->count;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* -1: nothing was seen. */
static int64_t seen_last(struct seen *s)
{
    int64_t token;

    pthread_mutex_lock(&s->lock);
    token = s->count ? s->tokens[s->count - 1] : -1;
    pthread_mutex_unlock(&s->lock);
    return token;
}

static bool is_last(void *arg)
{
    struct seen *s = arg;

    return seen_last(s) == s->wanted;
}

/* The last state that was told comes to be this. */
static void check_last(struct seen *s, int64_t token)
{
    s->wanted = token;
    if (!wait_until(is_last, s, SOON))
        fail_msg("last seen %lld, not %lld", (long long)seen_last(s), (long long)token);
}

static void observe(struct seen *s, zkc_leader *leader)
{
    assert_int_equal(zkc_leader_observe(leader, note_change, s, &s->observer), ZKC_OK);
}

/* Tokens grow, and nothing is told twice. */
static void check_sane(struct seen *s)
{
    int64_t largest = 0;

    for (int i = 0; i < s->count; i++) {
        if (i > 0)
            assert_true(s->tokens[i] != s->tokens[i - 1]);
        assert_true(s->tokens[i] == 0 || s->tokens[i] > largest);
        largest = s->tokens[i] ? s->tokens[i] : largest;
    }
}

static void every_change_is_delivered(void **state)
{
    struct party a = join(), b = join(), watcher = join();
    int64_t expected[64] = {0};
    int n = 1;
    static struct seen s;

    (void)state;
    seen_init(&s);
    observe(&s, watcher.leader); /* the directory may not exist yet */
    check_last(&s, 0);
    for (int i = 0; i < 20; i++) {
        struct party *p = i % 2 ? &a : &b;
        elect(p);
        expected[n++] = zkc_elected_token(p->elected);
        check_last(&s, zkc_elected_token(p->elected));
        resign(p);
        expected[n++] = 0;
        check_last(&s, 0);
    }
    zkc_observer_close(s.observer);
    elect(&a);
    assert_int_equal(s.count, n);
    assert_memory_equal(s.tokens, expected, (size_t)n * sizeof(expected[0]));
    leave(&a);
    leave(&b);
    leave(&watcher);
}

/* From leader to leader without a gap, as seen from all sides. */
static void many_observers_of_a_queue(void **state)
{
    enum { N = 4 };
    static struct seen s[N];
    struct party all[N];
    struct scene_call calls[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        all[i] = join();
        seen_init(&s[i]);
        observe(&s[i], all[i].leader);
        calls[i] = (struct scene_call){.call = scene_elect, .leader = all[i].leader};
        scene_start(&calls[i]);
        assert_true(scene_wait_count(probe, PATH, i + 1, SOON));
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(scene_join(&calls[i], SOON), ZKC_OK);
        for (int j = 0; j < N; j++)
            check_last(&s[j], zkc_elected_token(calls[i].elected));
        assert_int_equal(zkc_elected_resign(calls[i].elected, NULL), ZKC_OK);
    }
    for (int j = 0; j < N; j++) {
        check_last(&s[j], 0);
        zkc_observer_close(s[j].observer);
        check_sane(&s[j]);
        assert_in_range(s[j].count, N + 1, N + 2);
    }
    for (int i = 0; i < N; i++) {
        zkc_elected_close(calls[i].elected);
        leave(&all[i]);
    }
}

static void elect_often(struct party *a, struct party *b, int times)
{
    for (int i = 0; i < times; i++) {
        struct party *p = harness_random(2) ? a : b;
        elect(p);
        resign(p);
    }
}

static void slow_observer_learns_the_last_state(void **state)
{
    struct party a = join(), b = join(), watcher = join();
    static struct seen s;

    (void)state;
    seen_init(&s);
    s.slow_ms = 5;
    observe(&s, watcher.leader);
    elect_often(&a, &b, 200);
    elect(&a);
    check_last(&s, zkc_elected_token(a.elected));
    zkc_observer_close(s.observer);
    print_message("%d of 402 states told\n", s.count);
    check_sane(&s);
    leave(&a);
    leave(&b);
    leave(&watcher);
}

static void note_nothing(int rc, const char *value, const void *data)
{
    (void)rc;
    (void)value;
    (void)data;
}

static void note_nothing_deleted(int rc, const void *data)
{
    (void)rc;
    (void)data;
}

/* Faster than any election: requests in one go. The last node stays. */
static void burst(int changes)
{
    zhandle_t *zh = probe_handle(probe);
    char path[300];

    for (int i = 0; i < changes; i++) {
        snprintf(path, sizeof(path), PATH "/x-lock-%010d", i);
        zoo_acreate(zh, path, "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, note_nothing, NULL);
        if (i + 1 < changes)
            zoo_adelete(zh, path, -1, note_nothing_deleted, NULL);
    }
}

static void bursts_are_survived(void **state)
{
    struct party watcher = join();
    char last[300];
    static struct seen s;

    (void)state;
    assert_int_equal(probe_make_path(probe, PATH), ZOK);
    seen_init(&s);
    observe(&s, watcher.leader);
    for (int i = 0; i < 20; i++) {
        int changes = 1 + (int)harness_random(200);

        burst(changes);
        snprintf(last, sizeof(last), PATH "/x-lock-%010d", changes - 1);
        assert_true(probe_wait_exists(probe, last, SOON));
        check_last(&s, probe_czxid(probe, last));
        assert_int_equal(probe_delete(probe, last), ZOK);
        check_last(&s, 0);
    }
    zkc_observer_close(s.observer);
    check_sane(&s);
    leave(&watcher);
}

/* An observer behind a proxy. */
struct remote {
    struct proxy *proxy;
    struct party party;
};

static struct remote join_through_proxy(void)
{
    struct remote r = {.proxy = proxy_start(nodes)};

    assert_non_null(r.proxy);
    r.party.sync = scene_open_as(&(struct scene){.nodes = proxy_address(r.proxy), .id = "remote"});
    r.party.leader = scene_leader(r.party.sync, "it");
    return r;
}

static void leave_proxy(struct remote *r)
{
    leave(&r->party);
    proxy_stop(r->proxy);
}

static bool is_disconnected(void *arg)
{
    return !zkc_sync_is_connected(arg);
}

static bool is_connected(void *arg)
{
    return zkc_sync_is_connected(arg);
}

static void cut_off(struct remote *r)
{
    proxy_refuse(r->proxy, true);
    proxy_reset_all(r->proxy);
    assert_true(wait_until(is_disconnected, r->party.sync, SOON));
}

static void reconnect(struct remote *r)
{
    proxy_refuse(r->proxy, false);
    assert_true(wait_until(is_connected, r->party.sync, SOON));
}

static void end_session(struct remote *r)
{
    struct proxy_session session;

    assert_true(proxy_last_session(r->proxy, &session));
    assert_true(probe_expire(nodes, session.id, session.password));
}

/* Changes while the observer is away: with its session kept, then with its session lost. */
static void changes_while_disconnected(void **state)
{
    struct remote r = join_through_proxy();
    struct party a = join(), b = join();
    static struct seen s;
    int n;

    (void)state;
    seen_init(&s);
    observe(&s, r.party.leader);
    elect(&a);
    check_last(&s, zkc_elected_token(a.elected));
    n = seen_count(&s);
    for (int lose = 0; lose < 2; lose++) {
        cut_off(&r); /* no change */
        if (lose)
            end_session(&r);
        reconnect(&r);
        assert_int_equal(current_token(r.party.leader), zkc_elected_token(a.elected));
        assert_true(holds_until(is_last, &s, SHORTLY));
        assert_int_equal(seen_count(&s), n); /* news only */
    }
    for (int lose = 0; lose < 2; lose++) {
        cut_off(&r); /* another leader */
        if (lose)
            end_session(&r);
        resign(&a);
        elect(&b);
        reconnect(&r);
        check_last(&s, zkc_elected_token(b.elected));
        cut_off(&r); /* nobody */
        if (lose)
            end_session(&r);
        resign(&b);
        reconnect(&r);
        check_last(&s, 0);
        cut_off(&r); /* somebody */
        if (lose)
            end_session(&r);
        elect(&a);
        reconnect(&r);
        check_last(&s, zkc_elected_token(a.elected));
    }
    zkc_observer_close(s.observer);
    check_sane(&s);
    leave(&a);
    leave(&b);
    leave_proxy(&r);
}

/* Elections one after another, on a thread, until told to end. */
struct storm {
    struct party *a, *b;
    atomic_bool over;
    int elections, failures;
};

static int run_storm(struct scene_call *c)
{
    struct storm *storm = c->arg;

    while (!atomic_load(&storm->over)) {
        struct party *p = storm->elections++ % 2 ? storm->a : storm->b;
        zkc_elected *elected = NULL;
        int rc = zkc_leader_elect(p->leader, NULL, &elected);
        if (rc == ZKC_OK)
            rc = zkc_elected_resign(elected, NULL);
        storm->failures += rc != ZKC_OK;
        zkc_elected_close(elected);
    }
    return ZKC_OK;
}

static void end_storm(struct storm *storm, struct scene_call *call)
{
    atomic_store(&storm->over, true);
    assert_int_equal(scene_join(call, SOON), ZKC_OK);
    print_message("%d elections\n", storm->elections);
    assert_int_equal(storm->failures, 0);
}

static void wait_for_changes(struct seen *s, int more)
{
    int64_t deadline = deadline_in_ms(2000);
    int n = seen_count(s);

    while (seen_count(s) < n + more && !deadline_passed(deadline))
        holds_until(is_so, NULL, deadline_in_ms(1));
}

static void restart(void)
{
    server_kill(servers, 0);
    assert_true(server_start_again(servers, 0));
    assert_true(servers_wait_serving(servers, SOON));
    assert_true(probe_wait_connected(probe, SOON));
}

static void last_state_through_a_storm(void **state)
{
    struct remote r = join_through_proxy();
    struct party a = join(), b = join();
    struct storm storm = {.a = &a, .b = &b};
    struct scene_call call = {.call = run_storm, .arg = &storm};
    static struct seen s;

    (void)state;
    seen_init(&s);
    s.slow_ms = 1;
    observe(&s, r.party.leader);
    scene_start(&call);
    for (int i = 0; i < 3; i++) {
        wait_for_changes(&s, 10);
        proxy_reset_all(r.proxy);
        wait_for_changes(&s, 10);
        end_session(&r);
    }
    wait_for_changes(&s, 10);
    restart();
    wait_for_changes(&s, 10);
    end_storm(&storm, &call);
    elect(&a);
    check_last(&s, zkc_elected_token(a.elected));
    resign(&a);
    check_last(&s, 0);
    zkc_observer_close(s.observer);
    check_sane(&s);
    print_message("%d states told\n", s.count);
    leave(&a);
    leave(&b);
    leave_proxy(&r);
}

static void change_during_a_restart(void **state)
{
    struct remote r = join_through_proxy();
    struct party a = join_for(LENGTHY_MS), b = join_for(LENGTHY_MS);
    static struct seen s;

    (void)state;
    seen_init(&s);
    observe(&s, r.party.leader);
    elect(&a);
    check_last(&s, zkc_elected_token(a.elected));
    restart(); /* and nothing changes */
    assert_true(wait_until(is_connected, r.party.sync, SOON));
    assert_true(holds_until(is_last, &s, SHORTLY));
    cut_off(&r);
    restart();
    zkc_elected_resign(a.elected, NULL);
    elect(&b);
    reconnect(&r);
    check_last(&s, zkc_elected_token(b.elected));
    zkc_observer_close(s.observer);
    check_sane(&s);
    leave(&a);
    leave(&b);
    leave_proxy(&r);
}

/* Operators and other programs change nodes, too. */
static void foreign_changes_are_told(void **state)
{
    struct party watcher = join();
    char first[300], second[300];
    static struct seen s;
    int64_t token;

    (void)state;
    assert_int_equal(probe_delete_tree(probe, PATH), ZOK);
    seen_init(&s);
    observe(&s, watcher.leader);
    check_last(&s, 0);
    make_foreign("lock-", "one", first);
    token = probe_czxid(probe, first);
    check_last(&s, token);
    assert_string_equal(s.data, "one");
    make_foreign("lock-", "two", second); /* not the leader: no news */
    assert_true(holds_until(is_last, &s, SHORTLY));
    assert_int_equal(probe_delete(probe, first), ZOK);
    check_last(&s, probe_czxid(probe, second));
    assert_string_equal(s.data, "two");
    assert_int_equal(probe_delete_tree(probe, PATH), ZOK);
    check_last(&s, 0);
    make_foreign("lock-", "three", first); /* in a directory made anew */
    assert_true(probe_czxid(probe, first) > token);
    check_last(&s, probe_czxid(probe, first));
    assert_int_equal(s.count, 5);
    assert_int_equal(probe_delete(probe, first), ZOK);
    check_last(&s, 0);
    zkc_observer_close(s.observer);
    leave(&watcher);
}

/* ---- the life of observers ---- */

static void close_observer(void *arg, const zkc_contender *leader)
{
    struct seen *s = arg;

    note_change(s, leader);
    if (leader) {
        zkc_observer_close(s->observer);
        s->observer = NULL;
    }
}

static void observer_closed_in_its_callback(void **state)
{
    struct party a = join();
    static struct seen s;

    (void)state;
    seen_init(&s);
    assert_int_equal(zkc_leader_observe(a.leader, close_observer, &s, &s.observer), ZKC_OK);
    check_last(&s, 0);
    elect(&a);
    check_last(&s, zkc_elected_token(a.elected));
    resign(&a);
    elect(&a);
    resign(&a);
    assert_true(holds_until(is_last, &s, SHORTLY));
    assert_int_equal(s.count, 2);
    leave(&a);
}

/* Opened and closed while the election changes: none after close, and no watch is left. */
static void observers_come_and_go(void **state)
{
    struct party a = join(), b = join(), watcher = join();
    struct storm storm = {.a = &a, .b = &b};
    struct scene_call call = {.call = run_storm, .arg = &storm};
    static struct seen s;
    int n;

    (void)state;
    seen_init(&s);
    scene_start(&call);
    for (int i = 0; i < 100; i++) {
        observe(&s, watcher.leader);
        if (harness_random(2))
            wait_for_changes(&s, (int)harness_random(3));
        zkc_observer_close(s.observer);
        n = seen_count(&s);
        assert_int_equal(zkc_leader_status(watcher.leader), ZKC_FOLLOWER);
        assert_int_equal(seen_count(&s), n);
    }
    end_storm(&storm, &call);
    scene_nothing_left(servers, probe, PATH, SOON);
    leave(&a);
    leave(&b);
    leave(&watcher);
}

/* The leader object, and then the sync object, go before the observer. */
static void observer_outlives_what_made_it(void **state)
{
    struct party a = join(), watcher = join();
    static struct seen s;

    (void)state;
    seen_init(&s);
    observe(&s, watcher.leader);
    zkc_leader_close(watcher.leader);
    watcher.leader = NULL;
    elect(&a);
    check_last(&s, zkc_elected_token(a.elected));
    assert_int_equal(zkc_sync_close(watcher.sync), ZKC_OK);
    resign(&a);
    assert_true(holds_until(is_last, &s, SHORTLY));
    zkc_observer_close(s.observer);
    leave(&a);
}

static void observer_on_the_callers_loop(void **state)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .quiet = true});
    struct party a = {.sync = sync, .leader = scene_leader(sync, "it")};
    int fd = zkc_sync_fd(sync);
    static struct seen s;

    (void)state;
    seen_init(&s);
    observe(&s, a.leader);
    assert_true(scene_wait_readable(fd, SOON));
    assert_int_equal(seen_count(&s), 0);
    assert_int_equal(zkc_sync_dispatch(sync), 1);
    assert_int_equal(seen_last(&s), 0);
    elect(&a);
    assert_true(scene_wait_readable(fd, SOON));
    assert_int_equal(zkc_sync_dispatch(sync), 1);
    assert_int_equal(seen_last(&s), zkc_elected_token(a.elected));
    assert_int_equal(s.count, 2);
    assert_int_equal(zkc_sync_dispatch(sync), 0);
    zkc_observer_close(s.observer);
    leave(&a);
}

/* What nobody will run any more does not keep the loop awake. */
static void a_withdrawn_change_lowers_the_descriptor(void **state)
{
    zkc_sync *sync = scene_open_as(&(struct scene){.nodes = nodes, .quiet = true});
    struct party a = {.sync = sync, .leader = scene_leader(sync, "it")};
    int fd = zkc_sync_fd(sync);
    static struct seen s;

    (void)state;
    seen_init(&s);
    observe(&s, a.leader);
    assert_true(scene_wait_readable(fd, SOON));
    zkc_observer_close(s.observer);
    assert_false(scene_readable(fd));
    assert_int_equal(zkc_sync_dispatch(sync), 0);
    assert_int_equal(seen_count(&s), 0);
    leave(&a);
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WATCHED(a_life),
        WATCHED(candidates_in_order),
        WATCHED(elections_end_without_a_winner),
        WATCHED(asynchronous_elections),
        WATCHED(closed_while_standing),
        WATCHED(leadership_outlives_the_candidate),
        WATCHED(deposed_by_an_operator),
        WATCHED(deposed_leader_notices_unasked),
        WATCHED(check_guards_a_transaction),
        WATCHED(identity_is_published),
        WATCHED(default_identity),
        WATCHED(foreign_data_is_handed_out_raw),
        WATCHED(shares_a_latch),
        WATCHED(ttl_means_another_session),
        WATCHED(every_change_is_delivered),
        WATCHED(many_observers_of_a_queue),
        WATCHED(slow_observer_learns_the_last_state),
        WATCHED(bursts_are_survived),
        WATCHED(changes_while_disconnected),
        WATCHED(last_state_through_a_storm),
        WATCHED(change_during_a_restart),
        WATCHED(foreign_changes_are_told),
        WATCHED(observer_closed_in_its_callback),
        WATCHED(observers_come_and_go),
        WATCHED(observer_outlives_what_made_it),
        WATCHED(observer_on_the_callers_loop),
        WATCHED(a_withdrawn_change_lowers_the_descriptor),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
