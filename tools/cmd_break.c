/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
#include "format.h"
#include "holder.h"
#include "say.h"
#include "verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char text[] =
    "  -e, --election              depose the leader of an election, not the holder of a lock\n"
    "  -y, --yes                   do not ask\n"
    "\nOf several that share a lock each is shown, and put out if you say so. The next in line "
    "may\n"
    "hold it before the old holder has heard of it. 'zkcoord ask' is the gentle way.\n";

/* A whole line: the rest of one must not answer the next question. */
static bool agreed(void)
{
    char *line = NULL;
    size_t size = 0;
    bool yes = false;

    printf("Revoke it? [y/N] ");
    fflush(stdout);
    if (getline(&line, &size, stdin) > 0) {
        yes = line[0] == 'y' || line[0] == 'Y';
    } else { /* the cursor is behind the question */
        putchar('\n');
        fflush(stdout);
    }
    free(line);
    return yes;
}

#define NOT_EMPTY (-111) /* ZNOTEMPTY, of <zookeeper/zookeeper.h> */

static int evict(const struct holder *holder, struct lookup *lookup, const zkc_contender *one)
{
    char path[4200];
    int error;

    lookup_again(lookup); /* thinking took time */
    error = lookup_evict(lookup, one);
    if (error == ZKC_ESERVER && zkc_sync_server_error(lookup->sync) == NOT_EMPTY) {
        format_text(one->path, path, sizeof path);
        say("there are znodes below %s: delete those first", path);
    }
    return holder_result(holder, lookup, error);
}

static int evict_if_agreed(const struct holder *holder, struct lookup *lookup,
                           const zkc_contender *one)
{
    if (agreed())
        return evict(holder, lookup, one);
    say("nothing was done to it");
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
    holder.kind = election ? CLAIM_LEADER : CLAIM_LOCK;
    return holder_visit(&holder, common);
}

const struct verb verb_break = {"break", "ID [-e] [-y]", "Free a lock that is stuck", text, run,
                                true};
