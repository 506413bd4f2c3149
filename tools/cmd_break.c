/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
#include "holder.h"
#include "say.h"
#include "verb.h"

#include <stdio.h>
#include <unistd.h>

static const char text[] =
    "  -e, --election              depose the leader of an election, not the holder of a lock\n"
    "  -y, --yes                   do not ask\n"
    "\nThe next in line may hold it before the old holder has heard of it. 'zkcoord ask' is the\n"
    "gentle way.\n";

static bool agreed(void)
{
    char line[16] = "";

    printf("Revoke it? [y/N] ");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) { /* the cursor is behind the question */
        putchar('\n');
        fflush(stdout);
    }
    return line[0] == 'y' || line[0] == 'Y';
}

static int evict(const struct holder *holder, struct lookup *lookup, const zkc_contender *first)
{
    lookup_again(lookup); /* thinking took time */
    return holder_result(holder, lookup_evict(lookup, first));
}

static int evict_if_agreed(const struct holder *holder, struct lookup *lookup,
                           const zkc_contender *first)
{
    if (agreed())
        return evict(holder, lookup, first);
    say("nothing was done");
    return STATUS_NOT_OBTAINED;
}

static int run(struct words *words, struct common *common)
{
    struct holder holder = {.act = evict_if_agreed};
    bool election = false, sure = false;
    const struct option_entry own[] = {
        {"election", 'e', OPTION_FLAG, &election},
        {"yes", 'y', OPTION_FLAG, &sure},
    };
    int status;

    if (!verb_begin(&verb_break, words, own, sizeof own / sizeof own[0], common, &holder.id,
                    &status))
        return status;
    if (words->count > 0)
        return say_usage("break takes one ID");
    if (!sure && !isatty(STDIN_FILENO))
        return say_usage("nobody to ask: break needs --yes or a terminal");
    if (sure)
        holder.act = evict;
    holder.kind = election ? CONTEST_LEADER : CONTEST_LOCK;
    return holder_visit(&holder, common);
}

const struct verb verb_break = {"break", "ID [-e] [-y]", "Free a lock that is stuck", text, run,
                                true};
