/*
 * zookeeper_close(): completions with ZCLOSING, of which some may be lost; CLOSE, and a wait for
 * whatever the server says first.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fake_zoo_parts.h"

#include <stdlib.h>

/* Measured: 13 % of closes with requests in flight lose some of their completions. */
#define LOSES_PER_MILLE 130

static bool is_connected(const zhandle_t *zh)
{
    return zh->connection != NULL && zoo_is_connected(zh);
}

void zoo_close_heard(zhandle_t *zh, const struct packet *packet)
{
    if (packet->kind == PACKET_END || packet->kind == PACKET_REFUSED) {
        connection_close(zh->connection, false);
        zh->connection = NULL;
    }
    if (zh->close_xid != 0)
        zh->heard = packet->kind == PACKET_REPLY && packet->xid == zh->close_xid ? HEARD_CLOSED
                                                                                 : HEARD_SOMETHING;
    fiber_wake_all(zh);
}

/* The completion thread, caught between two batches, ends without running the rest. */
static void lose_some(zhandle_t *zh)
{
    struct entry_queue kept = {0};
    struct entry *entry;
    int64_t count = 0;

    if (!world_chance(LOSES_PER_MILLE))
        return;
    for (entry = zh->ready.first; entry != NULL; entry = entry->next)
        count++;
    for (count = world_below(count + 1); count > 0; count--)
        queue_put(&kept, queue_take(&zh->ready));
    while ((entry = queue_take(&zh->ready)) != NULL)
        entry_free(entry);
    zh->ready = kept;
}

static void begin(zhandle_t *zh)
{
    bool busy = zh->sent.first != NULL;

    zh->closing = true;
    event_cancel(&zh->wake);
    event_cancel(&zh->timer);
    zoo_fail_all(zh, ZCLOSING);
    if (busy)
        lose_some(zh);
}

/* What was queued is still sent, and done, before the session ends. */
static void say_goodbye(zhandle_t *zh)
{
    struct request *request = arena_alloc(sizeof *request);

    zoo_flush(zh);
    request->operation.op = OP_CLOSE_SESSION;
    request->xid = zh->close_xid = ++zh->xid;
    zoo_send(zh, request);
}

static void end(zhandle_t *zh)
{
    if (zh->connection != NULL)
        connection_close(zh->connection, zh->heard == HEARD_SOMETHING);
    zoo_free(zh);
}

/* Inside a callback, or another event: nobody waits. */
void zoo_close_now(zhandle_t *zh)
{
    struct entry *entry;

    begin(zh);
    while ((entry = queue_take(&zh->ready)) != NULL)
        zoo_deliver(zh, entry);
    if (is_connected(zh))
        say_goodbye(zh);
    end(zh);
}

static int64_t patience(void)
{
    return world_chance(900) ? 1500 * SIM_MS : 4500 * SIM_MS;
}

int zookeeper_close(zhandle_t *zh)
{
    int64_t until;

    if (zh == NULL)
        return ZBADARGUMENTS;
    if (zh->running) {
        zh->close_later = true;
        return ZOK;
    }
    if (fiber_current() == NULL) {
        zoo_close_now(zh);
        return ZOK;
    }
    begin(zh);
    while (zh->ready.first != NULL || zh->running)
        fiber_wait(zh, SIM_NEVER);
    fiber_sleep(world_between(SIM_MS / 5, 10 * SIM_MS));
    if (is_connected(zh)) {
        say_goodbye(zh);
        until = world_now() + patience();
        while (zh->heard == HEARD_NOTHING && world_now() < until)
            fiber_wait(zh, until);
    }
    end(zh);
    return ZOK;
}
