/*
 * Locks and elections of others, for subcommands that take no part: answers in ten seconds.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_LOOKUP_H
#define ZKCOORD_TOOLS_LOOKUP_H

#include "claim.h"
#include "options.h"

struct lookup {
    zkc_sync *sync;
    zkc_context *context; /* with a deadline from now on */
};

/* Connects. 0, or says why not and returns an exit status. End it with lookup_close() in any case.
 */
int lookup_open(struct lookup *lookup, const struct common *common);

/* Who contends; a ZKC_ code. *ret_all is yours. */
int lookup_list(struct lookup *lookup, enum claim_kind kind, const char *id,
                zkc_contenders **ret_all);

/* The ids of that kind, sorted; a ZKC_ code. *ret_ids is yours. */
int lookup_ids(struct lookup *lookup, enum claim_kind kind, zkc_ids **ret_ids);

/* Puts a contender out of the line; a ZKC_ code. */
int lookup_evict(struct lookup *lookup, const zkc_contender *contender);

/* Asks a contender to give up; a ZKC_ code. */
int lookup_ask(struct lookup *lookup, const zkc_contender *contender);

/* The deadline begins anew. */
void lookup_again(struct lookup *lookup);

void lookup_close(struct lookup *lookup);

#endif
