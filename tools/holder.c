/* SPDX-License-Identifier: Apache-2.0 */
#include "holder.h"
#include "client.h"
#include "exits.h"
#include "format.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>

static void show(const struct holder *holder, const zkc_contenders *all)
{
    const zkc_contender *first = zkc_contenders_at(all, 0);
    char name[320], address[320], since[32];

    format_holder(first, name, sizeof name);
    format_address(first, address, sizeof address);
    format_time(first->since_ms, since, sizeof since);
    printf("%s '%s': %s is %s at %s, in line since %s, token %" PRId64 "; %zu waiting\n",
           contest_noun(holder->kind), holder->id,
           holder->kind == CONTEST_LOCK ? "the holder" : "the leader", name, address, since,
           first->token, zkc_contenders_count(all) - 1);
    fflush(stdout);
}

static int visit(const struct holder *holder, struct lookup *lookup)
{
    zkc_contenders *all;
    int status, error = lookup_list(lookup, holder->kind, holder->id, &all);

    if (error != ZKC_OK)
        return client_failed(holder->id, error);
    if (zkc_contenders_count(all) > 0) {
        show(holder, all);
        status = holder->act(holder, lookup, zkc_contenders_at(all, 0));
    } else {
        say("%s '%s': nobody holds it", contest_noun(holder->kind), holder->id);
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

int holder_result(const struct holder *holder, int error)
{
    if (error == ZKC_ENOTHELD) {
        say("it has given up by itself meanwhile");
        return STATUS_OK;
    }
    return error == ZKC_OK ? STATUS_OK : client_failed(holder->id, error);
}
