/*
 * Servers among each other: looking for a leader, leading, following. Simplified from Leader.java,
 * LearnerHandler.java, Learner.java and FastLeaderElection.java: what stays is who may lead, what
 * is cut off whose log, who notices what when, and that links are FIFO.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <string.h>

/* ---- sending ---- */

void peer_send(int from, int to, struct message *message)
{
    pipe_push(&cluster.links[from][to].pipe, message, cluster_delay() + cluster.servers[to].lag);
}

static void send_from(int from, int to, enum peer_message kind, int64_t generation, int64_t value,
                      void *body)
{
    struct message *message = message_new((int)kind);

    message->generation = generation;
    message->value = value;
    message->body = body;
    peer_send(from, to, message);
}

void peer_send_learner(struct server *leader, int to, enum peer_message kind, int64_t value,
                       void *body)
{
    send_from(leader->id, to, kind, leader->learners[to].generation, value, body);
}

void peer_send_leader(struct server *follower, enum peer_message kind, int64_t value, void *body)
{
    send_from(follower->id, follower->leader, kind, follower->joined, value, body);
}

static bool reaches(const struct server *server, const struct server *other)
{
    return server != other && !cluster.cut[server->id][other->id] && !other->paused &&
           other->role != ROLE_DOWN;
}

static int64_t some_of_a_tick(void)
{
    return world_between(cluster.options.tick / 20, cluster.options.tick / 2);
}

static int64_t patience(void)
{
    return cluster.options.sync_limit * cluster.options.tick;
}

/* ---- ending a role ---- */

static void drop_learner(struct server *leader, int i)
{
    if (leader->learners[i].generation != 0)
        peer_send_learner(leader, i, PEER_CLOSED, 0, NULL);
    memset(&leader->learners[i], 0, sizeof leader->learners[i]);
}

void peers_stop(struct server *server)
{
    for (int i = 0; i < cluster.count; i++)
        drop_learner(server, i);
    if (server->role == ROLE_FOLLOWING || server->role == ROLE_JOINING)
        peer_send_leader(server, PEER_CLOSED, 0, NULL);
    server->joined = 0;
    server->leader = -1;
    server->syncs = NULL;
    for (int duty = 0; duty < DUTIES; duty++)
        if (duty != DUTY_DISK)
            duty_cancel(server, (enum duty)duty);
}

void peers_leave(struct server *server)
{
    story("server %d: %s no more", server->id,
          server->role == ROLE_LEADING || server->role == ROLE_GATHERING ? "leads" : "follows");
    connections_end(server);
    peers_stop(server);
    session_forget_touched(server);
    server->role = ROLE_LOOKING;
    duty_after(server, DUTY_LOOK,
               world_between(cluster.options.tick / 20, cluster.options.tick * 3 / 2));
}

/* ---- looking for a leader ---- */

static bool is_leader(const struct server *server)
{
    return server->role == ROLE_LEADING || server->role == ROLE_GATHERING;
}

static const struct server *leader_in_reach(const struct server *server)
{
    const struct server *best = NULL;

    for (int i = 0; i < cluster.count; i++) {
        const struct server *other = &cluster.servers[i];
        if (reaches(server, other) && is_leader(other) &&
            (best == NULL || other->proposed > best->proposed))
            best = other;
    }
    return best;
}

/* By epoch first: an older one may have left behind what was never committed. */
static bool has_seen_more(const struct server *a, const struct server *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : log_newest(a) > log_newest(b);
}

static bool is_newer(const struct server *a, const struct server *b)
{
    return has_seen_more(a, b) || (!has_seen_more(b, a) && a->id > b->id);
}

/* It has the newest log of a majority that looks for a leader. */
static bool is_elected(const struct server *server)
{
    int voters = 1;

    for (int i = 0; i < cluster.count; i++) {
        const struct server *other = &cluster.servers[i];
        if (!reaches(server, other) || other->role != ROLE_LOOKING)
            continue;
        if (is_newer(other, server))
            return false;
        voters++;
    }
    return voters > cluster.count / 2;
}

static void follow(struct server *server, const struct server *leader)
{
    server->role = ROLE_JOINING;
    server->leader = leader->id;
    server->joined = ++cluster.generations;
    server->joining_epoch = 0;
    server->heard = world_now();
    peer_send_leader(server, PEER_FOLLOW, server->promised, NULL);
    duty_after(server, DUTY_SILENCE, patience());
}

static int64_t next_epoch(const struct server *server)
{
    int64_t epoch = server->promised;

    for (int i = 0; i < cluster.count; i++)
        if (reaches(server, &cluster.servers[i]) && cluster.servers[i].promised > epoch)
            epoch = cluster.servers[i].promised;
    return epoch + 1;
}

static void count_promises(struct server *leader);

