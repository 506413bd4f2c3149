/*
 * The I/O thread: connects, reads, writes, pings and gives up, as zookeeper_interest() and
 * zookeeper_process() do.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fake_zoo_parts.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_TIMER (SIM_MS / 10)

static void receive(void *owner, struct packet *packet);
static void interest(zhandle_t *zh);

static int64_t now_of(const zhandle_t *zh)
{
    return machine_clock(zh->machine);
}

/* It counts in whole milliseconds, which tell at timeouts of a few. */
static int64_t passed_ms(const zhandle_t *zh, int64_t since)
{
    return (now_of(zh) - since) / SIM_MS;
}

/* ---- sending ---- */

void zoo_send(zhandle_t *zh, struct request *request)
{
    connection_send(zh->connection, request);
    zh->last_send = now_of(zh);
}

void zoo_flush(zhandle_t *zh)
{
    if (zh->connection == NULL || !zoo_is_connected(zh))
        return;
    for (int i = 0; i < zh->outgoing_count; i++)
        zoo_send(zh, zh->outgoing[i]);
    zh->outgoing_count = 0;
}

static struct request *new_request(enum op op)
{
    struct request *request = arena_alloc(sizeof *request);

    request->operation.op = op;
    return request;
}

void zoo_send_auth(zhandle_t *zh, const struct auth *auth)
{
    struct request *request = new_request(OP_AUTH);

    request->operation.path = auth->scheme;
    request->operation.data = auth->text;
    zoo_send(zh, request);
}

static void send_auths(zhandle_t *zh)
{
    for (const struct auth *auth = zh->auths; auth != NULL; auth = auth->next)
        zoo_send_auth(zh, auth);
}

static void send_watches(zhandle_t *zh)
{
    struct request *request = new_request(OP_SET_WATCHES);
    int count = 0;

    request->last_zxid = zh->last_zxid;
    for (int table = 0; table < WATCH_TABLES; table++) {
        request->watched_count[table] =
            watchers_list_paths(zh, (enum watch_table)table, &request->watched[table]);
        count += request->watched_count[table];
    }
    if (count > 0)
        zoo_send(zh, request);
}

/* ---- losing ---- */

static void fail_auths(zhandle_t *zh, int rc)
{
    for (struct auth *auth = zh->auths; auth != NULL; auth = auth->next) {
        void_completion_t completion = auth->completion;
        auth->completion = NULL;
        if (completion != NULL)
            completion(rc, auth->data);
    }
}

void zoo_fail_all(zhandle_t *zh, int rc)
{
    struct entry *entry;

    while ((entry = queue_take(&zh->sent)) != NULL) {
        entry->outcome.rc = rc;
        zoo_complete(zh, entry);
    }
    fail_auths(zh, rc);
}

static bool at_end(const zhandle_t *zh)
{
    return zh->server_next >= zh->server_count;
}

static int next_server(zhandle_t *zh)
{
    if (at_end(zh))
        zh->server_next = 0;
    return zh->servers[zh->server_next++];
}

/* The session event comes first; the address is advanced here and again when connecting. */
static void handle_error(zhandle_t *zh, int rc)
{
    if (zh->connection != NULL)
        connection_close(zh->connection, false);
    zh->connection = NULL;
    zh->ending = zoo_unrecoverable(zh);
    if (zh->ending)
        zoo_session_event(zh, zh->state);
    else if (zoo_is_connected(zh))
        zoo_session_event(zh, ZOO_CONNECTING_STATE);
    zh->outgoing_count = 0;
    zoo_fail_all(zh, rc);
    zh->delay = at_end(zh);
    next_server(zh);
    if (zoo_unrecoverable(zh))
        return;
    zh->state = 0;
    zoo_wake(zh);
}

/* ---- connecting ---- */

static void start_connection(zhandle_t *zh)
{
    int server = next_server(zh);
    struct request *handshake;

    zh->last_recv = zh->last_send = now_of(zh);
    if (server < 0) {
        handle_error(zh, ZCONNECTIONLOSS);
        return;
    }
    handshake = arena_alloc(sizeof *handshake);
    handshake->session = zh->seen ? zh->client.client_id : 0;
    handshake->timeout = zh->timeout * SIM_MS;
    handshake->last_zxid = zh->last_zxid;
    memcpy(handshake->password, zh->client.passwd, sizeof handshake->password);
    zh->state = ZOO_CONNECTING_STATE;
    zh->connection = connection_open(zh->machine, server, handshake, receive, zh);
}

static void take_greeting(zhandle_t *zh, const struct packet *packet)
{
    if (zh->seen && zh->client.client_id != 0 && zh->client.client_id != packet->session) {
        story("%s: session %llx has expired", machine_name(zh->machine),
              (unsigned long long)zh->client.client_id);
        zh->state = ZOO_EXPIRED_SESSION_STATE;
        handle_error(zh, ZSESSIONEXPIRED);
        return;
    }
    story("session %llx connected to server %d", (unsigned long long)packet->session,
          connection_server(zh->connection));
    zh->seen = true;
    zh->timeout = (int)(packet->timeout / SIM_MS);
    zh->client.client_id = packet->session;
    memcpy(zh->client.passwd, packet->password, sizeof zh->client.passwd);
    zh->state = ZOO_CONNECTED_STATE;
    send_auths(zh);
    send_watches(zh);
    zoo_session_event(zh, ZOO_CONNECTED_STATE);
}

