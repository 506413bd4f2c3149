/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_parts.h"

#include <string.h>

/* ---- servers ---- */

static void for_each_connection(const struct server *server, void (*act)(struct connection *c))
{
    for (struct peer *peer = cluster.peers; peer != NULL; peer = peer->next) {
        struct connection *next;
        for (struct connection *c = peer->connections; c != NULL; c = next) {
            next = c->next_here;
            if (c->server == server)
                act(c);
        }
    }
}

static void update_links(void)
{
    for (int from = 0; from < cluster.count; from++)
        for (int to = 0; to < cluster.count; to++)
            pipe_block(&cluster.links[from][to].pipe,
                       cluster.cut[from][to] || cluster.servers[to].paused);
}

void cluster_crash(int id)
{
    struct server *server = &cluster.servers[id];

    if (server->role == ROLE_DOWN)
        return;
    story("fault: server %d crashes", id);
    connections_end(server);
    peers_stop(server);
    duty_cancel(server, DUTY_DISK);
    server->role = ROLE_DOWN;
    server->length = server->durable;
    server->flushing = server->durable;
    server->committed = 0;
    server->applied = 0;
    server->paused = false;
    sessions_clear(server);
    tree_end(&server->tree);
    tree_end(&server->ahead);
    update_links();
    for_each_connection(server, connection_update);
}

void cluster_restart(int id)
{
    struct server *server = &cluster.servers[id];

    if (server->role != ROLE_DOWN)
        return;
    story("server %d starts again", id);
    tree_begin(&server->tree);
    server->role = ROLE_LOOKING;
    duty_after(server, DUTY_LOOK, world_between(cluster.options.tick / 4, cluster.options.tick));
}

void cluster_pause(int id)
{
    struct server *server = &cluster.servers[id];

    if (server->paused || server->role == ROLE_DOWN)
        return;
    story("fault: server %d pauses", id);
    session_close_all_due(server);
    server->paused = true;
    update_links();
    for_each_connection(server, connection_update);
}

/* Its threads go on in any order. */
void cluster_resume(int id)
{
    struct server *server = &cluster.servers[id];

    if (!server->paused)
        return;
    story("server %d goes on", id);
    server->paused = false;
    for (int duty = 0; duty < DUTIES; duty++)
        if (server->owed[duty])
            duty_after(server, (enum duty)duty, world_below(SIM_MS));
    update_links();
    for_each_connection(server, connection_update);
}

void cluster_cut(int server, int other)
{
    if (server == other || cluster.cut[server][other])
        return;
    story("fault: servers %d and %d are cut off from each other", server, other);
    cluster.cut[server][other] = cluster.cut[other][server] = true;
    update_links();
}

void cluster_stall(int from, int to)
{
    if (from == to || cluster.cut[from][to])
        return;
    story("fault: nothing comes from server %d to server %d", from, to);
    cluster.cut[from][to] = true;
    update_links();
}

void cluster_isolate(int server)
{
    for (int other = 0; other < cluster.count; other++)
        cluster_cut(server, other);
}

void cluster_heal(void)
{
    story("servers and their links are healed");
    memset(cluster.cut, 0, sizeof cluster.cut);
    for (int i = 0; i < cluster.count; i++) {
        cluster.servers[i].slow = 0;
        cluster.servers[i].lag = 0;
        cluster_resume(i);
        cluster_restart(i);
    }
    update_links();
}

void cluster_slow(int server, int64_t delay)
{
    story("fault: the disk of server %d is slower by %lld ms", server, (long long)(delay / SIM_MS));
    cluster.servers[server].slow = delay;
}

void cluster_lag(int server, int64_t delay)
{
    story("fault: server %d hears the others later by %lld ms", server,
          (long long)(delay / SIM_MS));
    cluster.servers[server].lag = delay;
}

/* ---- links of clients ---- */

static const char *const fault_names[] = {"fine", "a black hole", "dead to the server",
                                          "dead to the client", "refused"};

static void set_fault(struct peer *peer, int server, enum link_fault fault)
{
    struct connection *next;

    peer->faults[server] = fault;
    for (struct connection *c = peer->connections; c != NULL; c = next) {
        next = c->next_here;
        if (c->server != &cluster.servers[server])
            continue;
        if (fault == LINK_REFUSED && c->server_open)
            connection_reset(c);
        else
            connection_update(c);
    }
}

void cluster_link(struct machine *machine, int server, enum link_fault fault)
{
    struct peer *peer = peer_of(machine);

    story("fault: the link of %s to server %d is %s", machine_name(machine), server,
          fault_names[fault]);
    for (int i = 0; i < cluster.count; i++)
        if (server == -1 || server == i)
            set_fault(peer, i, fault);
}

void cluster_link_delay(struct machine *machine, int server, int64_t extra)
{
    struct peer *peer = peer_of(machine);

    story("fault: the link of %s to server %d is slower by %lld ms", machine_name(machine), server,
          (long long)(extra / SIM_MS));
    for (int i = 0; i < cluster.count; i++)
        if (server == -1 || server == i)
            peer->extra[i] = extra;
}

void cluster_reset(struct machine *machine)
{
    struct connection *next;

    story("fault: connections of %s are reset", machine_name(machine));
    for (struct connection *c = peer_of(machine)->connections; c != NULL; c = next) {
        next = c->next_here;
        if (c->server_open)
            connection_reset(c);
    }
}

void cluster_reset_at_next(struct machine *machine, bool applied)
{
    struct peer *peer = peer_of(machine);

    peer->reset_at_next = true;
    peer->reset_applied = applied;
}

void cluster_strand_next(struct machine *machine)
{
    peer_of(machine)->strand_next = true;
}

bool cluster_has_stranded(void)
{
    return cluster.has_stranded;
}

void cluster_unstrand(struct machine *machine)
{
    struct peer *peer = peer_of(machine);
    struct request *request = peer->stranded;

    peer->stranded = NULL;
    if (request == NULL)
        return;
    story("fault: a request of %s is handed on after all", machine_name(machine));
    serve_stranded(&cluster.servers[peer->stranded_at], request);
}

/* ---- the client library ---- */

void cluster_bar(struct machine *machine, bool barred)
{
    story("fault: new connections of %s are %s", machine_name(machine),
          barred ? "refused" : "accepted");
    peer_of(machine)->barred = barred;
}

void cluster_refuse_auth(bool refuse)
{
    cluster.auth_refused = refuse;
}

void cluster_refuse_submissions(struct machine *machine, int per_mille)
{
    peer_of(machine)->refusals = per_mille;
}

bool cluster_submission_fails(struct machine *machine)
{
    int per_mille = peer_of(machine)->refusals;

    return per_mille > 0 && world_chance(per_mille);
}
