/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "exits.h"
#include "format.h"
#include "lookup.h"
#include "say.h"
#include "verb.h"

#include <stdio.h>

static const char text[] = "  -e, --election              ask for an election, not for a lock\n"
                           "  -q, --quiet                 print nothing\n"
                           "\nExits with 0 if it is free, with 1 if it is held.\n";

static int answer(const zkc_contenders *all, bool quiet)
{
    char hold[400];

    if (zkc_contenders_count(all) == 0) {
        if (!quiet)
            puts("free");
        return STATUS_OK;
    }
    format_hold(all, CLAIM_LOCK, hold, sizeof hold);
    if (!quiet)
        puts(hold);
    return STATUS_NOT_OBTAINED;
}

static int probe(struct lookup *lookup, enum claim_kind kind, const char *id, bool quiet)
{
    zkc_contenders *all;
    int status, error = lookup_list(lookup, kind, id, &all);

    if (error != ZKC_OK)
        return client_failed(lookup->sync, id, error);
    status = answer(all, quiet);
    zkc_contenders_free(all);
    return status;
}

static int run(struct words *words, struct common *common)
{
    bool election = false, quiet = false;
    const struct option_entry own[] = {
        {"election", 'e', OPTION_FLAG, &election},
        {"quiet", 'q', OPTION_FLAG, &quiet},
    };
    struct lookup lookup;
    const char *id;
    int status;

    if (!verb_begin(&verb_probe, words, own, sizeof own / sizeof own[0], common, &id, &status))
        return status;
    if (words->count > 0)
        return say_usage("probe takes one ID");
    status = lookup_open(&lookup, common);
    if (status == 0)
        status = probe(&lookup, election ? CLAIM_LEADER : CLAIM_LOCK, id, quiet);
    lookup_close(&lookup);
    return status;
}

const struct verb verb_probe = {"probe", "ID [-e] [-q]", "Say whether a lock is free", text, run,
                                true};
