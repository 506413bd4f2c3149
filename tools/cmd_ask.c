/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
#include "holder.h"
#include "say.h"
#include "verb.h"

#include <stdio.h>

static const char text[] =
    "  -e, --election              ask the leader of an election, not the holder of a lock\n"
    "\nAll who share a lock are asked. Nothing else happens to them: they give up when they "
    "like.\n";

static int ask(const struct holder *holder, struct lookup *lookup, const zkc_contender *one)
{
    int error;

    lookup_again(lookup); /* each has its time */
    error = lookup_ask(lookup, one);
    if (error == ZKC_OK)
        puts("It is asked to give up.");
    return holder_result(holder, lookup, error);
}

static int run(struct words *words, struct common *common)
{
    struct holder holder = {.act = ask};
    bool election = false;
    const struct option_entry own[] = {{"election", 'e', OPTION_FLAG, &election}};
    int status;

    if (!verb_begin(&verb_ask, words, own, sizeof own / sizeof own[0], common, &holder.id, &status))
        return status;
    if (words->count > 0)
        return say_usage("ask takes one ID");
    holder.kind = election ? CLAIM_LEADER : CLAIM_LOCK;
    return holder_visit(&holder, common);
}

const struct verb verb_ask = {"ask", "ID [-e]", "Ask who holds a lock to give it up",
                              text,  run,       true};
