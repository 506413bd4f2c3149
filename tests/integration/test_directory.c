/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which locks and elections there are; putting somebody out of the line, or asking for it. One
 * server.
 */
#include "harness.h"
#include "probe.h"
#include "proxy.h"
#include "scene.h"
#include "servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SOON deadline_in_ms(20000)

static struct servers *servers;
static struct probe *probe;
static struct proxy *proxy;

static int start(void **state)
{
    (void)state;
    servers = servers_start(NULL);
    probe = servers ? probe_open(servers_addresses(servers), 8000) : NULL;
    proxy = servers ? proxy_start(server_address(servers, 0)) : NULL;
    return probe && proxy ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    proxy_stop(proxy);
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

static bool is_empty(void *arg)
{
    (void)arg;
    return probe_delete_tree(probe, SCENE_NAMESPACE) == 0;
}

static int clean(void **state)
{
    (void)state;
    proxy_set_mode(proxy, PROXY_PASS);
    proxy_clear_rules(proxy);
    return wait_until(is_empty, NULL, SOON) ? 0 : -1;
}

/* ---- ids ---- */

static void none(void **state)
{
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_ids *ids = NULL;

    (void)state;
    assert_int_equal(zkc_lock_ids(sync, NULL, &ids), ZKC_OK);
    assert_int_equal(zkc_ids_count(ids), 0);
    assert_null(zkc_ids_at(ids, 0));
    zkc_ids_free(ids);
    zkc_ids_free(NULL);
    assert_int_equal(zkc_ids_count(NULL), 0);
    assert_null(zkc_ids_at(NULL, 0));
    assert_null(zkc_ids_path(NULL, 0));
    zkc_sync_close(sync);
}

/* Sorted as they were given, whatever their znodes are called. */
static void every_id(void **state)
{
    static const char *const given[] = {"%2F", ".", "/a/b", "a", "b c", "z\xc3\xbc"};
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_lock *locks[COUNT(given)];
    zkc_elected *elected;
    zkc_leader *leader = scene_leader(sync, "boss");
    zkc_ids *ids;

    (void)state;
    for (size_t i = 0; i < COUNT(given); i++) {
        locks[i] = scene_lock(sync, given[i]);
        assert_int_equal(zkc_lock_acquire(locks[i], NULL), ZKC_OK);
    }
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_OK);
    assert_int_equal(zkc_lock_ids(sync, NULL, &ids), ZKC_OK);
    assert_int_equal(zkc_ids_count(ids), COUNT(given));
    for (size_t i = 0; i < COUNT(given); i++) {
        assert_string_equal(zkc_ids_at(ids, i), given[i]);
        zkc_lock_close(locks[i]);
    }
    assert_string_equal(zkc_ids_path(ids, 2), SCENE_NAMESPACE "/lock/%2Fa%2Fb");
    assert_null(zkc_ids_path(ids, COUNT(given)));
    zkc_ids_free(ids);
    assert_int_equal(zkc_leader_ids(sync, NULL, &ids), ZKC_OK);
    assert_int_equal(zkc_ids_count(ids), 1);
    assert_string_equal(zkc_ids_at(ids, 0), "boss");
    zkc_ids_free(ids);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    zkc_sync_close(sync);
}