static void gather(struct server *server)
{
    server->proposed = server->promised = next_epoch(server);
    server->role = ROLE_GATHERING;
    server->has_promises = false;
    server->ticks = 0;
    server->half = false;
    story("server %d: elected, epoch %lld", server->id, (long long)server->proposed);
    duty_after(server, DUTY_BEAT, cluster.options.tick / 2);
    count_promises(server);
}

void peers_look(struct server *server)
{
    const struct server *leader = leader_in_reach(server);

    if (leader != NULL)
        follow(server, leader);
    else if (server->durable == server->length && is_elected(server))
        gather(server);
    else
        duty_after(server, DUTY_LOOK, some_of_a_tick());
}

/* ---- leading ---- */

static void begin_to_lead(struct server *server)
{
    story("server %d: leads, epoch %lld", server->id, (long long)server->epoch);
    server->role = ROLE_LEADING;
    server->zxid = cluster.count > 1 ? server->epoch << 32 : log_newest(server);
    server->phase = world_below(cluster.options.tick);
    log_commit(server, server->length);
    tree_copy(&server->ahead, &server->tree);
    sessions_restart(server);
    duty_after(server, DUTY_CONTAINERS, cluster.options.container_check);
    for (int i = 0; i < cluster.count; i++)
        if (server->learners[i].in_step)
            peer_send_learner(server, i, PEER_UP_TO_DATE, server->committed, NULL);
}

/* A learner is in step when all it was given at first is on its disk. */
void peers_acked(struct server *leader)
{
    int in_step = leader->durable == leader->length;

    if (leader->role == ROLE_LEADING) {
        log_count_acks(leader);
        return;
    }
    for (int i = 0; i < cluster.count; i++)
        in_step += leader->learners[i].in_step;
    if (in_step > cluster.count / 2)
        begin_to_lead(leader);
}

static void take_ack(struct server *leader, int from, int count)
{
    struct learner *learner = &leader->learners[from];

    learner->acked = count;
    if (!learner->in_step && learner->has_log && count >= learner->given) {
        learner->in_step = true;
        if (leader->role == ROLE_LEADING)
            peer_send_learner(leader, from, PEER_UP_TO_DATE, leader->committed, NULL);
    }
    peers_acked(leader);
}

/* The leader's log, from where the learner's own goes another way. */
struct log_tail {
    int common;
    int count;
    struct txn *txns[];
};

static int common_length(const struct server *a, const struct server *b)
{
    int common = a->length < b->length ? a->length : b->length;

    while (common > 0 && a->log[common - 1] != b->log[common - 1])
        common--;
    return common;
}

static void send_log(struct server *leader, int to)
{
    struct learner *learner = &leader->learners[to];
    int common = common_length(leader, &cluster.servers[to]);
    int count = leader->length - common;
    struct log_tail *tail = arena_alloc(sizeof *tail + (size_t)count * sizeof *tail->txns);

    tail->common = common;
    tail->count = count;
    if (count > 0)
        memcpy(tail->txns, leader->log + common, (size_t)count * sizeof *tail->txns);
    learner->given = leader->length;
    learner->has_log = true;
    peer_send_learner(leader, to, PEER_LOG, leader->proposed, tail);
}

/* Logs are handed out when a quorum has promised not to help in an older epoch any more. */
static void count_promises(struct server *leader)
{
    int promises = 1;

    for (int i = 0; i < cluster.count; i++)
        promises += leader->learners[i].promised;
    if (leader->has_promises || promises <= cluster.count / 2)
        return;
    leader->has_promises = true;
    leader->epoch = leader->proposed;
    for (int i = 0; i < cluster.count; i++)
        if (leader->learners[i].promised)
            send_log(leader, i);
    peers_acked(leader);
}

static void take_promise(struct server *leader, int from)
{
    leader->learners[from].promised = true;
    if (leader->has_promises)
        send_log(leader, from);
    else
        count_promises(leader);
}

static void take_learner(struct server *leader, int from, int64_t generation)
{
    struct learner *learner = &leader->learners[from];

    drop_learner(leader, from);
    learner->generation = generation;
    learner->heard = world_now();
    learner->deadline = leader->ticks + cluster.options.sync_limit;
    peer_send_learner(leader, from, PEER_EPOCH, leader->proposed, NULL);
}

static void drop_silent_learners(struct server *leader)
{
    for (int i = 0; i < cluster.count; i++)
        if (leader->learners[i].generation != 0 &&
            world_now() - leader->learners[i].heard > patience())
            drop_learner(leader, i);
}

static bool has_quorum(const struct server *leader)
{
    int synced = 1;

    for (int i = 0; i < cluster.count; i++)
        synced += leader->learners[i].in_step && leader->ticks <= leader->learners[i].deadline;
    return synced > cluster.count / 2;
}

