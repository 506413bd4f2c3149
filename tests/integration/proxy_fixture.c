/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "proxy_fixture.h"

#include <stdio.h>

struct servers *fixture_servers;
struct probe *fixture_direct;

int fixture_start(void **state)
{
    (void)state;
    fixture_servers = servers_start(&(struct servers_options){.tick_ms = 200});
    if (!fixture_servers)
        return -1;
    fixture_direct = probe_open(server_address(fixture_servers, 0), 10000);
    return fixture_direct ? 0 : -1;
}

int fixture_stop(void **state)
{
    (void)state;
    probe_close(fixture_direct);
    servers_stop(fixture_servers);
    return 0;
}

int fixture_set_up(void **state)
{
    static struct fixture f;
    static int number;

    f.proxy = proxy_start(server_address(fixture_servers, 0));
    f.probe = f.proxy ? probe_open(proxy_address(f.proxy), SESSION_MS) : NULL;
    snprintf(f.path, sizeof(f.path), "/node-%d", number++);
    *state = &f;
    return f.probe ? 0 : -1;
}

int fixture_tear_down(void **state)
{
    struct fixture *f = *state;

    proxy_set_mode(f->proxy, PROXY_PASS);
    proxy_release(f->proxy);
    probe_close(f->probe);
    proxy_stop(f->proxy);
    return 0;
}
