/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "exits.h"
#include "format.h"
#include "lookup.h"
#include "say.h"
#include "verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char text[] =
    "  -e, --election              depose the leader of an election, not the holder of a lock\n"
    "  -y, --yes                   do not ask\n"
    "\nThe next in line may hold it before the old holder has heard of it.\n";

struct victim {
    enum contest_kind kind;
    const char *id;
    bool sure;
};

static void show(const struct victim *victim, const zkc_contenders *all)
{
    const zkc_contender *first = zkc_contenders_at(all, 0);
    char name[320], address[320], since[32];

    format_holder(first, name, sizeof name);
    format_address(first, address, sizeof address);
    format_time(first->since_ms, since, sizeof since);
    printf("%s '%s': %s is %s at %s, in line since %s, token %" PRId64 "; %zu waiting\n",
           contest_noun(victim->kind), victim->id,
           victim->kind == CONTEST_LOCK ? "the holder" : "the leader", name, address, since,
           first->token, zkc_contenders_count(all) - 1);
    fflush(stdout);
}

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

static int evict(struct lookup *lookup, const struct victim *victim, const zkc_contenders *all)
{
    int error;

    show(victim, all);
    if (!victim->sure && !agreed()) {
        say("nothing was done");
        return STATUS_NOT_OBTAINED;
    }
    lookup_again(lookup); /* thinking took time */
    error = lookup_evict(lookup, zkc_contenders_at(all, 0));
    if (error == ZKC_ENOTHELD) {
        say("it has given up by itself meanwhile");
        return STATUS_OK;
    }
    return error == ZKC_OK ? STATUS_OK : client_failed(victim->id, error);
}

static int break_it(struct lookup *lookup, const struct victim *victim)
{
    zkc_contenders *all;
    int status, error = lookup_list(lookup, victim->kind, victim->id, &all);

    if (error != ZKC_OK)
        return client_failed(victim->id, error);
    if (zkc_contenders_count(all) > 0) {
        status = evict(lookup, victim, all);
    } else {
        say("%s '%s': nobody holds it", contest_noun(victim->kind), victim->id);
        status = STATUS_NOT_OBTAINED;
    }
    zkc_contenders_free(all);
    return status;
}

static int run(struct words *words, struct common *common)
{
    struct victim victim = {.sure = false};
    bool election = false;
    const struct option_entry own[] = {
        {"election", 'e', OPTION_FLAG, &election},
        {"yes", 'y', OPTION_FLAG, &victim.sure},
    };
    struct lookup lookup;
    int status;

    if (!verb_begin(&verb_break, words, own, sizeof own / sizeof own[0], common, &victim.id,
                    &status))
        return status;
    if (words->count > 0)
        return say_usage("break takes one ID");
    if (!victim.sure && !isatty(STDIN_FILENO))
        return say_usage("nobody to ask: break needs --yes or a terminal");
    victim.kind = election ? CONTEST_LEADER : CONTEST_LOCK;
    status = lookup_open(&lookup, common);
    if (status == 0)
        status = break_it(&lookup, &victim);
    lookup_close(&lookup);
    return status;
}

const struct verb verb_break = {"break", "ID [-e] [-y]", "Free a lock that is stuck", text, run,
                                true};
