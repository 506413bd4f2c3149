/* Cases on real servers. Every line is a proxy before each server it leads to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "driver_real.h"

#include "harness.h"
#include "proxy.h"
#include "servers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    int count;
    bool barred;
    struct proxy *proxies[SERVERS_MAX];
    char addresses[SERVERS_MAX * 32];
};

static struct servers *servers;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- time ---- */

bool driver_wait(bool (*condition)(void *arg), void *arg, int ms)
{
    return wait_until(condition, arg, deadline_in_ms(ms));
}

void driver_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void driver_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

/* ---- servers ---- */

/* The keeper, which starts them, has the environment of its own start. */
bool driver_begin(int count)
{
    servers = servers_start(&(struct servers_options){
        .count = count, .tick_ms = DRIVER_TICK_MS, .sync_limit = 10, .proxied_quorum = true});
    return servers != NULL;
}

void driver_end(void)
{
    servers_stop(servers);
}

int driver_servers(void)
{
    return servers_count(servers);
}

static bool has_leader(void *arg)
{
    *(int *)arg = servers_leader_index(servers);
    return *(int *)arg >= 0;
}

int driver_leader(void)
{
    int leader = -1;

    wait_until(has_leader, &leader, deadline_in_ms(60000));
    return leader;
}

bool driver_wait_leader_but(int server)
{
    return servers_wait_leader(servers, server, deadline_in_ms(60000)) >= 0;
}

int driver_follower(void)
{
    return servers_follower_index(servers);
}

void driver_kill(int server)
{
    server_kill(servers, server);
}

void driver_start(int server)
{
    server_start_again(servers, server);
}

void driver_cut(int server)
{
    servers_cut(servers, server);
}

void driver_heal(void)
{
    if (servers_count(servers) > 1)
        servers_heal_all(servers);
}

bool driver_wait_serving(void)
{
    return servers_wait_serving(servers, deadline_in_ms(60000));
}

/* ---- lines ---- */

struct line *line_open(int server)
{
    struct line *line = calloc(1, sizeof *line);

    if (line == NULL)
        abort();
    for (int i = 0; i < servers_count(servers); i++) {
        struct proxy *p;
        if (server != DRIVER_ALL && server != i)
            continue;
        p = proxy_start(server_address(servers, i));
        if (p == NULL)
            abort();
        if (line->count > 0)
            strcat(line->addresses, ",");
        strcat(line->addresses, proxy_address(p));
        line->proxies[line->count++] = p;
    }
    return line;
}

void line_close(struct line *line)
{
    for (int i = 0; i < line->count; i++)
        proxy_stop(line->proxies[i]);
    free(line);
}

const char *line_addresses(const struct line *line)
{
    return line->addresses;
}

static enum proxy_mode mode_of(enum line_fault fault)
{
    switch (fault) {
    case LINE_BLACKHOLE:
        return PROXY_BLACKHOLE;
    case LINE_TO_SERVER:
        return PROXY_BLACKHOLE_TO_SERVER;
    case LINE_TO_CLIENT:
        return PROXY_BLACKHOLE_TO_CLIENT;
    default:
        return PROXY_PASS;
    }
}

void line_set(struct line *line, enum line_fault fault)
{
    for (int i = 0; i < line->count; i++) {
        proxy_refuse(line->proxies[i], line->barred || fault == LINE_REFUSED);
        if (fault == LINE_REFUSED)
            proxy_reset_all(line->proxies[i]);
        proxy_set_mode(line->proxies[i], mode_of(fault));
    }
}

void line_bar(struct line *line, bool barred)
{
    line->barred = barred;
    for (int i = 0; i < line->count; i++)
        proxy_refuse(line->proxies[i], barred);
}

void line_reset(struct line *line)
{
    for (int i = 0; i < line->count; i++)
        proxy_reset_all(line->proxies[i]);
}

void line_reset_at_next(struct line *line, bool applied)
{
    for (int i = 0; i < line->count; i++)
        proxy_on(line->proxies[i], PROXY_ANY, 1, applied ? PROXY_RESET_AFTER : PROXY_RESET_BEFORE);
}

void line_run(struct line *line, void (*fn)(void *arg), void *arg)
{
    (void)line;
    fn(arg);
}
