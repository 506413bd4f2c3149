/* SPDX-License-Identifier: Apache-2.0 */
/* zkcoord(1) and Kazoo at one path: with --dialect each waits for the other. */
#define _GNU_SOURCE
#include "server.h"
#include "peer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define PATH "/shared/by-command"
#define SHORTLY deadline_in_ms(100)

static void excludes_each_other(const char *verb, const char *theirs)
{
    struct peer *peer = peer_start("python", theirs, server_address(servers, 0), PATH);
    struct child *ours;

    peer_says(peer, "ready");
    ours = START(verb, PATH, "--dialect", "kazoo", "--", "sh", "-c", "echo held; exec cat");
    command_expect(ours, "held");
    peer_tell(peer, "acquire");
    assert_true(probe_wait_children(probe, PATH, 2, PEER_SOON));
    peer_is_silent(peer, SHORTLY);
    let_go(ours);
    peer_says(peer, "acquired");
    assert_int_equal(RUN("lock", PATH, "--dialect", "kazoo", "-n", "true"), 1);
    peer_tell(peer, "release");
    peer_says(peer, "released");
    assert_int_equal(RUN("lock", PATH, "--dialect", "kazoo", "-n", "true"), 0);
    peer_free(peer);
}

static void a_lock(void **state)
{
    (void)state;
    excludes_each_other("lock", "lock");
}

static void an_election(void **state)
{
    (void)state;
    excludes_each_other("elect", "election");
}

/* A plain node: Kazoo does not bear that it vanishes (test_kazoo.c). */
static int start(void **state)
{
    return start_server(state) == 0 && probe_make_path(probe, PATH) == ZOK ? 0 : -1;
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_lock), cmocka_unit_test(an_election)};

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start, stop_server);
}
