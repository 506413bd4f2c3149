/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "exits.h"
#include "format.h"
#include "json.h"
#include "lookup.h"
#include "say.h"
#include "verb.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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

static void changed(void *arg, const zkc_contender *leader)
{
    const bool *json = arg;
    char now[32];

    if (!*json) {
        format_time((int64_t)time(NULL) * 1000, now, sizeof now);
        printf("%s  ", now);
    }
    if (!print_leader(leader, *json))
        _exit(say_unwritten());
}

/* Until a signal ends us: there is nothing to put in order. */
static int watch(struct lookup *lookup, const char *id, bool *json)
{
    struct contest contest;
    zkc_observer *observer;
    int error = contest_open(&contest, lookup->sync, CONTEST_LEADER, id, ZKC_DIALECT_LOCK);

    if (error == ZKC_OK)
        error = zkc_leader_observe(contest.leader, changed, json, &observer);
    if (error != ZKC_OK)
        return client_failed(id, error);
    for (;;)
        pause();
}

static int once(struct lookup *lookup, const char *id, bool json)
{
    zkc_contenders *all;
    int error = lookup_list(lookup, CONTEST_LEADER, id, &all);
    bool anybody, good;

    if (error != ZKC_OK)
        return client_failed(id, error);
    anybody = zkc_contenders_count(all) > 0;
    good = print_leader(zkc_contenders_at(all, 0), json);
    zkc_contenders_free(all);
    if (!good)
        return say_unwritten();
    return anybody ? STATUS_OK : STATUS_NOT_OBTAINED;
}

static int run(struct words *words, struct common *common)
{
    bool watching = false, json = false;
    const struct option_entry own[] = {
        {"watch", 0, OPTION_FLAG, &watching},
        {"json", 0, OPTION_FLAG, &json},
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
        status = watching ? watch(&lookup, id, &json) : once(&lookup, id, json);
    lookup_close(&lookup);
    return status;
}

const struct verb verb_leader = {"leader", "ID [--watch] [--json]", "Say who leads", text, run,
                                 true};
