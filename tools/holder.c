/* SPDX-License-Identifier: Apache-2.0 */
#include "holder.h"
#include "client.h"
#include "exits.h"
#include "format.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>

/* "vm-1 at vm, in line since 14:03:05, token 9" */
static void describe(const zkc_contender *one, char *text, size_t size)
{
    char name[320], address[320], since[32];

    format_holder(one, name, sizeof name);
    format_address(one, address, sizeof address);
    format_time(one->since_ms, since, sizeof since);
    snprintf(text, size, "%s at %s, in line since %s, token %" PRId64, name, address, since,
             one->token);
}

static void show_only_one(const struct holder *holder, const zkc_contender *one, size_t waiting)
{
    bool lock = holder->kind == CLAIM_LOCK;
    char text[800];

    describe(one, text, sizeof text);
    printf("%s '%s': %s is %s%s; %zu waiting\n", claim_noun(holder->kind), holder->id,
           lock ? "the holder" : "the leader", text, lock && one->shared ? ", and would share" : "",
           waiting);
}

static void show_one_of_several(const zkc_contender *one)
{
    char text[800];

    describe(one, text, sizeof text);
    printf("one of them is %s\n", text);
}

static int visit_each(const struct holder *holder, struct lookup *lookup, const zkc_contenders *all)
{
    size_t holders = claim_holders(all), waiting = zkc_contenders_count(all) - holders;
    int status = STATUS_OK, outcome = STATUS_OK;

    if (holders > 1)
        printf("%s '%s': %zu share it; %zu waiting\n", claim_noun(holder->kind), holder->id,
               holders, waiting);
    for (size_t i = 0; i < holders && outcome != STATUS_UNREACHABLE; i++) {
        const zkc_contender *one = zkc_contenders_at(all, i);

        if (holders > 1)
            show_one_of_several(one);
        else
            show_only_one(holder, one, waiting);
        fflush(stdout);
        outcome = holder->act(holder, lookup, one);
        status = status != STATUS_OK ? status : outcome;
    }
    return status;
}

static int visit(const struct holder *holder, struct lookup *lookup)
{
    zkc_contenders *all;
    int status, error = lookup_list(lookup, holder->kind, holder->id, &all);

    if (error != ZKC_OK)
        return client_failed(lookup->sync, holder->id, error);
    if (zkc_contenders_count(all) > 0) {
        status = visit_each(holder, lookup, all);
    } else {
        say("%s '%s': nobody holds it", claim_noun(holder->kind), holder->id);
        status = STATUS_NOT_OBTAINED;
    }
    zkc_contenders_free(all);
    return status;
}

int holder_visit(const struct holder *holder, const struct common *common)
{
    struct lookup lookup;
    int status = lookup_open(&lookup, common);

    if (status == 0)
        status = visit(holder, &lookup);
    lookup_close(&lookup);
    return status;
}

int holder_result(const struct holder *holder, struct lookup *lookup, int error)
{
    if (error == ZKC_ENOTHELD) {
        say("it has given up by itself meanwhile");
        return STATUS_OK;
    }
    return error == ZKC_OK ? STATUS_OK : client_failed(lookup->sync, holder->id, error);
}
