/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "exits.h"
#include "format.h"
#include "json.h"
#include "lookup.h"
#include "say.h"
#include "verb.h"

#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 2000
#define LOOKS_BETWEEN 5 /* of those for which the servers are asked */

static const char text[] =
    "  --watch                     print every change, until interrupted\n"
    "  --json                      one JSON object a line; null when nobody leads\n";

static bool print_leader(const zkc_contender *leader, bool json)
{
    char name[320], address[320], since[32];

    if (json)
        return json_line(json_contender(leader));
    if (leader == NULL)
        return puts("nobody") != EOF && fflush(stdout) == 0;
    format_holder(leader, name, sizeof name);
    format_address(leader, address, sizeof address);
    format_time(leader->since_ms, since, sizeof since);
    return printf("%s  %s  in line since %s  token %" PRId64 "\n", name, address, since,
                  leader->token) > 0 &&
           fflush(stdout) == 0;
}

struct view {
    bool json;
    atomic_bool led; /* somebody is seen to lead */
};

static void changed(void *arg, const zkc_contender *leader)
{
    struct view *view = arg;
    char now[32];

    atomic_store(&view->led, leader != NULL);
    if (!view->json) {
        format_time((int64_t)time(NULL) * 1000, now, sizeof now);
        printf("%s  ", now);
    }
    if (!print_leader(leader, view->json))
        _exit(say_unwritten());
}

/* An observer waits for better times, and those of somebody without the right do not come. */
static int allowed(struct lookup *lookup, const char *id)
{
    zkc_contenders *all = NULL;
    int error;

    lookup_again(lookup);
    error = lookup_list(lookup, CLAIM_LEADER, id, &all);
    zkc_contenders_free(all);
    return error == ZKC_EUNREACHABLE ? ZKC_OK : error;
}

#define AWAY 2 /* looks in a row: a move to another server is shorter */

/* What is shown is old then, and nothing else would say so. */
static void tell_of_servers(zkc_sync *sync, int *away)
{
    if (zkc_sync_is_connected(sync))
        *away = 0;
    else if (++*away == AWAY)
        say("%s; waiting", zkc_strerror(ZKC_EUNREACHABLE));
}

/* Of a node that was made for others only the servers tell nobody else, not even that it is there:
 * while nobody seems to lead, and once something was refused, they are asked. */
static bool is_in_doubt(const struct view *view, zkc_sync *sync, int looks)
{
    return zkc_sync_server_error(sync) != 0 ||
           (!atomic_load(&view->led) && looks % LOOKS_BETWEEN == 0 && zkc_sync_is_connected(sync));
}

/* Until a signal ends us, and then there is nothing to put in order. */
static int watch(struct lookup *lookup, const char *id, struct view *view)
{
    struct claim claim;
    zkc_observer *observer;
    int away = 0, error = allowed(lookup, id);

    if (error == ZKC_OK)
        error = claim_open(&claim, lookup->sync, CLAIM_LEADER, id, NULL);
    if (error == ZKC_OK)
        error = zkc_leader_observe(claim.leader, changed, view, &observer);
    for (int looks = 1; error == ZKC_OK; looks++) {
        poll(NULL, 0, LOOK_MS);
        tell_of_servers(lookup->sync, &away);
        if (is_in_doubt(view, lookup->sync, looks))
            error = allowed(lookup, id);
    }
    return client_failed(lookup->sync, id, error);
}

static int once(struct lookup *lookup, const char *id, bool json)
{
    zkc_contenders *all;
    int error = lookup_list(lookup, CLAIM_LEADER, id, &all);
    bool anybody, good;

    if (error != ZKC_OK)
        return client_failed(lookup->sync, id, error);
    anybody = zkc_contenders_count(all) > 0;
    good = print_leader(zkc_contenders_at(all, 0), json);
    zkc_contenders_free(all);
    if (!good)
        return say_unwritten();
    return anybody ? STATUS_OK : STATUS_NOT_OBTAINED;
}

static int run(struct words *words, struct common *common)
{
    struct view view = {.json = false};
    bool watching = false;
    const struct option_entry own[] = {
        {"watch", 0, OPTION_FLAG, &watching},
        {"json", 0, OPTION_FLAG, &view.json},
    };
    struct lookup lookup;
    const char *id;
    int status;

    if (!verb_begin(&verb_leader, words, own, sizeof own / sizeof own[0], common, &id, &status))
        return status;
    if (words->count > 0)
        return say_usage("leader takes one ID");
    status = lookup_open(&lookup, common);
    if (status == 0)
        status = watching ? watch(&lookup, id, &view) : once(&lookup, id, view.json);
    lookup_close(&lookup);
    return status;
}

const struct verb verb_leader = {"leader", "ID [--watch] [--json]", "Say who leads", text, run,
                                 true};
