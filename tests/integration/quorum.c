/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each server reaches each other one through two proxies of its own, one for the quorum port,
 * one for the election port: every server's configuration gives the others' addresses
 * differently. It works because nothing but the configuration tells servers where others are:
 * with reconfigEnabled=false (the default) the configuration that the leader and the votes carry
 * is ignored, and the greeting on election links is stripped of its address by PROXY_ELECTION.
 */
#define _GNU_SOURCE
#include "servers_internal.h"

#include "proxy.h"

#include <stdlib.h>

static struct proxy *link_start(const struct server *to, enum port port)
{
    char target[32];

    snprintf(target, sizeof(target), "127.0.0.1:%u", to->ports[port]);
    return proxy_start_as(target, port == ELECTION_PORT ? PROXY_ELECTION : PROXY_RAW);
}

static bool pair_start(struct servers *s, int from, int to)
{
    struct proxy **links = s->links[from][to];

    links[QUORUM_PORT] = link_start(&s->at[to], QUORUM_PORT);
    links[ELECTION_PORT] = link_start(&s->at[to], ELECTION_PORT);
    return links[QUORUM_PORT] && links[ELECTION_PORT];
}

bool quorum_start(struct servers *s)
{
    bool ok = true;

    if (!s->options.proxied_quorum)
        return true;
    for (int from = 0; from < s->count; from++) {
        for (int to = 0; to < s->count; to++)
            ok = ok && (from == to || pair_start(s, from, to));
    }
    return ok;
}

void quorum_stop(struct servers *s)
{
    for (int from = 0; from < s->count; from++) {
        for (int to = 0; to < s->count; to++) {
            proxy_stop(s->links[from][to][QUORUM_PORT]);
            proxy_stop(s->links[from][to][ELECTION_PORT]);
        }
    }
}

static int port_towards(struct servers *s, int from, int to, enum port port)
{
    const struct proxy *p = s->links[from][to][port];

    return p ? atoi(proxy_address(p) + sizeof("127.0.0.1:") - 1) : s->at[to].ports[port];
}

void quorum_configure(struct servers *s, int i, FILE *config)
{
    if (s->count == 1)
        return;
    for (int to = 0; to < s->count; to++)
        fprintf(config, "server.%d=127.0.0.1:%d:%d\n", to + 1, port_towards(s, i, to, QUORUM_PORT),
                port_towards(s, i, to, ELECTION_PORT));
}

/* ---- faults ---- */

static void apply(struct servers *s, int from, int to)
{
    bool cut = s->cut[from] || s->cut[to] || s->cut_pair[from][to];

    for (int port = QUORUM_PORT; port < PORTS; port++) {
        struct proxy *p = s->links[from][to][port];
        if (p)
            proxy_set_mode(p, cut ? PROXY_BLACKHOLE : PROXY_PASS);
    }
}

static void apply_all(struct servers *s)
{
    if (!s->options.proxied_quorum) {
        fprintf(stderr, "servers: cutting needs .proxied_quorum\n");
        abort();
    }
    for (int from = 0; from < s->count; from++) {
        for (int to = 0; to < s->count; to++)
            apply(s, from, to);
    }
}

void servers_cut(struct servers *s, int i)
{
    s->cut[i] = true;
    apply_all(s);
}

void servers_cut_pair(struct servers *s, int i, int j)
{
    s->cut_pair[i][j] = s->cut_pair[j][i] = true;
    apply_all(s);
}

void servers_heal(struct servers *s, int i)
{
    s->cut[i] = false;
    for (int j = 0; j < s->count; j++)
        s->cut_pair[i][j] = s->cut_pair[j][i] = false;
    apply_all(s);
}

void servers_heal_all(struct servers *s)
{
    for (int i = 0; i < s->count; i++)
        servers_heal(s, i);
}

void servers_delay(struct servers *s, int i, int ms)
{
    for (int j = 0; j < s->count; j++) {
        for (int port = QUORUM_PORT; port < PORTS && j != i; port++) {
            proxy_set_delay(s->links[i][j][port], ms, ms);
            proxy_set_delay(s->links[j][i][port], ms, ms);
        }
    }
}