/* ---- reading ---- */

static void take_reply(zhandle_t *zh, struct packet *packet)
{
    struct entry *entry = zh->sent.first;

    if (entry == NULL || entry->xid != packet->xid) {
        world_fail("a reply with xid %d, but %d was expected", packet->xid,
                   entry != NULL ? entry->xid : 0);
        return;
    }
    queue_take(&zh->sent);
    if (packet->zxid > 0)
        zh->last_zxid = packet->zxid;
    entry->outcome = packet->outcome;
    packet->outcome.names = NULL;
    packet->outcome.parts = NULL;
    watchers_add(zh, entry, entry->outcome.rc);
    if (entry->request->operation.op == OP_REMOVE_WATCHES && entry->outcome.rc == ZOK)
        watchers_remove(zh, path_of_text(entry->request->operation.path));
    zoo_complete(zh, entry);
}

static void take_auth(zhandle_t *zh, int rc)
{
    fail_auths(zh, rc);
    if (rc == ZOK)
        return;
    zh->state = ZOO_AUTH_FAILED_STATE;
    handle_error(zh, ZAUTHFAILED);
}

static void lose(zhandle_t *zh)
{
    if (zoo_is_connected(zh))
        story("%s: session %llx lost its server", machine_name(zh->machine),
              (unsigned long long)zh->client.client_id);
    handle_error(zh, ZCONNECTIONLOSS);
}

static void receive(void *owner, struct packet *packet)
{
    zhandle_t *zh = owner;

    if (zh->closing) {
        zoo_close_heard(zh, packet);
        return;
    }
    zh->last_recv = now_of(zh);
    switch (packet->kind) {
    case PACKET_REFUSED:
    case PACKET_END:
        lose(zh);
        return;
    case PACKET_GREETING:
        take_greeting(zh, packet);
        break;
    case PACKET_REPLY:
        take_reply(zh, packet);
        break;
    case PACKET_EVENT:
        zoo_node_event(zh, packet->event, packet->path);
        break;
    case PACKET_AUTH:
        take_auth(zh, packet->outcome.rc);
        break;
    case PACKET_PONG:
    case PACKET_WATCHES_SET:
        break;
    }
    zoo_flush(zh);
    interest(zh);
}

/* ---- the loop ---- */

static void on_wake(void *arg)
{
    zhandle_t *zh = arg;

    zh->wake = 0;
    if (zh->closing || zoo_unrecoverable(zh))
        return;
    zoo_flush(zh);
    /* What has arrived is read before the silence is judged. */
    if (zh->connection == NULL || !connection_readable(zh->connection))
        interest(zh);
}

static void on_timer(void *arg)
{
    zhandle_t *zh = arg;

    zh->timer = 0;
    zh->timer_at = 0;
    on_wake(zh);
}

void zoo_wake(zhandle_t *zh)
{
    if (zh->wake == 0)
        zh->wake = event_after(zh->machine, world_between(2000, 60000), on_wake, zh);
}

/* A timer that comes too early only looks again. */
static void set_timer(zhandle_t *zh, int64_t ms)
{
    int64_t delay = ms > 0 ? ms * SIM_MS : LEAST_TIMER;
    int64_t at;

    at = world_now() + delay;
    if (zh->timer != 0 && zh->timer_at <= at)
        return;
    event_cancel(&zh->timer);
    zh->timer_at = at;
    zh->timer = event_at(zh->machine, at, on_timer, zh);
}

/* Only when nothing is outstanding. */
static int64_t ping(zhandle_t *zh)
{
    int64_t third = zh->timeout / 3;
    int64_t left = third - passed_ms(zh, zh->last_send);

    if (left > 0)
        return left;
    if (zh->sent.first == NULL)
        zoo_send(zh, new_request(OP_PING));
    return third;
}

static void interest(zhandle_t *zh)
{
    int64_t left, next;

    if (zoo_unrecoverable(zh))
        return;
    if (zh->connection == NULL) {
        if (zh->delay) {
            zh->delay = false;
            set_timer(zh, zh->timeout / 60);
            return;
        }
        start_connection(zh);
        if (zh->connection == NULL)
            return;
    }
    left = zh->timeout * 2 / 3 - passed_ms(zh, zh->last_recv);
    if (left <= 0) {
        if (zoo_is_connected(zh))
            story("%s: session %llx hears nothing from its server", machine_name(zh->machine),
                  (unsigned long long)zh->client.client_id);
        handle_error(zh, ZOPERATIONTIMEOUT);
        return;
    }
    next = zoo_is_connected(zh) ? ping(zh) : zh->timeout / 3;
    set_timer(zh, next < left ? next : left);
}
