/*
 * The simulated libzookeeper_mt: what lib/zk/zk.c uses of it, with the habits that were measured
 * on the real one. Each handle has an I/O thread and a completion thread, which are events of the
 * machine that made it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fake_zoo_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- constants ---- */

const int ZOO_PERM_READ = 1 << 0;
const int ZOO_PERM_WRITE = 1 << 1;
const int ZOO_PERM_CREATE = 1 << 2;
const int ZOO_PERM_DELETE = 1 << 3;
const int ZOO_PERM_ADMIN = 1 << 4;
const int ZOO_PERM_ALL = 0x1f;

const int ZOO_PERSISTENT = 0;
const int ZOO_EPHEMERAL = 1;
const int ZOO_PERSISTENT_SEQUENTIAL = 2;
const int ZOO_EPHEMERAL_SEQUENTIAL = 3;
const int ZOO_CONTAINER = 4;
const int ZOO_SEQUENCE = 1 << 1;

const int ZOO_EXPIRED_SESSION_STATE = -112;
const int ZOO_AUTH_FAILED_STATE = -113;
const int ZOO_CONNECTING_STATE = 1;
const int ZOO_ASSOCIATING_STATE = 2;
const int ZOO_CONNECTED_STATE = 3;
const int ZOO_READONLY_STATE = 5;
const int ZOO_NOTCONNECTED_STATE = 999;

const int ZOO_CREATED_EVENT = 1;
const int ZOO_DELETED_EVENT = 2;
const int ZOO_CHANGED_EVENT = 3;
const int ZOO_CHILD_EVENT = 4;
const int ZOO_SESSION_EVENT = -1;
const int ZOO_NOTWATCHING_EVENT = -2;

struct Id ZOO_ANYONE_ID_UNSAFE = {"world", "anyone"};
static struct ACL open_acl[] = {{0x1f, {"world", "anyone"}}};
static struct ACL creator_acl[] = {{0x1f, {"auth", ""}}};
struct ACL_vector ZOO_OPEN_ACL_UNSAFE = {1, open_acl};
struct ACL_vector ZOO_CREATOR_ALL_ACL = {1, creator_acl};

/* ---- handles ---- */

static zhandle_t *handles;

bool zoo_unrecoverable(const zhandle_t *zh)
{
    return zh->state < 0;
}

bool zoo_is_connected(const zhandle_t *zh)
{
    return zh->state == ZOO_CONNECTED_STATE;
}

/* Each handle tries the addresses in an order of its own. */
static void shuffle(zhandle_t *zh)
{
    for (int i = zh->server_count - 1; i > 0; i--) {
        int64_t other = world_below(i + 1);
        int server = zh->servers[i];
        zh->servers[i] = zh->servers[other];
        zh->servers[other] = server;
    }
}

static bool resolve(zhandle_t *zh, const char *hosts)
{
    char address[64];

    while (*hosts != '\0') {
        size_t length = strcspn(hosts, ",");
        if (length >= sizeof address ||
            zh->server_count == (int)(sizeof zh->servers / sizeof *zh->servers))
            return false;
        memcpy(address, hosts, length);
        address[length] = '\0';
        zh->servers[zh->server_count++] = cluster_server_of(address);
        hosts += length + (hosts[length] == ',');
    }
    shuffle(zh);
    return zh->server_count > 0;
}

zhandle_t *zookeeper_init2(const char *host, watcher_fn fn, int recv_timeout,
                           const clientid_t *clientid, void *context, int flags,
                           log_callback_fn log_callback)
{
    zhandle_t *zh;

    (void)flags;
    (void)log_callback;
    if (cluster_submission_fails(machine_current())) {
        errno = EMFILE;
        return NULL;
    }
    zh = calloc(1, sizeof *zh);
    if (zh == NULL || !resolve(zh, host)) {
        free(zh);
        errno = EINVAL;
        return NULL;
    }
    zh->machine = machine_current();
    zh->watcher = fn;
    zh->context = context;
    zh->timeout = recv_timeout;
    zh->state = ZOO_NOTCONNECTED_STATE;
    zh->xid = (int32_t)world_between(1, 1 << 20);
    if (clientid != NULL) {
        zh->client = *clientid;
        zh->seen = clientid->client_id != 0;
    }
    zh->next = handles;
    if (handles != NULL)
        handles->prev = zh;
    handles = zh;
    zoo_wake(zh);
    return zh;
}

static void free_queue(struct entry_queue *queue)
{
    struct entry *entry;

    while ((entry = queue_take(queue)) != NULL)
        entry_free(entry);
}

void zoo_free(zhandle_t *zh)
{
    event_cancel(&zh->wake);
    event_cancel(&zh->timer);
    event_cancel(&zh->completions);
    free_queue(&zh->sent);
    free_queue(&zh->ready);
    watchers_free(zh);
    free(zh->outgoing);
    if (zh->next != NULL)
        zh->next->prev = zh->prev;
    if (zh->prev != NULL)
        zh->prev->next = zh->next;
    else
        handles = zh->next;
    free(zh);
}

void fake_zoo_end(void)
{
    while (handles != NULL) {
        if (handles->connection != NULL)
            connection_close(handles->connection, false);
        zoo_free(handles);
    }
}

int cluster_handles(void)
{
    int count = 0;

    for (const zhandle_t *zh = handles; zh != NULL; zh = zh->next)
        count++;
    return count;
}

/* ---- small things ---- */

const clientid_t *zoo_client_id(zhandle_t *zh)
{
    return &zh->client;
}

int zoo_recv_timeout(zhandle_t *zh)
{
    return zh->timeout;
}

/* Has no socket. */
struct sockaddr *zookeeper_get_connected_host(zhandle_t *zh, struct sockaddr *addr,
                                              socklen_t *addr_len)
{
    (void)zh;
    (void)addr;
    (void)addr_len;
    return NULL;
}

int zoo_set_servers_resolution_delay(zhandle_t *zh, int delay_ms)
{
    (void)zh;
    (void)delay_ms;
    return ZOK;
}
