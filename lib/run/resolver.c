/* SPDX-License-Identifier: Apache-2.0 */
#include "run/resolver.h"
#include "base/mem.h"
#include "run/host.h"
#include "run/thread.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int add(struct server_list *list, const struct addrinfo *info, unsigned port)
{
    char text[NI_MAXHOST];
    struct server_address *at;

    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) !=
        0)
        return 0;
    at = mem_realloc(list->at, (list->count + 1) * sizeof *at);
    if (at == NULL)
        return -1;
    list->at = at;
    at[list->count].host = mem_strdup(text);
    if (at[list->count].host == NULL)
        return -1;
    at[list->count].port = port;
    list->count++;
    return 0;
}

/* 0, or getaddrinfo()'s code. */
static int look_up(struct server_list *list, const struct server_address *server)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int code = getaddrinfo(server->host, NULL, &hints, &found);

    if (code != 0)
        return code;
    for (const struct addrinfo *info = found; info != NULL && code == 0; info = info->ai_next)
        code = add(list, info, server->port) != 0 ? EAI_MEMORY : 0;
    freeaddrinfo(found);
    return code;
}

static int by_text(const void *left, const void *right)
{
    const struct server_address *a = left, *b = right;
    int order = strcmp(a->host, b->host);

    return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

/* Sorted, because name servers like to turn the order: that is no change. */
static void publish(zkc_sync *sync, struct server_list *numeric, const char *why)
{
    char *addresses;

    if (numeric->count > 1)
        qsort(numeric->at, numeric->count, sizeof *numeric->at, by_text);
    addresses = nodes_format(numeric);

    if (addresses == NULL) {
        host_log(sync, LOG_ERROR, "no server name could be looked up: %s", why);
        return; /* what was known before is better than nothing */
    }
    mem_free(sync->addresses);
    sync->addresses = addresses;
}

static void *resolve(void *argument)
{
    zkc_sync *sync = argument;
    struct server_list numeric = {0};
    size_t count = sync->servers.count;
    int codes[NODES_MAX] = {0};

    for (size_t i = 0; i < count; i++)
        codes[i] = look_up(&numeric, &sync->servers.at[i]);
    host_enter(sync);
    for (size_t i = 0; i < count; i++)
        if (codes[i] != 0)
            host_log(sync, LOG_WARNING, "cannot look up %s: %s", sync->servers.at[i].host,
                     gai_strerror(codes[i]));
    publish(sync, &numeric, codes[0] != 0 ? gai_strerror(codes[0]) : "no memory");
    sync->resolver_running = false;
    host_resolved(sync);
    host_leave(sync);
    nodes_clear(&numeric);
    host_unref(sync);
    return NULL;
}

static void start(zkc_sync *sync)
{
    pthread_t thread;

    if (sync->resolver_running)
        return;
    host_ref(sync);
    if (thread_start(resolve, sync, &thread) != 0) {
        host_log(sync, LOG_ERROR, "no thread to look up names: %m");
        host_unref(sync);
        host_resolved(sync);
        return;
    }
    thread_detach(thread);
    sync->resolver_running = true;
}

bool resolver_refresh(zkc_sync *sync)
{
    if (nodes_all_numeric(&sync->servers)) {
        if (sync->addresses == NULL)
            sync->addresses = nodes_format(&sync->servers);
        return true;
    }
    start(sync);
    return false;
}
