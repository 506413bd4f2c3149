/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "server.h"
#include "child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct servers *servers;
struct probe *probe;
const char *nodes;

int serve(int tick_ms)
{
    servers = servers_start(&(struct servers_options){.tick_ms = tick_ms});
    if (!servers)
        return -1;
    nodes = servers_addresses(servers);
    probe = probe_open(nodes, 10000);
    return probe ? 0 : -1;
}

int start_server(void **state)
{
    (void)state;
    return serve(0);
}

int stop_server(void **state)
{
    (void)state;
    probe_close(probe);
    servers_stop(servers);
    return 0;
}

struct child *hold(const char *verb, const char *id)
{
    struct child *holder = START(verb, id, HOLDING);

    command_expect(holder, "held");
    return holder;
}

void let_go(struct child *holder)
{
    child_signal(holder, SIGTERM);
    assert_int_equal(command_end(holder), 128 + SIGTERM);
    child_free(holder);
}
