/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cluster cluster;

/* ---- what comes due at a server ---- */

static void beat(struct server *server)
{
    peers_beat(server);
}

static void check_containers(struct server *leader)
{
    duty_after(leader, DUTY_CONTAINERS, cluster.options.container_check);
    for (uint32_t id = 0; id < leader->tree.capacity; id++) {
        const struct node *node = leader->tree.nodes[id];
        const struct node *ahead;
        if (node == NULL || !node->container || node->children > 0 ||
            node->cversion == cluster.options.first_sequence)
            continue;
        ahead = tree_find(&leader->ahead, node->path);
        if (ahead != NULL && ahead->children == 0)
            log_propose(leader, prepare_container(leader, node->path));
    }
}

static void (*const duties[DUTIES])(struct server *server) = {
    [DUTY_LOOK] = peers_look,           [DUTY_BEAT] = beat,
    [DUTY_EXPIRE] = session_expire_due, [DUTY_CONTAINERS] = check_containers,
    [DUTY_CLOSE] = session_close_due,   [DUTY_SILENCE] = peers_silence,
    [DUTY_DISK] = log_flushed,
};

static void run_duty(void *arg)
{
    const struct errand *errand = arg;
    struct server *server = errand->server;

    server->tickets[errand->duty] = 0;
    if (server->paused)
        server->owed[errand->duty] = true;
    else
        duties[errand->duty](server);
}

void duty_after(struct server *server, enum duty duty, int64_t delay)
{
    event_cancel(&server->tickets[duty]);
    server->owed[duty] = false;
    server->tickets[duty] = event_after(NULL, delay, run_duty, &server->errands[duty]);
}

bool duty_awaited(const struct server *server, enum duty duty)
{
    return server->tickets[duty] != 0 || server->owed[duty];
}

void duty_cancel(struct server *server, enum duty duty)
{
    event_cancel(&server->tickets[duty]);
    server->owed[duty] = false;
}

int64_t cluster_delay(void)
{
    return world_between(cluster.options.least_delay, cluster.options.most_delay);
}

/* ---- life ---- */

static void set_defaults(struct cluster_options *options)
{
    if (options->servers == 0)
        options->servers = 1;
    if (options->tick == 0)
        options->tick = 500 * SIM_MS;
    if (options->sync_limit == 0)
        options->sync_limit = 5;
    if (options->most_delay == 0) {
        options->least_delay = SIM_MS / 10;
        options->most_delay = SIM_MS;
    }
    if (options->container_check == 0)
        options->container_check = 60 * SIM_SECOND;
}

static void begin_links(void)
{
    for (int from = 0; from < cluster.count; from++) {
        for (int to = 0; to < cluster.count; to++) {
            struct peer_link *link = &cluster.links[from][to];
            link->from = from;
            link->to = to;
            link->pipe = (struct pipe){.deliver = peers_deliver, .drop = peers_drop, .owner = link};
        }
    }
}

static void begin_server(int id)
{
    struct server *server = &cluster.servers[id];

    server->id = id;
    server->leader = -1;
    server->role = ROLE_LOOKING;
    for (int duty = 0; duty < DUTIES; duty++) {
        server->errands[duty].server = server;
        server->errands[duty].duty = (enum duty)duty;
    }
    tree_begin(&server->tree);
}

static void set_out_following(struct server *follower, struct server *leader)
{
    struct learner *learner = &leader->learners[follower->id];

    follower->role = ROLE_FOLLOWING;
    follower->leader = leader->id;
    follower->epoch = follower->promised = follower->joining_epoch = leader->proposed;
    follower->joined = learner->generation = ++cluster.generations;
    follower->heard = learner->heard = world_now();
    learner->promised = learner->has_log = learner->in_step = true;
    learner->deadline = cluster.options.sync_limit;
    duty_after(follower, DUTY_SILENCE, cluster.options.sync_limit * cluster.options.tick);
}

static void elect_at_once(void)
{
    struct server *leader = &cluster.servers[world_below(cluster.count)];

    leader->role = ROLE_GATHERING;
    leader->proposed = leader->promised = leader->epoch = 1;
    leader->has_promises = true;
    for (int i = 0; i < cluster.count; i++)
        if (i != leader->id)
            set_out_following(&cluster.servers[i], leader);
    if (cluster.count > 1)
        duty_after(leader, DUTY_BEAT, world_below(cluster.options.tick / 2));
    peers_acked(leader);
}

void cluster_address(int server, char *address, size_t size)
{
    snprintf(address, size, "10.0.0.%d:2181", server + 1);
}

static void name_servers(void)
{
    for (int i = 0; i < cluster.count; i++) {
        char address[24];
        cluster_address(i, address, sizeof address);
        strcat(strcat(cluster.addresses, i > 0 ? "," : ""), address);
    }
}

#define POOL_OF(type)               \
    (struct pool)                   \
    {                               \
        .size = sizeof(struct type) \
    }

void cluster_begin(const struct cluster_options *options)
{
    memset(&cluster, 0, sizeof cluster);
    memory_begin();
    cluster.options = *options;
    set_defaults(&cluster.options);
    cluster.count = cluster.options.servers;
    cluster.secret = world_random();
    cluster.messages = POOL_OF(message);
    cluster.nodes = POOL_OF(node);
    cluster.sessions = POOL_OF(session);
    cluster.watches = POOL_OF(watch);
    cluster.connections = POOL_OF(connection);
    cluster.packets = POOL_OF(packet);
    name_servers();
    begin_links();
    for (int i = 0; i < cluster.count; i++)
        begin_server(i);
    elect_at_once();
}

static void end_connections(void)
{
    for (struct peer *peer = cluster.peers; peer != NULL; peer = peer->next) {
        while (peer->connections != NULL) {
            struct connection *c = peer->connections;
            c->client_open = false;
            connection_end(c);
        }
    }
}

void cluster_end(void)
{
    fake_zoo_end();
    end_connections();
    for (int i = 0; i < cluster.count; i++) {
        struct server *server = &cluster.servers[i];
        for (int duty = 0; duty < DUTIES; duty++)
            duty_cancel(server, (enum duty)duty);
        for (int to = 0; to < cluster.count; to++)
            pipe_flush(&cluster.links[i][to].pipe);
        free(server->log);
        free(server->watches);
        free(server->tree.nodes);
        free(server->ahead.nodes);
    }
    free(cluster.history);
    memory_end();
    memset(&cluster, 0, sizeof cluster);
}

int cluster_servers(void)
{
    return cluster.count;
}

const char *cluster_addresses(void)
{
    return cluster.addresses;
}

int64_t cluster_sluggishness(void)
{
    return cluster.options.sluggish;
}

int cluster_server_of(const char *address)
{
    int number = 0, end = 0;

    if (sscanf(address, "10.0.0.%d:2181%n", &number, &end) != 1 || end == 0)
        return -1;
    return number >= 1 && number <= cluster.count ? number - 1 : -1;
}
