/* SPDX-License-Identifier: Apache-2.0 */
#include "run/resolver.h"
#include "base/mem.h"
#include "run/client.h"

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

static bool is_numeric(struct server_address *server)
{
    struct server_list one = {server, 1};

    return nodes_all_numeric(&one);
}

/* ---- what is known ---- */

/* The addresses of a name that fails now are those that it had. */
static const struct server_list *known(const zkc_sync *sync, size_t index, struct server_list *one)
{
    *one = (struct server_list){&sync->servers.at[index], 1};
    return nodes_all_numeric(one) ? one : &sync->names[index].found;
}

/* Without memory what was known before is better than nothing. */
static void publish(zkc_sync *sync)
{
    struct server_list all = {0}, one;
    size_t count = 0;

    for (size_t i = 0; i < sync->servers.count; i++)
        count += known(sync, i, &one)->count;
    all.at = mem_alloc((count + 1) * sizeof *all.at);
    if (all.at == NULL)
        return;
    for (size_t i = 0; i < sync->servers.count; i++) {
        const struct server_list *list = known(sync, i, &one);
        for (size_t k = 0; k < list->count; k++)
            all.at[all.count++] = list->at[k]; /* borrowed */
    }
    (void)endpoints_set(&sync->core.endpoints, &all);
    mem_free(all.at);
}

static bool all_have_failed(const zkc_sync *sync)
{
    for (size_t i = 0; i < sync->servers.count; i++)
        if (sync->names[i].running)
            return false;
    return sync->core.endpoints.count == 0;
}

/* Once for each change: names are looked up every second while no server answers. */
static void log_outcome(zkc_sync *sync, size_t index, int code)
{
    if (code == sync->names[index].code)
        return;
    sync->names[index].code = code;
    if (code != 0)
        client_log(sync, LOG_WARNING, "cannot look up %s: %s", sync->servers.at[index].host,
                   gai_strerror(code));
    if (code != 0 && all_have_failed(sync))
        client_log(sync, LOG_ERROR, "no server name could be looked up: %s", gai_strerror(code));
}

static void take(zkc_sync *sync, size_t index, int code, struct server_list *found)
{
    struct lookup *name = &sync->names[index];

    name->running = false;
    log_outcome(sync, index, code);
    if (code == 0) {
        struct server_list old = name->found;
        name->found = *found;
        *found = old;
        publish(sync);
        sync->work.names_changed(sync);
    }
}

/* ---- looking up ---- */

struct question {
    struct helper helper;
    zkc_sync *sync;
    size_t index;
};

static void resolve(struct helper *helper)
{
    struct question *question = container_of(helper, struct question, helper);
    zkc_sync *sync = question->sync;
    struct server_list found = {0};
    int code = look_up(&found, &sync->servers.at[question->index]);

    client_enter(sync);
    take(sync, question->index, code, &found);
    client_leave(sync);
    nodes_clear(&found);
    mem_free(question);
}

static int start(zkc_sync *sync, size_t index)
{
    struct question *question = mem_alloc(sizeof *question);

    if (question == NULL)
        return -1;
    *question = (struct question){{&sync->helpers, resolve}, sync, index};
    if (helpers_start(&question->helper) != 0) {
        client_log(sync, LOG_ERROR, "no thread to look up names: %m");
        mem_free(question);
        return -1;
    }
    return 0;
}

void resolver_refresh(zkc_sync *sync)
{
    if (sync->core.endpoints.count == 0)
        publish(sync);
    for (size_t i = 0; i < sync->servers.count; i++)
        if (!sync->names[i].running && !is_numeric(&sync->servers.at[i]))
            sync->names[i].running = start(sync, i) == 0;
}

void resolver_clear(zkc_sync *sync)
{
    for (size_t i = 0; i < NODES_MAX; i++)
        nodes_clear(&sync->names[i].found);
    endpoints_clear(&sync->core.endpoints);
}
