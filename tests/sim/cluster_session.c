/*
 * Sessions: only the leader expires them; followers collect who was heard of and tell it when it
 * pings them (Learner.java, SessionTrackerImpl.java).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <string.h>

/* ---- the table ---- */

static struct session **bucket_of(struct server *server, int64_t id)
{
    uint64_t mixed = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);

    return &server->buckets[mixed >> 58];
}

struct session *session_find(const struct server *server, int64_t id)
{
    struct session *session = *bucket_of((struct server *)(uintptr_t)server, id);

    while (session != NULL && session->id != id)
        session = session->next_in_bucket;
    return session;
}

struct session *session_add(struct server *server, int64_t id, int64_t timeout)
{
    struct session *session = session_find(server, id);
    struct session **bucket = bucket_of(server, id);

    if (session != NULL)
        return session;
    session = pool_get(&cluster.sessions);
    session->id = id;
    session->timeout = timeout;
    session->next_in_bucket = *bucket;
    *bucket = session;
    session->prev = server->last_session;
    if (server->last_session != NULL)
        server->last_session->next = session;
    else
        server->first_session = session;
    server->last_session = session;
    return session;
}

static void untouch(struct server *server, struct session *session)
{
    struct session **at = &server->touched;

    if (!session->touched)
        return;
    while (*at != session)
        at = &(*at)->next_touched;
    *at = session->next_touched;
    session->touched = false;
}

void session_remove(struct server *server, struct session *session)
{
    struct session **at = bucket_of(server, session->id);

    untouch(server, session);
    while (*at != session)
        at = &(*at)->next_in_bucket;
    *at = session->next_in_bucket;
    if (session->prev != NULL)
        session->prev->next = session->next;
    else
        server->first_session = session->next;
    if (session->next != NULL)
        session->next->prev = session->prev;
    else
        server->last_session = session->prev;
    pool_put(&cluster.sessions, session);
}

void sessions_clear(struct server *server)
{
    while (server->first_session != NULL)
        session_remove(server, server->first_session);
}

/* ---- names and passwords ---- */

int64_t session_new_id(const struct server *server)
{
    int64_t clock = (world_now() / SIM_MS) & INT64_C(0xffffffff);

    return (int64_t)(server->id + 1) << 56 | clock << 20 | (++cluster.session_count & 0xfffff);
}

void session_password(int64_t id, char password[16])
{
    uint64_t state = (uint64_t)id ^ cluster.secret;

    for (int i = 0; i < 16; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        password[i] = (char)(state >> 56);
    }
}

/* ---- touching ---- */

static int64_t next_beat(const struct server *server, int64_t time)
{
    int64_t tick = cluster.options.tick;
    int64_t shifted = time + server->phase;

    return (shifted / tick + 1) * tick - server->phase;
}

int64_t cluster_until_expiries(int64_t time)
{
    int leader = cluster_leader();

    return leader < 0 ? 0 : next_beat(&cluster.servers[leader], time) - time;
}

static void touch_at_leader(const struct server *leader, struct session *session)
{
    int64_t expiry = next_beat(leader, world_now() + session->timeout);

    if (expiry > session->expiry)
        session->expiry = expiry;
}

bool session_touch(struct server *server, struct session *session)
{
    if (server->role == ROLE_LEADING) {
        if (session == NULL || session->closing)
            return false;
        touch_at_leader(server, session);
        return true;
    }
    if (session != NULL && !session->touched) {
        session->touched = true;
        session->touched_at = world_now();
        session->next_touched = server->touched;
        server->touched = session;
    }
    return true;
}

void session_forget_touched(struct server *server)
{
    while (server->touched != NULL)
        untouch(server, server->touched);
}

struct hand_over {
    int count;
    int64_t ids[];
};

/* A touch that is put into the table while the table is being handed over is lost: who touches has
 * got hold of the table before it was exchanged (LearnerSessionTracker.java). */
static bool is_lost(const struct session *session)
{
    return world_now() - session->touched_at < SIM_MS && world_chance(500);
}

void session_hand_over(struct server *server, struct message *message)
{
    struct hand_over *list;
    int count = 0;

    for (const struct session *s = server->touched; s != NULL; s = s->next_touched)
        count++;
    if (count == 0)
        return;
    list = arena_alloc(sizeof *list + (size_t)count * sizeof *list->ids);
    for (const struct session *s = server->touched; s != NULL; s = s->next_touched)
        if (!is_lost(s))
            list->ids[list->count++] = s->id;
    message->body = list;
    session_forget_touched(server);
}

void session_take_over(struct server *server, struct message *message)
{
    const struct hand_over *list = message->body;

    for (int i = 0; list != NULL && i < list->count; i++) {
        struct session *session = session_find(server, list->ids[i]);
        if (session != NULL)
            session_touch(server, session);
    }
}

/* ---- the leader's clock ---- */

int session_check(struct session *session, int64_t owner)
{
    if (session == NULL || session->closing)
        return ZSESSIONEXPIRED;
    if (session->owner == 0)
        session->owner = owner;
    return session->owner == owner ? ZOK : ZSESSIONMOVED;
}

void sessions_restart(struct server *server)
{
    struct session *next;

    for (struct session *session = server->first_session; session != NULL; session = next) {
        next = session->next;
        if (!session->known) {
            session_remove(server, session);
            continue;
        }
        session->closing = session->due = false;
        session->owner = 0;
        session->expiry = 0;
        touch_at_leader(server, session);
    }
    duty_after(server, DUTY_EXPIRE, next_beat(server, world_now()) - world_now());
}

/* What is due is taken out of the calendar at once, but closed one by one (SessionTrackerImpl.run):
 * until its turn comes a session may go on writing, and no touch saves it any more. */
void session_expire_due(struct server *server)
{
    int64_t now = world_now();
    bool any = false;

    duty_after(server, DUTY_EXPIRE, next_beat(server, now) - now);
    for (struct session *session = server->first_session; session != NULL; session = session->next)
        if (!session->closing && session->expiry <= now)
            any = session->due = true;
    if (any && !duty_awaited(server, DUTY_CLOSE)) {
        server->closed_by = now + cluster.options.closing;
        session_close_due(server);
    }
}

static struct session *some_due(struct server *server)
{
    struct session *some = NULL;
    int count = 0;

    for (struct session *session = server->first_session; session != NULL; session = session->next)
        if (session->due && !session->closing && world_below(++count) == 0)
            some = session;
    return some;
}

static void close_one(struct server *server, struct session *session)
{
    story("server %d: session %llx expires", server->id, (unsigned long long)session->id);
    log_propose(server, prepare_end(server, session, CAUSE_EXPIRED));
}

void session_close_due(struct server *server)
{
    struct session *session;
    int64_t left;

    while ((session = some_due(server)) != NULL) {
        left = server->closed_by - world_now();
        if (left > 0 && world_chance(700)) {
            duty_after(server, DUTY_CLOSE, world_below(left + 1));
            return;
        }
        close_one(server, session);
    }
}

/* The leader is not stopped in the middle of it. */
void session_close_all_due(struct server *server)
{
    server->closed_by = world_now();
    if (duty_awaited(server, DUTY_CLOSE)) {
        duty_cancel(server, DUTY_CLOSE);
        session_close_due(server);
    }
}
