/* SPDX-License-Identifier: Apache-2.0 */
#include "verb.h"
#include "exits.h"
#include "say.h"

#include <stdio.h>

static const char common_help[] =
    "  --nodes HOST:PORT,...       the servers; else $ZKCOORD_NODES, then 127.0.0.1:2181\n"
    "  --namespace PATH            where locks and elections live; else $ZKCOORD_NAMESPACE,\n"
    "                              then /micro/sync\n"
    "  --session-timeout SECONDS   what to ask the servers for; 10 if not given\n"
    "  --auth SCHEME:SECRET        as in digest:user:password; else $ZKCOORD_AUTH\n"
    "  -h, --help                  this text\n";

static const char common_unused[] =
    "  -h, --help                  this text\n"
    "\n--nodes, --namespace, --session-timeout and --auth are allowed and change nothing.\n";

int verb_help(const struct verb *verb)
{
    printf("Usage: zkcoord %s%s%s\n%s.\n\n", verb->name, *verb->usage != '\0' ? " " : "",
           verb->usage, verb->summary);
    if (verb->help != NULL)
        printf("%s\n", verb->help);
    fputs(verb->connects ? common_help : common_unused, stdout);
    return STATUS_OK;
}

static bool take_id(const struct verb *verb, struct words *words, const struct option_entry *own,
                    size_t count, struct common *common, const char **ret_id)
{
    const char *id = words_take(words);

    if (id == NULL) {
        say_usage("%s needs an ID", verb->name);
        return false;
    }
    *ret_id = id;
    return options_take(words, own, count, common);
}

bool verb_begin(const struct verb *verb, struct words *words, const struct option_entry *own,
                size_t count, struct common *common, const char **ret_id, int *ret_status)
{
    *ret_status = STATUS_USAGE;
    if (!options_take(words, own, count, common))
        return false;
    if (!common->help && ret_id != NULL && !take_id(verb, words, own, count, common, ret_id))
        return false;
    if (common->help) {
        *ret_status = verb_help(verb);
        return false;
    }
    if (common_complete(common))
        return true;
    say("out of memory");
    *ret_status = STATUS_INTERNAL;
    return false;
}