/* What others have made there hides no id, and is none: an id that is listed can be opened. */
static void znodes_of_no_id(void **state)
{
    static const char *const names[] = {"%2f", "%41", "%zz", "a%00"};
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_lock *lock = scene_lock(sync, "A");
    char path[1024], longest[700];
    zkc_ids *ids;

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, SCENE_NAMESPACE "/lock/%s", names[i]);
        assert_int_equal(probe_make_path(probe, path), 0);
    }
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    snprintf(path, sizeof path, SCENE_NAMESPACE "/lock/%s", longest);
    assert_int_equal(probe_make_path(probe, path), 0);
    assert_int_equal(zkc_lock_ids(sync, NULL, &ids), ZKC_OK);
    assert_int_equal(zkc_ids_count(ids), 1);
    assert_string_equal(zkc_ids_at(ids, 0), "A");
    assert_string_equal(zkc_ids_path(ids, 0), SCENE_NAMESPACE "/lock/A");
    assert_null(zkc_ids_at(ids, 1));
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(strrchr(zkc_ids_path(ids, 1 + i), '/') + 1, names[i]);
    assert_string_equal(zkc_ids_path(ids, 1 + COUNT(names)), path);
    assert_null(zkc_ids_path(ids, 2 + COUNT(names)));
    zkc_ids_free(ids);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static void ids_fail(void **state)
{
    zkc_sync *sync = scene_open(proxy_address(proxy));
    zkc_context *context = scene_context(300);
    zkc_ids *untouched = (zkc_ids *)state, *ids = untouched;

    assert_int_equal(zkc_lock_ids(NULL, NULL, &ids), ZKC_EINVAL);
    assert_int_equal(zkc_lock_ids(sync, NULL, NULL), ZKC_EINVAL);
    proxy_set_mode(proxy, PROXY_BLACKHOLE);
    assert_int_equal(zkc_lock_ids(sync, context, &ids), ZKC_ETIMEDOUT);
    zkc_context_cancel(context);
    assert_int_equal(zkc_leader_ids(sync, context, &ids), ZKC_ECANCELED);
    proxy_set_mode(proxy, PROXY_PASS);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    assert_ptr_equal(ids, untouched);
    zkc_context_free(context);
}

/* The connection breaks under the question: it is asked again. */
static void ids_after_a_reset(void **state)
{
    zkc_sync *sync = scene_open(proxy_address(proxy));
    int rule = proxy_on(proxy, PROXY_ANY_CHILDREN, 1, PROXY_RESET_BEFORE);
    zkc_ids *ids;

    (void)state;
    assert_int_equal(zkc_lock_ids(sync, NULL, &ids), ZKC_OK);
    assert_int_equal(proxy_fired(proxy, rule), 1);
    zkc_ids_free(ids);
    zkc_sync_close(sync);
}