/* Every half tick it pings, every tick it counts who has answered lately. */
void peers_beat(struct server *leader)
{
    leader->half = !leader->half;
    if (!leader->half)
        leader->ticks++;
    if (leader->role == ROLE_GATHERING && leader->ticks > 2 * cluster.options.sync_limit) {
        peers_leave(leader);
        return;
    }
    if (leader->role == ROLE_LEADING && !leader->half && !has_quorum(leader)) {
        peers_leave(leader);
        return;
    }
    drop_silent_learners(leader);
    for (int i = 0; i < cluster.count; i++)
        if (leader->learners[i].in_step)
            peer_send_learner(leader, i, PEER_PING, 0, NULL);
    if (cluster.count > 1)
        duty_after(leader, DUTY_BEAT, cluster.options.tick / 2);
}

static void leader_hears(struct server *leader, int from, struct message *message)
{
    struct learner *learner = &leader->learners[from];

    learner->heard = world_now();
    learner->deadline = leader->ticks + cluster.options.sync_limit;
    switch ((enum peer_message)message->kind) {
    case PEER_PROMISE:
        take_promise(leader, from);
        break;
    case PEER_ACK:
        take_ack(leader, from, (int)message->value);
        break;
    case PEER_PONG:
        session_take_over(leader, message);
        break;
    case PEER_REQUEST:
        serve_forwarded(leader, from, message->body);
        break;
    case PEER_VALIDATE:
        serve_validate(leader, from, message);
        break;
    case PEER_CLOSED:
        memset(learner, 0, sizeof *learner);
        break;
    default:
        break;
    }
}

/* ---- following ---- */

void peers_silence(struct server *follower)
{
    int64_t left = follower->heard + patience() - world_now();

    if (left <= 0)
        peers_leave(follower);
    else
        duty_after(follower, DUTY_SILENCE, left);
}

static void promise(struct server *follower, int64_t epoch)
{
    if (epoch < follower->promised) {
        peers_leave(follower);
        return;
    }
    follower->promised = epoch;
    peer_send_leader(follower, PEER_PROMISE, 0, NULL);
}

static void take_log(struct server *follower, const struct message *message)
{
    const struct log_tail *tail = message->body;

    log_replace(follower, tail->common, tail->txns, tail->count);
    follower->joining_epoch = message->value;
    follower->joining_length = follower->length;
    if (follower->durable == follower->length)
        log_acknowledge(follower);
}

static void answer_ping(struct server *follower)
{
    struct message *pong = message_new(PEER_PONG);

    pong->generation = follower->joined;
    session_hand_over(follower, pong);
    peer_send(follower->id, follower->leader, pong);
}

static void follower_hears(struct server *follower, struct message *message)
{
    follower->heard = world_now();
    switch ((enum peer_message)message->kind) {
    case PEER_EPOCH:
        promise(follower, message->value);
        break;
    case PEER_LOG:
        take_log(follower, message);
        break;
    case PEER_UP_TO_DATE:
        log_commit(follower, (int)message->value);
        follower->role = ROLE_FOLLOWING;
        break;
    case PEER_PROPOSE:
        log_append(follower, message->body);
        break;
    case PEER_COMMIT:
        log_commit(follower, (int)message->value);
        break;
    case PEER_PING:
        answer_ping(follower);
        break;
    case PEER_SYNCED:
        serve_done(message->body);
        break;
    case PEER_VALIDATED:
        serve_validated(message);
        break;
    case PEER_CLOSED:
        peers_leave(follower);
        break;
    default:
        break;
    }
}

/* ---- receiving ---- */

/*
 * Who has promised itself to an epoch helps nobody else to begin the same or an older one. And
 * while a leader gathers its quorum another may have come and gone: who has seen more than the
 * gathering one must not lose it (Leader.waitForEpochAck). In both cases there must be a new one.
 */
static bool may_follow(const struct server *server, int follower, int64_t promised)
{
    if (server->role == ROLE_LEADING)
        return promised <= server->proposed;
    return promised < server->proposed && !has_seen_more(&cluster.servers[follower], server);
}

static void take_follower(struct server *server, int from, const struct message *message)
{
    if (is_leader(server) && may_follow(server, from, message->value)) {
        take_learner(server, from, message->generation);
        return;
    }
    send_from(server->id, from, PEER_CLOSED, message->generation, 0, NULL);
    if (is_leader(server))
        peers_leave(server);
}

static void take_message(struct server *server, int from, struct message *message)
{
    if (message->kind == PEER_FOLLOW)
        take_follower(server, from, message);
    else if (is_leader(server) && server->learners[from].generation == message->generation)
        leader_hears(server, from, message);
    else if (server->leader == from && server->joined == message->generation)
        follower_hears(server, message);
}

void peers_deliver(void *owner, struct message *message)
{
    const struct peer_link *link = owner;

    take_message(&cluster.servers[link->to], link->from, message);
    message_free(message);
}

void peers_drop(struct message *message)
{
    message_free(message);
}
