/*
 * Faults of permission and of the client: credentials that are refused, ACLs that forbid, requests
 * that the client does not take.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "storm_parts.h"

#include "cluster.h"

#include <zkcoord/zkcoord.h>

#include <stdlib.h>
#include <string.h>

/* ---- credentials ---- */

static void accept_credentials(void *arg)
{
    (void)arg;
    cluster_refuse_auth(false);
}

/* Who is connected stays so; who connects anew is turned away. */
void storm_refuse_credentials(struct storm *storm)
{
    struct machine *machine = storm_some_machine(storm);

    if (!storm->game.credential)
        return;
    story("credentials are refused");
    cluster_refuse_auth(true);
    if (machine != NULL && world_chance(700))
        cluster_reset(machine);
    event_after(NULL, storm_some_time(storm), accept_credentials, NULL);
}

/* ---- ACLs ---- */

static void allow(void *arg)
{
    char *path = arg;

    cluster_forbid(path, ZKC_PERM_ALL);
    free(path);
}

/*
 * Of a place, or of one contender's node. Servers that send no events without READ spend a watch on
 * an event that nobody hears: when that is taken away while somebody watches, he hears nothing any
 * more, and no client can know. There READ stays.
 */
void storm_forbid(struct storm *storm)
{
    int permissions = (int)world_below(ZKC_PERM_ALL);
    struct cluster_node node;
    const char *path = player_place((int)world_below(storm->game.places));
    char *copy;

    if (!storm->game.forbidding)
        return;
    if (storm->game.silent)
        permissions |= ZKC_PERM_READ;
    if (world_chance(300) && cluster_children(path, &node, 1) > 0)
        path = node.path;
    if (!cluster_forbid(path, permissions))
        return;
    story("only permissions %d are left of %s", permissions, path);
    copy = malloc(strlen(path) + 1);
    strcpy(copy, path);
    event_after(NULL, storm_some_time(storm), allow, copy);
}

static void allow_everything(void *arg)
{
    const struct storm *storm = arg;
    struct cluster_node nodes[32];

    for (int place = 0; place < storm->game.places; place++) {
        const char *path = player_place(place);
        int count = cluster_children(path, nodes, 32);
        cluster_forbid(path, ZKC_PERM_ALL);
        for (int i = 0; i < count && i < 32; i++)
            cluster_forbid(nodes[i].path, ZKC_PERM_ALL);
    }
}

/* ---- requests ---- */

static void take_requests(void *arg)
{
    struct machine *machine = arg;

    if (!machine_dead(machine))
        cluster_refuse_submissions(machine, 0);
}

void storm_refuse_requests(struct storm *storm)
{
    struct machine *machine = storm_some_machine(storm);
    int per_mille = (int)world_between(1, 1000);

    if (machine == NULL)
        return;
    story("%d of a thousand requests of %s are not taken", per_mille, machine_name(machine));
    cluster_refuse_submissions(machine, per_mille);
    event_after(NULL, storm_some_time(storm), take_requests, machine);
}

/* ---- calm ---- */

/* A leader that is deposed just now takes what it allowed with it. */
void storm_access_heal(struct storm *storm)
{
    cluster_refuse_auth(false);
    for (int i = 0; i < storm->machine_count; i++)
        take_requests(storm->machines[i]);
    if (storm->game.forbidding)
        for (int64_t after = 0; after < 60; after = 2 * after + 1)
            event_after(NULL, after * SIM_SECOND, allow_everything, storm);
}