/* A server that counts a name and sends none. */
static void a_list_with_no_name_at_all(void **state)
{
    zkc_sync *sync = scene_open(proxy_address(proxy));
    zkc_lock *lock = scene_lock(sync, "nameless");
    int rule;
    zkc_ids *ids;

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    rule = proxy_on(proxy, PROXY_ANY_CHILDREN, 1, PROXY_SPOIL_NAME);
    assert_int_equal(zkc_lock_ids(sync, NULL, &ids), ZKC_OK);
    assert_int_equal(proxy_fired(proxy, rule), 1);
    assert_int_equal(zkc_ids_count(ids), 0);
    zkc_ids_free(ids);
    zkc_lock_close(lock);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

static int ask_for_ids(struct scene_call *c)
{
    return zkc_lock_ids(c->sync, NULL, c->arg);
}

/* Its answer is kept back. */
static void ask(struct scene_call *c, zkc_ids **ids)
{
    int rule = proxy_on(proxy, PROXY_GET_CHILDREN, 1, PROXY_HOLD_REPLY);

    c->call = ask_for_ids;
    c->sync = scene_open(proxy_address(proxy));
    c->arg = ids;
    scene_start(c);
    assert_true(proxy_wait_fired(proxy, rule, SOON));
}

static void the_next_session_answers(void **state)
{
    struct proxy_session session;
    zkc_ids *ids = NULL;
    struct scene_call call = {0};

    (void)state;
    ask(&call, &ids);
    assert_true(proxy_last_session(proxy, &session));
    assert_true(probe_expire(server_address(servers, 0), session.id, session.password));
    assert_int_equal(scene_join(&call, SOON), ZKC_OK);
    assert_int_equal(zkc_ids_count(ids), 0);
    zkc_ids_free(ids);
    zkc_sync_close(call.sync);
}

static void closed_under_a_question(void **state)
{
    zkc_ids *ids = NULL;
    struct scene_call call = {0};

    (void)state;
    ask(&call, &ids);
    assert_int_equal(zkc_sync_close(call.sync), ZKC_OK);
    assert_int_equal(scene_join(&call, SOON), ZKC_ECLOSED);
    assert_null(ids);
}

/* ---- evicting ---- */

struct line {
    zkc_sync *sync, *operator;
    zkc_lock *lock;
    zkc_contenders *all;
};

static void make_line(struct line *line)
{
    line->sync = scene_open(servers_addresses(servers));
    line->operator= scene_open(proxy_address(proxy));
    line->lock = scene_lock(line->sync, "l");
    assert_int_equal(zkc_lock_acquire(line->lock, NULL), ZKC_OK);
    assert_true(zkc_lock_revoked_fd(line->lock) >= 0);
    assert_int_equal(zkc_lock_contenders(line->lock, NULL, &line->all), ZKC_OK);
    assert_int_equal(zkc_contenders_count(line->all), 1);
}

static void end_line(struct line *line)
{
    zkc_contenders_free(line->all);
    zkc_lock_close(line->lock);
    zkc_sync_close(line->sync);
    zkc_sync_close(line->operator);
}

static void the_holder_is_revoked(void **state)
{
    const zkc_contender *first;
    struct line line;

    (void)state;
    make_line(&line);
    first = zkc_contenders_at(line.all, 0);
    assert_int_equal(zkc_contender_evict(line.operator, first, NULL), ZKC_OK);
    assert_false(probe_exists(probe, first->path));
    assert_int_equal(zkc_lock_wait_revoked(line.lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_revoked_reason(line.lock), ZKC_EDELETED);
    assert_int_equal(zkc_contender_evict(line.operator, first, NULL), ZKC_ENOTHELD);
    end_line(&line);
}

static void a_lost_reply_is_asked_for_again(void **state)
{
    struct line line;
    int rule;

    (void)state;
    make_line(&line);
    rule = proxy_on(proxy, PROXY_DELETE, 1, PROXY_RESET_AFTER);
    assert_int_equal(zkc_contender_evict(line.operator, zkc_contenders_at(line.all, 0), NULL),
                     ZKC_OK);
    assert_int_equal(proxy_fired(proxy, rule), 1);
    end_line(&line);
}

static void evicting_fails(void **state)
{
    zkc_context *context = scene_context(300);
    zkc_contender odd;
    struct line line;

    (void)state;
    make_line(&line);
    odd = *zkc_contenders_at(line.all, 0);
    assert_int_equal(zkc_contender_evict(NULL, &odd, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_contender_evict(line.operator, NULL, NULL), ZKC_EINVAL);
    odd.path = "/t/lock/../l";
    assert_int_equal(zkc_contender_evict(line.operator, & odd, NULL), ZKC_EINVAL);
    odd.path = "/";
    assert_int_equal(zkc_contender_evict(line.operator, & odd, NULL), ZKC_EINVAL);
    odd.path = NULL;
    assert_int_equal(zkc_contender_evict(line.operator, & odd, NULL), ZKC_EINVAL);
    proxy_set_mode(proxy, PROXY_BLACKHOLE_TO_SERVER);
    assert_int_equal(zkc_contender_evict(line.operator, zkc_contenders_at(line.all, 0), context),
                     ZKC_ETIMEDOUT);
    assert_true(zkc_lock_is_held(line.lock));
    proxy_set_mode(proxy, PROXY_PASS);
    end_line(&line);
    zkc_context_free(context);
}

/* Whose znode was deleted and whose directory was made anew may come back under its old name. */
static void another_of_the_same_name_is_left_alone(void **state)
{
    char path[128], data[64];
    struct line line;

    (void)state;
    make_line(&line);
    snprintf(path, sizeof path, "%s", zkc_contenders_at(line.all, 0)->path);
    assert_int_equal(probe_delete(probe, path), 0);
    assert_int_equal(probe_create(probe, path, "another", 0, NULL, 0), 0);
    assert_int_equal(probe_sync(probe, path), 0);
    assert_int_equal(zkc_contender_ask(line.operator, zkc_contenders_at(line.all, 0), NULL),
                     ZKC_ENOTHELD);
    assert_int_equal(zkc_contender_evict(line.operator, zkc_contenders_at(line.all, 0), NULL),
                     ZKC_ENOTHELD);
    assert_int_equal(probe_get(probe, path, data, sizeof data), 0);
    assert_string_equal(data, "another");
    end_line(&line);
}

/* ---- asking ---- */

static void on_asked(void *arg)
{
    scene_done(arg, ZKC_OK);
}

static void the_holder_is_asked(void **state)
{
    struct scene_outcome asked;
    const zkc_contender *first;
    struct line line;
    char data[256];
    int fd;

    (void)state;
    scene_outcome_init(&asked);
    make_line(&line);
    first = zkc_contenders_at(line.all, 0);
    fd = zkc_lock_asked_fd(line.lock);
    assert_true(fd >= 0);
    assert_int_equal(zkc_lock_on_asked(line.lock, on_asked, &asked), ZKC_OK);
    assert_int_equal(probe_set(probe, first->path, "__revoke__"), 0); /* it must be that word */
    assert_false(scene_wait_readable(fd, deadline_in_ms(200)));
    assert_int_equal(zkc_contender_ask(line.operator, first, NULL), ZKC_OK);
    assert_int_equal(probe_get(probe, first->path, data, sizeof data), 0);
    assert_memory_equal(data, "__REVOKE__{", strlen("__REVOKE__{")); /* it still says who it is */
    assert_string_equal(data + strlen("__REVOKE__"), first->data);
    assert_true(scene_wait_readable(fd, SOON));
    assert_true(scene_wait_calls(&asked, 1, SOON));
    assert_true(zkc_lock_is_held(line.lock));
    assert_int_equal(zkc_lock_release(line.lock, NULL), ZKC_OK);
    assert_false(scene_readable(fd));
    assert_int_equal(zkc_contender_ask(line.operator, first, NULL), ZKC_ENOTHELD);
    assert_int_equal(scene_calls(&asked), 1);
    end_line(&line);
    scene_outcome_end(&asked);
}

/* Nobody has to listen before. */
static void the_leader_was_asked(void **state)
{
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_leader *leader = scene_leader(sync, "boss");
    zkc_contenders *all;
    zkc_elected *elected;

    (void)state;
    assert_int_equal(zkc_leader_elect(leader, NULL, &elected), ZKC_OK);
    assert_int_equal(zkc_leader_current(leader, NULL, &all), ZKC_OK);
    assert_int_equal(zkc_contender_ask(sync, zkc_contenders_at(all, 0), NULL), ZKC_OK);
    assert_true(scene_wait_readable(zkc_elected_asked_fd(elected), SOON));
    zkc_contenders_free(all);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    zkc_sync_close(sync);
}

/* Who waits is asked as well: it hears of it when it is its turn. */
static void a_waiter_is_asked(void **state)
{
    struct scene_call waiting = {.call = scene_acquire};
    zkc_contenders *all;
    struct line line;
    int fd;

    (void)state;
    make_line(&line);
    waiting.lock = scene_lock(line.operator, "l");
    fd = zkc_lock_asked_fd(waiting.lock);
    scene_start(&waiting);
    assert_true(scene_wait_count(probe, SCENE_NAMESPACE "/lock/l", 2, SOON));
    assert_int_equal(zkc_lock_contenders(line.lock, NULL, &all), ZKC_OK);
    assert_int_equal(zkc_contender_ask(line.sync, zkc_contenders_at(all, 1), NULL), ZKC_OK);
    zkc_contenders_free(all);
    assert_false(scene_wait_readable(fd, deadline_in_ms(200)));
    assert_int_equal(zkc_lock_release(line.lock, NULL), ZKC_OK);
    assert_int_equal(scene_join(&waiting, SOON), ZKC_OK);
    assert_true(scene_wait_readable(fd, SOON));
    zkc_lock_close(waiting.lock);
    end_line(&line);
}

/* A lock that nobody wants to hear about has no watch, and a question that is lost is repeated. */
static void asking_costs_who_listens(void **state)
{
    zkc_sync *sync = scene_open(servers_addresses(servers));
    zkc_sync *other = scene_open(proxy_address(proxy));
    zkc_lock *lock = scene_lock(sync, "quiet");
    zkc_contenders *all;
    zkc_contender odd;
    int rule;

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &all), ZKC_OK);
    odd = *zkc_contenders_at(all, 0);
    rule = proxy_on(proxy, PROXY_SET_DATA, 1, PROXY_RESET_AFTER);
    assert_int_equal(zkc_contender_ask(other, &odd, NULL), ZKC_OK);
    assert_int_equal(proxy_fired(proxy, rule), 1);
    assert_int_equal(server_watchers(servers, 0, odd.path), 0);
    assert_true(zkc_lock_asked_fd(lock) >= 0);
    assert_true(scene_wait_readable(zkc_lock_asked_fd(lock), SOON));
    assert_int_equal(server_watchers(servers, 0, odd.path), 1);
    assert_int_equal(zkc_contender_ask(NULL, &odd, NULL), ZKC_EINVAL);
    assert_int_equal(zkc_contender_ask(other, NULL, NULL), ZKC_EINVAL);
    odd.path = "/t/lock/../l";
    assert_int_equal(zkc_contender_ask(other, &odd, NULL), ZKC_EINVAL);
    zkc_contenders_free(all);
    zkc_lock_close(lock);
    zkc_sync_close(other);
    zkc_sync_close(sync);
}

static void others_may_not(void **state)
{
    zkc_sync *owner =
        scene_open_as(&(struct scene){.nodes = servers_addresses(servers), .auth = "ann:secret"});
    zkc_sync *stranger = scene_open(servers_addresses(servers));
    zkc_lock *lock = scene_lock(owner, "mine");
    zkc_contenders *all;

    (void)state;
    assert_int_equal(zkc_lock_acquire(lock, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_contenders(lock, NULL, &all), ZKC_OK);
    assert_int_equal(zkc_contender_evict(stranger, zkc_contenders_at(all, 0), NULL), ZKC_EACCES);
    assert_int_equal(zkc_contender_ask(stranger, zkc_contenders_at(all, 0), NULL), ZKC_EACCES);
    assert_true(zkc_lock_is_held(lock));
    zkc_contenders_free(all);
    zkc_lock_close(lock);
    zkc_sync_close(stranger);
    zkc_sync_close(owner);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(none, clean),
        cmocka_unit_test_setup(every_id, clean),
        cmocka_unit_test_setup(znodes_of_no_id, clean),
        cmocka_unit_test_setup(ids_fail, clean),
        cmocka_unit_test_setup(ids_after_a_reset, clean),
        cmocka_unit_test_setup(a_list_with_no_name_at_all, clean),
        cmocka_unit_test_setup(the_next_session_answers, clean),
        cmocka_unit_test_setup(closed_under_a_question, clean),
        cmocka_unit_test_setup(the_holder_is_revoked, clean),
        cmocka_unit_test_setup(a_lost_reply_is_asked_for_again, clean),
        cmocka_unit_test_setup(evicting_fails, clean),
        cmocka_unit_test_setup(another_of_the_same_name_is_left_alone, clean),
        cmocka_unit_test_setup(the_holder_is_asked, clean),
        cmocka_unit_test_setup(the_leader_was_asked, clean),
        cmocka_unit_test_setup(a_waiter_is_asked, clean),
        cmocka_unit_test_setup(asking_costs_who_listens, clean),
        /* The last: only its owner may delete what it leaves. */
        cmocka_unit_test_setup(others_may_not, clean),
    };

    harness_start(argc, argv, NULL);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start, stop);
}
