/* SPDX-License-Identifier: Apache-2.0 */
#include "agreement.h"

#include "harness.h"
#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

#define SESSION_MS 6000

struct agreement {
    const char *path;
    struct probe *probes[SERVERS_MAX];
    int count;
};

static bool same(const struct probe_list *left, const struct probe_list *right)
{
    if (left->count != right->count)
        return false;
    for (int i = 0; i < left->count; i++)
        if (strcmp(left->names[i], right->names[i]) != 0)
            return false;
    return true;
}

static bool agrees(const struct agreement *a, int server, const struct probe_list *first)
{
    struct probe_list list;
    bool agreed;

    if (!a->probes[server] || probe_children(a->probes[server], a->path, &list) != ZOK)
        return false;
    agreed = same(first, &list);
    probe_list_free(&list);
    return agreed;
}

static bool all_agree(void *arg)
{
    const struct agreement *a = arg;
    struct probe_list first;
    bool agreed = true;

    if (!a->probes[0] || probe_children(a->probes[0], a->path, &first) != ZOK)
        return false;
    for (int i = 1; i < a->count && agreed; i++)
        agreed = agrees(a, i, &first);
    probe_list_free(&first);
    return agreed;
}

struct agreement *agreement_open(struct servers *s)
{
    struct agreement *a = calloc(1, sizeof(*a));

    if (!a)
        abort();
    a->count = servers_count(s);
    for (int i = 0; i < a->count; i++)
        a->probes[i] = probe_open(server_address(s, i), SESSION_MS);
    return a;
}

void agreement_close(struct agreement *a)
{
    for (int i = 0; i < a->count; i++)
        probe_close(a->probes[i]);
    free(a);
}

bool agreement_reached(struct agreement *a, const char *path, int64_t deadline)
{
    a->path = path;
    return wait_until(all_agree, a, deadline);
}
