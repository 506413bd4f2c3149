/* SPDX-License-Identifier: Apache-2.0 */
/* One server for a program; for each test a proxy, a client behind it, and a path. */
#ifndef ZKC_TESTS_PROXY_FIXTURE_H
#define ZKC_TESTS_PROXY_FIXTURE_H

#include "harness.h"
#include "ports.h"
#include "probe.h"
#include "proxy.h"
#include "servers.h"

#define SESSION_MS 2400 /* of the client behind the proxy: silence is noticed after 2/3 of it */
#define SOON deadline_in_ms(10000)
#define SHORTLY deadline_in_ms(200)

extern struct servers *fixture_servers;
extern struct probe *fixture_direct; /* sees what is true on the server */

struct fixture {
    struct proxy *proxy;
    struct probe *probe;
    char path[64];
};

int fixture_start(void **state);
int fixture_stop(void **state);
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

#endif
