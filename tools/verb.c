/* SPDX-License-Identifier: Apache-2.0 */
#include "verb.h"
#include "exits.h"
#include "say.h"
#include "secret.h"

#include <stdio.h>

static const char common_help[] =
    "  --nodes HOST:PORT,...[/PATH]\n"
    "                              the servers; else $ZKCOORD_NODES, then 127.0.0.1:2181; with a\n"
    "                              PATH, everything lives below that znode\n"
    "  --namespace PATH            where locks and elections live; else $ZKCOORD_NAMESPACE,\n"
    "                              then /micro/sync\n"
    "  --session-timeout SECONDS   what to ask the servers for; 10 if not given\n"
    "  --auth SCHEME:SECRET        as in digest:user:password; else $ZKCOORD_AUTH\n"
    "  --auth-file FILE            its first line is SCHEME:SECRET; others must not read it\n"
    "  -h, --help                  this text\n";

static const char common_unused[] =
    "  -h, --help                  this text\n"
    "\n--nodes, --namespace, --session-timeout, --auth-file and --auth are allowed and change "
    "nothing.\n";

/* What a subcommand takes. */
struct options {
    const struct option_entry *own;
    size_t count;
    struct common *common;
    bool needs_id;
};

int verb_help(const struct verb *verb)
{
    printf("Usage: zkcoord %s%s%s\n%s.\n\n", verb->name, *verb->usage != '\0' ? " " : "",
           verb->usage, verb->summary);
    if (verb->help != NULL)
        printf("%s\n", verb->help);
    fputs(verb->connects ? common_help : common_unused, stdout);
    return STATUS_OK;
}

static bool take_id(const struct verb *verb, struct words *words, const char **ret_id, bool needed)
{
    *ret_id = words_take(words);
    if (*ret_id == NULL && needed)
        say_usage("%s needs an ID", verb->name);
    return *ret_id != NULL || !needed;
}

static int complete(struct common *common)
{
    common_complete(common);
    return secret_take(common);
}

static bool begin(const struct verb *verb, struct words *words, const struct options *options,
                  const char **ret_id, int *ret_status)
{
    struct common *common = options->common;

    *ret_status = STATUS_USAGE;
    if (!options_take(words, options->own, options->count, common))
        return false;
    if (!common->help && ret_id != NULL &&
        (!take_id(verb, words, ret_id, options->needs_id) ||
         !options_take(words, options->own, options->count, common)))
        return false;
    *ret_status = common->help ? verb_help(verb) : complete(common);
    return !common->help && *ret_status == STATUS_OK;
}

bool verb_begin(const struct verb *verb, struct words *words, const struct option_entry *own,
                size_t count, struct common *common, const char **ret_id, int *ret_status)
{
    return begin(verb, words, &(struct options){own, count, common, true}, ret_id, ret_status);
}

bool verb_begin_any(const struct verb *verb, struct words *words, const struct option_entry *own,
                    size_t count, struct common *common, const char **ret_id, int *ret_status)
{
    return begin(verb, words, &(struct options){own, count, common, false}, ret_id, ret_status);
}
